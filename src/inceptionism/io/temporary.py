"""Temporary files and folders: each is deleted at the end, also if the program fails."""

from __future__ import annotations

import os
import re
import secrets
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

from inceptionism.errors import CannotWrite, first_line
from inceptionism.interruption import postponed

PARTIAL_NAME = re.compile(r"\.[0-9a-f]{16}\.part")
"""Pattern of the temporary names of files that are not complete."""

ABANDONED_SECONDS = 3600
"""Time in seconds after its last change at which a temporary file belongs to no running program."""


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Create an empty file with a temporary name in the folder of `target`, and return its path.

    The file is deleted afterwards, unless it was renamed. A signal takes effect after that.
    """
    path = target.with_name(f".{secrets.token_hex(8)}.part")
    with postponed():
        try:
            path.open("xb").close()
            yield path
        finally:
            path.unlink(missing_ok=True)


def delete_abandoned(folder: Path) -> None:
    """Delete the temporary files in a folder that belong to programs that were killed.

    Files that cannot be deleted stay, for example those of other users.
    """
    with suppress(OSError), os.scandir(folder) as entries:  # a folder can be writable, but not readable
        for entry in entries:
            if PARTIAL_NAME.fullmatch(entry.name):
                with suppress(OSError):
                    if time.time() - entry.stat().st_mtime > ABANDONED_SECONDS:
                        Path(entry).unlink()


@contextmanager
def temporary_folder() -> Iterator[Path]:
    """Return an empty folder in the system's temporary folder. It is deleted at the end of the block.

    Raises:
        CannotWrite: If the folder cannot be created, for example because the disk is full.
    """
    with ExitStack() as stack:
        try:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="inceptionism-"))
        except OSError as error:
            raise CannotWrite(
                f"no file can be written in the system's temporary folder: {first_line(error)}"
            ) from error
        yield Path(folder)
