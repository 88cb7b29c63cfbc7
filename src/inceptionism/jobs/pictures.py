"""Writing of the pictures of a batch."""

from __future__ import annotations

from inceptionism.io import create_folders, write_atomically
from inceptionism.jobs.outcomes import Task, WorkerSettings


def write_picture(settings: WorkerSettings, task: Task, content: bytes) -> None:
    """Write the file of a job's picture. The folder of the file is made if it does not exist.

    Raises:
        CannotWrite: If the file cannot be written.
        NameTaken: If a file exists that the batch neither made nor may replace.
    """
    path = settings.folder / task.job.output
    create_folders(path.parent)
    write_atomically(path, content, overwrite=settings.overwrite or task.line is not None)
