"""From films in the making to files: what is shown meanwhile, and what is kept when they are interrupted."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from inceptionism.cli.terminal import frames_progress, print_error, print_notes, print_result
from inceptionism.errors import NameTaken

if TYPE_CHECKING:
    # Nothing that loads torch is imported before there is work for it.
    from inceptionism.film import FilmRun, Frame

Resume = Annotated[
    bool, typer.Option("--resume", help="Go on where an earlier run of the same command stopped, if there was one.")
]
Preview = Annotated[
    Path | None,
    typer.Option(metavar="PICTURE", help="A small picture of what is being made, refreshed every second."),
]


def make(
    run: FilmRun,
    path: Path,
    preview: Path | None,
    *,
    overwrite: bool,
    resume: bool,
    quiet: bool,
    metadata: bool = True,
) -> None:
    """Make a film, showing progress, and write it to `path`, also when that is interrupted."""
    print_notes(run.notes, quiet)
    said = len(run.notes)
    interruption: KeyboardInterrupt | None = None
    with frames_progress(run.title, run.total, quiet) as show:
        glance = PreviewWriter(preview)

        def on_frame(frame: Frame) -> None:
            show(frame.number + 1)
            glance(frame)

        try:
            run.save(path, overwrite=overwrite, resume=resume, metadata=metadata, on_frame=on_frame)
        except KeyboardInterrupt as error:
            interruption = error
    print_notes(run.notes[said:], quiet)
    if interruption is not None:
        # What stands there by then may be what was to be replaced.
        if not run.number or not path.exists():
            raise interruption
        from inceptionism.film import segments_folder

        kept = segments_folder(path)
        more = f"; the same command with --resume goes on, from what is in {kept}" if kept.exists() else ""
        print_error(f"interrupted; the film so far is in {path}{more}")
        raise typer.Exit(getattr(interruption, "status", 130))
    print_result(str(path))


class PreviewWriter:
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
        from inceptionism.io import save_picture

        image = frame.image
        image.thumbnail((PREVIEW, PREVIEW))
        save_picture(image, self._path)
        self._next = time.monotonic() + 1


PREVIEW = 320
"""The longer side of a preview, in pixels."""


def film_path(
    given: Path | None,
    name: str,
    source: Path | None,
    *,
    overwrite: bool,
    resume: bool,
    preview: Path | None,
    ending: str = ".mp4",
) -> Path:
    """Return where a film goes, `given` or `name` with an ending; that and the preview are checked before any work.

    A name that was not given is numbered until it is free, or is that of a film to go on with. An `ending` that is no
    film's becomes .mp4. The preview, which replaces what is there, must be neither the film nor its `source`.
    """
    from inceptionism.film import CODECS, check_film, unfinished_name
    from inceptionism.io import check_output, free_name, resolve_target, shorten_name

    path = given
    if path is None:
        path = Path(f"{shorten_name(name)}{ending if ending in CODECS else '.mp4'}")
        path = unfinished_name(path) if resume else free_name(path, overwrite=overwrite)
    check_film(path, overwrite=overwrite, resume=resume)
    if preview is not None:
        check_output(preview, overwrite=True)
        if resolve_target(preview) in [resolve_target(one) for one in (path, source) if one is not None]:
            raise NameTaken(f"{preview} is no place for the preview, which would replace it; give another name")
    return path
