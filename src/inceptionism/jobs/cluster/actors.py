"""Actors of a Ray cluster: objects that work in processes of their own, on any of its machines."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from inceptionism.errors import InceptionismError, first_line
from inceptionism.jobs.cluster.connection import Cluster, ClusterError, Resources
from inceptionism.jobs.cluster.parcels import Fingerprint
from inceptionism.version import __version__

CONTROL = "control"
"""Name of the group of calls that are answered at once, also while an actor works."""

CHECK_SECONDS = 5.0
"""Time in seconds after which new machines are looked for."""

START_SECONDS = 900.0
"""Time in seconds in which the first actor must start. Machines in a cloud take minutes."""

END_SECONDS = 20.0
"""Time in seconds in which actors must end by themselves."""

MAX_FAILED_STARTS = 4
"""Largest number of actors in a row that may die before they have started, for each actor that is wanted."""

DEATH = "its process was killed, or its machine was lost"
"""Reason of the death of an actor."""


class Facts(NamedTuple):
    """Facts about an actor that has started.

    Attributes:
        version: Version of this package on its machine.
        machine: Name of the machine.
        shares_output: Whether it sees the folder of the output.
    """

    version: str
    machine: str
    shares_output: bool = False


class ActorDied(Exception):
    """An actor has died. Nothing that it was asked for will be answered."""


class AnswerLost(Exception):
    """An actor had answered, but the machine that kept the answer was lost."""


class Actors:
    """The actors of one class. The class has the methods `begin`, `sees`, `stop` and `end`.

    Args:
        cluster: The cluster. It is closed with the actors.
        kind: The class.
        arguments: Arguments of the class.
        beginning: Arguments of its method `begin` after the version of this package. It returns `Facts`.
        resources: Resources of each actor.
        workers: Number of actors. They start as soon as there is room for them. None for as many as there is room for,
            also on machines that join later.
        most: Largest number of actors that are of use.
        calls: Number of calls that each actor works on at the same time, besides those that it answers at once.
        joined: Function that is called with each actor that has started, and with its facts.

    Attributes:
        count: Number of actors that are wanted.

    Raises:
        ClusterError: If `workers` is None, and there is no room for an actor.
    """

    def __init__(
        self,
        cluster: Cluster,
        kind: Callable[..., object],
        arguments: Sequence[Any],
        beginning: Sequence[Any],
        *,
        resources: Resources,
        workers: int | None,
        most: int,
        calls: int,
        joined: Callable[[Any, Facts], object],
    ) -> None:
        self._cluster, self._kind, self._arguments, self._beginning = cluster, kind, arguments, beginning
        self._resources, self._workers, self._most = resources, workers, most
        self._calls, self._joined = calls, joined
        self.count = 0
        self._running: list[Any] = []
        self._starting: dict[Any, Any] = {}
        self._failed_starts = 0
        self._idle_since = time.monotonic()
        self._fill()
        if not self.count:
            needed = "a GPU" if resources.gpus else "a processor core"
            raise ClusterError(
                f"the cluster has no machine with {needed} and {resources.memory // 2**20} MiB of memory for a worker; "
                "choose another --device, or give --workers if machines will join the cluster"
            )

    def want(self, most: int) -> None:
        """Start more actors if more are of use than before.

        Args:
            most: Largest number of actors that are of use.
        """
        if most > self._most:
            self._most = most
            self._fill()

    def wait(self, answers: Iterable[Any], seconds: float = CHECK_SECONDS) -> Any | None:
        """Wait until an answer is ready, and return its reference. None if something else has happened.

        Args:
            answers: References to answers.
            seconds: Longest time.

        Raises:
            ClusterError: If actors cannot start.
        """
        waiting = [*self._starting, *answers]
        if not waiting:
            time.sleep(seconds)
            return None
        ready, _ = self._cluster.ray.wait(waiting, timeout=seconds)
        if not ready:
            self._check_room()
            return None
        (reference,) = ready
        if reference not in self._starting:
            return reference
        self._finish_start(reference)
        return None

    def get(self, reference: Any) -> Any:
        """Return an answer.

        Raises:
            ActorDied: If the actor has died. Call `replace` with it.
            AnswerLost: If the answer is lost.
            InceptionismError: If the method has raised such an error.
        """
        errors = self._cluster.ray.exceptions
        try:
            return self._cluster.ray.get(reference)
        except errors.RayActorError:
            raise ActorDied(DEATH) from None
        except errors.RayTaskError as error:
            if isinstance(error.cause, InceptionismError):
                raise error.cause from None
            raise AnswerLost(first_line(error)) from None
        except errors.RayError as error:
            raise AnswerLost(first_line(error)) from None

    def call(self, actor: Any, method: str, *arguments: Any) -> Any:
        """Call a method of an actor that answers at once, and return a reference to its answer."""
        return getattr(actor, method).options(concurrency_group=CONTROL).remote(*arguments)

    def sees(self, actor: Any, file: Fingerprint) -> bool:
        """Return whether an actor sees a file. False if it has died, which is noticed at its next answer."""
        with suppress(ActorDied, AnswerLost):
            return bool(self.get(self.call(actor, "sees", file)))
        return False

    def replace(self, actor: Any) -> None:
        """Start another actor in the place of one that has died."""
        self._running.remove(actor)
        self._idle_since = time.monotonic()
        self._start()

    def stop(self, answers: Iterable[Any]) -> list[Any]:
        """Let all actors stop after their current step.

        Args:
            answers: References to answers that are still wanted.

        Returns:
            The references to those that are ready then.
        """
        ray = self._cluster.ray
        with suppress(ray.exceptions.RayError):
            for actor in self._running:
                self.call(actor, "stop")
            waiting = [*answers]
            if waiting:
                ready, _ = ray.wait(waiting, num_returns=len(waiting), timeout=END_SECONDS)
                return list(ready)
        return []

    def close(self) -> None:
        """Delete the files of all actors, end their processes, and close the cluster."""
        ray = self._cluster.ray
        try:
            with suppress(ray.exceptions.RayError):
                ends = [self.call(actor, "end") for actor in self._running]
                if ends:
                    ray.wait(ends, num_returns=len(ends), timeout=END_SECONDS)
                for actor in [*self._running, *self._starting.values()]:
                    ray.kill(actor)
        finally:
            self._cluster.close()

    def _fill(self) -> None:
        """Start as many actors as are of use and have room."""
        self.count = max(self.count, min(self._most, self._workers or self._cluster.room(self._resources)))
        for _ in range(self.count - len(self._running) - len(self._starting)):
            self._start()

    def _start(self) -> None:
        """Ask the cluster for another actor."""
        remote = self._cluster.ray.remote(
            num_cpus=self._resources.cpus,
            num_gpus=self._resources.gpus,
            memory=self._resources.memory,
            max_restarts=0,
            max_concurrency=self._calls,
            concurrency_groups={CONTROL: 1},
        )(self._kind)
        actor = remote.remote(*self._arguments)
        self._starting[self.call(actor, "begin", __version__, *self._beginning)] = actor

    def _finish_start(self, reference: Any) -> None:
        """Let an actor join the others, or start another one if it has died.

        Raises:
            ClusterError: If its machine lacks this package or has another version of it, or if no actor can start.
        """
        actor = self._starting.pop(reference)
        errors = self._cluster.ray.exceptions
        try:
            facts: Facts = self._cluster.ray.get(reference)
        except errors.RayError as error:
            last_line = str(error).strip().rpartition("\n")[2]
            if last_line.startswith(("ModuleNotFoundError", "ImportError")):
                raise ClusterError(
                    f"a machine of the cluster cannot start a worker: {last_line}; install inceptionism and what it "
                    "needs on all machines"
                ) from None
            self._failed_starts += 1
            if not isinstance(error, errors.RayActorError) or self._failed_starts > MAX_FAILED_STARTS * self.count:
                raise ClusterError(f"the cluster cannot start a worker: {first_line(error)}") from None
            self._start()
            return
        if facts.version != __version__:
            raise ClusterError(
                f"inceptionism is version {facts.version} on {facts.machine} and version {__version__} here; install "
                "the same version on all machines of the cluster"
            )
        self._failed_starts = 0
        self._running.append(actor)
        self._joined(actor, facts)

    def _check_room(self) -> None:
        """Start more actors if machines have joined the cluster.

        Raises:
            ClusterError: If there is no actor, and none could start for a long time.
        """
        if self._workers is None:
            self._fill()
        if not self._running and time.monotonic() - self._idle_since > START_SECONDS:
            raise ClusterError(
                f"no worker could start in {START_SECONDS / 60:.0f} minutes; `ray status` shows what the cluster has"
            )
