"""Keyword arguments of Python functions, made from the settings of a recipe. Does not import torch."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Mapping
from functools import wraps
from inspect import Parameter
from typing import ParamSpec, TypeVar

from inceptionism.recipes.looks import LOOK_HELP, with_look
from inceptionism.recipes.photo import PhotoRecipe
from inceptionism.recipes.recipe import Recipe
from inceptionism.recipes.settings import GROUPS, NamedSetting, entry, settings_of

Given = ParamSpec("Given")
Returned = TypeVar("Returned")

PLACE = re.compile(r" {4}\*\*settings: .*\n")
"""The line of a docstring that the descriptions of the settings replace."""


def grouped_settings(kind: type[Recipe], leave_out: Collection[str] = ()) -> list[NamedSetting]:
    """Return the settings that a user may give, group by group. In each group, settings of all recipes come last.

    Args:
        kind: The kind of recipe.
        leave_out: Names of settings to leave out.
    """
    common = settings_of(Recipe)
    given = [one for one in settings_of(kind).values() if one.facts.group and one.name not in leave_out]
    return sorted(given, key=lambda one: (list(GROUPS).index(one.facts.group), one.name in common))


def takes_settings(
    kind: type[Recipe],
    *,
    leave_out: Collection[str] = (),
    positional: Collection[str] = (),
    annotations: Mapping[str, str] | None = None,
    notes: Mapping[str, str] | None = None,
    objects: Mapping[str, str] | None = None,
    defaults: Mapping[str, object] | None = None,
) -> Callable[[Callable[Given, Returned]], Callable[Given, Returned]]:
    """Return a decorator that gives a function a keyword argument for each setting of a recipe.

    The function receives all settings as `**settings`, with the recipe's defaults for those that the caller leaves out.
    For photographs and films, the caller may also give a `look`, whose settings then replace the defaults.
    Its signature shows each setting with type and default. In its docstring, the descriptions of the settings replace
    the line `**settings: …`.

    Args:
        kind: The kind of recipe.
        leave_out: Names of settings that the function does not take.
        positional: Names of settings that can also be given by position, after the function's own arguments.
        annotations: Types of the arguments that accept more in Python than a recipe does, by name.
        notes: Sentences to add to the descriptions, by name.
        objects: Descriptions of further arguments, by name. These are objects that no recipe holds, or None.
        defaults: Other defaults than those of the recipe, by name.
    """

    def decorate(function: Callable[Given, Returned]) -> Callable[Given, Returned]:
        *own, _ = inspect.signature(function).parameters.values()
        wanted = grouped_settings(kind, leave_out)
        settings = [
            Parameter(
                one.name,
                Parameter.POSITIONAL_OR_KEYWORD if one.name in positional else Parameter.KEYWORD_ONLY,
                # A recipe without layers holds an empty tuple, and a person would write None.
                default=(defaults or {}).get(one.name, None if one.default == () else one.default),
                annotation=(annotations or {}).get(one.name, one.annotation),
            )
            for one in wanted
        ]
        settings += [
            Parameter(name, Parameter.KEYWORD_ONLY, default=None, annotation=f"{(annotations or {})[name]} | None")
            for name in objects or {}
        ]
        if issubclass(kind, PhotoRecipe):
            settings.append(Parameter("look", Parameter.KEYWORD_ONLY, default=None, annotation="str | None"))
        before = [one for one in own if one.kind is not Parameter.KEYWORD_ONLY]
        signature = inspect.Signature(
            sorted([*before, *settings, *(one for one in own if one not in before)], key=lambda one: one.kind),
            return_annotation=inspect.signature(function).return_annotation,
        )

        @wraps(function)
        def call(*args: Given.args, **kwargs: Given.kwargs) -> Returned:
            bound = signature.bind(*args, **kwargs)
            given = set(bound.arguments)
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            look = arguments.pop("look", None)
            if look is not None and issubclass(kind, PhotoRecipe):
                arguments = with_look(look, arguments, given, kind)
            return function(**arguments)  # type: ignore[call-arg]  # its arguments are those of the signature

        lines = [
            entry(one.name, " ".join(filter(None, [one.facts.description, (notes or {}).get(one.name)])))
            for one in wanted
        ]
        lines += [entry("look", f"{LOOK_HELP}.")] if issubclass(kind, PhotoRecipe) else []
        lines += [entry(name, description) for name, description in (objects or {}).items()]
        call.__signature__ = signature  # type: ignore[attr-defined]
        described = "\n".join(lines) + "\n"
        call.__doc__ = PLACE.sub(lambda _: described, inspect.cleandoc(function.__doc__ or "") + "\n")
        return call

    return decorate
