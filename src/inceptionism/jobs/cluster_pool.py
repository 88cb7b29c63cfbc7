"""Workers of a batch on the machines of a Ray cluster."""

from __future__ import annotations

import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from inceptionism.errors import InceptionismError, first_line, quote_path
from inceptionism.io import convert_write_errors
from inceptionism.jobs.cluster import CONTROL, Cluster, ClusterError, Resources
from inceptionism.jobs.outcomes import Outcome, Task, WorkerSettings, failure
from inceptionism.jobs.parcels import Fingerprint, Packer, View
from inceptionism.jobs.pictures import write_picture
from inceptionism.jobs.pool import Pool, PoolWorker
from inceptionism.jobs.remote import Facts, RemoteWorker
from inceptionism.jobs.transfer import OBJECTS, PATHS
from inceptionism.version import __version__

PROBE = ".cluster-probe"
"""Name of the file by which workers recognize the folder of the batch."""

CHECK_SECONDS = 5.0
"""Time in seconds after which the pool looks for new machines."""

START_SECONDS = 900.0
"""Time in seconds in which a worker must start. Machines in a cloud take minutes."""

END_SECONDS = 20.0
"""Time in seconds in which the workers must end by themselves."""


@dataclass(eq=False)
class ClusterWorker(PoolWorker):
    """A worker on a machine of the cluster.

    Attributes:
        handle: Ray's handle of its `RemoteWorker`.
        view: The files that it sees.
    """

    handle: Any = None
    view: View = field(init=False)


