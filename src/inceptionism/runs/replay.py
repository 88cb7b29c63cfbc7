"""Replay: the same picture again from its recipe, or a variation of it.

A recipe may come from anyone, so it is not trusted. It may name files and a network, but a replay opens only files that
the caller passes, and loads only networks that the program already knows by that name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.io import PhotoSource, load_photo, load_recipe, named_source
from inceptionism.networks import Network, load_network, pick_device
from inceptionism.networks.hub import find_entry
from inceptionism.objectives import known_names, parse_objective
from inceptionism.recipes import (
    DEVICES,
    PRECISIONS,
    RESET_BY,
    ClassRecipe,
    MadeWith,
    PhotoRecipe,
    Recipe,
    describe_photo,
    possible_files,
    variation,
)
from inceptionism.runs.base import Run
from inceptionism.runs.batches import run_batch, take_steps
from inceptionism.runs.comparison import differences
from inceptionism.runs.photo import PhotoRun
from inceptionism.runs.replay_inputs import ReplayInputs, named_files, recipe_folder, split_changes
from inceptionism.runs.result import Result, Step
from inceptionism.runs.visualization import ClassRun

MAX_PIXELS = 2**25
"""Largest number of pixels that a recipe may set by itself: 8192×4096."""


def replay(
    source: str | os.PathLike[str] | Recipe,
    photo: PhotoSource | None = None,
    *,
    pictures: Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]] = (),
    network: str | nn.Module | Network | None = None,
    force: bool = False,
    on_step: Callable[[Step], object] | None = None,
    **changes: Any,
) -> Result:
    """Make a picture again from its recipe. The pixels are the same if the device and the versions are the same.

    Args:
        source: A picture that this program made, a TOML file, or a `Recipe`.
        photo: The photograph that the picture was made from, or another one.
        pictures: The guides, masks and other pictures that the recipe names: their paths, or a mapping from the name in
            the recipe to the path. No other file is opened, except files in the folder of a TOML file.
        network: The network to use. It is needed if the recipe names a path, or a network that is not installed.
        force: Whether to allow pictures of more than 33 megapixels if the recipe sets that size.
        on_step: Called with each `Step`, as in `dream`.
        **changes: Settings that replace those of the recipe: `layer`, `size`, `seed`, … An objective that exists only
            in Python is passed as `objective`, and functions of the prior as `transforms` and `penalties`. The `guide`,
            the `mask` and the `colors` may be pictures as in `dream`.

    Returns:
        The picture. Its `notes` report every difference from the original run: versions, device, weights, photograph.

    Raises:
        UnreadablePicture: If a file cannot be read.
        UnknownName: If a network, a layer or a class does not exist.
        InvalidSetting: If the file has no recipe of a picture, a setting is not valid, or a picture that the recipe
            needs was not passed.
    """
    recipe = source if isinstance(source, Recipe) else load_recipe(source)
    plain, objects = split_changes(changes, network)
    inputs = ReplayInputs(
        None if photo is None else load_photo(photo),
        named_files(pictures),
        network,
        recipe_folder(source),
        **objects,
    )
    runs, number = prepare_replay(recipe, inputs, plain, force=force)
    take_steps((steps[number] for steps in run_batch(runs)), on_step)
    return runs[number].result()


def prepare_replay(
    recipe: Recipe, inputs: ReplayInputs, changes: Mapping[str, Any], *, force: bool
) -> tuple[list[Run], int]:
    """Return the runs of a recipe with changes, and the index of the run that makes the picture.

    There are several runs only if the picture was made in a batch whose pictures differ on purpose. The notes of the
    run report every difference from the original run.

    Args:
        recipe: Recipe of a picture.
        inputs: Files and network that the caller passes.
        changes: Settings that replace those of the recipe.
        force: Whether to allow pictures of more than 33 megapixels if the recipe sets that size.

    Raises:
        UnreadablePicture, UnknownName, InvalidSetting: As in `replay`.
    """
    builder = RUN_BUILDERS.get(recipe.kind)
    if builder is None:
        raise InvalidSetting(
            f"the recipe is of kind {recipe.kind}, which is a film; use `dream replay` or replay_film for films"
        )
    varied, network, inputs = resolve_replay(recipe, inputs, changes)
    runs, number = builder(varied, network, inputs)
    run = runs[number]
    if "size" not in changes and getattr(varied, "size", None) is not None and not force:
        check_area(run.size, len(runs))
    run.notes += differences(recipe, run.recipe, changes)
    return runs, number


def resolve_replay(
    recipe: Recipe, inputs: ReplayInputs, changes: Mapping[str, Any]
) -> tuple[Recipe, Network, ReplayInputs]:
    """Return a recipe with changes, adapted to this machine, with its network and all files that it may open.

    Raises:
        UnknownName, InvalidSetting: As in `replay`.
    """
    check_code_known(recipe, inputs, changes)
    varied = variation(recipe, changes)
    if "device" not in changes:
        varied = replace(varied, device=available_device(varied.device))
    network = resolve_network(varied, inputs)
    # The text of an objective that is passed names no files.
    written, changed = (
        {name: value for name, value in values.items() if name != "objective" or inputs.objective is None}
        for values in (varied.settings(), changes)
    )
    arguments = files_in_settings(written, network)
    inputs.check_used([name for name in arguments if name not in network.layer_names])
    inputs = replace(inputs, pictures={**inputs.pictures, **files_in_settings(changed, network)})
    if "precision" not in changes:
        varied = replace(varied, precision=available_precision(varied.precision, network, recipe.made_with))
    return varied, network, inputs


def check_code_known(recipe: Recipe, inputs: ReplayInputs, changes: Mapping[str, Any]) -> None:
    """Raise `InvalidSetting` if an objective or a prior exists only in Python, and was neither passed nor replaced."""
    if recipe.made_with is None:
        return
    function = "inc.replay" if recipe.kind in RUN_BUILDERS else "inc.replay_film"
    replacing = {"objective", *(name for name, others in RESET_BY.items() if "objective" in others)}
    if recipe.made_with.python_objective and inputs.objective is None and replacing.isdisjoint(changes):
        raise InvalidSetting(
            f"the recipe's objective {quote_value(recipe.objective)} was made by Python code, which the recipe does "
            f"not contain; pass the same Objective in Python, with {function}(file, objective=...), or choose another "
            "objective"
        )
    if recipe.made_with.python_prior and not inputs.prior_functions and "prior" not in changes:
        raise InvalidSetting(
            "the recipe's prior has transforms or penalties in Python code, which the recipe does not contain; pass "
            f"the same functions in Python, with {function}(file, transforms=..., penalties=...), or choose another "
            "prior"
        )


def check_area(size: tuple[int, int], count: int = 1) -> None:
    """Raise `InvalidSetting` if `count` pictures of a height and width have more than `MAX_PIXELS` in total."""
    if count * size[0] * size[1] > MAX_PIXELS:
        several = f"{count} pictures of " if count > 1 else ""
        raise InvalidSetting(
            f"the recipe asks for {several}{size[0]}×{size[1]} pixels; add --force to allow this, "
            "or choose another --size"
        )


def files_in_settings(settings: Mapping[str, Any], network: Network) -> dict[str, Path | str]:
    """Return the files that settings may name, as paths and addresses by name. Names of classes are among them."""
    return {name: named_source(name) for name in possible_files(settings, known_names(network))}


def available_device(device: str) -> str:
    """Return `device` if this machine has it, and otherwise "auto"."""
    try:
        pick_device(device)
    except InvalidSetting:
        return DEVICES[0]
    return device


def available_precision(precision: str, network: Network, made_with: MadeWith | None) -> str:
    """Return a precision that gives the number format of the original run, or "auto" if this machine lacks it."""
    original = precision
    if precision == "auto" and made_with and made_with.device == network.device.type:
        original = made_with.precision if made_with.precision in PRECISIONS else precision
    try:
        is_same = network.dtype(original) == network.dtype(precision)
    except InvalidSetting:
        return PRECISIONS[0]
    return precision if is_same else original


def resolve_network(recipe: Recipe, inputs: ReplayInputs) -> Network:
    """Return the network that was passed, or the known network that the recipe names.

    Raises:
        InvalidSetting: If no network was passed and the name in the recipe is unknown.
    """
    if inputs.network is None and find_entry(recipe.network) is None:
        raise InvalidSetting(
            f"the recipe needs the network {quote_value(recipe.network)}, but no known network has this name, and a "
            "replay opens no path and downloads nothing by itself; if you trust the network, pass it with --network"
        )
    return load_network(recipe.network if inputs.network is None else inputs.network, recipe.device)


def photo_run(recipe: PhotoRecipe, network: Network, inputs: ReplayInputs) -> tuple[list[Run], int]:
    """Return the run of a photo recipe, as the only item of a list, and its index."""
    if inputs.photo is None:
        known = recipe.made_with.photo if recipe.made_with else None
        raise InvalidSetting(
            f"the recipe dreams a photograph{f', {describe_photo(known)}' if known else ''}; "
            "pass a photograph after the recipe"
        )
    return [PhotoRun(recipe, inputs.photo, network=network, **inputs.objects())], 0


def class_runs(recipe: ClassRecipe, network: Network, inputs: ReplayInputs) -> tuple[list[Run], int]:
    """Return the runs of the batch that a picture from noise was made in, and the index of the picture."""
    if inputs.photo is not None:
        raise InvalidSetting("the recipe makes a picture from noise and takes no photograph; leave the photograph out")
    objects = inputs.objects()
    if inputs.objective is None and recipe.objective is not None:
        objects["objective"] = parse_objective(recipe.objective, network, find_file=inputs.find_file)
    return [
        ClassRun(replace(recipe, number=number), network=network, **objects) for number in range(recipe.together)
    ], recipe.number


RUN_BUILDERS: dict[str, Callable[[Any, Network, ReplayInputs], tuple[list[Run], int]]] = {
    PhotoRecipe.kind: photo_run,
    ClassRecipe.kind: class_runs,
}
"""Functions that return the runs of a recipe and the index of the wanted run, by the kind of the recipe."""
