"""Interruptions of a run from outside: Ctrl-C, a request to terminate, or a terminal that closes."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import NoReturn

SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
"""Signals that interrupt a run. Windows has no SIGHUP."""

CTRL_C_STATUS = 130
"""Exit status after Ctrl-C: 128 plus the number of its signal."""


class Interrupted(KeyboardInterrupt):
    """A signal interrupted the program.

    Attributes:
        status: Exit status that shells expect after this signal: 128 plus its number.
    """

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


_pending: list[int] = []
"""Numbers of the signals since the last `raise_if_interrupted`."""


def raise_interrupted(number: int, frame: FrameType | None) -> NoReturn:  # noqa: ARG001  # a signal handler's signature
    """Raise `Interrupted`, and remember the signal in case the exception is lost."""
    _pending.append(number)
    raise Interrupted(number)


def raise_if_interrupted() -> None:
    """Raise `Interrupted` again if an earlier one was lost.

    Some libraries swallow every exception, for example while they test whether an object has an attribute.
    """
    if _pending:
        number = _pending.pop()
        _pending.clear()
        raise Interrupted(number)


@contextmanager
def interruptible() -> Iterator[None]:
    """Raise `Interrupted` inside the block when a signal arrives."""
    with handle_signals(raise_interrupted):
        try:
            yield
        finally:
            _pending.clear()


@contextmanager
def uninterrupted() -> Iterator[None]:
    """Ignore signals inside the block, so that an impatient second Ctrl-C does not lose the result being saved."""
    with handle_signals(signal.SIG_IGN):
        yield


@contextmanager
def postponed() -> Iterator[None]:
    """Let a signal that arrives inside the block take effect after it, so that the block is never cut short."""
    arrived: list[int] = []
    try:
        with handle_signals(lambda number, _frame: arrived.append(number)):
            yield
    finally:
        for number in arrived[:1]:
            signal.raise_signal(number)


@contextmanager
def handle_signals(
    handler: Callable[[int, FrameType | None], object] | signal.Handlers, signals: Sequence[int] = SIGNALS
) -> Iterator[None]:
    """Handle signals with `handler` inside the block.

    Signals that are ignored stay ignored, and handlers that were not set by Python stay. In threads other than the main
    thread this does nothing, because Python runs signal handlers in the main thread only.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.getsignal(number) for number in signals}
    replaced = [number for number, old in before.items() if old not in (signal.SIG_IGN, None)]
    try:
        for number in replaced:
            signal.signal(number, handler)
        yield
    finally:
        for number in replaced:
            signal.signal(number, before[number])
