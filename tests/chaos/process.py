"""Commands in processes that start at once: each is a fork of this process, in which torch is loaded already."""

from __future__ import annotations

import gc
import importlib
import os
import pkgutil
import signal
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import inceptionism
from inceptionism.__main__ import main

TIME_LIMIT = 60.0
"""Time in seconds after which a command counts as hanging."""

LEFT_OUT = ("inceptionism.notebook", "inceptionism.__main__", "inceptionism.networks.loaders.")
"""Modules that are not loaded ahead, because no command of the rounds needs them."""

CHANGES = ("os.rename", "os.link", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.chmod")
"""Python's audit events of calls that change a folder."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
"""Flags of files that are opened for writing."""

CRASHED = 70
"""Exit status of a command that ended with a traceback."""


class Outcome(NamedTuple):
    """Outcome of a command.

    Attributes:
        status: Exit status. It is negative if a signal ended the process, and None if the command was hanging.
        out: Standard output.
        err: Standard error.
        seconds: Time that the command took.
        changes: Number of calls that changed a file or a folder.
        results: Number of pictures that were finished, whether they were written or not.
    """

    status: int | None
    out: str
    err: str
    seconds: float
    changes: int
    results: int


class Moment(NamedTuple):
    """Moment of a fault.

    Attributes:
        change: Number of the change before which the fault happens, from 0. None if it happens at a time.
        seconds: Time from the start of the command.
    """

    change: int | None = None
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"after {self.seconds:.3f} s" if self.change is None else f"before change {self.change}"


def load_modules() -> None:
    """Load all modules that commands need, so that each fork of this process has them."""
    for module in pkgutil.walk_packages(inceptionism.__path__, "inceptionism."):
        if not module.name.startswith(LEFT_OUT):
            importlib.import_module(module.name)
    importlib.import_module("inceptionism.networks.loaders.caffe.load")
    importlib.import_module("filelock")


def run(
    arguments: Sequence[str],
    folder: Path,
    environment: dict[str, str],
    *,
    moment: Moment | None = None,
    fault: Callable[[int], object] = lambda process: None,
    prepare: Callable[[], object] = lambda: None,
) -> Outcome:
    """Run `dream` with arguments in a folder, and let a fault happen.

    Args:
        arguments: Arguments of the command.
        folder: Current folder of the command.
        environment: Changed variables of the environment.
        moment: Moment of the fault. None means no fault.
        fault: Function that lets the fault happen. It takes the number of the command's process. At a change, it is
            called inside this process, and at a time, in the calling process.
        prepare: Function that is called in the new process before the command.
    """
    sys.stdout.flush()
    sys.stderr.flush()
    # The new process must not delete garbage of this one: it can hold locks of threads that only exist here.
    gc.collect()
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err, tempfile.TemporaryFile() as log:
        started = time.monotonic()
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
        process = os.fork()
        if not process:
            status = CRASHED
            try:
                gc.freeze()
                # Ctrl-C ends a program that is only beginning, as in `inceptionism.__main__`.
                signal.signal(signal.SIGINT, signal.SIG_DFL)
                signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
                os.setpgid(0, 0)
                os.chdir(folder)
                os.environ.update(environment)
                tempfile.tempdir = None
                os.dup2(out.fileno(), 1)
                os.dup2(err.fileno(), 2)
                prepare()
                watch(log.fileno(), None if moment is None else moment.change, fault)
                status = run_main(arguments)
            except BaseException:  # the status and the traceback show it
                traceback.print_exc()
            finally:
                with suppress(OSError):  # standard output may be full
                    sys.stdout.flush()
                    sys.stderr.flush()
                os._exit(status)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, [signal.SIGINT])
        at = None if moment is None or moment.change is not None else started + moment.seconds
        ended = wait(process, started + TIME_LIMIT, at, fault)
        seconds = time.monotonic() - started
        texts = []
        for file in (out, err, log):
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
    return Outcome(ended, texts[0], texts[1], seconds, texts[2].count("c"), texts[2].count("r"))


def run_main(arguments: Sequence[str]) -> int:
    """Run the program in this process, and return its exit status."""
    sys.argv = ["dream", *arguments]
    try:
        main()
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else 0
    return 0


def wait(process: int, deadline: float, fault_at: float | None, fault: Callable[[int], object]) -> int | None:
    """Wait for a process, and return its exit status; None if it had to be killed. Let the fault happen at its time."""
    while True:
        ended, code = os.waitpid(process, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(code)
        now = time.monotonic()
        if fault_at is not None and now >= fault_at:
            fault_at = None
            fault(process)
        if now > deadline:
            os.killpg(process, signal.SIGKILL)
            os.waitpid(process, 0)
            return None
        time.sleep(0.002)


def watch(log: int, fault_before: int | None, fault: Callable[[int], object]) -> None:
    """Write a "c" to `log` for each change in this process, and an "r" for each result.

    Args:
        log: Number of the open file.
        fault_before: Number of the change before which the fault happens. None means never.
        fault: Function that lets the fault happen. It takes the number of this process.
    """
    count = -1
    busy = False

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal count, busy
        if busy or not (event in CHANGES or (event == "open" and is_writing(*arguments))):
            return
        busy = True
        count += 1
        os.write(log, b"c")
        if count == fault_before:
            fault(os.getpid())
        busy = False

    sys.addaudithook(hook)
    run_class = importlib.import_module("inceptionism.runs").Run
    result = run_class.result

    def counted_result(self: object) -> object:
        made = result(self)
        os.write(log, b"r")
        return made

    run_class.result = counted_result


def is_writing(path: object, mode: object, flags: object) -> bool:
    """Return whether an audit event "open" opens a file for writing. Devices and open files do not count."""
    return (
        isinstance(path, (str, bytes, os.PathLike))
        and not os.fsdecode(path).startswith(("/dev/", "/proc/"))
        and isinstance(flags, int)
        and bool(flags & WRITING)
    )
