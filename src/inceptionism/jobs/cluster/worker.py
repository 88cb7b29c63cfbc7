"""A worker on a machine of a cluster. This module is imported there, before torch is."""

from __future__ import annotations

import platform
import shutil
import tempfile
import threading
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import ray

from inceptionism.jobs.cluster.actors import Facts
from inceptionism.jobs.cluster.connection import Resources
from inceptionism.jobs.cluster.parcels import Fingerprint, Parcel, unpack
from inceptionism.jobs.outcomes import DONE, Outcome, WorkerSettings
from inceptionism.version import __version__

if TYPE_CHECKING:
    from inceptionism.jobs.worker import Worker


class RemoteWorker:
    """A worker that an object of Ray calls. Several of its methods can run at the same time.

    Args:
        settings: Settings of the batch. The folder is an absolute path.
        resources: Resources that Ray has reserved for it.
    """

    def __init__(self, settings: WorkerSettings, resources: Resources) -> None:
        self._settings, self._resources = settings, resources
        self._temporary: Path | None = None
        self._unpacking = threading.Lock()
        self._worker: Worker | None = None

    def begin(self, version: str, probe: Fingerprint | None) -> Facts:
        """Get ready for work, and return facts about this worker.

        Args:
            version: Version of this package in the program. With another version, nothing else happens.
            probe: A file in the folder of the batch. None if files are sent in any case.
        """
        facts = Facts(__version__, platform.node(), probe is not None and self.sees(probe))
        if version == __version__:
            self._load(facts.shares_output)
        return facts

    def _load(self, shares_output: bool) -> None:
        """Make the worker. If it does not see the folder of the batch, its pictures get a temporary folder."""
        from inceptionism.jobs.worker import Worker

        prepare_process(self._resources)
        self._temporary = Path(tempfile.mkdtemp(prefix="inceptionism-"))
        folder = self._settings.folder if shares_output else self._temporary / "output"
        self._settings = replace(self._settings, folder=folder)
        self._worker = Worker(self._settings)

    def sees(self, file: Fingerprint) -> bool:
        """Return whether a file of the program's machine is on this machine, too."""
        return file.is_here()

    def work(self, parcels: Sequence[Parcel]) -> list[tuple[Outcome, bytes | None]] | None:
        """Make the pictures of jobs. None if the worker was asked to stop.

        Returns:
            The end of each job. If the program must write the picture, also the content of its file.
        """
        from inceptionism.jobs.worker import Stopped

        assert self._worker is not None
        assert self._temporary is not None
        with tempfile.TemporaryDirectory(dir=self._temporary) as name:
            with self._unpacking:
                folders = Path(name), self._temporary, self._settings.folder
                tasks = [unpack(parcel, *folders, ray.get) for parcel in parcels]
            try:
                outcomes = self._worker.work(tasks)
            except Stopped:
                return None
            return [(one, self._take(parcel, one)) for one, parcel in zip(outcomes, parcels, strict=True)]

    def _take(self, parcel: Parcel, outcome: Outcome) -> bytes | None:
        """Return the content of a new picture that the program must write. The file on this machine is deleted."""
        if not parcel.returns_picture:
            return None
        path = self._settings.folder / parcel.task.job.output
        content = path.read_bytes() if outcome.status == DONE else None
        path.unlink(missing_ok=True)
        return content

    def stop(self) -> None:
        """Stop the work after the current step."""
        if self._worker is not None:
            self._worker.stop()

    def end(self) -> None:
        """Delete the temporary files."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)


def prepare_process(resources: Resources) -> None:
    """Let this process use the memory and the threads that its resources stand for."""
    import torch

    from inceptionism.limits import share_memory

    own = ray.get_runtime_context().get_node_id()
    machine = next(node["Resources"] for node in ray.nodes() if node["NodeID"] == own)
    share_memory(1 / max(1, resources.fitting(machine)))
    torch.set_num_threads(resources.cpus)
