"""The commands that make films: `dream zoom` and `dream video`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from inceptionism.cli.film_output import Preview, Resume, film_path, make
from inceptionism.cli.options import (
    Debug,
    Device,
    Guide,
    Jitter,
    Layers,
    Mask,
    Memory,
    NetworkName,
    NoMetadata,
    Objective,
    Octaves,
    OctaveScale,
    Overwrite,
    Precision,
    Prior,
    Quiet,
    Seed,
    StepSize,
    parse_place,
    parse_size,
)
from inceptionism.cli.terminal import loading, reporting
from inceptionism.errors import InvalidSetting
from inceptionism.recipes import VideoRecipe, ZoomRecipe, parse_layers, read_keyframes

FilmOutput = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The film to write: .mp4, .webm, .gif or .webp; a name without an ending is a folder of PNGs. "
        "By default an .mp4 here.",
    ),
]
FrameSteps = Annotated[int, typer.Option("--steps", help="Steps in each octave of a frame.")]

NOISE = "noise"
"""What stands for no photograph."""


def zoom(
    picture: Annotated[str, typer.Argument(metavar="PHOTO|noise", help="Where it begins: a photograph, or noise.")],
    layer: Layers = None,
    objective: Objective = None,
    guide: Guide = None,
    mask: Mask = None,
    seconds: Annotated[
        float | None, typer.Option(help=f"How long; by default {ZoomRecipe.seconds:g} seconds.", show_default=False)
    ] = None,
    frames: Annotated[int | None, typer.Option(help="How long, in frames.", min=1)] = None,
    endless: Annotated[bool, typer.Option("--endless", help="Until Ctrl-C, which ends the film.")] = False,
    fps: Annotated[float, typer.Option(help="Frames a second.")] = ZoomRecipe.fps,
    zoom: Annotated[
        float, typer.Option(help="How many times as large things get in a second; below 1 the camera moves away.")
    ] = ZoomRecipe.zoom,
    rotation: Annotated[float, typer.Option(help="Degrees a second, counterclockwise.")] = ZoomRecipe.rotation,
    toward: Annotated[
        str,
        typer.Option(metavar="DOWN,ACROSS", help="The point to fly to: 0,0 is the top left and 1,1 the bottom right."),
    ] = "{:g},{:g}".format(*ZoomRecipe.toward),
    drift: Annotated[
        str,
        typer.Option(metavar="DOWN,ACROSS", help="How far the camera moves sideways in a second, in whole pictures."),
    ] = "{:g},{:g}".format(*ZoomRecipe.drift),
    keyframes: Annotated[
        Path | None,
        typer.Option(metavar="FILE.toml", help="Layers, objectives and camera over time: see docs/motion.md."),
    ] = None,
    octaves: Octaves = ZoomRecipe.octaves,
    octave_scale: OctaveScale = ZoomRecipe.octave_scale,
    steps: FrameSteps = ZoomRecipe.steps,
    step_size: StepSize = ZoomRecipe.step_size,
    jitter: Jitter = ZoomRecipe.jitter,
    keep: Annotated[
        float, typer.Option(help="How much of the first frame's brightness and contrast each frame restores, 0 to 1.")
    ] = ZoomRecipe.keep,
    size: Annotated[
        str, typer.Option(help="The longer side in pixels, or HEIGHTxWIDTH, to which the photograph is cut.")
    ] = str(ZoomRecipe.size),
    prior: Prior = ZoomRecipe.prior,
    network: NetworkName = ZoomRecipe.network,
    seed: Seed = ZoomRecipe.seed,
    device: Device = ZoomRecipe.device,
    precision: Precision = ZoomRecipe.precision,
    memory: Memory = ZoomRecipe.memory,
    preview: Preview = None,
    output: FilmOutput = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    no_metadata: NoMetadata = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Fly into a picture that is dreamed on the way: dream, zoom, and dream again."""
    with reporting(debug):
        if [seconds, frames, endless or None].count(None) < 2:
            raise InvalidSetting("give one of --seconds, --frames and --endless")
        if frames is not None:
            seconds = frames / fps if fps > 0 else None
        elif seconds is None and not endless:
            seconds = ZoomRecipe.seconds
        longer = int(size) if re.fullmatch("[0-9]{1,9}", size) else None
        recipe = ZoomRecipe(
            network=network,
            layer=parse_layers(layer),
            objective=objective,
            guide=guide,
            mask=mask,
            seconds=seconds,
            fps=fps,
            zoom=zoom,
            rotation=rotation,
            toward=parse_place("toward", toward),
            drift=parse_place("drift", drift),
            keyframes=() if keyframes is None else read_keyframes(keyframes),
            octaves=octaves,
            octave_scale=octave_scale,
            steps=steps,
            step_size=step_size,
            jitter=jitter,
            keep=keep,
            size=longer,
            shape=None if longer is not None else parse_size(size),
            prior=prior or ZoomRecipe.prior,
            seed=seed,
            device=device,
            precision=precision,
            memory=memory,
        )
        begin = None if picture == NOISE else Path(picture)
        name = f"{Path(picture).stem}-zoom"
        path = film_path(output, name, begin, overwrite=overwrite, resume=resume, preview=preview)
        from inceptionism.io import load_photo

        source = None if begin is None else load_photo(begin)
        with loading(network, quiet):
            from inceptionism.film import ZoomRun

            run = ZoomRun(recipe, source)
        make(run, path, preview, overwrite=overwrite, resume=resume, quiet=quiet, metadata=not no_metadata)


