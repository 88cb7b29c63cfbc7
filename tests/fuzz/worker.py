"""The process that reads mutants of the seeds of one reader, in rounds, and saves the inputs that show a fault."""

from __future__ import annotations

import faulthandler
import gc
import os
import time
import traceback
from pathlib import Path
from typing import Any, NamedTuple

from hypothesis import HealthCheck, Phase, given, seed, settings

from tests.fuzz.limits import BadMessage, TooMuchMemory, TooSlow, forget_peak_memory, is_read, limit_memory, peak_memory
from tests.fuzz.mutations import mutants
from tests.fuzz.readers import READERS

ROUND = 200
"""Number of mutants in a round. Each round has a seed of its own, so a new process can continue with the next one."""

SHRINKING_SECONDS = 10
"""Time in which an input that shows a fault is made smaller."""

CASE, LOG = "case", "log"
"""Names of the files with the input that is being read, and with the output of the process."""

NEEDS_NEW_PROCESS = 3
"""Exit status after an input that has left the process with much memory."""


class TimeIsUp(BaseException):
    """The time of a reader is over. Hypothesis would take an `Exception` for a fault."""


class Shared(NamedTuple):
    """Numbers that the worker shares with the process that watches it.

    Attributes:
        round: Number of the round.
        cases: Number of inputs so far.
        read: Number of inputs so far that were read and not refused.
        since: Time at which the reading of the current input began. 0 between inputs.
        until: Time at which to stop. 0 before the first worker is ready.
    """

    round: Any
    cases: Any
    read: Any
    since: Any
    until: Any


class Finding(NamedTuple):
    """An input that shows a fault.

    Attributes:
        title: Short name of the fault: the exception and its place in the program.
        content: The input.
        report: The traceback, or the output of a process that crashed.
    """

    title: str
    content: bytes
    report: str

    def save(self, folder: Path) -> None:
        """Write the input and the report into a folder."""
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self.title}.txt").write_text(self.report, "utf-8", "backslashreplace")
        (folder / f"{self.title}.input").write_bytes(self.content)


def work(name: str, run_seed: str, seconds: float, folder: Path, findings: Path, shared: Shared) -> None:
    """Read mutants for a time.

    Args:
        name: Name of the reader.
        run_seed: Seed of all random choices.
        seconds: Time for all workers of the reader together, without the time that the first one needs to get ready.
        folder: Folder for the files of the process.
        findings: Folder for findings. A fault that is in it already is not saved again.
        shared: The shared numbers.
    """
    gc.freeze()
    with (folder / LOG).open("w") as log:
        os.dup2(log.fileno(), 1)
        os.dup2(log.fileno(), 2)
    faulthandler.enable()
    (folder / "files").mkdir()
    seeds, read = READERS[name].prepare(folder / "files")
    limit_memory()
    forget_peak_memory()
    peak = peak_memory()
    shared.until.value = until = shared.until.value or time.monotonic() + seconds

    def check(content: bytes) -> None:
        if time.monotonic() > until:
            raise TimeIsUp
        if time.monotonic() > shrink_until:
            return
        (folder / CASE).write_bytes(content)
        shared.cases.value += 1
        shared.since.value = time.monotonic()
        try:
            shared.read.value += is_read(read, content, peak)
        except BaseException as error:  # noqa: BLE001  # every exception is a finding
            report(error, content)
        finally:
            shared.since.value = 0

    def report(error: BaseException, content: bytes) -> None:
        nonlocal shrink_until
        finding = Finding(f"{name}-{place_of(error)}", content, "".join(traceback.format_exception(error)))
        if not (findings / f"{finding.title}.input").exists():
            if not isinstance(error, (TooSlow, TooMuchMemory)):
                shrink_until = min(shrink_until, time.monotonic() + SHRINKING_SECONDS)
                if len(content) <= len(smallest.setdefault(finding.title, finding).content):
                    smallest[finding.title] = finding
                raise error  # Hypothesis now looks for a smaller input with this exception
            finding.save(findings)
        if isinstance(error, (TooMuchMemory, MemoryError)):
            os._exit(NEEDS_NEW_PROCESS)

    while time.monotonic() < until:
        smallest: dict[str, Finding] = {}
        shrink_until = float("inf")
        examine = settings(
            max_examples=ROUND,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=list(HealthCheck),
        )(given(mutants(seeds))(check))
        try:
            seed(f"{run_seed} {name} {shared.round.value}")(examine)()
        except TimeIsUp:
            pass
        except BaseException:
            if not smallest:
                raise
        for finding in smallest.values():
            finding.save(findings)
        shared.round.value += 1


def place_of(error: BaseException) -> str:
    """Return the type of an exception and the last line of the program that it has passed through."""
    passed = error.__context__ if isinstance(error, BadMessage) else error
    frames = traceback.extract_tb(passed.__traceback__ if passed else None)
    lines = [f"{Path(frame.filename).name}-{frame.lineno}" for frame in frames if "/inceptionism/" in frame.filename]
    return "-".join([type(error).__name__, *lines[-1:]])
