"""The worker of the studio: one thread that does one job after another, and can be stopped between two steps."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import Any, Generic, TypeVar

import torch

Update = TypeVar("Update")

WAIT_SECONDS = 0.25
"""Longest time in seconds between two looks at a job whose visitor may have left."""


class Job(Generic[Update]):
    """A job: its latest update, and the request to stop it.

    Attributes:
        stopped: Whether the job was asked to stop after the current step.
    """

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._changed = threading.Condition()
        self._latest: Update | None = None

    @property
    def stopped(self) -> bool:
        return self._stop.is_set()

    def stop(self) -> None:
        """Ask the job to stop after the current step."""
        self._stop.set()

    def show(self, update: Update) -> None:
        """Replace the latest update. Only the newest one is kept."""
        with self._changed:
            self._latest = update
            self._changed.notify()

    def take_update(self) -> Update | None:
        """Return the newest update that was not taken yet. Wait a moment for it; None if there is none."""
        with self._changed:
            if self._latest is None:
                self._changed.wait(WAIT_SECONDS)
            latest, self._latest = self._latest, None
            return latest


class Worker:
    """One thread that does one job after another, one for short work, and one for downloads.

    All jobs run in the same thread, because each thread that computes with torch gets a team of threads of its own.
    """

    def __init__(self) -> None:
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="studio")
        self._short = ThreadPoolExecutor(1, thread_name_prefix="studio-short")
        self._downloads = ThreadPoolExecutor(1, thread_name_prefix="studio-download")
        self._downloading: set[Job[Any]] = set()
        self._jobs: dict[Job[Any], tuple[str, Future[Any]]] = {}
        self._closed = False

    @contextmanager
    def all_threads(self) -> Iterator[None]:
        """Within the block, let jobs compute with all threads of torch, short work with half of them, others with one.

        Each thread that computes gets a team of threads of its own. As soon as a process has more of these threads than
        processor cores, those of libgomp sleep between two operations, and a picture takes half as long again. Short
        work is done beside a browser that draws, and threads that wait for each other would wait for it, too.
        """
        threads = torch.get_num_threads()
        # A thread takes the number when it uses torch for the first time, or when it sets it.
        self._executor.submit(torch.get_num_threads).result()
        self._short.submit(torch.set_num_threads, max(1, threads // 2)).result()
        torch.set_num_threads(1)
        try:
            yield
        finally:
            torch.set_num_threads(threads)

    def watch(self, visitor: str, work: Callable[[Job[Update]], Update]) -> Iterator[Update]:
        """Do work, and yield its updates; the last one is the value that `work` returns.

        If the caller closes the iterator, the work stops after its current step.

        Args:
            visitor: Key of the visitor whom the job belongs to.
            work: Function that does the work. It looks at `stopped` of its job after each step.

        Raises:
            Exception: The error with which the work ended.
        """
        job: Job[Update] = Job()
        if self._closed:
            job.stop()
        future = self._executor.submit(work, job)
        self._jobs[job] = visitor, future
        future.add_done_callback(lambda _: self._jobs.pop(job, None))
        yield from updates(job, future)

    def download(self, work: Callable[[Job[Update]], Update]) -> Iterator[Update]:
        """Download something while the jobs go on, and yield the updates as `watch` does."""
        job: Job[Update] = Job()
        if self._closed:
            job.stop()
        self._downloading.add(job)
        future = self._downloads.submit(work, job)
        future.add_done_callback(lambda _: self._downloading.discard(job))
        yield from updates(job, future)

    @property
    def is_busy(self) -> bool:
        """Whether a job of `watch` is running or waiting."""
        return bool(self._jobs)

    def do(self, work: Callable[[], Update]) -> Update:
        """Do short work in the thread for it, and return its value. This does not wait for the jobs."""
        return self._short.submit(work).result()

    def stop(self, visitor: str) -> None:
        """Ask the jobs of a visitor to stop after the current step."""
        for job, (owner, _) in list(self._jobs.items()):
            if owner == visitor:
                job.stop()

    def close(self) -> None:
        """Stop all jobs after their current step, and wait until their pictures are saved."""
        self._closed = True
        jobs = dict(self._jobs)
        for job in [*jobs, *self._downloading]:
            job.stop()
        wait([future for _, future in jobs.values()])
        self._executor.shutdown()
        self._short.shutdown()
        self._downloads.shutdown()


def updates(job: Job[Update], future: Future[Update]) -> Iterator[Update]:
    """Yield the updates of a job; the last one is its result. If the caller closes the iterator, the job is stopped."""
    try:
        while not future.done():
            update = job.take_update()
            if update is not None:
                yield update
        yield future.result()
    finally:
        job.stop()