def video(
    film: Annotated[Path, typer.Argument(metavar="IN", help="The film.")],
    output: Annotated[
        Path | None,
        typer.Argument(
            metavar="[OUT]",
            help="The film to write: .mp4, .webm, .gif or .webp; a name without an ending is a folder of PNGs. "
            "By default an .mp4 here.",
        ),
    ] = None,
    layer: Layers = None,
    objective: Objective = None,
    guide: Guide = None,
    mask: Mask = None,
    blend: Annotated[
        float, typer.Option(help="How much of the dream is carried from frame to frame, 0 to 1: more flickers less.")
    ] = VideoRecipe.blend,
    octaves: Octaves = VideoRecipe.octaves,
    octave_scale: OctaveScale = VideoRecipe.octave_scale,
    steps: FrameSteps = VideoRecipe.steps,
    first_steps: Annotated[
        int, typer.Option(help="Steps in each octave of the first frame, and of the first after a cut.")
    ] = VideoRecipe.first_steps,
    step_size: StepSize = VideoRecipe.step_size,
    jitter: Jitter = VideoRecipe.jitter,
    size: Annotated[
        int | None, typer.Option(help="The longer side of the output in pixels; by default the film's.")
    ] = VideoRecipe.size,
    prior: Prior = VideoRecipe.prior,
    network: NetworkName = VideoRecipe.network,
    seed: Seed = VideoRecipe.seed,
    device: Device = VideoRecipe.device,
    precision: Precision = VideoRecipe.precision,
    memory: Memory = VideoRecipe.memory,
    preview: Preview = None,
    overwrite: Overwrite = False,
    resume: Resume = False,
    no_metadata: NoMetadata = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Dream a film, each frame going on from the one before; the sound stays."""
    with reporting(debug):
        recipe = VideoRecipe(
            network=network,
            layer=parse_layers(layer),
            objective=objective,
            guide=guide,
            mask=mask,
            blend=blend,
            octaves=octaves,
            octave_scale=octave_scale,
            steps=steps,
            first_steps=first_steps,
            step_size=step_size,
            jitter=jitter,
            size=size,
            prior=prior or VideoRecipe.prior,
            seed=seed,
            device=device,
            precision=precision,
            memory=memory,
        )
        path = film_path(output, f"{film.stem}-dream", film, overwrite=overwrite, resume=resume, preview=preview)
        from inceptionism.film import FilmSource

        source = FilmSource(film)
        with loading(network, quiet):
            from inceptionism.film import VideoRun

            run = VideoRun(recipe, source)
        make(run, path, preview, overwrite=overwrite, resume=resume, quiet=quiet, metadata=not no_metadata)
