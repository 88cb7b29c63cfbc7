"""Output of films: the names of their files, the progress, and unfinished films after an interruption."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING

from inceptionism.cli.options import Saving
from inceptionism.cli.progress import frames_progress
from inceptionism.cli.standard_output import STANDARD_OUTPUT
from inceptionism.cli.terminal import exit_interrupted, print_notes, print_path
from inceptionism.errors import CannotWrite, NameTaken
from inceptionism.files import path_exists

if TYPE_CHECKING:
    # Modules that load torch are imported when there is work for them.
    from inceptionism.film import FilmRun, Frame

PREVIEW_SIDE = 320
"""Longer side of a preview, in pixels."""


def execute_film(run: FilmRun, path: Path, saving: Saving) -> None:
    """Make a film, show the progress, and write the film to `path`, also after an interruption."""
    print_notes(run.notes, saving.quiet)
    printed = len(run.notes)
    interruption: KeyboardInterrupt | None = None
    with frames_progress(run.title, run.total, saving.quiet) as show:
        write_preview = PreviewWriter(saving.preview)

        def on_frame(frame: Frame) -> None:
            show(frame.number + 1)
            write_preview(frame)

        try:
            run.save(
                path,
                overwrite=saving.overwrite,
                resume=saving.resume,
                metadata=saving.metadata,
                on_frame=on_frame,
            )
        except KeyboardInterrupt as error:
            interruption = error
    print_notes(run.notes[printed:], saving.quiet)
    if interruption is not None:
        # If this run wrote no frame, an existing file is the one that the film was to replace.
        if not run.number or not path_exists(path):
            raise interruption
        from inceptionism.film import segments_folder

        folder = segments_folder(path)
        advice = f"; to continue from {folder}, repeat the command with --resume" if path_exists(folder) else ""
        exit_interrupted(interruption, f"interrupted; the film so far is in {path}{advice}")
    print_path(path)


class PreviewWriter:
    """Writes a small picture of the last frame, at most every second.

    Args:
        path: File of the picture; None to write nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._next = 0.0

    def __call__(self, frame: Frame) -> None:
        if self._path is None or time.monotonic() < self._next:
            return
        from inceptionism.io import save_picture

        image = frame.image
        image.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        save_picture(image, self._path)
        self._next = time.monotonic() + 1


def film_path(saving: Saving, name: str, source: str | None, ending: str = ".mp4") -> Path:
    """Return the path of a film, after checking that the film and its preview can be written.

    Args:
        saving: The shared options. A name that the program chooses is numbered until it is free, or is the name of an
            unfinished film to resume. The preview replaces an existing file, so it must be neither the film nor its
            source.
        name: Name of the film without an ending, if the user gave no path.
        source: Photograph or film that is read: a path, a web address, or another word.
        ending: Ending of the name. If it is not an ending of films, .mp4 is used.

    Raises:
        CannotWrite: If the film or the preview cannot be written.
        NameTaken: If the film exists and must not be replaced, or if the preview would replace the film or its source.
    """
    from inceptionism.film import CODECS, check_film, unfinished_name
    from inceptionism.io import check_output, free_name, resolve_target, shorten_name

    path = saving.output
    if path == STANDARD_OUTPUT:
        raise CannotWrite("a film cannot be written to standard output; give the name of a file")
    if path is None:
        path = Path(f"{shorten_name(name)}{ending if ending in CODECS else '.mp4'}")
        path = unfinished_name(path) if saving.resume else free_name(path, overwrite=saving.overwrite)
    check_film(path, overwrite=saving.overwrite, resume=saving.resume)
    preview = saving.preview
    if preview is not None:
        check_output(preview, overwrite=True)
        if resolve_target(preview) in [resolve_target(one) for one in (path, source and Path(source)) if one]:
            raise NameTaken(f"the preview would replace {preview}; give another name for --preview")
    return path
