"""The plan of a batch: its jobs, and the lines of its report, in a temporary database on the disk.

So the memory of the program does not grow with the number of jobs.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from inceptionism.errors import CannotWrite, InvalidSetting, first_line, quote_path
from inceptionism.io import temporary_folder
from inceptionism.jobs.job import Job
from inceptionism.jobs.report import Line

SETUP = (
    # The file is of no use after the program.
    "PRAGMA synchronous = OFF",
    "PRAGMA journal_mode = OFF",
    "CREATE TABLE jobs (number INTEGER PRIMARY KEY, output TEXT, name TEXT UNIQUE, job TEXT)",
    "CREATE TABLE lines (output TEXT PRIMARY KEY, line TEXT)",
)
"""Statements that prepare the database."""


class Plan:
    """Jobs by number, and the last line of the report of each picture. Use `open_plan`.

    All methods raise `CannotWrite` if the database cannot be written, for example because the disk is full.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        with self._converted_errors():
            self._database = sqlite3.connect(path, isolation_level=None)
            try:
                for statement in SETUP:
                    self._database.execute(statement)
            except BaseException:
                self._database.close()
                raise

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def _execute(self, statement: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        with self._converted_errors():
            return self._database.execute(statement, values)

    def _rows(self, statement: str) -> Iterator[tuple[Any, ...]]:
        with self._converted_errors():
            for row in self._database.execute(statement):  # noqa: UP028  # `yield from` fails if the database is closed first
                yield row

    @contextmanager
    def _converted_errors(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.IntegrityError:  # two rows have the same name
            raise
        except sqlite3.DatabaseError as error:
            raise CannotWrite(
                f"the temporary file {quote_path(self._path)} cannot be used: {first_line(error)}; make room there, "
                "or set the variable TMPDIR to another folder"
            ) from error

    def add_jobs(self, jobs: Iterable[Job]) -> None:
        """Add jobs.

        Raises:
            InvalidSetting: If two jobs have the same output.
        """
        for job in jobs:
            # Some systems do not tell capital from small letters in names.
            row = (job.number, job.output, os.path.normcase(job.output), job.to_json())
            try:
                self._execute("INSERT INTO jobs VALUES (?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                (text,) = self._execute("SELECT job FROM jobs WHERE name = ?", row[2:3]).fetchone()
                raise InvalidSetting(
                    f"two jobs have the output {quote_path(job.output)}: {Job.from_json(text).place} and {job.place}; "
                    "give a template such as --name '{name}-{number}', or a column with outputs"
                ) from None

    def add_lines(self, lines: Iterable[Line]) -> None:
        """Add lines of a report. A line replaces an earlier one of the same picture."""
        for line in lines:
            self._execute("INSERT OR REPLACE INTO lines VALUES (?, ?)", (line.output, line.to_json()))

    def line(self, output: str) -> Line | None:
        """Return the line of a picture. None if there is none yet."""
        found = self._execute("SELECT line FROM lines WHERE output = ?", (output,)).fetchone()
        return None if found is None else Line.from_json(found[0])

    @property
    def total(self) -> int:
        """Number of jobs."""
        return int(self._execute("SELECT count(*) FROM jobs").fetchone()[0])

    def jobs(self) -> Iterator[tuple[Job, Line | None]]:
        """Yield each job, with the line of its picture in the report. None if there is no line yet."""
        found = self._rows("SELECT job, line FROM jobs LEFT JOIN lines ON jobs.output = lines.output ORDER BY number")
        for job, line in found:
            yield Job.from_json(job), None if line is None else Line.from_json(line)

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the report: first those of other pictures, and then those of the jobs in their order."""
        found = self._rows(
            "SELECT line FROM lines LEFT JOIN jobs ON jobs.output = lines.output ORDER BY number, lines.output"
        )
        for (line,) in found:
            yield Line.from_json(line)


@contextmanager
def open_plan() -> Iterator[Plan]:
    """Return an empty plan. Its file is deleted at the end of the block.

    Raises:
        CannotWrite: If the system's temporary folder cannot be written to, for example because the disk is full.
    """
    with temporary_folder() as folder, closing(Plan(folder / "plan.sqlite")) as plan:
        yield plan
