"""Folder of an unfinished film: its segments, the state after the last one, and a lock."""

from __future__ import annotations

import json
import os
import re
import shutil
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken, first_line, quote_path, quote_value
from inceptionism.files import check_file, hash_file
from inceptionism.io import NUMPY_ERRORS, convert_write_errors, partial_file
from inceptionism.recipes import Recipe

STATE_FILE = "state.npz"
"""Name of the file with the state."""

LOCK_FILE = ".lock"
"""Name of the file that is locked while a program writes into the folder."""


class Segment(NamedTuple):
    """A finished segment.

    Attributes:
        path: Path of the file.
        start: Time of its first frame in the film, in seconds.
        size: Length of the file in bytes, when the segment was finished.
        sha256: SHA-256 of the file in hexadecimal, when the segment was finished.
    """

    path: Path
    start: Fraction
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path, start: Fraction) -> Segment:
        """Return the segment in a file."""
        return cls(path, start, path.stat().st_size, hash_file(path))

    def check(self) -> None:
        """Raise `CannotWrite` unless the file is still the one that was finished."""
        try:
            size = self.path.stat().st_size
            if size != self.size:
                problem = f"has {size} bytes, and was finished with {self.size}"
            elif hash_file(self.path) != self.sha256:
                problem = "has other content than when it was finished"
            else:
                return
        except OSError as error:
            problem = f"cannot be read: {first_line(error)}"
        raise CannotWrite(
            f"the segment {quote_path(self.path)} is damaged: it {problem}; put back a copy of this file, or use "
            "--overwrite to start the film again (in Python, overwrite=True)"
        )


class SavedState(NamedTuple):
    """State of an unfinished film after its last segment.

    Attributes:
        number: Number of the next frame.
        segments: Finished segments.
        end: End of the last segment in the film, in seconds.
        recipe: Recipe of the film.
        arrays: State of the run, as `FilmRun.state` returned it.
    """

    number: int
    segments: Sequence[Segment]
    end: Fraction
    recipe: Recipe
    arrays: Mapping[str, NDArray[Any]]


