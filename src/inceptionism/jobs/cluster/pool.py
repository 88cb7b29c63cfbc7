"""Workers of a batch on the machines of a Ray cluster."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from inceptionism.errors import InceptionismError, quote_path
from inceptionism.io import convert_write_errors
from inceptionism.jobs.cluster.actors import ActorDied, Actors, AnswerLost, Facts
from inceptionism.jobs.cluster.connection import Cluster, ClusterError, Resources
from inceptionism.jobs.cluster.parcels import Fingerprint, Packer, View
from inceptionism.jobs.cluster.transfer import OBJECTS, PATHS
from inceptionism.jobs.cluster.worker import RemoteWorker
from inceptionism.jobs.outcomes import Outcome, Task, WorkerSettings, failure
from inceptionism.jobs.pictures import write_picture
from inceptionism.jobs.pool import Pool, PoolWorker
from inceptionism.jobs.process import CALLS

PROBE = ".cluster-probe"
"""Name of the file by which workers recognize the folder of the batch."""


@dataclass(eq=False)
class ClusterWorker(PoolWorker):
    """A worker on a machine of the cluster.

    Attributes:
        actor: Its `RemoteWorker`.
        view: The files that it sees.
    """

    actor: Any = None
    view: View = field(default_factory=View)


class ClusterPool(Pool[ClusterWorker]):
    """Workers on the machines of a cluster. If a machine is lost, the jobs of its workers are repeated on others.

    Args:
        settings: Settings of the batch.
        cluster: The cluster. It is closed with the pool.
        resources: Resources of each worker.
        workers, most: As for `Actors`.
        transfer: How files get to workers: one of `TRANSFERS`.

    Raises:
        ClusterError: If `workers` is None, and there is no room for a worker.
        CannotWrite: If the folder of the batch cannot be written to.
    """

    max_deaths = 4

    def __init__(
        self,
        settings: WorkerSettings,
        cluster: Cluster,
        resources: Resources,
        *,
        workers: int | None,
        most: int,
        transfer: str,
    ) -> None:
        self._settings, self._transfer = settings, transfer
        self._packer = Packer(transfer, cluster.ray.put)
        self._answers: dict[Any, tuple[ClusterWorker, int]] = {}
        self._probe: Fingerprint | None = None
        if transfer != OBJECTS:
            path = settings.folder / PROBE
            with convert_write_errors(path):
                path.write_text(uuid.uuid4().hex)
                self._probe = Fingerprint.of(path)
        try:
            self._actors = Actors(
                cluster,
                RemoteWorker,
                [replace(settings, folder=settings.folder.absolute()), resources],
                [self._probe],
                resources=resources,
                workers=workers,
                most=most,
                calls=CALLS,
                joined=self._join,
            )
        except BaseException:
            self._remove_probe()
            raise
        super().__init__(self._actors.count)

    def close(self) -> list[Outcome]:
        outcomes: list[Outcome] = []
        try:
            for answer in self._actors.stop(self._answers):
                with suppress(ActorDied, AnswerLost):
                    outcomes += self._receive(*self._answers.pop(answer), self._actors.get(answer))
        finally:
            self._actors.close()
            self._remove_probe()
        return outcomes

    def _remove_probe(self) -> None:
        """Delete the file by which workers recognize the folder of the batch."""
        if self._probe is not None:
            Path(self._probe.path).unlink(missing_ok=True)

    def _join(self, actor: Any, facts: Facts) -> None:
        """Let a worker that has started take calls.

        Raises:
            ClusterError: If it must see the folder of the batch, and does not see it.
        """
        if self._transfer == PATHS and not facts.shares_output:
            folder = quote_path(self._settings.folder.absolute())
            raise ClusterError(
                f"{facts.machine} does not see the folder {folder}; choose a folder that all machines share, or "
                "--transfer objects"
            )
        self._workers.append(ClusterWorker(actor=actor, view=View(facts.shares_output)))

    def _send(self, worker: ClusterWorker, number: int, tasks: Sequence[Task]) -> None:
        sees = partial(self._actors.sees, worker.actor)
        parcels = [self._packer.pack(task, self._settings, worker.view, sees) for task in tasks]
        self._answers[worker.actor.work.remote(parcels)] = worker, number

    def _wait(self) -> list[Outcome]:
        answer = self._actors.wait(self._answers)
        self.count = self._actors.count
        if answer is None:
            return []
        worker, number = self._answers[answer]
        try:
            content = self._actors.get(answer)
        except ActorDied as error:
            self._answers = {one: call for one, call in self._answers.items() if call[0] is not worker}
            self._actors.replace(worker.actor)
            return self._bury(worker, str(error))
        except AnswerLost as error:
            del self._answers[answer]
            return self._repeat(worker.calls.pop(number), str(error))
        del self._answers[answer]
        return self._receive(worker, number, content)

    def _receive(self, worker: ClusterWorker, number: int, answer: Any) -> list[Outcome]:
        """Return the ends of the jobs of a call. Pictures that the worker has returned are written."""
        tasks = worker.calls[number].tasks
        self._finish(worker, number)
        return [self._write(task, *one) for task, one in zip(tasks, answer or (), strict=answer is not None)]

    def _write(self, task: Task, outcome: Outcome, content: bytes | None) -> Outcome:
        """Write the content of a picture, if there is any, and return the end of its job."""
        if content is not None:
            try:
                write_picture(self._settings, task, content)
            except InceptionismError as error:
                return failure(task, error, outcome.line.key)
        return outcome
