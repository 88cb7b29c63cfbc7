"""The report of a batch: a line of JSON for each picture in the folder.

A line is added when a picture is finished, so a program that is killed loses at most the line of its last pictures.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import IO, Any

from filelock import FileLock, Timeout

from inceptionism.errors import CannotWrite, InvalidSetting, quote_path
from inceptionism.io import convert_write_errors, delete_abandoned, partial_file, publish

REPORT = "report.jsonl"
"""Name of the report in the folder of a batch."""

LOCK = ".report.lock"
"""Name of the file that a batch locks while it works in a folder."""

MAX_LINE = 2**20
"""Largest number of bytes of a line that may be incomplete."""


@dataclass(frozen=True)
class Line:
    """A line of the report.

    Attributes:
        output: Path of the picture, relative to the folder.
        status: "done" or "failed".
        key: Hash of everything that the picture depends on. Empty if it could not be made.
        place: Place of the job in the inputs.
        photo: Path or address of the photograph. None for a picture from noise.
        seconds: Time that the job took.
        error: Sentence about the failure. Empty if there was none.
        notes: Decisions that the run made, each in one sentence.
        stamp: Hash of the settings, and of the times of change of all files. Empty if it is not known.
    """

    output: str
    status: str
    key: str = ""
    place: str = ""
    photo: str | None = None
    seconds: float = 0.0
    error: str = ""
    notes: tuple[str, ...] = ()
    stamp: str = ""

    def to_json(self) -> str:
        """Return the line as JSON, without values that are empty."""
        return json.dumps({name: value for name, value in asdict(self).items() if value})

    @staticmethod
    def from_json(text: str) -> Line:
        """Return the line of a text.

        Raises:
            InvalidSetting: If the text is not a line of a report.
        """
        try:
            content = json.loads(text)
            known = {one.name for one in fields(Line)}
            return Line(**{name: checked(name, value) for name, value in content.items() if name in known})
        except (ValueError, TypeError, AttributeError, RecursionError):
            raise InvalidSetting("this is not a line of a report") from None


def checked(name: str, value: Any) -> Any:
    """Return the value of a field of a line; raise `TypeError` if it has another type."""
    if name == "notes":
        return tuple(str(note) for note in value)
    if not isinstance(value, (int, float) if name == "seconds" else str):
        raise TypeError
    return value


class Report:
    """The report in a folder, while a batch works there. Use `open_report`.

    Args:
        path: Path of the file.

    Raises:
        OSError: If the file cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = path.open("a+b")
        # The program was killed while it wrote a line that is not complete.
        self._file.truncate(complete_bytes(self._file))

    def read(self) -> Iterator[Line]:
        """Yield the lines.

        Raises:
            InvalidSetting: If a line is damaged.
        """
        with self._path.open(encoding="utf-8", errors="replace") as file:
            for number, text in enumerate(file, 1):
                try:
                    yield Line.from_json(text)
                except InvalidSetting as error:
                    raise InvalidSetting(
                        f"{quote_path(self._path)}, line {number}: {error}; "
                        "delete this line, and its picture is made again"
                    ) from None

    def add(self, line: Line) -> None:
        """Add a line.

        Raises:
            CannotWrite: If the file cannot be written.
        """
        with convert_write_errors(self._path):
            self._file.write(f"{line.to_json()}\n".encode())
            self._file.flush()

    def replace(self, lines: Iterable[Line]) -> None:
        """Replace all lines, and close the file.

        Raises:
            CannotWrite: If the file cannot be written.
        """
        with convert_write_errors(self._path), partial_file(self._path) as partial:
            with partial.open("r+b") as file:
                file.writelines(f"{line.to_json()}\n".encode() for line in lines)
                file.flush()
                os.fsync(file.fileno())
            self.close()
            publish(partial, self._path, overwrite=True)

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def complete_bytes(file: IO[bytes]) -> int:
    """Return the number of bytes of the lines in a file that are complete."""
    end = file.seek(0, os.SEEK_END)
    file.seek(max(0, end - MAX_LINE))
    tail = file.read()
    return end - len(tail) + tail.rfind(b"\n") + 1


@contextmanager
def open_report(folder: Path) -> Iterator[Report]:
    """Return the report of a folder. In the block, no other batch can work in the folder.

    Raises:
        CannotWrite: If the file cannot be written, or another batch works in the folder.
    """
    path, lock = folder / REPORT, FileLock(folder / LOCK)
    with ExitStack() as stack:
        delete_abandoned(folder)
        with convert_write_errors(path):
            try:
                stack.enter_context(lock.acquire(timeout=0))
            except Timeout:
                raise CannotWrite(
                    f"another batch works in the folder {quote_path(folder)}; wait for it, or choose another --output"
                ) from None
            report = Report(path)
        stack.callback(report.close)
        yield report
