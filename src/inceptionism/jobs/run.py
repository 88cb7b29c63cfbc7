"""A batch: it makes the pictures of many jobs, keeps a report, and does only what is missing or has changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from inceptionism.errors import CannotWrite, quote_path
from inceptionism.files import is_file
from inceptionism.interruption import uninterrupted
from inceptionism.io import create_folders, is_address
from inceptionism.jobs.job import Job
from inceptionism.jobs.outcomes import DONE, FAILED, SKIPPED, Outcome, Task, WorkerSettings
from inceptionism.jobs.plan import Plan, open_plan
from inceptionism.jobs.pool import Pool
from inceptionism.jobs.report import Line, Report, open_report
from inceptionism.jobs.stamps import job_stamp
from inceptionism.recipes import ClassRecipe, PhotoRecipe

MAX_TOGETHER = 4
"""Largest number of jobs in a call of a worker."""

SMALL_SIDE = 320
"""Largest side of photographs that are dreamed together, in pixels."""


class Batch:
    """The jobs of a batch, and its report. Use `open_batch`.

    Args:
        plan: The jobs.
        report: The report.
        settings: Settings of the batch.

    Attributes:
        total: Number of jobs.
        workers: Number of processes that make the pictures. 0 if this process does, or if nothing is to be made.
        counts: Number of jobs that have ended so far, by status.
    """

    def __init__(self, plan: Plan, report: Report, settings: WorkerSettings) -> None:
        self._plan, self._report, self._settings = plan, report, settings
        self.total, self.workers = plan.total, 0
        self.counts: Counter[str] = Counter()
        self._is_complete = True

    def run(self, start: Callable[[int], Pool[Any]]) -> Iterator[Outcome]:
        """Make the pictures with workers, and yield the end of each job as soon as it is known.

        The workers end with the iteration. The ends of pictures that are finished by then are in the report, too.

        Args:
            start: Function that starts the workers for a number of jobs. It is not called if all pictures are finished.

        Raises:
            CannotWrite: If the report cannot be written, or if no other picture could be written.
        """
        pool: Pool[Any] | None = None
        waiting = bytearray(self.total + 1)  # by the number of the job
        try:
            for job, line in self._plan.jobs():
                end = known_end(job, line, self._settings)
                if end is None:
                    waiting[job.number] = True
                else:
                    yield from self._record([end])
            if any(waiting):
                pool = start(sum(waiting))
                self.workers = pool.count
                yield from self._work(pool, waiting)
        finally:
            with uninterrupted():
                for _ in self._record([] if pool is None else pool.close()):
                    pass
                if self._is_complete:
                    self._report.replace(self._plan.lines())

    def _work(self, pool: Pool[Any], waiting: Sequence[int]) -> Iterator[Outcome]:
        """Make the pictures of the jobs whose place in `waiting` is not 0, and yield their ends."""
        jobs = ((job, line) for job, line in self._plan.jobs() if waiting[job.number])
        tasks = (Task(job, line, stamp=job_stamp(job)) for job, line in jobs)
        for call in make_calls(tasks, max(1, min(MAX_TOGETHER, sum(waiting) // max(1, pool.count)))):
            while pool.is_full:
                yield from self._record(pool.collect())
            pool.submit(call)
        while pool.is_busy:
            yield from self._record(pool.collect())

    def _record(self, outcomes: Iterable[Outcome]) -> Iterator[Outcome]:
        """Write the ends of jobs into the report, and yield them.

        Raises:
            CannotWrite: If the report cannot be written, or if no other picture could be written.
        """
        for outcome in outcomes:
            if outcome.stops:  # the same command goes on here when there is room again
                raise CannotWrite(outcome.line.error)
            if self._plan.line(outcome.line.output) != outcome.line:
                self._report.add(outcome.line)
                try:
                    self._plan.add_lines([outcome.line])
                except BaseException:
                    self._is_complete = False  # the report now has a line that the plan lacks
                    raise
            self.counts[outcome.status] += 1
            yield outcome


@contextmanager
def open_batch(jobs: Iterable[Job], settings: WorkerSettings) -> Iterator[Batch]:
    """Return a batch, after checking the names of all of its pictures. Its folder is made if it does not exist.

    Args:
        jobs: The jobs. They are read once.
        settings: Settings of the batch.

    Raises:
        InvalidSetting: If two jobs have the same output, or the report of the folder is damaged.
        CannotWrite: If the folder cannot be written to, or another batch works there.
    """
    with open_plan() as plan:
        plan.add_jobs(keep_photograph(job, settings.folder) for job in jobs)
        create_folders(settings.folder)
        with open_report(settings.folder) as report:
            plan.add_lines(report.read())
            yield Batch(plan, report, settings)


def known_end(job: Job, line: Line | None, settings: WorkerSettings) -> Outcome | None:
    """Return the end of a job if nothing has changed since the line of its picture was written. Otherwise, return None.

    Args:
        job: The job.
        line: Line of its picture in the report. None if there is none.
        settings: Settings of the batch.
    """
    if line is None or not line.key or not line.stamp or line.stamp != job_stamp(job):
        return None
    if line.status == DONE:
        return Outcome(SKIPPED, line) if is_file(settings.folder / job.output) else None
    return None if settings.retry else Outcome(FAILED, line)


def keep_photograph(job: Job, folder: Path) -> Job:
    """Return a job. If its picture would replace its photograph, the job has a sentence about this."""
    path = folder / job.output
    if job.photo is None or is_address(job.photo) or path.resolve() != Path(job.photo).resolve():
        return job
    problem = f"{quote_path(path)} is the photograph itself; choose another --output or --name"
    return replace(job, recipe=None, problem=problem)


def make_calls(tasks: Iterable[Task], together: int) -> Iterator[list[Task]]:
    """Yield lists of consecutive tasks for one call of a worker: several small pictures, or one large one.

    Args:
        tasks: The tasks.
        together: Largest number of tasks in a call.
    """
    call: list[Task] = []
    for task in tasks:
        if call and (len(call) >= together or not can_share(task.job, call[0].job)):
            yield call
            call = []
        call.append(task)
    if call:
        yield call


def can_share(job: Job, other: Job) -> bool:
    """Return whether the pictures of two jobs are probably faster together than one after the other."""
    one, two = job.recipe, other.recipe
    if isinstance(one, ClassRecipe) and isinstance(two, ClassRecipe):
        return (one.network, one.size) == (two.network, two.size)
    if isinstance(one, PhotoRecipe) and isinstance(two, PhotoRecipe) and one.size is not None:
        return one.size <= SMALL_SIDE and (one.network, one.size) == (two.network, two.size)
    return False
