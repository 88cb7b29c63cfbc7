"""Workers of a batch on this machine: each is a process of its own."""

from __future__ import annotations

import os
import queue
import subprocess
import sys
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import IO, Any

from inceptionism.jobs.outcomes import Outcome, Task, WorkerSettings
from inceptionism.jobs.pool import Pool, PoolWorker
from inceptionism.jobs.process import receive, send
from inceptionism.limits import available_cores, free_memory

WORKER_BYTES = 800 * 2**20
"""Memory that a worker needs for pictures of usual sizes, in bytes."""

GPU_FILES = ("/dev/nvidia0", "/dev/nvidiactl", "/dev/kfd", "/dev/dxg")
"""Files of Linux, one of which exists if there is a GPU of NVIDIA or AMD."""

END_SECONDS = 20.0
"""Time in seconds in which a worker must end by itself."""


def count_gpus(device: str) -> int:
    """Return the number of GPUs that the pictures of a device setting are made on. It is 0 for the CPU."""
    if device == "cpu" or (sys.platform == "linux" and not any(map(os.path.exists, GPU_FILES))):
        return 0
    import torch  # takes a second, so it is imported only where there may be a GPU

    if torch.cuda.is_available():
        return torch.cuda.device_count() if device in ("auto", "cuda") else 1
    return int(torch.backends.mps.is_available())


def choose_workers(gpus: int) -> int:
    """Return the number of workers that suits this machine: one for each GPU, or else one for each core.

    There are fewer if the free memory is not enough for so many.

    Args:
        gpus: Number of GPUs. 0 for the CPU.
    """
    return gpus or max(1, min(available_cores(), free_memory() // WORKER_BYTES))


@dataclass(eq=False)
class LocalWorker(PoolWorker):
    """A process that works.

    Attributes:
        index: Number of the worker, from 0.
        process: The process.
        reader: Thread that reads its answers.
    """

    index: int = 0
    process: subprocess.Popen[bytes] = field(init=False)
    reader: threading.Thread = field(init=False)


class LocalPool(Pool[LocalWorker]):
    """Processes that work on this machine. If a process dies, another one takes its place.

    Args:
        settings: Settings of the batch.
        workers: Number of processes.
        gpus: Number of GPUs, which the processes share.
    """

    def __init__(self, settings: WorkerSettings, workers: int, gpus: int = 0) -> None:
        super().__init__(workers)
        self._settings, self._gpus = settings, gpus
        self._answers: queue.Queue[tuple[LocalWorker, Any]] = queue.Queue()
        for index in range(workers):
            self._start(index)

    def close(self) -> list[Outcome]:
        for worker in self._workers:
            with suppress(OSError):  # the process has ended
                pipe(worker.process.stdin).close()
        for worker in self._workers:
            try:
                worker.process.wait(END_SECONDS)
            except subprocess.TimeoutExpired:
                worker.process.kill()
                worker.process.wait()
            worker.reader.join()
        outcomes: list[Outcome] = []
        while not self._answers.empty():
            _, answer = self._answers.get()
            outcomes += answer[1] if answer is not None else []
        return outcomes

    def _start(self, index: int) -> None:
        """Start the worker of a number."""
        threads = max(1, available_cores() // self.count)
        environment = {**os.environ, "OMP_NUM_THREADS": str(threads)}
        if self._gpus > 1:
            environment["CUDA_VISIBLE_DEVICES"] = visible_gpu(index % self._gpus)
        command = [sys.executable, "-m", "inceptionism.jobs.process"]
        worker = LocalWorker(index=index)
        worker.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment)

        def read() -> None:
            with suppress(EOFError), pipe(worker.process.stdout) as answers:
                while True:
                    self._answers.put((worker, receive(answers)))
            self._answers.put((worker, None))

        worker.reader = threading.Thread(target=read, daemon=True)
        worker.reader.start()
        self._workers.append(worker)
        with suppress(OSError):  # the process has died, which its reader reports
            send(pipe(worker.process.stdin), (self._settings, threads, 1 / self.count))

    def _send(self, worker: LocalWorker, number: int, tasks: Sequence[Task]) -> None:
        with suppress(OSError):  # the process has died, which its reader reports
            send(pipe(worker.process.stdin), (number, tasks))

    def _wait(self) -> list[Outcome]:
        worker, answer = self._answers.get()
        if answer is None:
            status = worker.process.wait()
            worker.reader.join()
            with suppress(OSError):  # what was not sent yet is lost
                pipe(worker.process.stdin).close()
            killed = "the system may have ended it for lack of memory" if status < 0 else f"its exit status is {status}"
            outcomes = self._bury(worker, killed)
            self._start(worker.index)
            return outcomes
        number, ended = answer
        self._finish(worker, number)
        return list(ended)


def visible_gpu(index: int) -> str:
    """Return the value of CUDA_VISIBLE_DEVICES with which a process sees only one of the GPUs of this program."""
    shown = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return shown.split(",")[index] if shown else str(index)


def pipe(stream: IO[bytes] | None) -> IO[bytes]:
    """Return a stream of a process that was started with pipes."""
    assert stream is not None
    return stream
