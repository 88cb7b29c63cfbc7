"""Tasks for the workers of a batch, and the ends of their jobs, as plain data. Does not import torch."""

from __future__ import annotations

import errno
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

from inceptionism.errors import CannotWrite, InceptionismError, describe_error, is_out_of_memory, quote_path
from inceptionism.io import named_source
from inceptionism.jobs.job import Job
from inceptionism.jobs.report import Line

logger = logging.getLogger(__name__)

DONE, SKIPPED, FAILED = STATUSES = ("done", "skipped", "failed")
"""Status of a job. A job whose picture exists already is skipped."""

FULL = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EIO)
"""Numbers of the errors after which no other file can be written."""


@dataclass(frozen=True)
class WorkerSettings:
    """The settings of a batch that its workers need.

    Attributes:
        folder: Folder of the pictures.
        overwrite: Whether to replace pictures that are not in the report.
        retry: Whether to repeat jobs that failed before.
        metadata: Whether files contain the recipe and the photograph's EXIF.
        position: Whether the EXIF contains the place where the photograph was taken.
        verify: Names of independent networks that are asked what they see in the results.
    """

    folder: Path
    overwrite: bool = False
    retry: bool = False
    metadata: bool = True
    position: bool = False
    verify: tuple[str, ...] = ()


class Task(NamedTuple):
    """A job for a worker.

    Attributes:
        job: The job.
        line: Line of its picture in the report. None if there is none.
        paths: Paths of the files that the job names, on the machine of the worker, by their names. A file that is left
            out has its name as its path.
        stamp: Stamp of the job when it was given to the worker. Empty if it is not known.
    """

    job: Job
    line: Line | None = None
    paths: Mapping[str, str] = {}  # typed as a Mapping, so nobody changes it
    stamp: str = ""

    def find_file(self, name: str) -> Path | str:
        """Return the path of a file that the job names. A web address is returned unchanged."""
        return named_source(self.paths.get(name, name))


class Outcome(NamedTuple):
    """The end of a job.

    Attributes:
        status: `DONE`, `SKIPPED` or `FAILED`.
        line: New line of the report.
        stops: Whether all other jobs would fail for the same reason, for example because the disk is full.
    """

    status: str
    line: Line
    stops: bool = False

    def took(self, seconds: float) -> Outcome:
        """Return the end with the time of the job in its line."""
        return self._replace(line=replace(self.line, seconds=seconds))


def failure(task: Task, error: Exception, key: str = "") -> Outcome:
    """Return the end of a job that failed. With a key, the job is only repeated if something changes."""
    if isinstance(error, InceptionismError):
        text = str(error)
    elif is_out_of_memory(error):
        text = "there is not enough memory for this picture; choose a smaller size, or fewer --workers"
    else:
        logger.error("an error in a batch", exc_info=error)
        text = f"an error that nobody foresaw: {describe_error(error)}"
    text = with_names(text, task.paths)
    stops = isinstance(error, CannotWrite) and getattr(error.__cause__, "errno", None) in FULL
    return Outcome(FAILED, replace(line_of(task, FAILED, key), error=text), stops)


def with_names(text: str, paths: Mapping[str, str]) -> str:
    """Return a message with the names of files in place of their paths on the machine of a worker."""
    for name, path in paths.items():
        text = text.replace(quote_path(path), quote_path(name))
    return text


def line_of(task: Task, status: str, key: str) -> Line:
    """Return the line of the report for a job."""
    job = task.job
    return Line(job.output, status, key, place=job.place, photo=job.photo, stamp=task.stamp)