class UnfinishedFilm:
    """Folder of an unfinished film. It is locked until `release` or `delete`.

    Args:
        folder: Path of the folder.
        overwrite: Whether to delete the files that an earlier run left in the folder.
        resume: Whether to keep the files that an earlier run left in the folder. Without `overwrite` and `resume`, the
            folder must not exist.

    Raises:
        NameTaken: If another run uses the folder, or if it exists and must not be used.
        CannotWrite: If the folder cannot be written to.
    """

    def __init__(self, folder: Path, *, overwrite: bool, resume: bool) -> None:
        from filelock import FileLock, Timeout  # this import takes longer than many commands that write no film

        self.folder = folder
        name = quote_path(folder.name.removesuffix(".parts"))
        with convert_write_errors(folder):
            try:
                folder.mkdir(exist_ok=overwrite or resume)
            except FileExistsError:
                raise NameTaken(
                    f"{quote_path(folder)} already exists: another run is making {name}; choose another name"
                ) from None
            self._lock = FileLock(folder / LOCK_FILE, thread_local=False)
            try:
                self._lock.acquire(timeout=0)
            except Timeout:
                raise NameTaken(
                    f"another run is making {name} now; wait until it has ended, or choose another name"
                ) from None
            if overwrite and not resume:
                try:
                    self._delete_files()
                except OSError:
                    self.release()
                    raise

    @property
    def has_state(self) -> bool:
        """Whether the film can be resumed from a state."""
        return (self.folder / STATE_FILE).exists()

    def save_state(self, state: SavedState) -> None:
        """Replace the state in the folder."""
        about = {
            "recipe": state.recipe.to_json(),
            "number": state.number,
            "segments": [[str(one.start), one.size, one.sha256] for one in state.segments],
            "end": str(state.end),
        }
        arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8), **state.arrays}
        with convert_write_errors(self.folder), partial_file(self.folder / STATE_FILE) as written:
            # Before numpy 2, np.savez leaves its archive open after an error, and Python then prints a traceback.
            with zipfile.ZipFile(written, "w") as archive:
                for name, array in arrays.items():
                    with archive.open(f"{name}.npy", "w", force_zip64=True) as file:
                        np.lib.format.write_array(file, array, allow_pickle=False)
            flush_to_disk(written)
            written.replace(self.folder / STATE_FILE)

    def read_state(self, ending: str, max_bytes: int) -> SavedState:
        """Return the state in the folder. The segments are not checked.

        Args:
            ending: Ending of the names of the segments.
            max_bytes: Largest number of bytes of the arrays.

        Raises:
            InvalidSetting: If the state cannot be read.
        """
        try:
            check_file(self.folder / STATE_FILE, InvalidSetting)
            with zipfile.ZipFile(self.folder / STATE_FILE) as archive:
                if sum(entry.file_size for entry in archive.infolist()) > max_bytes:
                    raise ValueError("its state is larger than the frames can be")
                if archive.testzip() is not None:  # compares checksums
                    raise ValueError("its state is damaged")
            with np.load(self.folder / STATE_FILE, allow_pickle=False) as stored:
                arrays = {name: np.asarray(stored[name]) for name in stored.files}
            about = json.loads(arrays.pop("about").tobytes())
            number = about["number"]
            if type(number) is not int or not 0 <= number < 2**63:
                raise ValueError(f"the number of its next frame is {quote_value(number)}")
            segments = [
                Segment(self.segment_path(index, ending), read_time(start), int(size), str(sha256))
                for index, (start, size, sha256) in enumerate(about["segments"])
            ]
            return SavedState(number, segments, read_time(about["end"]), Recipe.from_json(about["recipe"]), arrays)
        except NUMPY_ERRORS as error:
            raise self.cannot_resume(error) from None

    def cannot_resume(self, error: BaseException) -> InvalidSetting:
        """Return the error for a state that is damaged, or that was written by another version of this program."""
        reason = f"its state has no {error}" if isinstance(error, KeyError) else first_line(error)
        return InvalidSetting(
            f"{quote_path(self.folder)} cannot be resumed: {reason}; use --overwrite to start again "
            "(in Python, overwrite=True)"
        )

    def segment_path(self, index: int, ending: str) -> Path:
        """Return the path of a finished segment."""
        return self.folder / f"{index:06d}{ending}"

    def release(self) -> None:
        """Unlock the folder for other runs."""
        self._lock.release()

    def delete(self) -> None:
        """Delete the folder. Whatever cannot be deleted stays."""
        with suppress(OSError):
            self._delete_files()
            # The lock is deleted last, so that no other run finds half of the files. Windows refuses to delete a file
            # that is in use.
            if os.name != "nt":
                (self.folder / LOCK_FILE).unlink()
                self.folder.rmdir()
        self.release()
        if os.name == "nt":
            shutil.rmtree(self.folder, ignore_errors=True)

    def _delete_files(self) -> None:
        """Delete everything except the lock. Without its state, the film does not count as unfinished."""
        (self.folder / STATE_FILE).unlink(missing_ok=True)
        for path in self.folder.iterdir():
            if path.name != LOCK_FILE:
                if path.is_dir() and not path.is_symlink():
                    shutil.rmtree(path)
                else:
                    path.unlink()


def read_time(text: str) -> Fraction:
    """Return a time that was written as a fraction. Other texts raise ValueError."""
    if not re.fullmatch(r"\d{1,40}(/[1-9]\d{0,39})?", text):
        raise ValueError(f"its state has the time {quote_value(text)}")
    return Fraction(text)


def flush_to_disk(path: Path) -> None:
    """Make sure that a written file is on the disk and survives a power cut."""
    with path.open("r+b") as file:  # Windows flushes only files that are open for writing
        os.fsync(file.fileno())
