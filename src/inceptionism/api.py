"""The functions that most people need: `dream`, `visualize`, `zoom` and `video`.

Their keyword arguments are the settings of the recipes. `make reference` writes their full signatures to `api.pyi`, for
editors and type checkers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from inceptionism.arguments import OBJECTS, named_settings, split_colors, split_settings
from inceptionism.io import PhotoSource, load_photo
from inceptionism.networks import network_name
from inceptionism.objectives import Objective
from inceptionism.optimization import PriorFunctions
from inceptionism.recipes import ClassRecipe, PhotoRecipe, VideoRecipe, ZoomRecipe, takes_settings
from inceptionism.runs import ClassRun, PhotoRun, Result, Results, Step, finish_runs, make_class_runs

if TYPE_CHECKING:
    # The libraries of films are loaded when a film is made.
    from inceptionism.film import VideoRun, ZoomRun

Target: TypeAlias = "str | int | Objective"
Targets: TypeAlias = "list[str] | list[int] | list[Objective] | list[Target] | tuple[Target, ...]"
OnStep: TypeAlias = Callable[[Step], object]

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
def video(
    film: str | os.PathLike[str],
    *,
    cluster: str | None = None,
    workers: int | None = None,
    transfer: str = "auto",
    **settings: Any,
) -> VideoRun:
    """Dream a film frame by frame; every frame continues the dream of the frame before.

        inc.video("cat.mp4", layer="blocks.4").save("cat-dream.mp4")

    On a cluster, each machine dreams one scene after the other, and all settings are names, paths and numbers, no
    objects of Python.

    Args:
        film: Path of a film, of an animated picture, or of a folder with a picture for each frame.
        **settings: Settings of the recipe.
        cluster: Ray cluster whose machines do the work: "auto" for the one that this machine belongs to, or
            "HOST:PORT". None means this machine alone.
        workers: Number of workers on the cluster. None means as many as there is room for.
        transfer: How files get to the machines of the cluster: "paths" through folders that all machines see, "objects"
            through the memory of the cluster, or "auto" to find out for each folder.

    Returns:
        The run that makes the film: iterate over it to get the frames, or call its `save` method.

    Raises:
        UnreadablePicture: If the film cannot be read.
        UnknownName: If there is no such network or layer; the message suggests similar names.
        InvalidSetting: If a setting has the wrong type or is out of range.
        ClusterError: If the cluster does not answer, or cannot start a worker.
    """
    from inceptionism.film import FilmSource
    from inceptionism.jobs import make_video_run

    if cluster is None:
        recipe, objects = split_settings(settings, by_name=["mask", "audio"])
    else:
        recipe, objects = named_settings(settings), {}
    made = VideoRecipe(**recipe)
    source = FilmSource(Path(film), made.fps)
    return make_video_run(made, source, cluster=cluster, workers=workers, transfer=transfer, **objects)