class ClusterPool(Pool[ClusterWorker]):
    """Workers on the machines of a cluster. If a machine is lost, the jobs of its workers are repeated on others.

    Args:
        settings: Settings of the batch.
        cluster: The cluster. It is closed with the pool.
        resources: Resources of each worker.
        workers: Number of workers. They start as soon as there is room for them. None for as many as there is room for,
            also on machines that join later.
        most: Largest number of workers that are of use.
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
        self._cluster, self._resources, self._transfer = cluster, resources, transfer
        self._follows = workers is None
        self._most = most
        super().__init__(min(most, workers or cluster.room(resources)))
        if not self.count:
            needed = "a GPU" if resources.gpus else "a processor core"
            raise ClusterError(
                f"the cluster has no machine with {needed} and {resources.memory // 2**20} MiB of memory for a worker; "
                "choose another --device, or give --workers if machines will join the cluster"
            )
        self._settings = settings
        self._packer = Packer(settings, transfer, cluster.ray.put)
        self._starting: dict[Any, ClusterWorker] = {}
        self._answers: dict[Any, tuple[ClusterWorker, int]] = {}
        self._probe: Fingerprint | None = None
        self._started = time.monotonic()
        if transfer != OBJECTS:
            path = settings.folder / PROBE
            with convert_write_errors(path):
                path.write_text(uuid.uuid4().hex)
                self._probe = Fingerprint.of(path)
        for _ in range(self.count):
            self._start()

    def close(self) -> list[Outcome]:
        outcomes: list[Outcome] = []
        ray = self._cluster.ray
        workers = [*self._workers, *self._starting.values()]
        try:
            with suppress(ray.exceptions.RayError):
                for worker in self._workers:
                    self._call(worker, "stop")
                answers = [*self._answers]
                finished, _ = ray.wait(answers, num_returns=len(answers), timeout=END_SECONDS) if answers else ([], [])
                for answer in finished:
                    with suppress(ray.exceptions.RayError):
                        outcomes += self._receive(*self._answers.pop(answer), ray.get(answer))
                ends = [self._call(worker, "end") for worker in self._workers]
                if ends:
                    ray.wait(ends, num_returns=len(ends), timeout=END_SECONDS)
                for worker in workers:
                    ray.kill(worker.handle)
        finally:
            self._cluster.close()
            if self._probe is not None:
                Path(self._probe.path).unlink(missing_ok=True)
        return outcomes

    def _call(self, worker: ClusterWorker, method: str, *arguments: Any) -> Any:
        """Call a method of a worker that answers at once, and return a reference to its answer."""
        return getattr(worker.handle, method).options(concurrency_group=CONTROL).remote(*arguments)

    def _start(self) -> None:
        """Ask the cluster for another worker."""
        settings = replace(self._settings, folder=self._settings.folder.absolute())
        handle = self._cluster.start(RemoteWorker, self._resources, settings, self._resources)
        worker = ClusterWorker(handle=handle)
        self._starting[self._call(worker, "begin", __version__, self._probe)] = worker

    def _send(self, worker: ClusterWorker, number: int, tasks: Sequence[Task]) -> None:
        parcels = [self._packer.pack(task, worker.view) for task in tasks]
        self._answers[worker.handle.work.remote(parcels)] = worker, number

    def _wait(self) -> list[Outcome]:
        ray = self._cluster.ray
        ready, _ = ray.wait([*self._starting, *self._answers], timeout=CHECK_SECONDS)
        if not ready:
            self._check_room()
            return []
        (answer,) = ready
        try:
            content = ray.get(answer)
        except ray.exceptions.RayActorError as error:
            return self._died(answer, error)
        except ray.exceptions.RayError as error:
            if answer in self._starting:
                raise ClusterError(f"a worker cannot start: {first_line(error)}") from None
            worker, number = self._answers.pop(answer)  # its machine was lost after the worker had answered
            return self._repeat(worker.calls.pop(number), first_line(error))
        if answer in self._starting:
            self._begin(self._starting.pop(answer), content)
            return []
        return self._receive(*self._answers.pop(answer), content)

    def _begin(self, worker: ClusterWorker, facts: Facts) -> None:
        """Let a worker that has started take calls.

        Raises:
            ClusterError: If its machine has another version of this package, or does not see the folder of the batch.
        """
        if facts.version != __version__:
            raise ClusterError(
                f"inceptionism is version {facts.version} on {facts.machine} and version {__version__} here; install "
                "the same version on all machines of the cluster"
            )
        folder = quote_path(self._settings.folder.absolute())
        if self._transfer == PATHS and not facts.shares_output:
            raise ClusterError(
                f"{facts.machine} does not see the folder {folder}; choose a folder that all machines share, or "
                "--transfer objects"
            )
        ray = self._cluster.ray

        def sees(file: Fingerprint) -> bool:
            with suppress(ray.exceptions.RayError):  # a dead worker is noticed when it does not answer
                return bool(ray.get(self._call(worker, "sees", file)))
            return False

        worker.view = View(sees, facts.shares_output)
        self._workers.append(worker)
        self._started = time.monotonic()

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

    def _died(self, answer: Any, error: Exception) -> list[Outcome]:
        """Remove a worker that has died, and ask for another one. Return the ends of jobs that are not repeated."""
        reason = "its process was killed, or its machine was lost"
        outcomes: list[Outcome] = []
        if answer in self._starting:
            del self._starting[answer]
            last_line = str(error).strip().rpartition("\n")[2]
            if last_line.startswith(("ModuleNotFoundError", "ImportError")):
                raise ClusterError(
                    f"a machine of the cluster cannot start a worker: {last_line}; install inceptionism and what it "
                    "needs on all machines"
                )
            self._count_death(reason)
        else:
            worker, _ = self._answers[answer]
            self._answers = {one: call for one, call in self._answers.items() if call[0] is not worker}
            outcomes = self._bury(worker, reason)
        self._start()
        return outcomes

    def _check_room(self) -> None:
        """Start more workers if machines have joined the cluster.

        Raises:
            ClusterError: If there is no worker, and none could start for a long time.
        """
        if self._follows:
            self.count = max(self.count, min(self._most, self._cluster.room(self._resources)))
            for _ in range(self.count - len(self._workers) - len(self._starting)):
                self._start()
        if not self._workers and time.monotonic() - self._started > START_SECONDS:
            raise ClusterError(
                f"no worker could start in {START_SECONDS / 60:.0f} minutes; `ray status` shows what the cluster has"
            )
