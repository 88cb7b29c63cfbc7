"""A pool of workers: it gives calls to the worker with the fewest, and repeats those of workers that die."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from inceptionism.errors import InceptionismError
from inceptionism.jobs.outcomes import Outcome, Task, failure


class WorkerDied(InceptionismError):
    """A worker has ended while it made a picture."""


@dataclass(eq=False)
class Call:
    """Tasks that a worker does together.

    Attributes:
        tasks: The tasks.
        deaths: Number of workers that have died with it.
    """

    tasks: Sequence[Task]
    deaths: int = 0


@dataclass(eq=False)
class PoolWorker:
    """A worker, as its pool sees it.

    Attributes:
        calls: Its calls by number.
    """

    calls: dict[int, Call] = field(default_factory=dict)


AnyWorker = TypeVar("AnyWorker", bound=PoolWorker)


class Pool(ABC, Generic[AnyWorker]):
    """Workers, on this machine or on others.

    Args:
        count: Number of workers.

    Attributes:
        count: Number of workers. 0 if this process does the work.
    """

    calls_ahead = 2
    """Number of calls that a worker has besides the one that it dreams, so that it never waits."""

    max_deaths = 2
    """Number of workers that may die with the same job. After that, the job fails."""

    def __init__(self, count: int) -> None:
        self.count = count
        self._workers: list[AnyWorker] = []
        self._repeated: deque[Call] = deque()
        self._number = self._deaths = 0

    @property
    def is_full(self) -> bool:
        """Whether no worker can take another call now."""
        return bool(self._repeated) or all(len(worker.calls) > self.calls_ahead for worker in self._workers)

    @property
    def is_busy(self) -> bool:
        """Whether a call is not finished."""
        return bool(self._repeated) or any(worker.calls for worker in self._workers)

    def submit(self, tasks: Sequence[Task]) -> None:
        """Give tasks to the worker that has the fewest calls. The pool must not be full."""
        self._give(min(self._workers, key=lambda worker: len(worker.calls)), Call(tasks))

    def collect(self) -> list[Outcome]:
        """Wait for the next answer, and return the ends of its jobs. The list is empty if their worker has died.

        Raises:
            WorkerDied: If one worker after another dies.
        """
        outcomes = self._wait()
        for worker in self._workers:
            if self._repeated and not worker.calls:
                self._give(worker, self._repeated.popleft())
        return outcomes

    @abstractmethod
    def close(self) -> list[Outcome]:
        """End the workers after their current step, and return the ends of the jobs that have finished meanwhile."""

    @abstractmethod
    def _send(self, worker: AnyWorker, number: int, tasks: Sequence[Task]) -> None:
        """Send a call to a worker."""

    @abstractmethod
    def _wait(self) -> list[Outcome]:
        """Wait for something to happen, and return the ends of the jobs that have ended."""

    def _give(self, worker: AnyWorker, call: Call) -> None:
        """Give a call to a worker."""
        self._number += 1
        worker.calls[self._number] = call
        self._send(worker, self._number, call.tasks)

    def _finish(self, worker: AnyWorker, number: int) -> None:
        """Forget a call that a worker has finished."""
        del worker.calls[number]
        self._deaths = 0

    def _bury(self, worker: AnyWorker, reason: str) -> list[Outcome]:
        """Remove a worker that has died. Its jobs are repeated, or fail if they were repeated before.

        Args:
            worker: The worker.
            reason: Reason of its death, in words.

        Raises:
            WorkerDied: If one worker after another dies.
        """
        self._workers.remove(worker)
        self._deaths += 1
        if self._deaths > self.max_deaths * (self.count + 1):
            raise WorkerDied(f"one worker after another ends: {reason}")
        return [outcome for call in worker.calls.values() for outcome in self._repeat(call, reason)]

    def _repeat(self, call: Call, reason: str) -> list[Outcome]:
        """Repeat the jobs of a call that is lost. If they were repeated before, return their failures."""
        if call.deaths + 1 < self.max_deaths:
            # One of these jobs is the cause. If each is alone, the others are done.
            self._repeated += [Call([task], call.deaths + 1) for task in call.tasks]
            return []
        error = WorkerDied(f"the worker that made this picture has ended: {reason}")
        return [failure(task, error) for task in call.tasks]
