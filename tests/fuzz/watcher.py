"""The process that watches a worker: it notices crashes and hangs, and starts a new worker after them."""

from __future__ import annotations

import gc
import importlib
import multiprocessing
import signal
import tempfile
import time
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import psutil
from hypothesis import given, settings
from hypothesis.strategies import integers

from tests.fuzz.worker import CASE, LOG, NEEDS_NEW_PROCESS, Finding, Shared, work

IN_MEMORY = "/dev/shm"
"""Folder in the memory of a Linux machine. Thousands of inputs are written to files, which no disk needs to hold."""

HANG_SECONDS = 60
"""Time that a worker may wait for something, for example for a lock, while it reads one input."""

OVERDUE_SECONDS = 300
"""Time after the end of the run in which a worker must have ended."""

BUSY_SECONDS = 20
"""Processor time that an input may take in a library that does not react to the worker's own limit."""


class Outcome(NamedTuple):
    """Number of inputs of a reader, and how many of them were read and not refused."""

    cases: int
    read: int


def fuzz(name: str, seed: str, seconds: float, findings: Path) -> Outcome:
    """Read mutants with one reader, and save findings into a folder.

    Args:
        name: Name of the reader.
        seed: Seed of all random choices.
        seconds: Duration.
        findings: Folder for findings.

    Raises:
        RuntimeError: If the seeds of the reader cannot be made.
    """
    context = multiprocessing.get_context("fork")  # the modules are imported only once
    prepare_hypothesis()
    shared = Shared(*(context.Value(kind, 0) for kind in "qqqdd"))
    while not shared.until.value or time.monotonic() < shared.until.value:
        with tempfile.TemporaryDirectory(dir=IN_MEMORY if Path(IN_MEMORY).is_dir() else None) as folder:
            # A worker must not delete garbage of this process: it can hold locks of threads that only exist here.
            gc.collect()
            process = context.Process(target=work, args=(name, seed, seconds, Path(folder), findings, shared))
            process.start()
            hangs = has_hung(process, shared)
            status = process.exitcode or 0
            if status not in (0, NEEDS_NEW_PROCESS):
                log = (Path(folder) / LOG).read_text("utf-8", "replace")
                if not shared.since.value and (hangs or status > 0):
                    raise RuntimeError(f"the worker for {name} {'hangs' if hangs else 'failed'}:\n{log}")
                what = "hang" if hangs else signal.Signals(-status).name if status < 0 else f"exit-{status}"
                content = (Path(folder) / CASE).read_bytes()
                Finding(f"{name}-{what}-{shared.round.value}", content, log).save(findings)
        shared.since.value = 0
        shared.round.value += status != 0
    return Outcome(shared.cases.value, shared.read.value)


@cache
def prepare_hypothesis() -> None:
    """Let Hypothesis look for constants in the modules of the program, so that not each worker does it again."""
    importlib.import_module("inceptionism.api")
    settings(database=None)(given(integers())(lambda _: None))()


def has_hung(process: Any, shared: Shared) -> bool:
    """Wait for the end of a worker, and return False. Return True after killing a worker that hangs.

    On a busy machine, a worker may get no processor for a long time. That is no hang.
    """
    watched, case, busy_at_start = psutil.Process(process.pid), -1, 0.0
    while process.is_alive():
        process.join(0.1)
        with suppress(psutil.NoSuchProcess):
            busy = sum(watched.cpu_times()[:2])
            if case != shared.cases.value:
                case, busy_at_start = shared.cases.value, busy
            since = shared.since.value
            waits = watched.status() == psutil.STATUS_SLEEPING and time.monotonic() > since + HANG_SECONDS
            is_overdue = 0 < shared.until.value < time.monotonic() - OVERDUE_SECONDS
            if is_overdue or (since and (waits or busy > busy_at_start + BUSY_SECONDS)):
                process.kill()
                process.join()
                return True
    return False
