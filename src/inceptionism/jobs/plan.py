"""The plan of a batch: its jobs, and the lines of its report, in a temporary database on the disk.

So the memory of the program does not grow with the number of jobs.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from inceptionism.errors import InvalidSetting, quote_path
from inceptionism.jobs.job import Job
from inceptionism.jobs.report import Line

TABLES = """
    CREATE TABLE jobs (number INTEGER PRIMARY KEY, output TEXT, name TEXT UNIQUE, job TEXT);
    CREATE TABLE lines (output TEXT PRIMARY KEY, line TEXT);
"""


class Plan:
    """Jobs by number, and the last line of the report of each picture. Use `open_plan`."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        database.executescript(TABLES)

    def add_jobs(self, jobs: Iterable[Job]) -> None:
        """Add jobs.

        Raises:
            InvalidSetting: If two jobs have the same output.
        """
        for job in jobs:
            # Some systems do not tell capital from small letters in names.
            row = (job.number, job.output, os.path.normcase(job.output), job.to_json())
            try:
                self._database.execute("INSERT INTO jobs VALUES (?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                (text,) = self._database.execute("SELECT job FROM jobs WHERE name = ?", row[2:3]).fetchone()
                raise InvalidSetting(
                    f"two jobs have the output {quote_path(job.output)}: {Job.from_json(text).place} and {job.place}; "
                    "give a template such as --name '{name}-{number}', or a column with outputs"
                ) from None

    def add_lines(self, lines: Iterable[Line]) -> None:
        """Add lines of a report. A line replaces an earlier one of the same picture."""
        for line in lines:
            self._database.execute("INSERT OR REPLACE INTO lines VALUES (?, ?)", (line.output, line.to_json()))

    def line(self, output: str) -> Line | None:
        """Return the line of a picture. None if there is none yet."""
        found = self._database.execute("SELECT line FROM lines WHERE output = ?", (output,)).fetchone()
        return None if found is None else Line.from_json(found[0])

    @property
    def total(self) -> int:
        """Number of jobs."""
        return int(self._database.execute("SELECT count(*) FROM jobs").fetchone()[0])

    def jobs(self) -> Iterator[tuple[Job, Line | None]]:
        """Yield each job, with the line of its picture in the report. None if there is no line yet."""
        found = self._database.execute(
            "SELECT job, line FROM jobs LEFT JOIN lines ON jobs.output = lines.output ORDER BY number"
        )
        for job, line in found:
            yield Job.from_json(job), None if line is None else Line.from_json(line)

    def lines(self) -> Iterator[Line]:
        """Yield the lines of the report: first those of other pictures, and then those of the jobs in their order."""
        found = self._database.execute(
            "SELECT line FROM lines LEFT JOIN jobs ON jobs.output = lines.output ORDER BY number, lines.output"
        )
        for (line,) in found:
            yield Line.from_json(line)


@contextmanager
def open_plan() -> Iterator[Plan]:
    """Return an empty plan. Its file is deleted at the end of the block."""
    with tempfile.TemporaryDirectory(prefix="inceptionism-") as folder:
        database = sqlite3.connect(Path(folder) / "plan.sqlite", isolation_level=None)
        database.execute("PRAGMA synchronous = OFF")  # the file is of no use after the program
        database.execute("PRAGMA journal_mode = OFF")
        try:
            yield Plan(database)
        finally:
            database.close()
