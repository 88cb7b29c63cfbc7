"""Arguments of the functions for Python: names and numbers for the recipe, and objects for the run."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import NoneType
from typing import Any, TypeAlias

from inceptionism.atlas.activations import DEFAULT_PRESET
from inceptionism.errors import InvalidSetting
from inceptionism.files import text_of_name
from inceptionism.io import Photo, PhotoSource, load_mask, load_photo, named_source
from inceptionism.networks import Network, load_network, network_name
from inceptionism.objectives import layer as layer_objective
from inceptionism.optimization import PriorFunctions
from inceptionism.recipes import DREAM, KEEP, ClassRecipe, Keyframe, read_keyframes

Keyframes: TypeAlias = "str | os.PathLike[str] | Sequence[Keyframe | Mapping[str, Any]] | None"

OBJECTS = {
    "transforms": "Functions that are added to the transforms of the prior. Each takes the picture, N×C×H×W in [0, 1], "
    "and a random generator, and returns a view of the same shape. docs/priors.md has an example.",
    "penalties": "Functions that are added to the penalties of the prior. Each takes the picture, N×C×H×W in [0, 1], "
    "and returns N penalties.",
}
"""Descriptions of arguments that no recipe holds."""

ANNOTATIONS = {
    "network": "str | nn.Module | Network",
    "layer": "LayerSetting | None",
    "objective": "Objective | str | None",
    "guide": "PhotoSource | None",
    "mask": "PhotoSource | None",
    "colors": "PhotoSource",
    "tileable": "bool | str | None",
    "audio": "str | os.PathLike[str] | None",
    "keyframes": "Keyframes",
    "transforms": "Transforms",
    "penalties": "Penalties",
    "device": "str | torch.device",
}
"""Types of the arguments that may be objects in Python, where a recipe holds names."""

OVERLOADS = {
    "visualize": [
        ({"target": "Target", "count": "None = None"}, "Result"),
        ({"target": "Target", "count": "int"}, "Results"),
        ({"target": "Targets", "count": "int | None = None"}, "Results"),
    ]
}
"""Types of arguments and the type of the result, for functions whose result depends on their arguments."""

NOTES = {
    "network": "A `Network`, or a module that takes N×3×H×W pixels in [0, 1], is accepted too.",
    "layer": "A list of names, or a mapping from name to weight, is accepted too.",
    "objective": "An `Objective` is accepted too.",
    "guide": "A path, a PIL image, an array or a tensor (see `load_photo`).",
    "mask": "A path, a PIL image, or an array or a tensor, which may also be H×W.",
    "colors": "A PIL image, an array or a tensor is accepted in place of the name of a picture.",
    "device": "A device of torch is accepted too.",
    "keyframes": "The path of a TOML file, or a list of `Keyframe` objects or of mappings with the same keys.",
}

CELLS: dict[str, Any] = {
    "leave_out": ("target", "objective", "depth"),
    "annotations": {name: ANNOTATIONS[name] for name in ("network", "tileable", "device")}
    | {"size": "int | tuple[int, int] | None"},
    "notes": {name: NOTES[name] for name in ("network", "device")},
    "defaults": {"preset": DEFAULT_PRESET},
}
"""Arguments of `takes_settings` for functions whose settings are those of the pictures of cells."""


def split_settings(settings: Mapping[str, Any], by_name: Sequence[str] = ()) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return the settings for the recipe, with names in place of objects, and the objects themselves for the run.

    Args:
        settings: All settings.
        by_name: Names of the settings whose files the run opens itself.
    """
    paths = {name: settings[name] for name in by_name if isinstance(settings[name], (str, os.PathLike))}
    settings = {**settings, **dict.fromkeys(paths)}
    files = {text_of_name(path): named_source(text_of_name(path)) for path in paths.values()}
    network, objective, guide, mask = (settings[name] for name in ("network", "objective", "guide", "mask"))
    functions = PriorFunctions.of(settings["transforms"], settings["penalties"])
    colors, palette = split_colors(settings["colors"])
    if guide is not None:
        guide = load_named(guide)
    if mask is not None:
        mask = load_mask(mask)
    recipe = {
        **{name: value for name, value in settings.items() if name not in OBJECTS},
        "network": network_name(network),
        "objective": None if objective is None else str(objective),
        "guide": None if guide is None else guide.title,
        "mask": None if mask is None else mask.name,
        "colors": colors,
        **{name: text_of_name(path) for name, path in paths.items()},
    }
    if "keyframes" in recipe:
        recipe["keyframes"] = read_given_keyframes(recipe["keyframes"])
    objects = {
        "network": network,
        "prior_functions": functions,
        "objective": None if isinstance(objective, str) else objective,
        "guide": guide,
        "mask": mask,
        "colors": palette,
    }
    if files:
        objects["find_file"] = lambda name: files.get(name) or named_source(name)
    return recipe, objects


def named_settings(settings: Mapping[str, Any]) -> dict[str, Any]:
    """Return the settings for a recipe whose networks and files are opened by other machines.

    Raises:
        InvalidSetting: If a setting is an object that has no name.
    """
    for name in OBJECTS:
        if settings[name]:
            raise InvalidSetting(f"{name} are functions of Python, which a cluster does not take; leave them out")
    recipe = {name: value for name, value in settings.items() if name not in OBJECTS}
    for name in ("network", "objective", "guide", "mask", "colors", "audio"):
        value = recipe[name]
        if not isinstance(value, (str, os.PathLike, NoneType)):
            raise InvalidSetting(
                f"a cluster takes a name or a path as {name}, not an object of type {type(value).__name__}"
            )
        recipe[name] = text_of_name(value) if isinstance(value, os.PathLike) else value
    recipe["keyframes"] = read_given_keyframes(recipe["keyframes"])
    return recipe


def read_given_keyframes(keyframes: Keyframes) -> Sequence[Keyframe | Mapping[str, Any]]:
    """Return keyframes, read from a file if a path is given."""
    return read_keyframes(keyframes) if isinstance(keyframes, (str, os.PathLike)) else keyframes or ()


def split_colors(colors: PhotoSource) -> tuple[str, Photo | None]:
    """Return the colors as a recipe holds them, and the picture whose colors the result gets. None if there is none."""
    if isinstance(colors, str) and colors in (KEEP, DREAM):
        return colors, None
    photo = load_named(colors)
    return photo.title, photo


def load_named(source: PhotoSource) -> Photo:
    """Return a picture. Its name is the path by which a recipe names it, if it is from a file."""
    photo = load_photo(source)
    return replace(photo, name=text_of_name(source)) if isinstance(source, (str, os.PathLike)) else photo


def cell_settings(layer: str | None, settings: dict[str, Any]) -> tuple[Network, str, ClassRecipe]:
    """Return the network, the name of the layer, and the recipe of the pictures of cells, whose objective is unused."""
    network = load_network(settings["network"], settings["device"])
    layer = network.default_layer if layer is None else layer
    recipe = ClassRecipe(
        **{**settings, "network": network_name(settings["network"])}, objective=str(layer_objective(layer))
    )
    return network, layer, recipe
