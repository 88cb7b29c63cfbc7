"""Outcomes of reading one input: it was read, it was refused in one sentence, or there is a fault."""

from __future__ import annotations

import resource
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil

from inceptionism.errors import MAX_MESSAGE, InceptionismError
from inceptionism.memory import trim_memory

SECONDS = 5
"""Processor time that an input may take."""

BYTES = 2**30
"""Memory that the process may need above its memory at the start."""


class TooSlow(BaseException):
    """An input takes too much time. This is no `Exception`, so that the reader does not turn it into a sentence."""


class TooMuchMemory(BaseException):
    """An input takes too much memory."""


class BadMessage(AssertionError):
    """The message of an error is not one printable line of a limited length."""


def limit_memory() -> None:
    """Make requests for very much memory fail, so that a fault does not stop the whole machine."""
    limit = psutil.Process().memory_info().vms + 3 * BYTES
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def forget_peak_memory() -> None:
    """Let `peak_memory` begin again. A forked process begins with the used and free memory of its parent."""
    trim_memory()
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def peak_memory() -> int:
    """Return the largest amount of memory that the process has had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


@contextmanager
def limited_time() -> Iterator[None]:
    """Raise `TooSlow` inside the block after `SECONDS` of processor time. On a busy machine, waiting does not count."""

    def stop(_number: int, _frame: object) -> None:
        raise TooSlow(f"more than {SECONDS} s of processor time")

    signal.signal(signal.SIGPROF, stop)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)


def is_read(read: Callable[[bytes], object], content: bytes, peak_at_start: int) -> bool:
    """Return whether an input is read, and not refused in one sentence. Every other outcome is an exception."""
    try:
        with limited_time():
            read(content)
    except InceptionismError as error:
        check_message(str(error))
        return False
    finally:
        if peak_memory() > peak_at_start + BYTES:
            raise TooMuchMemory(f"more than {BYTES / 2**30:g} GiB of memory")
    return True


def check_message(message: str) -> None:
    """Raise `BadMessage` unless a message is one printable line of a limited length."""
    if not message or not message.isprintable():
        raise BadMessage(f"the message is not printable: {message[:MAX_MESSAGE]!r}")
    if len(message) > MAX_MESSAGE + 1:  # the middle of a longer one is cut out and replaced by an ellipsis
        raise BadMessage(f"the message has {len(message)} characters: {message[:MAX_MESSAGE]!r}")
