"""Tests of the thread that does the jobs of the studio."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from inceptionism.studio.worker import Worker


@pytest.fixture
def three_threads() -> Iterator[None]:
    """Let torch compute with three threads during a test."""
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


def compute() -> int:
    """Compute something with all threads that the calling thread may use, and return their number."""
    torch.ones(1000, 1000).exp()
    return torch.get_num_threads()


@pytest.mark.usefixtures("three_threads")
def test_only_the_thread_of_the_jobs_computes_with_several_threads() -> None:
    worker = Worker()
    with worker.all_threads(), ThreadPoolExecutor(1) as other:
        assert list(worker.watch("", lambda _: compute())) == [3]
        assert compute() == 1
        assert other.submit(compute).result() == 1
        assert worker.do(compute) == 1  # half of three
        assert list(worker.watch("", lambda _: compute())) == [3]
    assert compute() == 3
    worker.close()
