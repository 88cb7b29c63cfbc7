"""The commands that make films: `dream zoom` and `dream video`."""

from __future__ import annotations

from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from inceptionism.cli.cluster import ClusterAddress, Transfer, own_lines
from inceptionism.cli.command import command
from inceptionism.cli.film_output import execute_film, film_path
from inceptionism.cli.options import FILM, MACHINE, WHAT, FilmOutput, Saving, option
from inceptionism.cli.standard_output import source_stem
from inceptionism.cli.terminal import loading
from inceptionism.errors import InvalidSetting
from inceptionism.jobs import AUTO
from inceptionism.recipes import VideoRecipe, ZoomRecipe

NOISE = "noise"
"""Word for a zoom that starts from noise instead of a photograph."""


def add_film_commands(app: typer.Typer) -> None:
    """Add `dream zoom` and `dream video` to the program."""
    command(
        app,
        ZoomRecipe,
        shared=FILM,
        leave_out=["seconds"],
        examples=[
            "dream zoom photo.jpg --seconds 1 --size 320 -o zoom.mp4",
            "dream zoom noise --frames 12 --size 320 --layer blocks.4 --rotation 20 -o noise.webm",
            "dream zoom photo.jpg --frames 12 --size 180x320 --zoom 0.7 --toward 0.3,0.6 -o away.gif",
        ],
    )(zoom)
    command(
        app,
        VideoRecipe,
        shared=FILM,
        examples=[
            "dream video film.mp4 film-dream.mp4 --size 160",
            "dream video film.mp4 strokes.webm --layer blocks.2 --blend 0.8 --size 160",
            "dream video film.mp4 frames --size 160",
            "dream video frames again.mp4 --fps 12 --layer blocks.2",
        ],
    )(video)


def zoom(
    picture: Annotated[
        str,
        typer.Argument(
            metavar="PHOTO",
            help="Photograph to start from: a file, a web address, or - for standard input; or the word noise.",
        ),
    ],
    settings: dict[str, Any],
    saving: Saving,
    seconds: Annotated[
        float | None,
        option(
            "--seconds",
            group=WHAT,
            metavar="NUMBER",
            help=f"Length of the film, in seconds. By default {ZoomRecipe.seconds:g}.",
        ),
    ] = None,
    frames: Annotated[
        int | None,
        option("--frames", group=WHAT, metavar="NUMBER", help="Length of the film, in frames.", min=1),
    ] = None,
    endless: Annotated[
        bool, option("--endless", group=WHAT, help="Continue until Ctrl-C, which ends the film.")
    ] = False,
    output: FilmOutput = None,
) -> None:
    """Make a film that flies into a picture: dream, zoom, and dream again."""
    if [seconds, frames, endless or None].count(None) < 2:
        raise InvalidSetting("give one of --seconds, --frames and --endless")
    fps = settings["fps"]
    if frames is not None:
        seconds = frames / fps if fps > 0 else None
    elif seconds is None and not endless:
        seconds = ZoomRecipe.seconds
    recipe = ZoomRecipe(**settings, seconds=seconds)
    begin = None if picture == NOISE else picture
    saving = replace(saving, output=output)
    with loading(recipe.network, saving.quiet):
        path = film_path(saving, f"{source_stem(picture)}-zoom", picture)
        from inceptionism.film import ZoomRun
        from inceptionism.io import load_photo

        source = None if begin is None else load_photo(begin)
        run = ZoomRun(recipe, source)
    execute_film(run, path, saving)


def video(
    film: Annotated[
        Path, typer.Argument(metavar="IN", help="Film to dream: a film, an animation, or a folder of pictures.")
    ],
    settings: dict[str, Any],
    saving: Saving,
    output: Annotated[
        Path | None,
        typer.Argument(
            metavar="OUT",
            help="Film to write: .mp4, .webm, .gif or .webp. A name without an ending is a folder of PNGs. "
            "By default an .mp4 in this folder.",
        ),
    ] = None,
    cluster: ClusterAddress = None,
    transfer: Transfer = AUTO,
    workers: Annotated[
        int | None,
        option(
            "--workers",
            group=MACHINE,
            metavar="NUMBER",
            help="Number of processes on the cluster. By default as many as there is room for.",
        ),
    ] = None,
) -> None:
    """Dream a film. Every frame continues the dream of the frame before. The sound is kept.

    On a cluster, each machine dreams one scene after the other. The frames are the same.
    """
    recipe = VideoRecipe(**settings)
    saving = replace(saving, output=output)
    with loading(recipe.network, saving.quiet):
        path = film_path(saving, f"{film.stem}-dream", str(film))
        from inceptionism.jobs import make_video_run

        run = make_video_run(recipe, film, cluster=cluster, workers=workers, transfer=transfer)
    with own_lines(cluster), closing(run):
        execute_film(run, path, saving)
