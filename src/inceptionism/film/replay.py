"""Replay of a film: the same film again from its recipe, or a variation of it.

Recipes of films are trusted as little as recipes of pictures: they open no file that the caller does not pass.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.film.reader import FilmSource
from inceptionism.film.stream import FilmRun
from inceptionism.film.video import VideoRun
from inceptionism.film.zoom import ZoomRun, frame_size
from inceptionism.io import Photo, load_photo, load_recipe
from inceptionism.networks import Network
from inceptionism.recipes import Recipe, VideoRecipe, ZoomRecipe, describe_photo
from inceptionism.runs import (
    ReplayInputs,
    check_area,
    differences,
    named_files,
    output_size,
    recipe_folder,
    resolve_replay,
    split_changes,
)


def replay_film(
    source: str | os.PathLike[str] | Recipe,
    begin: str | os.PathLike[str] | None = None,
    *,
    pictures: Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]] = (),
    network: str | nn.Module | Network | None = None,
    force: bool = False,
    **changes: Any,
) -> FilmRun:
    """Return the film run of a recipe. It makes the same frames if the device and the versions are the same.

    Args:
        source: A film that this program made, a TOML file, or a `Recipe`.
        begin: The photograph that a zoom starts from, or the film to dream for a video.
        pictures: The guides, masks and other pictures that the recipe names, as in `replay`.
        network: The network to use, as in `replay`.
        force: Whether to allow frames of more than 33 megapixels if the recipe sets that size.
        **changes: Settings that replace those of the recipe: `layer`, `size`, `seconds`, … An objective that exists
            only in Python is passed as `objective`, and functions of the prior as `transforms` and `penalties`. The
            `guide`, the `mask` and the `colors` may be pictures as in `video`.

    Returns:
        A film run: iterate over it for its frames, or save it. Its `notes` report every difference from the original
        run.

    Raises:
        UnreadablePicture: If a file cannot be read.
        UnknownName: If a network, a layer or a class does not exist.
        InvalidSetting: If the file has no recipe of a film, a setting is not valid, or a picture that the recipe needs
            was not passed.
    """
    recipe = source if isinstance(source, Recipe) else load_recipe(source)
    plain, objects = split_changes(changes, network)
    passed = ReplayInputs(None, named_files(pictures), network, recipe_folder(source), **objects)
    return prepare_film(recipe, begin, passed, plain, force=force)


def prepare_film(
    recipe: Recipe,
    begin: str | os.PathLike[str] | None,
    passed: ReplayInputs,
    changes: Mapping[str, Any],
    *,
    force: bool,
) -> FilmRun:
    """Return the film run of a recipe with changes. Its notes report every difference from the original run.

    Args:
        recipe: Recipe of a zoom or a video.
        begin: The photograph that a zoom starts from, or the film to dream for a video.
        passed: Pictures and network that the caller passes.
        changes: Settings that replace those of the recipe.
        force: Whether to allow frames of more than 33 megapixels if the recipe sets that size.

    Raises:
        UnreadablePicture, UnknownName, InvalidSetting: As in `replay_film`.
    """
    varied, network, passed = resolve_replay(recipe, passed, changes)
    known = recipe.made_with.photo if recipe.made_with else None
    any_size = force or bool({"size", "shape"} & changes.keys())
    run: FilmRun
    if isinstance(varied, ZoomRecipe):
        if begin is None and known:
            raise InvalidSetting(
                f"the recipe starts from a photograph, {describe_photo(known)}; pass a photograph after the recipe"
            )
        photo = None if begin is None else load_photo(begin)
        if not any_size:
            check_area(frame_size(varied, photo))
        run = ZoomRun(varied, photo, network=network, **passed.objects())
    elif isinstance(varied, VideoRecipe):
        if begin is None:
            raise InvalidSetting(
                f"the recipe dreams a film{f', {describe_photo(known)}' if known else ''}; pass a film after the recipe"
            )
        film = FilmSource(Path(begin), varied.fps)
        if not any_size:
            check_area(output_size(Photo(film.first), varied.size))
        run = VideoRun(varied, film, network=network, **passed.objects())
    else:
        raise InvalidSetting(
            f"the recipe is of kind {quote_value(recipe.kind)}, which is not a film; use replay for pictures"
        )
    run.notes += differences(recipe, run.recipe, changes)
    return run
