"""Lock of a file that is being downloaded."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO


@contextmanager
def exclusive_lock(part: Path, report: Callable[[str], object]) -> Iterator[None]:
    """Lock `part` for this program. Another program that needs the same file waits, so no file is downloaded twice.

    The operating system removes the lock when the process ends, even if it is killed. On Windows there is no lock. But
    Windows does not rename a file that another program has open, so a file with the final name never changes.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    while True:
        with part.open("ab") as locked:
            try:
                fcntl.flock(locked, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                report(f"another program is downloading {part.stem}; waiting for it")
                fcntl.flock(locked, fcntl.LOCK_EX)
            if not is_same_file(part, locked):  # the other program has renamed or removed the locked file
                continue
            try:
                yield
            finally:
                if is_same_file(part, locked) and not part.stat().st_size:
                    part.unlink()
            return


def is_same_file(path: Path, file: IO[bytes]) -> bool:
    """Return whether `path` is the path of an open file."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
