"""Folders of pictures: the pictures that are missing are made, and an interrupted folder is continued."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inceptionism.cli.options import Saving
from inceptionism.cli.progress import progress
from inceptionism.cli.terminal import exit_interrupted, print_notes
from inceptionism.errors import CannotWrite

if TYPE_CHECKING:
    from inceptionism.atlas import PictureFolder

AGAIN = "repeat the command to continue"


def make_pictures(pictures: PictureFolder[Any], title: str, finish: Callable[[], Path], saving: Saving) -> Path:
    """Make the missing pictures of a folder with progress bars, and finish it. Return the path of its sheet.

    Args:
        pictures: The pictures.
        title: Title of the progress bars.
        finish: Function that writes the sheet and returns its path.
        saving: The shared options.
    """
    total = len(pictures.keys)
    if pictures.done:
        print_notes([f"{len(pictures.done)} of {total} pictures are in {pictures.folder} already"], saving.quiet)
    try:
        for batch in pictures.make_batches():
            with progress(f"{title} · {len(pictures.done)} of {total}", saving.quiet) as show:
                for steps in batch:
                    show(steps)
        return finish()
    except KeyboardInterrupt as interruption:
        text = f"interrupted; {len(pictures.done)} of {total} pictures are in {pictures.folder}; {AGAIN}"
        exit_interrupted(interruption, text)
    except CannotWrite:
        print_notes([f"{len(pictures.done)} of {total} pictures are in {pictures.folder}; {AGAIN}"], saving.quiet)
        raise
