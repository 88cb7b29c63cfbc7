"""How the threads of torch wait for each other: busily on a free processor, and asleep beside other programs."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism import threads
from inceptionism.limits import available_cores
from inceptionism.threads import BUSY, FREE, FREE_WINDOWS, NOISE, WINDOW_SECONDS, Waiting, openmp
from tests.support.pictures import gradient
from tests.support.tiny_networks import tiny_module

needs_openmp = pytest.mark.skipif(openmp() is None, reason="torch does not use GNU's OpenMP library here")

needs_two_cores = pytest.mark.skipif(available_cores() < 2, reason="with one core, torch has one thread")

TEAM = "inceptionism-waiting"


@pytest.fixture
def waiting(monkeypatch: pytest.MonkeyPatch) -> Iterator[Waiting]:
    """A new `Waiting` that the engine uses, with two threads of torch. Threads wait busily afterwards."""
    before = torch.get_num_threads()
    assert until(lambda: not teams())  # that of another test ends soon
    torch.set_num_threads(2)
    made = Waiting()
    monkeypatch.setattr(threads, "_waiting", made)
    yield made
    made.wake()
    torch.set_num_threads(before)


def teams() -> int:
    return sum(one.name == TEAM for one in threading.enumerate())


def until(condition: Callable[[], bool], seconds: float = 10) -> bool:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.01)
    return condition()


@needs_openmp
def test_threads_sleep_beside_programs_that_always_compute(waiting) -> None:
    with ExitStack() as stack:
        for _ in range(2 * available_cores()):
            loop = stack.enter_context(subprocess.Popen([sys.executable, "-c", "while True: pass"]))
            stack.callback(loop.kill)
        end = time.monotonic() + 60
        while not waiting.is_asleep and time.monotonic() < end:
            torch.rand(3, 512, 512).exp_()
            waiting.adapt()
        assert waiting.is_asleep


@needs_openmp
def test_the_choice_follows_the_time_that_threads_wait_for_a_core(waiting, monkeypatch) -> None:
    now, waited = 100.0, 1.0
    monkeypatch.setattr(threads, "time", SimpleNamespace(perf_counter=lambda: now, process_time=lambda: 50.0))
    monkeypatch.setattr(threads, "waited_seconds", lambda: waited)

    def asleep_after(share: float, windows: int = 1) -> bool:
        nonlocal now, waited
        for _ in range(windows):
            now += 1.01 * WINDOW_SECONDS
            waited += 1.01 * WINDOW_SECONDS * (share + 2 * NOISE)
            waiting.adapt()
        return waiting.is_asleep

    assert not asleep_after(9.0)  # the first call is about the whole time of the program
    assert not asleep_after(0.9 * BUSY, 20)
    assert asleep_after(1.1 * BUSY)
    assert asleep_after(0.9 * FREE, FREE_WINDOWS - 1)
    assert asleep_after(1.1 * FREE, 20)
    assert not asleep_after(0.9 * FREE, FREE_WINDOWS)
    assert asleep_after(1.1 * BUSY)
    assert teams() == 1
    waiting.wake()
    assert until(lambda: teams() == 0)


@needs_openmp
@pytest.mark.parametrize(
    ("computed", "waited", "is_asleep"), [(2.0, 1.0, True), (2.0, 0.2, False), (900.0, 1.0, False)]
)
def test_the_first_choice_follows_the_time_since_the_program_started(
    waiting, monkeypatch, computed: float, waited: float, is_asleep: bool
) -> None:
    monkeypatch.setattr(threads, "time", SimpleNamespace(perf_counter=lambda: 100.0, process_time=lambda: computed))
    monkeypatch.setattr(threads, "waited_seconds", lambda: waited)
    waiting.adapt()
    assert waiting.is_asleep == is_asleep


@needs_openmp
def test_threads_already_sleep_when_a_network_is_made(waiting, monkeypatch) -> None:
    """The weights are rearranged by torch's threads before the first run."""
    monkeypatch.setattr(threads, "waited_seconds", lambda: 1e6)
    was_asleep: list[bool] = []
    module = tiny_module()
    monkeypatch.setattr(type(module), "eval", lambda self: (was_asleep.append(waiting.is_asleep), self)[1])
    inc.Network(module)
    assert was_asleep == [True]


@needs_openmp
def test_threads_wait_busily_again_after_the_last_dream(waiting, monkeypatch) -> None:
    monkeypatch.setattr(threads, "IDLE_SECONDS", 1.5)
    waiting.adapt()  # the first measurement
    waiting.sleep()
    end = time.monotonic() + 3.5
    while time.monotonic() < end:
        waiting.adapt()
        assert waiting.is_asleep
        time.sleep(0.12)
        waiting._free_windows = 0  # as if there were competition
    assert until(lambda: not waiting.is_asleep and not teams())


@needs_openmp
def test_nothing_is_measured_for_a_single_thread(waiting, monkeypatch) -> None:
    torch.set_num_threads(1)
    monkeypatch.setattr(threads, "waited_seconds", lambda: pytest.fail("measured"))
    waiting.adapt()


SPINNING = """
import time, torch
from inceptionism.threads import Waiting
torch.set_num_threads(2)
waiting, seconds = Waiting(), {False: 0.0, True: 0.0}
picture = torch.rand(3, 256, 256)
for is_asleep in (False, True) * 4:
    waiting.sleep() if is_asleep else waiting.wake()
    time.sleep(0.1)
    start = time.process_time()
    for _ in range(30):
        picture.exp()
        sum(range(50000))  # one thread computes for a millisecond, and the other one waits
    seconds[is_asleep] += time.process_time() - start
print(seconds[True] / seconds[False])
"""


@needs_openmp
@needs_two_cores
def test_threads_that_sleep_take_no_time_of_the_processor() -> None:
    chosen = (
        "OMP_WAIT_POLICY",
        "GOMP_SPINCOUNT",
        "OMP_NUM_THREADS",
    )  # they decide how threads wait, or if there are any
    environment = {name: value for name, value in os.environ.items() if name not in chosen}
    command = [sys.executable, "-c", SPINNING]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    assert float(done.stdout) < 0.85


def test_pixels_do_not_depend_on_the_waiting(waiting) -> None:
    made = []
    for is_asleep in (False, True):
        if is_asleep and openmp() is not None:
            waiting.sleep()
        made.append(np.asarray(inc.dream(gradient(61, 83), layer="blocks.4", octaves=2, steps=3).image))
    np.testing.assert_array_equal(*made)
