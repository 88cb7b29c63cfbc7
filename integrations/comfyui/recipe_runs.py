"""Runs from the recipe of a node: its own settings, or a connected recipe with changes.

A workflow may come from anyone, and so may a recipe. As in a replay, they open no files, except those in ComfyUI's
input folder. The pictures of a guide, a mask or a palette are connected to the node.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

import folder_paths
from comfy.model_management import get_torch_device

import inceptionism as inc
from inceptionism.io import Photo
from inceptionism.networks import pick_device
from inceptionism.networks.hub import find_entry
from inceptionism.recipes import DEVICES, NONE, file_settings, find_look, variation, with_look
from inceptionism.runs import ReplayInputs, prepare_replay, split_changes

AnyRecipe = TypeVar("AnyRecipe", inc.PhotoRecipe, inc.ClassRecipe)

NODES = {"photo": "Dream", "class": "Visualize"}
"""Names of the nodes that take recipes, by the kind of the recipe."""


class NodeInputs(ReplayInputs):
    """Files and a network that the nodes pass with a recipe."""

    def find_file(self, name: str) -> Path | str:
        """Return the path of the file that the recipe calls `name`.

        Raises:
            InvalidSetting: If it is not in ComfyUI's input folder, and does not belong to the look.
        """
        try:
            return super().find_file(name)
        except inc.InvalidSetting:
            raise inc.InvalidSetting(
                f"the recipe names the file {name!r}; connect the picture to guide, mask or palette, or put the file "
                "into ComfyUI's input folder"
            ) from None


def chosen_recipe(
    kind: type[AnyRecipe], recipe: inc.Recipe | None, given: Mapping[str, Any], look: str = NONE
) -> AnyRecipe:
    """Return the recipe of a node.

    Args:
        kind: Kind of the recipes that the node takes.
        recipe: Connected recipe. None if there is none.
        given: Settings that the user gives. They replace those of the look or of the recipe.
        look: Name of a look, or "none".

    Raises:
        InvalidSetting: If the connected recipe is of another kind, if there are a look and a recipe, or if a setting is
            not valid.
    """
    if recipe is None:
        return kind(**(dict(given) if look == NONE else with_look(look, given, given, inc.PhotoRecipe)))
    if not isinstance(recipe, kind) or recipe.kind != kind.kind:  # the recipes of films are recipes of photographs, too
        node = NODES.get(recipe.kind)
        advice = f"connect it to {node}" if node else "no node makes films"
        raise inc.InvalidSetting(f"this node takes recipes of kind {kind.kind}, not of kind {recipe.kind}; {advice}")
    if look != NONE:
        raise inc.InvalidSetting(f"the look {look} and the connected recipe exclude each other; choose the look none")
    varied = variation(recipe, given)
    # Differences from the original run are only of interest without changes.
    was_varied = bool(given) and recipe.made_with is not None and not recipe.made_with.missing_code()
    return replace(varied, made_with=None) if was_varied else varied


def runs_of(
    recipe: inc.Recipe,
    given: Mapping[str, Any],
    pictures: Mapping[str, Any],
    network: inc.Network | None = None,
    *,
    photo: Photo | None = None,
    look: str = NONE,
) -> tuple[list[inc.Run], int]:
    """Return the runs of a recipe, and the index of the run that makes the picture, as for `prepare_replay`.

    Args:
        recipe: Recipe of the node.
        given: Settings that the user gives.
        pictures: Connected pictures by their setting: guide, mask and colors. None means no picture.
        network: Connected network. None means the network of the recipe.
        photo: Photograph that is dreamed.
        look: Name of the look of the recipe, or "none". It may name files.

    Raises:
        InvalidSetting: If a picture or a network that the recipe needs is neither connected nor installed, or if a
            setting is not valid.
        UnknownName: If the network has no such layer or class.
    """
    connected = {name: picture for name, picture in pictures.items() if picture is not None}
    for name, other, socket in (("guide", "objective", "guide"), ("colors", "colors", "palette")):
        if name in connected and other in given:
            raise inc.InvalidSetting(f"leave {other} at its default, or connect no picture to {socket}")
    files = {} if look == NONE else {path: Path(path) for path in file_settings(find_look(look).settings).values()}
    if network is None and find_entry(recipe.network) is None:
        raise inc.InvalidSetting(
            f"the recipe needs the network {recipe.network!r}, which is not installed; connect it with Load Network"
        )
    changes = {**connected, **{name: given[name] for name in ("device", "size") if name in given}}
    if "device" not in changes and (device := other_device()) is not None:
        changes["device"] = device
    plain, objects = split_changes(changes, network)
    inputs = NodeInputs(photo, files, network, Path(folder_paths.get_input_directory()), **objects)
    return prepare_replay(recipe, inputs, plain, force=False)


def other_device() -> str | None:
    """Return the device of ComfyUI, or the CPU if inceptionism cannot use it. None if a run chooses it by itself."""
    device = get_torch_device()
    if device.type not in DEVICES:
        return "cpu"
    return None if pick_device(device) == pick_device("auto") else str(device)
