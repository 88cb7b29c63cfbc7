"""Making a film again from its recipe, or a variation of it; it is trusted no further than that of a picture."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from torch import nn

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.film.reader import FilmSource
from inceptionism.film.run import FilmRun
from inceptionism.film.video import VideoRun
from inceptionism.film.zoom import ZoomRun, frame_size
from inceptionism.io import Photo, load_photo, load_recipe
from inceptionism.networks import Network, network_name
from inceptionism.recipes import Recipe, VideoRecipe, ZoomRecipe, describe_photo
from inceptionism.runs import ReplayInputs, check_area, differences, named_files, output_size, resolve_replay


def replay_film(
    source: str | os.PathLike[str] | Recipe,
    begin: str | os.PathLike[str] | None = None,
    *,
    pictures: Iterable[str | os.PathLike[str]] | Mapping[str, str | os.PathLike[str]] = (),
    network: str | nn.Module | Network | None = None,
    force: bool = False,
    **changes: Any,
) -> FilmRun:
    """Return a film in the making from its recipe: the same frames, where device and versions are the same.

    Args:
        source: A film that was made here, a TOML file, or a `Recipe`.
        begin: The photograph in which a zoom begins, or the film that was dreamed.
        pictures: The guides, masks and other pictures that the recipe names, as for `replay`.
        network: What looks, as for `replay`.
        force: Whether to make frames of more than 33 megapixels that the recipe asks for.
        **changes: Settings in place of those of the recipe: `layer`, `size`, `seconds`, …

    Returns:
        A film to be iterated over for its frames, or saved. Its `notes` say what is not as it was.

    Raises:
        UnreadablePicture: a file cannot be read.
        UnknownName: there is no such network or layer.
        InvalidSetting: there is no recipe of a film in the file, a setting is wrong, or something was not passed.
    """
    recipe = source if isinstance(source, Recipe) else load_recipe(source)
    given = {name: value for name, value in changes.items() if value is not None}
    if network is not None:
        given["network"] = network_name(network)
    passed = ReplayInputs(None, named_files(pictures), network)
    return prepare_film(recipe, None if begin is None else Path(begin), passed, given, force=force)


def prepare_film(
    recipe: Recipe, begin: Path | None, passed: ReplayInputs, changes: Mapping[str, Any], *, force: bool
) -> FilmRun:
    """Return the film that a recipe says, with changes. Its notes say what is not as it was."""
    varied, network, passed = resolve_replay(recipe, passed, changes)
    known = recipe.made_with.photo if recipe.made_with else None
    free = force or bool({"size", "shape"} & changes.keys())
    run: FilmRun
    if isinstance(varied, ZoomRecipe):
        if begin is None and known:
            raise InvalidSetting(f"the recipe begins in a photograph, {describe_photo(known)}: pass one after it")
        photo = None if begin is None else load_photo(begin)
        if not free:
            check_area(frame_size(varied, photo))
        run = ZoomRun(varied, photo, network=network, find_file=passed.find_file)
    elif isinstance(varied, VideoRecipe):
        if begin is None:
            raise InvalidSetting(
                f"the recipe dreams a film{f', {describe_photo(known)}' if known else ''}: pass one after it"
            )
        film = FilmSource(begin)
        if not free:
            check_area(output_size(Photo(film.first), varied.size))
        run = VideoRun(varied, film, network=network, find_file=passed.find_file)
    else:
        raise InvalidSetting(f"the recipe is of kind {quote_value(recipe.kind)}, which is no film")
    run.notes += differences(recipe, run.recipe, changes)
    return run
