"""The commands that make films: `dream zoom` and `dream video`."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inceptionism.camera import Place
from inceptionism.cli_options import (
    Debug,
    Device,
    Guide,
    Jitter,
    Layers,
    Mask,
    Memory,
    NetworkName,
    Objective,
    Octaves,
    OctaveScale,
    Overwrite,
    Precision,
    Prior,
    Quiet,
    Seed,
    StepSize,
    parse_size,
)
from inceptionism.errors import InvalidSetting, NameTaken, shown
from inceptionism.layer_syntax import parse_layers
from inceptionism.motion_recipe import VideoRecipe, ZoomRecipe, read_keyframes
from inceptionism.terminal import complain, frames_progress, loading, reporting, say, tell

if TYPE_CHECKING:
    # Nothing that loads torch is imported before there is work for it.
    from inceptionism.frame_stream import Frame
    from inceptionism.motion import MotionRun

FilmOutput = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The film to write: .mp4, .webm, .gif or .webp; a name without an ending is a folder of PNGs. "
        "By default an .mp4 here.",
    ),
]
Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where an earlier run of the same command stopped, if there was one.")
]
Preview = Annotated[
    Path | None,
    typer.Option(metavar="PICTURE", help="A small picture of what is being made, refreshed every second."),
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
        path = film_path(output, f"{Path(picture).stem}-zoom", overwrite=overwrite, resume=resume, preview=preview)
        from inceptionism.images import load_photo

        source = None if picture == NOISE else load_photo(picture)
        with loading(network, quiet):
            from inceptionism.zooming import ZoomRun

            run = ZoomRun(recipe, source)
        make(run, path, preview, overwrite=overwrite, resume=resume, quiet=quiet)


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
        path = film_path(output, f"{film.stem}-dream", overwrite=overwrite, resume=resume, preview=preview)
        from inceptionism.film_in import FilmSource

        source = FilmSource(film)
        if path.exists() and path.samefile(film):
            raise NameTaken(f"{path} is the film that is to be dreamed; give another name to write to")
        with loading(network, quiet):
            from inceptionism.filming import VideoRun

            run = VideoRun(recipe, source)
        make(run, path, preview, overwrite=overwrite, resume=resume, quiet=quiet)


def make(run: MotionRun, path: Path, preview: Path | None, *, overwrite: bool, resume: bool, quiet: bool) -> None:
    """Make a film, showing progress, and write it to `path`, also when that is interrupted."""
    tell(run.notes, quiet)
    said = len(run.notes)
    interruption: KeyboardInterrupt | None = None
    with frames_progress(run.title, run.total, quiet) as show:
        glance = Glance(preview)

        def on_frame(frame: Frame) -> None:
            show(frame.number + 1)
            glance(frame)

        try:
            run.save(path, overwrite=overwrite, resume=resume, on_frame=on_frame)
        except KeyboardInterrupt as error:
            interruption = error
    tell(run.notes[said:], quiet)
    if interruption is not None:
        if not path.exists():
            raise interruption
        kept = Path(f"{path}.parts")
        more = f"; the same command with --resume goes on, from what is in {kept}" if kept.exists() else ""
        complain(f"interrupted; the film so far is in {path}{more}")
        raise typer.Exit(getattr(interruption, "status", 130))
    say(str(path))


class Glance:
    """A small picture of the last frame, refreshed every second.

    Args:
        path: Where it is; none for none.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._next = 0.0

    def __call__(self, frame: Frame) -> None:
        if self._path is None or time.monotonic() < self._next:
            return
        from inceptionism.outputs import save_picture

        image = frame.image
        image.thumbnail((PREVIEW, PREVIEW))
        save_picture(image, self._path)
        self._next = time.monotonic() + 1


PREVIEW = 320
"""The longer side of a preview, in pixels."""


def film_path(given: Path | None, name: str, *, overwrite: bool, resume: bool, preview: Path | None) -> Path:
    """Return where a film goes, `given` or `name`.mp4 here; that and the preview are checked before any work.

    A name that was not given is numbered until it is free, unless it is that of a film to go on with.
    """
    from inceptionism.film_files import check_film
    from inceptionism.outputs import check_output, free_name, shortened

    path = given
    if path is None:
        path = Path(f"{shortened(name)}.mp4")
        path = path if resume else free_name(path, overwrite=overwrite)
    check_film(path, overwrite=overwrite, resume=resume)
    if preview is not None:
        check_output(preview, overwrite=True)
    return path


def parse_place(name: str, text: str) -> Place:
    """Read "0.5,0.25"."""
    parts = text.split(",")
    try:
        down, across = map(float, parts)
    except ValueError:
        raise InvalidSetting(f"{name} must be two numbers, DOWN,ACROSS, not {shown(text)}") from None
    return down, across
