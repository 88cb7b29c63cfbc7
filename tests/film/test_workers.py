from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from inceptionism.film.workers import BackgroundWorker, prefetch


def test_reading_ahead_gives_all_items_in_order_and_stays_a_few_ahead() -> None:
    asked = []

    def items() -> Iterator[int]:
        for number in range(50):
            asked.append(number)
            yield number

    found = []
    for number in prefetch(items(), 3):
        time.sleep(0.001)
        assert len(asked) - len(found) <= 6
        found.append(number)
    assert found == list(range(50))


def test_who_stops_early_stops_the_reader() -> None:
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


def test_what_goes_wrong_in_reading_is_raised_after_what_was_read() -> None:
    def items() -> Iterator[int]:
        yield 1
        raise ValueError("broken")

    reader = prefetch(items())
    assert next(reader) == 1
    with pytest.raises(ValueError, match="broken"):
        next(reader)


def test_writing_behind_is_in_order_and_raises_what_went_wrong() -> None:
    done: list[int] = []
    behind = BackgroundWorker(2)
    for number in range(20):
        behind(lambda number=number: done.append(number))
    behind.finish()
    assert done == list(range(20))

    behind = BackgroundWorker(1)
    behind(lambda: 1 / 0)
    behind(lambda: done.append(99))
    with pytest.raises(ZeroDivisionError):
        behind.finish()
    assert 99 not in done
    # Nor is anything once the failure was raised: what is asked for then may build on what was not done.
    with pytest.raises(ZeroDivisionError):
        behind(lambda: done.append(99))
    assert 99 not in done
