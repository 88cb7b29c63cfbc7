"""The files that the settings of a recipe name: guides, masks, palettes, sounds, and pictures in expressions.

This module does not import torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from inceptionism.recipes.expressions import parse_terms
from inceptionism.recipes.keyframes import checked_keyframes
from inceptionism.recipes.recipe import DREAM, KEEP
from inceptionism.web import ADDRESS

FILE_SETTINGS = ("guide", "mask", "colors", "audio")
"""Settings whose value may be the name of a file."""


def file_settings(settings: Mapping[str, Any]) -> dict[str, str]:
    """Return the settings of a recipe that name a file, from all settings by name."""
    named = {name: settings[name] for name in FILE_SETTINGS if isinstance(settings.get(name), str)}
    if named.get("colors") in (KEEP, DREAM):
        del named["colors"]
    return named


def placed_files(settings: Mapping[str, Any], folder: Path) -> dict[str, str]:
    """Return the settings that name a file, with paths that are relative to a folder. Web addresses are left out."""
    files = file_settings(settings)
    return {name: str(folder / file) for name, file in files.items() if not ADDRESS.match(file)}


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
