"""A worker of a batch in the process of the program itself."""

from __future__ import annotations

from collections.abc import Sequence

from inceptionism.jobs.outcomes import Outcome, Task, WorkerSettings
from inceptionism.jobs.pool import Pool, PoolWorker
from inceptionism.jobs.worker import Worker


class InlinePool(Pool[PoolWorker]):
    """One worker in this process. It starts at once, and uses the networks that this process has loaded.

    Args:
        settings: Settings of the batch.
    """

    calls_ahead = 0

    def __init__(self, settings: WorkerSettings) -> None:
        super().__init__(0)
        self._worker = Worker(settings)
        self._workers.append(PoolWorker())

    def close(self) -> list[Outcome]:
        self._worker.close()
        return []

    def _send(self, worker: PoolWorker, number: int, tasks: Sequence[Task]) -> None:
        """Do nothing: the call is made when its answer is wanted."""

    def _wait(self) -> list[Outcome]:
        (worker,) = self._workers
        number, call = next(iter(worker.calls.items()))
        outcomes = self._worker.work(call.tasks)
        self._finish(worker, number)
        return outcomes
