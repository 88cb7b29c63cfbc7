"""The functions that most people need: `dream`, `visualize`, `zoom`, `video`, `activation_grid`, `activation_atlas`.

Their keyword arguments are the settings of the recipes. `make reference` writes their full signatures to `api.pyi`, for
editors and type checkers.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from inceptionism.arguments import (
    ANNOTATIONS,
    CELLS,
    NOTES,
    OBJECTS,
    cell_settings,
    named_settings,
    split_colors,
    split_settings,
)
from inceptionism.atlas import OnPhoto, listed_photos
from inceptionism.atlas.activations import (
    DEFAULT_COSINE,
    DEFAULT_LEAST,
    DEFAULT_SAMPLES,
    MAX_GRID_CELLS,
    ActivationAtlas,
    ActivationGrid,
)
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


@takes_settings(PhotoRecipe, positional=["layer"], annotations=ANNOTATIONS, notes=NOTES, objects=OBJECTS)
def dream(photo: PhotoSource, *, on_step: OnStep | None = None, **settings: Any) -> Result:
    """Amplify the patterns that a layer of the network detects in a photograph.

    The algorithm is that of the 2015 notebook (Mordvintsev, Olah & Tyka); `PhotoRun` lists the differences.

    Args:
        photo: Photograph: a path, a PIL image, or an array or a tensor (H×W×3, 3×H×W or 1×3×H×W, with uint8 numbers
            or with floats in [0, 1]). For a network with other channels, it is an array H×W×C or a tensor C×H×W or
            1×C×H×W with these channels, in their order. A gray picture may also be H×W.
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
    from inceptionism.jobs import make_video_run

    if cluster is None:
        recipe, objects = split_settings(settings, by_name=["mask", "audio"])
    else:
        recipe, objects = named_settings(settings), {}
    made = VideoRecipe(**recipe)
    return make_video_run(made, Path(film), cluster=cluster, workers=workers, transfer=transfer, **objects)


@takes_settings(ClassRecipe, **CELLS)
def activation_grid(
    photo: PhotoSource,
    folder: str | os.PathLike[str],
    *,
    layer: str | None = None,
    cells: int = MAX_GRID_CELLS,
    scaled: bool = False,
    cosine: float = DEFAULT_COSINE,
    overwrite: bool = False,
    on_step: OnStep | None = None,
    **settings: Any,
) -> ActivationGrid:
    """Show what each place of a photograph means to a layer, as a grid of pictures (Olah et al., Distill 2018).

        grid = inc.activation_grid("photo.jpg", "photo-grid", layer="blocks.10", cells=7)
        grid.sheet(scaled=True).show()

    Args:
        photo: Photograph: a path, a PIL image, an array or a tensor (see `load_photo`).
        folder: Folder for the pictures, the sheet `sheet.png` and the list `index.json`. Its parent must exist. If it
            has some of the pictures already, the others are made.
        layer: Name of the layer. The default is the default layer of the network.
        cells: Largest number of cells in a row or a column. In a larger map, neighboring activations are averaged.
        scaled: Whether the area of each cell on the sheet is proportional to the length of its activation vector.
        cosine: Power of the cosine in the objectives, as for `objectives.direction`.
        **settings: Settings of every picture. Without a size, the pictures are small.
        overwrite: Whether existing pictures with other settings are replaced.
        on_step: Function that is called with each `Step` of each picture.

    Raises:
        UnreadablePicture: If the photograph cannot be read.
        UnknownName: If there is no such network or layer; the message suggests similar names.
        InvalidSetting: If a setting has the wrong type or is out of range.
        NoGradient: If the layer has no activations in the photograph.
        NameTaken: If the folder has pictures with other settings, and `overwrite` is false.
        CannotWrite: If a file cannot be written.
    """
    network, layer, recipe = cell_settings(layer, settings)
    grid = ActivationGrid(
        network, layer, load_photo(photo), recipe, Path(folder), cells=cells, cosine=cosine, overwrite=overwrite
    )
    grid.make(on_step)
    grid.finish(scaled=scaled)
    return grid


@takes_settings(ClassRecipe, **CELLS)
def activation_atlas(
    photos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    folder: str | os.PathLike[str],
    *,
    layer: str | None = None,
    samples: int = DEFAULT_SAMPLES,
    cells: int | None = None,
    least: int = DEFAULT_LEAST,
    whiten: bool = False,
    cosine: float = DEFAULT_COSINE,
    overwrite: bool = False,
    on_photo: OnPhoto | None = None,
    on_step: OnStep | None = None,
    **settings: Any,
) -> ActivationAtlas:
    """Show what a layer detects in many photographs, arranged by similarity (Carter et al., Distill 2019).

        atlas = inc.activation_atlas("photographs", "atlas", layer="blocks.10")
        print(atlas.cells[0].members[0].photo)

    It needs `pip install "inceptionism[research]"`.

    Args:
        photos: Folder of photographs, or the paths of photographs.
        folder: Folder for the pictures, the sheet `sheet.png`, the page `atlas.html` and the list `index.json`. Its
            parent must exist. If it has some of the files already, the others are made.
        layer: Name of the layer. The default is the default layer of the network.
        samples: Number of places in each photograph whose activations are taken.
        cells: Number of cells in each row and each column. None depends on the number of activations.
        least: Smallest number of activations of a cell that is shown.
        whiten: Whether the directions are multiplied by the inverse of the correlations of the activations.
        cosine: Power of the cosine in the objectives, as for `objectives.direction`.
        **settings: Settings of every picture. Without a size, the pictures are small.
        overwrite: Whether existing files with other settings are replaced.
        on_photo: Function that is called with the number of photographs so far, after each of them, and with the error
            if this one cannot be read. Without it, the error is raised.
        on_step: Function that is called with each `Step` of each picture.

    Raises:
        UnreadablePicture: If a photograph cannot be read.
        UnknownName: If there is no such network or layer; the message suggests similar names.
        InvalidSetting: If a setting has the wrong type or is out of range, if there are too few photographs, or if
            umap-learn is not installed.
        NameTaken: If the folder has files with other settings, and `overwrite` is false.
        CannotWrite: If a file cannot be written.
    """
    network, layer, recipe = cell_settings(layer, settings)
    atlas = ActivationAtlas(
        network,
        layer,
        listed_photos(photos),
        recipe,
        Path(folder),
        samples=samples,
        cells=cells,
        least=least,
        whiten=whiten,
        cosine=cosine,
        on_photo=on_photo,
        overwrite=overwrite,
    )
    atlas.make(on_step)
    atlas.finish()
    return atlas
