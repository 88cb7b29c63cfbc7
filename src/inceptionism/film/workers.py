"""Threads that read ahead and write in the background, with queues of limited length."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import suppress
from typing import TypeVar

Item = TypeVar("Item")

QUEUE_LENGTH = 4
"""Largest number of items in a queue: enough to even out delays, few enough to keep memory constant."""

WAIT_SECONDS = 1.0
"""Time in seconds after which a wait for another thread checks that the thread is alive."""


def prefetch(items: Iterable[Item], max_ahead: int = QUEUE_LENGTH) -> Generator[Item, None, None]:
    """Yield `items`, which another thread reads at most `max_ahead` items ahead.

    An error in that thread is raised here, after all items that were read before the error.
    """
    ready: queue.Queue[tuple[Item | None, BaseException | None, bool]] = queue.Queue(max_ahead)
    stopped = threading.Event()

    def put(item: Item | None, error: BaseException | None = None, last: bool = False) -> None:
        while not stopped.is_set():
            with suppress(queue.Full):
                ready.put((item, error, last), timeout=0.1)
                return

    def read() -> None:
        iterator: Iterator[Item] = iter(())
        try:
            iterator = iter(items)
            for item in iterator:
                if stopped.is_set():
                    return
                put(item)
            put(None, last=True)
        except BaseException as error:  # noqa: BLE001  # raised again in the consumer's thread
            put(None, error, last=True)
        finally:
            getattr(iterator, "close", lambda: None)()

    thread = threading.Thread(target=read, daemon=True)
    thread.start()
    try:
        while True:
            try:
                item, error, last = ready.get(timeout=WAIT_SECONDS)
            except queue.Empty:
                if thread.is_alive() or not ready.empty():
                    continue
                raise RuntimeError("the thread that reads ahead has ended without a result") from None
            if error is not None:
                raise error
            if last:
                return
            yield item  # type: ignore[misc]
    finally:
        stopped.set()
        thread.join()


class BackgroundWorker:
    """A thread that runs tasks one after the other, while the caller continues.

    If a task fails, the next `submit` or `finish` raises its error, and the tasks after it are not run.

    Args:
        max_waiting: Largest number of waiting tasks.
    """

    def __init__(self, max_waiting: int = QUEUE_LENGTH) -> None:
        self._tasks: queue.Queue[Callable[[], object] | None] = queue.Queue(max_waiting)
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def submit(self, task: Callable[[], object]) -> None:
        """Add a task to the queue. If the queue is full, wait until there is room."""
        self._raise_error()
        self._put(task)

    def finish(self) -> None:
        """Wait until all tasks are done, and end the thread. Later tasks are never run."""
        if self._thread.is_alive():
            self._put(None)
            self._thread.join()
        self._raise_error()

    def _put(self, task: Callable[[], object] | None) -> None:
        while True:
            with suppress(queue.Full):
                self._tasks.put(task, timeout=WAIT_SECONDS)
                return
            if not self._thread.is_alive():
                raise RuntimeError("the thread that works in the background has ended")

    def _work(self) -> None:
        while (task := self._tasks.get()) is not None:
            if self._error is None:
                try:
                    task()
                except BaseException as error:  # noqa: BLE001  # raised again by `submit` or `finish`
                    self._error = error

    def _raise_error(self) -> None:
        if self._error is not None:
            raise self._error
