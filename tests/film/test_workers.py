from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from inceptionism.film.workers import BackgroundWorker, prefetch


def test_prefetch_yields_all_items_in_order_and_reads_only_a_few_ahead() -> None:
    read = []

    def items() -> Iterator[int]:
        for number in range(50):
            read.append(number)
            yield number

    received = []
    for number in prefetch(items(), 3):
        time.sleep(0.001)
        assert len(read) - len(received) <= 6
        received.append(number)
    assert received == list(range(50))


def test_closing_prefetch_closes_the_items() -> None:
    closed = threading.Event()

    def items() -> Iterator[int]:
        try:
            yield from range(10**9)
        finally:
            closed.set()

    reader = prefetch(items())
    assert next(reader) == 0
    reader.close()
    assert closed.is_set()


def test_prefetch_raises_an_error_after_the_items_before_it() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    reader = prefetch(items())
    assert next(reader) == 1
    with pytest.raises(ValueError, match="broken"):
        next(reader)


def test_a_background_worker_runs_tasks_in_order() -> None:
    done: list[int] = []
    worker = BackgroundWorker(2)
    for number in range(20):
        worker.submit(lambda number=number: done.append(number))
    worker.finish()
    assert done == list(range(20))


def test_a_background_worker_runs_no_task_after_a_failure_and_raises_its_error() -> None:
    done: list[int] = []
    worker = BackgroundWorker(1)
    second_submitted = threading.Event()
    worker.submit(lambda: second_submitted.wait(60) and 1 / 0)
    worker.submit(lambda: done.append(99))
    second_submitted.set()
    with pytest.raises(ZeroDivisionError):
        worker.finish()
    assert 99 not in done
    # A task that is submitted later may depend on the failed task, so it is refused, too.
    with pytest.raises(ZeroDivisionError):
        worker.submit(lambda: done.append(99))
    assert 99 not in done


def test_an_error_before_the_first_item_is_raised() -> None:
    class Broken:
        def __iter__(self) -> Iterator[int]:
            raise ValueError("broken")

    with pytest.raises(ValueError, match="broken"):
        next(prefetch(Broken()))


@pytest.mark.parametrize("full", [False, True])
def test_a_worker_whose_thread_has_vanished_is_not_waited_for(monkeypatch, full: bool) -> None:
    """A process that was forked has none of the threads of the first process."""
    monkeypatch.setattr("inceptionism.film.workers.WAIT_SECONDS", 0.05)
    worker = BackgroundWorker(1)
    worker.finish()
    if full:
        worker.submit(lambda: None)
        with pytest.raises(RuntimeError, match="the thread that works in the background has ended"):
            worker.submit(lambda: None)
    worker.finish()
