"""Changes of settings: variations of a recipe, and the other settings that return to their defaults.

This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import MISSING, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

from inceptionism.errors import InvalidSetting, quote_value, suggestion

if TYPE_CHECKING:
    from inceptionism.recipes.recipe import Recipe

AnyRecipe = TypeVar("AnyRecipe", bound="Recipe")

RESET_BY = {
    "layer": ("objective",),
    "guide": ("objective",),
    "target": ("objective", "label", "together", "number"),
    "objective": ("layer", "guide", "target", "label"),
    "octaves": ("smallest_octave",),
    "smallest_octave": ("octaves",),
    "preset": ("prior", "steps"),
    "size": ("shape",),
}
"""Settings that return to their defaults when another setting changes, by the name of the changed setting."""


def reset_settings(changed: Iterable[str]) -> set[str]:
    """Return the settings that return to their defaults when settings change, without the changed ones themselves."""
    changed = set(changed)
    return {other for name in changed for other in RESET_BY.get(name, ())} - changed


def variation(recipe: AnyRecipe, changes: Mapping[str, Any]) -> AnyRecipe:
    """Return a recipe with changes.

    Raises:
        InvalidSetting: If the recipe has no setting of a name, or a setting is not valid.
    """
    known = {setting.name: setting for setting in fields(recipe)}
    if "shape" in known and isinstance(changes.get("size"), (tuple, list)):
        changes = {**changes, "shape": changes["size"], "size": None}
    for name in changes:
        if name not in known or name in ("made_with", "verdicts"):
            raise InvalidSetting(
                f"a recipe of kind {recipe.kind} has no setting {quote_value(name)}{suggestion(name, known)}"
            )
    reset = reset_settings(changes) & known.keys()
    defaults = {name: known[name].default for name in reset if known[name].default is not MISSING}
    return replace(recipe, verdicts=(), **{**defaults, **changes})
