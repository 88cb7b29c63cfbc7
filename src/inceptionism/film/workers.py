"""Work done beside other work: reading ahead and writing behind, in threads, over queues that hold only a few."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import TypeVar

Item = TypeVar("Item")

FEW = 4
"""How many items a queue holds: enough to even out, little enough to keep memory constant."""


def prefetch(items: Iterable[Item], most: int = FEW) -> Iterator[Item]:
    """Yield `items`, which another thread asks for, at most that many ahead; what goes wrong there is raised here."""
    ready: queue.Queue[tuple[Item | None, BaseException | None, bool]] = queue.Queue(most)
    left = threading.Event()

    def put(item: Item | None, error: BaseException | None = None, last: bool = False) -> None:
        while not left.is_set():
            with suppress(queue.Full):
                ready.put((item, error, last), timeout=0.1)
                return

    def read() -> None:
        iterator = iter(items)
        try:
            for item in iterator:
                if left.is_set():
                    return
                put(item)
            put(None, last=True)
        except BaseException as error:  # noqa: BLE001  # raised again by who asks for the next item
            put(None, error, last=True)
        finally:
            getattr(iterator, "close", lambda: None)()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while True:
            item, error, last = ready.get()
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]
    finally:
        left.set()
        thread.join()


class BackgroundWorker:
    """A thread that does one thing after the other, while who asked for them goes on.

    A thing that fails is raised at the next one that is asked for, or at the end; those behind it are not done.
    """

    def __init__(self, most: int = FEW) -> None:
        self._waiting: queue.Queue[Callable[[], object] | None] = queue.Queue(most)
        self._failed: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def __call__(self, thing: Callable[[], object]) -> None:
        """Have `thing` done after what waits; where too much waits, wait until less does."""
        self._check()
        self._waiting.put(thing)

    def finish(self) -> None:
        """Wait until all is done."""
        if self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()
        self._check()

    def __enter__(self) -> BackgroundWorker:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if error is None:
            self.finish()
        elif self._thread.is_alive():
            self._waiting.put(None)
            self._thread.join()

    def _work(self) -> None:
        while (thing := self._waiting.get()) is not None:
            if self._failed is None:
                try:
                    thing()
                except BaseException as error:  # noqa: BLE001  # raised again where the next thing is asked for
                    self._failed = error

    def _check(self) -> None:
        if self._failed is not None:
            raise self._failed
