"""Benchmark of the queue of a batch: the memory of the program, and the time that a job costs besides its work.

The jobs do nothing. They are given to a stand-in in this process, or to a worker on a Ray cluster of this machine.
Each way and number of jobs has a process of its own, so that its largest memory is measured.
"""

from __future__ import annotations

import argparse
import json
import platform
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.table import Table

from inceptionism.jobs import Pool, Request, WorkerSettings, entries_of, make_jobs, open_batch
from inceptionism.jobs.cluster.actors import Facts
from inceptionism.jobs.outcomes import DONE, Outcome, Task, line_of
from inceptionism.jobs.pool import PoolWorker
from inceptionism.version import __version__


class Nothing:
    """A worker on a cluster that makes no picture, in the place of `RemoteWorker`."""

    def __init__(self, *_settings: Any) -> None: ...

    def begin(self, _version: str, _probe: Any) -> Facts:
        return Facts(__version__, platform.node(), shares_output=True)

    def sees(self, _file: Any) -> bool:
        return True

    def work(self, parcels: Sequence[Any]) -> list[tuple[Outcome, None]]:
        return [(Outcome(DONE, line_of(one.task, DONE, "")), None) for one in parcels]

    def stop(self) -> None: ...

    def end(self) -> None: ...


class NothingPool(Pool[PoolWorker]):
    """A worker in this process that makes no picture."""

    calls_ahead = 0

    def __init__(self) -> None:
        super().__init__(0)
        self._workers.append(PoolWorker())

    def close(self) -> list[Outcome]:
        return []

    def _send(self, worker: PoolWorker, number: int, tasks: Sequence[Task]) -> None: ...

    def _wait(self) -> list[Outcome]:
        (worker,) = self._workers
        number, call = next(iter(worker.calls.items()))
        self._finish(worker, number)
        return [Outcome(DONE, line_of(task, DONE, "")) for task in call.tasks]


def open_pool(way: str, settings: WorkerSettings, total: int) -> Pool[Any]:
    """Return the workers of a way."""
    if way == "this process":
        return NothingPool()
    import ray

    from inceptionism.jobs.cluster import pool as cluster_pool
    from inceptionism.jobs.cluster.connection import Cluster

    ray.init(num_cpus=1, include_dashboard=False, log_to_driver=False)
    vars(cluster_pool)["RemoteWorker"] = Nothing
    cluster = Cluster("auto")
    return cluster_pool.ClusterPool(
        settings, cluster, cluster.resources("cpu", 1), workers=1, most=total, transfer="auto"
    )


def measure(way: str, count: int) -> None:
    """Run a batch of jobs that do nothing, and print the seconds of its run and the largest memory in MiB as JSON."""
    with TemporaryDirectory() as folder:
        settings = WorkerSettings(Path(folder))
        request = Request(sweeps={"target": ["banana"], "seed": range(count)})
        with open_batch(make_jobs(entries_of([], settings.folder, recursive=False), request), settings) as batch:
            start = 0.0
            for _ in batch.run(partial(open_pool, way, settings)):
                start = start or time.perf_counter()  # the worker has started with its first answer
            seconds = time.perf_counter() - start
            assert batch.counts.total() == count
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (2**20 if sys.platform == "darwin" else 2**10)
    print(json.dumps([seconds, memory]))


def main() -> None:
    """Measure each way with each number of jobs, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--counts", type=int, nargs="*", default=[1000, 100_000], help="numbers of jobs")
    parser.add_argument("--way", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.way:
        measure(arguments.way, arguments.counts[0])
        return
    table = Table("worker", "jobs", "MiB", "ms a job")
    for way in ("this process", "Ray"):
        for count in arguments.counts:
            command = [sys.executable, "-m", "bench.job_queue", "--way", way, "--counts", str(count)]
            output = subprocess.run(command, check=True, capture_output=True, text=True).stdout
            seconds, memory = json.loads(output.splitlines()[-1])
            table.add_row(way, f"{count:,}", f"{memory:.0f}", f"{1000 * seconds / count:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
