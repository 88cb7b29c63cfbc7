"""How a run is stopped from outside: Ctrl-C, a request to terminate, a terminal that closes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]


class Interrupted(KeyboardInterrupt):
    """The program was asked to stop.

    Attributes:
        status: The exit status by which shells know the signal: 130 for Ctrl-C.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


_asked: list[int] = []
"""The signals that asked to stop and were not noticed since."""


def stop(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # as the signal module calls it
    """Raise `Interrupted`."""
    _asked.append(number)
    raise Interrupted(number)


def check() -> None:
    """Raise `Interrupted` once more if it was lost: libraries that ask for an attribute take any error for a no."""
    if _asked:
        number = _asked.pop()
        _asked.clear()
        raise Interrupted(number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` inside when the program is asked to stop."""
    with handling(stop):
        try:
            yield
        finally:
            _asked.clear()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore such requests: what is saved inside is not lost to an impatient second one."""
    with handling(signal.SIG_IGN):
        yield


@contextmanager
def handling(
    handler: Callable[[int, FrameType | None], object] | signal.Handlers, signals: Sequence[int] = SIGNALS
) -> Iterator[None]:
    """Answer signals with `handler`; those that the program was started to ignore stay ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield  # only the main thread may, and only it gets them
        return
    before = {number: signal.getsignal(number) for number in signals}
    heard = [number for number, old in before.items() if old is not signal.SIG_IGN]
    try:
        for number in heard:
            signal.signal(number, handler)
        yield
    finally:
        for number in heard:
            signal.signal(number, before[number])
