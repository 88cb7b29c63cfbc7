"""The functions that most people need: `dream`, `visualize`, `zoom` and `video`.

Their keyword arguments are the settings of the recipes. `make reference` writes their full signatures to `api.pyi`, for
editors and type checkers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from inceptionism.files import text_of_name
from inceptionism.io import Photo, PhotoSource, load_mask, load_photo, named_source
from inceptionism.networks import network_name
from inceptionism.objectives import Objective
from inceptionism.optimization import PriorFunctions
from inceptionism.recipes import (
    DREAM,
    KEEP,
    ClassRecipe,
    Keyframe,
    PhotoRecipe,
    VideoRecipe,
    ZoomRecipe,
    read_keyframes,
    takes_settings,
)
from inceptionism.runs import ClassRun, PhotoRun, Result, Results, Step, finish_runs, make_class_runs

if TYPE_CHECKING:
    import torch

    # The libraries of films are loaded when a film is made.
    from inceptionism.film import VideoRun, ZoomRun

Target: TypeAlias = "str | int | Objective"
Targets: TypeAlias = "list[str] | list[int] | list[Objective] | list[Target] | tuple[Target, ...]"
OnStep: TypeAlias = Callable[[Step], object]
Transforms: TypeAlias = "Sequence[Callable[[torch.Tensor, torch.Generator], torch.Tensor]]"
Penalties: TypeAlias = "Sequence[Callable[[torch.Tensor], torch.Tensor]]"
Keyframes: TypeAlias = "str | os.PathLike[str] | Sequence[Keyframe | Mapping[str, Any]] | None"

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
    "keyframes": "The path of a TOML file, or a list of `Keyframe`s or of mappings with the same keys.",
}


OBJECTS = {
    "transforms": "Functions that are added to the transforms of the prior. Each takes the picture, N×C×H×W in [0, 1], "
    "and a random generator, and returns a view of the same shape. docs/priors.md has an example.",
    "penalties": "Functions that are added to the penalties of the prior. Each takes the picture, N×3×H×W in [0, 1], "
    "and returns N penalties.",
}
"""Descriptions of arguments that no recipe holds."""


@takes_settings(PhotoRecipe, positional=["layer"], annotations=ANNOTATIONS, notes=NOTES, objects=OBJECTS)
def dream(photo: PhotoSource, *, on_step: OnStep | None = None, **settings: Any) -> Result:
    """Amplify the patterns that a layer of the network detects in a photograph.

    The algorithm is that of the 2015 notebook (Mordvintsev, Olah & Tyka); `PhotoRun` lists the differences.

    Args:
        photo: Photograph: a path, a PIL image, or an array or a tensor (H×W×3, 3×H×W or 1×3×H×W, with uint8 numbers
            or with floats in [0, 1]).
        **settings: Settings of the recipe.
        on_step: Function that is called with each `Step`. If it raises StopIteration, the run stops and the picture so
            far is the result.

    Raises:
        UnreadablePicture: If the photograph cannot be read.
        UnknownName: If there is no such network or layer; the message suggests similar names.
        InvalidSetting: If a setting has the wrong type or is out of range.
        NoGradient: If the gradient of the objective is zero, so that no change of the picture increases the score.
    """
    recipe, objects = split_settings(settings)
    return PhotoRun(PhotoRecipe(**recipe), load_photo(photo), **objects).finish(on_step)


@takes_settings(
    ClassRecipe,
    leave_out=("target", "objective"),
    annotations=ANNOTATIONS | {"size": "int | tuple[int, int] | None"},
    notes=NOTES,
    objects=OBJECTS,
)
def visualize(
    target: Target | Targets, *, count: int | None = None, on_step: OnStep | None = None, **settings: Any
) -> Result | Results:
    """Generate a picture of a class, or of any other objective, from noise.

        inc.visualize("banana").save("banana.png")
        for result in inc.visualize(["banana", "zebra"], count=3):
            result.save(f"{result.recipe.title}-{result.recipe.seed}.png")

    Args:
        target: Name, synonym or index of a class; or an `Objective`, or the text of an objective, for example
            "channel(blocks.10:17)". "blocks.10:17" means this channel too. A list of these gives a list of results.
        **settings: Settings of the recipe.
        count: Number of pictures of each target, from different noise. If it is given, the result is a list. An
            objective with `diversity` makes these pictures differ from each other.
        on_step: Function that is called with each `Step`. If it raises StopIteration, the run stops and the picture so
            far is the result.

    Raises:
        UnknownName: If there is no such network, class or layer; the message suggests similar names.
        InvalidSetting: If a setting has the wrong type or is out of range, or if several classes have this name.
        NoGradient: If the gradient of the objective is zero, so that no change of the picture increases the score.
            If only some of several pictures fail, the error has the `results` of the others.
    """
    functions = PriorFunctions.of(settings.pop("transforms"), settings.pop("penalties"))
    settings["colors"], colors = split_colors(settings["colors"])
    network = settings.pop("network")
    name = network_name(network)
    targets: Sequence[Any] = target if isinstance(target, Sequence) and not isinstance(target, str) else [target]
    runs: deque[ClassRun] = deque()
    for one in targets:
        objective = one if isinstance(one, Objective) else None
        wanted: dict[str, Any] = {"target": one} if objective is None else {"objective": str(objective)}
        recipe = ClassRecipe(network=name, **wanted, **settings)
        runs += make_class_runs(
            recipe,
            1 if count is None else count,
            network=network,
            objective=objective,
            colors=colors,
            prior_functions=functions,
        )
        network = runs[0].network
    if targets is not target and count is None:
        return runs.pop().finish(on_step)
    return finish_runs((runs.popleft() for _ in range(len(runs))), on_step)  # a finished run needs no memory


@takes_settings(
    ZoomRecipe,
    positional=["layer"],
    annotations=ANNOTATIONS | {"size": "int | tuple[int, int] | None"},
    notes=NOTES,
    objects=OBJECTS,
)
def zoom(photo: PhotoSource = "noise", **settings: Any) -> ZoomRun:
    """Make a film that flies into a picture: dream, zoom, and dream again.

        for frame in inc.zoom("sky.jpg", seconds=2):
            show(frame.image)
        inc.zoom("sky.jpg").save("zoom.mp4")

    Args:
        photo: First picture: a path, a PIL image, an array or a tensor (see `load_photo`); or "noise" for noise with
            natural colors.
        **settings: Settings of the recipe.

    Returns:
        The run that makes the film: iterate over it to get the frames, or call its `save` method.

    Raises:
        UnreadablePicture: If the photograph cannot be read.
        UnknownName: If there is no such network or layer; the message suggests similar names.
        InvalidSetting: If a setting has the wrong type or is out of range.
    """
    from inceptionism.film import ZoomRun

    recipe, objects = split_settings(settings, by_name=["audio"])
    first = None if isinstance(photo, str) and photo == "noise" else load_photo(photo)
    return ZoomRun(ZoomRecipe(**recipe), first, **objects)


@takes_settings(VideoRecipe, positional=["layer"], annotations=ANNOTATIONS, notes=NOTES, objects=OBJECTS)
def video(film: str | os.PathLike[str], **settings: Any) -> VideoRun:
    """Dream a film frame by frame; every frame continues the dream of the frame before.

        inc.video("cat.mp4", layer="blocks.4").save("cat-dream.mp4")

    Args:
        film: Path of a film, of an animated picture, or of a folder with a picture for each frame.
        **settings: Settings of the recipe.

    Returns:
        The run that makes the film: iterate over it to get the frames, or call its `save` method.

    Raises:
        UnreadablePicture: If the film cannot be read.
        UnknownName: If there is no such network or layer; the message suggests similar names.
        InvalidSetting: If a setting has the wrong type or is out of range.
    """
    from inceptionism.film import FilmSource, VideoRun

    recipe, objects = split_settings(settings, by_name=["mask", "audio"])
    made = VideoRecipe(**recipe)
    return VideoRun(made, FilmSource(Path(film), made.fps), **objects)


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
        keyframes = recipe["keyframes"] or ()
        recipe["keyframes"] = read_keyframes(keyframes) if isinstance(keyframes, (str, os.PathLike)) else keyframes
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
