"""The files that the settings of a recipe name: guides, masks, palettes, sounds, and pictures in expressions.

This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from inceptionism.errors import InvalidSetting
from inceptionism.files import is_file, is_folder
from inceptionism.recipes.expressions import join_terms, parse_terms
from inceptionism.recipes.keyframes import checked_keyframes
from inceptionism.recipes.recipe import DREAM, KEEP
from inceptionism.web import ADDRESS

FILE_SETTINGS = ("guide", "mask", "colors", "audio")
"""Settings whose value may be the name of a file."""

FILE_ARGUMENTS = {
    "caricature": (1,),
    "direction": (1, 2),
    "feature": (1,),
    "guide": (1,),
    "image": (0,),
    "inversion": (1,),
    "style": (1,),
}
"""Indices of the arguments that name a file or a folder, by the name of the objective."""

FILE_KEYS = ("where", "outside")
"""Keys of the arguments that name a file. Every objective may have them."""

EXPRESSIONS = {"objective": "objective", "target": "objective", "class": "objective", "prior": "prior"}
"""Settings that may be an expression, each with the kind of the expression. A list of jobs calls the target `class`."""


def file_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a recipe that name a file, from all settings by name."""
    named = {name: settings[name] for name in FILE_SETTINGS if isinstance(settings.get(name), str)}
    if named.get("colors") in (KEEP, DREAM):
        del named["colors"]
    return named


def placed_files(settings: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the settings that name files, with paths that are relative to a folder. Web addresses are left out.

    A network, and an argument of an objective that may be a network, are files only if they are in the folder.
    """

    def place(name: str) -> str:
        return name if ADDRESS.match(name) else str(folder / name)

    def place_found(name: str) -> str:
        return str(folder / name) if is_file(folder / name) else name

    placed = {name: place(file) for name, file in file_settings(settings).items()}
    for name, kind in EXPRESSIONS.items():
        if isinstance(text := settings.get(name), str):
            placed[name] = rename_files(text, kind, place, place_found)
    network = settings.get("network")
    if isinstance(network, str):
        # A name without a slash is that of a network before it is that of a folder.
        is_path = is_file(folder / network) or ("/" in network and is_folder(folder / network))
        placed["network"] = str(folder / network) if is_path else network
    return {name: value for name, value in placed.items() if value != settings[name]}


def rename_files(text: str, kind: str, rename: Callable[[str], str], rename_other: Callable[[str], str]) -> str:
    """Return an objective or a prior in which files have other names.

    Args:
        text: Text of the objective or prior. If it is not a sum of terms, for example the name of a Python function or
            of a class, or if no name changes, it is returned unchanged.
        kind: "objective" or "prior".
        rename: Function that returns the new name of a file.
        rename_other: Function that returns the new name of an argument that may be a file, or something else.
    """
    try:
        terms = parse_terms(text, kind)
    except InvalidSetting:
        return text
    changed = []
    for term in terms:
        # The arguments of a prior without a key are files.
        places = range(len(term.arguments)) if kind == "prior" else FILE_ARGUMENTS.get(term.name, ())
        arguments = tuple(
            rename(argument) if index in places else rename_other(argument)
            for index, argument in enumerate(term.arguments)
        )
        named = {key: rename(value) if key in FILE_KEYS else rename_other(value) for key, value in term.named.items()}
        changed.append(replace(term, arguments=arguments, named=named))
    # Without the names of layers and classes, a name with a comma is read as two arguments. So an unchanged text stays.
    return text if changed == list(terms) else join_terms([str(term) for term in changed])


def possible_files(settings: Mapping[str, Any], known: Iterable[str] = ()) -> list[str]:
    """Return all names in settings that may be those of files. Names of layers and classes are among them.

    Args:
        settings: Settings of a recipe by name.
        known: Names of the layers and classes of the network. Without them, a name that contains a comma is divided.

    Raises:
        InvalidSetting: If an objective or a prior is not a sum of terms.
    """
    names = list(file_settings(settings).values())
    expressions = [(kind, settings[kind]) for kind in ("objective", "prior") if isinstance(settings.get(kind), str)]
    keyframes = checked_keyframes(settings.get("keyframes", ()))
    expressions += [("objective", keyframe.objective) for keyframe in keyframes if keyframe.objective]
    for kind, text in expressions:
        for term in parse_terms(text, kind, known):
            # The named arguments of a prior are numbers.
            names += [*term.arguments, *([] if kind == "prior" else term.named.values())]
    return names
