"""Making a picture again from its recipe, or a variation of it.

A recipe may come from anyone. It names files and a network, but of the files only those are opened that whoever
replays it passes along, and a network only if it is here under its name.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from dataclasses import MISSING, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from torch import nn

from inceptionism.errors import InvalidSetting, UnreadablePicture, quote_value, suggestion
from inceptionism.io import Photo, PhotoSource, file_name, load_photo, load_recipe
from inceptionism.networks import Network, load_network, network_name, pick_device
from inceptionism.networks.hub import find_entry
from inceptionism.objectives import parse_objective
from inceptionism.recipes import (
    DEVICES,
    PRECISIONS,
    ClassRecipe,
    MadeWith,
    PhotoRecipe,
    Recipe,
    checked_keyframes,
    describe_photo,
    parse_terms,
)
from inceptionism.runs.base import Run, run_batch, take_steps
from inceptionism.runs.photo import PhotoRun
from inceptionism.runs.result import Result, Step
from inceptionism.runs.visualization import ClassRun

LARGEST = 2**25
"""How many pixels a recipe may ask for by itself: 8192×4096."""

BY_WHAT = {"network", "device", "precision", "memory"}
"""The settings that say what calculates a picture, and not what is in it."""

IN_PLACE_OF = {
    "layer": ("objective",),
    "guide": ("objective",),
    "target": ("objective", "label", "together", "number"),
    "objective": ("layer", "guide", "target", "label"),
    "preset": ("prior", "steps"),
    "size": ("shape",),
}
"""What a change does away with."""


@dataclass(frozen=True)
class ReplayInputs:
    """What is passed along with a recipe; it can open nothing else.

    Attributes:
        photo: What is dreamed.
        pictures: The files of guides, masks and what else it names, by these names or by the last part of them.
        network: What looks, in place of the one that the recipe names.
    """

    photo: Photo | None = None
    pictures: Mapping[str, Path] = field(default_factory=dict)
    network: str | nn.Module | Network | None = None

    def find_file(self, name: str) -> Path:
        """Return the file that the recipe calls `name`, or raise `InvalidSetting` if it was not passed."""
        for called in (name, file_name(name)):
            if called in self.pictures:
                return self.pictures[called]
        raise InvalidSetting(
            f"the recipe names {quote_value(name)}, and reads no file that you do not pass: add --picture {file_name(name)}, "
            f"or --picture {file_name(name)}=ANOTHER"
        )


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
    """Make a picture again from its recipe: the same pixels, where device and versions are the same.

    Args:
        source: A picture that was made here, a TOML file, or a `Recipe`.
        photo: The photograph that it was made from, or another one.
        pictures: The guides, masks and other pictures that the recipe names: their paths, or a mapping from these names
            to paths. No other file is opened.
        network: What looks; needed where the recipe names a path, or a network that would have to be downloaded.
        force: Whether to make pictures of more than 33 megapixels that the recipe asks for.
        on_step: Called with each `Step`, as by `dream`.
        **changes: Settings in place of those of the recipe: `layer`, `size`, `seed`, …

    Returns:
        The picture. Its `notes` say what is not as it was: versions, device, weights, photograph.

    Raises:
        UnreadablePicture: a file cannot be read.
        UnknownName: there is no such network, layer or class.
        InvalidSetting: there is no recipe in the file, a setting is wrong, or something that it needs was not passed.
    """
    given = {name: value for name, value in changes.items() if value is not None}
    if network is not None:
        given["network"] = network_name(network)
    passed = ReplayInputs(None if photo is None else load_photo(photo), named_files(pictures), network)
    runs, number = prepare_replay(
        source if isinstance(source, Recipe) else load_recipe(source), passed, given, force=force
    )
    take_steps((steps[number] for steps in run_batch(runs)), on_step)
    return runs[number].result()


def prepare_replay(
    recipe: Recipe, passed: ReplayInputs, changes: Mapping[str, Any], *, force: bool
) -> tuple[list[Run], int]:
    """Return the runs that make what a recipe says, with changes, and which of them is the picture that is wanted.

    There is more than one only where pictures are made to differ from each other. Its notes say what is not as it was.
    """
    maker = MAKERS.get(recipe.kind)
    if maker is None:
        raise InvalidSetting(
            f"the recipe is of a {recipe.kind}, which is a film: `dream replay` makes it again, or replay_film"
        )
    varied, network, passed = resolve_replay(recipe, passed, changes)
    runs, number = maker(varied, network, passed)
    run = runs[number]
    if "size" not in changes and getattr(varied, "size", None) is not None and not force:
        check_area(run.size, len(runs))
    run.notes += differences(recipe, run.recipe, changes)
    return runs, number


def resolve_replay(
    recipe: Recipe, passed: ReplayInputs, changes: Mapping[str, Any]
) -> tuple[Recipe, Network, ReplayInputs]:
    """Return a recipe with changes as this machine can follow it, the network that looks, and all that is passed."""
    varied = variation(recipe, changes)
    passed = replace(passed, pictures={**passed.pictures, **typed(changes)})
    if "device" not in changes:
        varied = replace(varied, device=device_here(varied.device))
    network = network_for(varied, passed)
    if "precision" not in changes:
        varied = replace(varied, precision=precision_here(varied.precision, network, recipe.made_with))
    return varied, network, passed


def check_area(size: tuple[int, int], count: int = 1) -> None:
    """Raise `InvalidSetting` if pictures of a height and width have more pixels than a recipe may ask for by itself."""
    if count * size[0] * size[1] > LARGEST:
        several = f"{count} pictures of " if count > 1 else ""
        raise InvalidSetting(
            f"the recipe asks for {several}{size[0]}×{size[1]} pixels; if you mean that, add --force, or give "
            "another --size"
        )


def differences(before: Recipe, now: Recipe, changes: Iterable[str]) -> list[str]:
    """Return what is not as it was, each in a sentence; nothing where it is meant to be another."""
    if before.made_with is None or now.made_with is None or is_varied(changes):
        return []
    return before.made_with.differences(now.made_with)


def is_varied(changes: Iterable[str]) -> bool:
    """Return whether a picture with these changes is meant to be another."""
    return not BY_WHAT.issuperset(changes)


def variation(recipe: Recipe, changes: Mapping[str, Any]) -> Recipe:
    """Return a recipe with changes."""
    known = {one.name: one for one in fields(recipe)}
    if "shape" in known and isinstance(changes.get("size"), (tuple, list)):
        changes = {**changes, "shape": changes["size"], "size": None}
    for name in changes:
        if name not in known or name in ("made_with", "verdicts"):
            raise InvalidSetting(f"a recipe of kind {recipe.kind} has no {quote_value(name)}{suggestion(name, known)}")
    gone = {other for name in changes for other in IN_PLACE_OF.get(name, ()) if other in known} - changes.keys()
    defaults = {name: known[name].default for name in gone if known[name].default is not MISSING}
    return replace(recipe, verdicts=(), **{**defaults, **changes})


def typed(changes: Mapping[str, Any]) -> dict[str, Path]:
    """Return the files that changes name: who writes them passes them."""
    names = [changes[name] for name in ("guide", "mask") if isinstance(changes.get(name), str)]
    written = [(kind, changes[kind]) for kind in ("objective", "prior") if isinstance(changes.get(kind), str)]
    written += [
        ("objective", one.objective) for one in checked_keyframes(changes.get("keyframes", ())) if one.objective
    ]
    for kind, text in written:
        names += [name for term in parse_terms(text, kind) for name in (*term.arguments, *term.named.values())]
    return {name: Path(name) for name in names}


def named_files(pictures: Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]]) -> dict[str, Path]:
    """Return paths by the names that a recipe has for them: by their own where no other is given."""
    if isinstance(pictures, Mapping):
        return {name: Path(path) for name, path in pictures.items()}
    if isinstance(pictures, (str, os.PathLike)):
        pictures = [pictures]
    return {Path(path).name: Path(path) for path in pictures}


def device_here(device: str) -> str:
    """Return a device that this machine has: the one that is wanted, or what it has."""
    try:
        pick_device(device)
    except InvalidSetting:
        return DEVICES[0]
    return device


def precision_here(precision: str, network: Network, made_with: MadeWith | None) -> str:
    """Return in which precision a network calculates here as it did there, if it can."""
    there = precision
    if precision == "auto" and made_with and made_with.device == network.device.type:
        there = made_with.precision if made_with.precision in PRECISIONS else precision
    try:
        same = network.dtype(there) == network.dtype(precision)
    except InvalidSetting:
        return PRECISIONS[0]
    return precision if same else there


def network_for(recipe: Recipe, passed: ReplayInputs) -> Network:
    """Return the network that a recipe names, if it is here under that name; or the one that was passed."""
    if passed.network is None and find_entry(recipe.network) is None:
        raise InvalidSetting(
            f"the recipe wants the network {quote_value(recipe.network)}, which nothing here is called; it opens no path and "
            "downloads nothing by itself: give it as --network if you trust it, or another one"
        )
    return load_network(recipe.network if passed.network is None else passed.network, recipe.device)


def photo_run(recipe: PhotoRecipe, network: Network, passed: ReplayInputs) -> tuple[list[Run], int]:
    """Return what dreams a photograph."""
    if passed.photo is None:
        known = recipe.made_with.photo if recipe.made_with else None
        raise InvalidSetting(
            f"the recipe dreams a photograph{f', {describe_photo(known)}' if known else ''}: pass one after it"
        )
    return [PhotoRun(recipe, passed.photo, network=network, find_file=passed.find_file)], 0


def class_runs(recipe: ClassRecipe, network: Network, passed: ReplayInputs) -> tuple[list[Run], int]:
    """Return what makes a picture from noise, with those beside it that it is to differ from."""
    if passed.photo is not None:
        raise InvalidSetting("the recipe makes a picture from noise, and takes no photograph")
    objective = None if recipe.objective is None else parse_objective(recipe.objective, network, find_file=passed.find_file)
    return [
        ClassRun(replace(recipe, number=number), network=network, objective=objective, find_file=passed.find_file)
        for number in range(recipe.together)
    ], recipe.number


MAKERS: dict[str, Callable[[Any, Network, ReplayInputs], tuple[list[Run], int]]] = {
    PhotoRecipe.kind: photo_run,
    ClassRecipe.kind: class_runs,
}
"""By the kind of a recipe, what returns its runs, and which of them is wanted."""


def compare_with_file(path: Path, image: Image.Image) -> str | None:
    """Return whether a picture is that in a file, in a sentence; nothing where they cannot be compared."""
    try:
        before = load_photo(path).pixels.astype(np.int16)
    except UnreadablePicture:
        return None
    now = np.asarray(image.convert("RGB"))
    if before.shape != now.shape:
        return None
    mean = float(np.abs(before - now).mean())
    if mean == 0:
        return f"the same pixels as in {path}"
    lossless = path.suffix.lower() == ".png"
    return f"{mean:.2g} of 255 gray levels from {path} on average{'' if lossless else ', whose format loses some'}"
