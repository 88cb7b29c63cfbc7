"""Memory limits as text, and freed memory that is kept for the next step."""

from __future__ import annotations

import ctypes
import subprocess
import sys
from pathlib import Path

import pytest

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.memory import DEFAULT_SETTINGS, KEEP_SETTINGS, glibc, keep_memory
from inceptionism.validation import parse_memory
from tests.support.command import dream


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2GB", 2 * 10**9),
        ("700MiB", 700 * 2**20),
        ("1.5 g", 1.5 * 10**9),
        ("2T", 2 * 10**12),
        ("1000000000", 10**9),
        ("4 GiB", 4 * 2**30),
    ],
)
def test_memory_limits_are_parsed_with_any_unit(text: str, expected: float) -> None:
    assert parse_memory(text) == expected


@pytest.mark.parametrize("text", ["", "much", "-2GB", "2XB", "iB", "2 iB", "1e9", "9" * 5000, "nan", None, 2.5])
def test_values_that_are_not_memory_limits_are_refused(text) -> None:
    with pytest.raises(InvalidSetting, match=r"memory (must be|is an empty text)"):
        parse_memory(text)


PAGE_FAULTS = """
import psutil, resource, torch
from contextlib import nullcontext
from inceptionism.memory import keep_memory, own_process
def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
def step():
    for _ in range(3):
        torch.ones(40 * 2**18)
def resident():
    return psutil.Process().memory_info().rss
idle = resident()
for process, context in ((nullcontext, nullcontext), (nullcontext, keep_memory), (own_process, keep_memory)):
    with process(), context():
        for _ in range(9):
            step()
        before = faults()
        step()
        print(faults() - before)
print(resident() - idle)
"""


@pytest.mark.skipif(glibc() is None, reason="needs glibc, but this system has another C library")
def test_memory_is_kept_between_steps_and_returned_afterwards() -> None:
    """Without `keep_memory`, the tenth step needs new pages for 120 MiB. With `keep_memory`, it needs almost none.

    In a process of another program, `keep_memory` changes nothing.
    """
    done = subprocess.run([sys.executable, "-c", PAGE_FAULTS], capture_output=True, text=True, check=True)
    without, foreign, inside, kept = map(int, done.stdout.split())
    assert min(without, foreign) > 20_000
    assert inside < without / 50
    assert kept < 40 * 2**20


@pytest.mark.skipif(glibc() is None, reason="needs glibc, but this system has another C library")
def test_keep_memory_can_be_nested_and_interrupted() -> None:
    with pytest.raises(ZeroDivisionError), keep_memory(), keep_memory():
        raise ZeroDivisionError
    with keep_memory():
        pass
    assert isinstance(glibc(), ctypes.CDLL)


@pytest.mark.skipif(glibc() is None, reason="needs glibc, but this system has another C library")
def test_only_the_command_changes_the_settings_of_malloc(tiny, folder, monkeypatch) -> None:
    calls: list[tuple[int, int]] = []
    monkeypatch.setattr(glibc(), "mallopt", lambda *setting: calls.append(setting))
    inc.dream(folder / "cup.jpg", network=tiny, layer="second", octaves=1, steps=1)
    inc.visualize("oak", network=tiny, size=(31, 45), steps=1, prior="none")
    next(iter(inc.zoom(folder / "cup.jpg", network=tiny, layer="second", size=60, seconds=1, octaves=1, steps=1)))
    assert calls == []
    done = dream("photo", "cup.jpg", "--octaves", "1", "--steps", "1", "-l", "stem", cwd=folder)
    assert done.returncode == 0
    assert {*KEEP_SETTINGS.items()} < {*calls}
    assert calls[-2:] == [*DEFAULT_SETTINGS.items()]
    calls.clear()
    inc.dream(folder / "cup.jpg", network=tiny, layer="second", octaves=1, steps=1)
    assert calls == []


GARBAGE = """
import gc, torch
from inceptionism.memory import keep_memory, own_process
full = []
gc.callbacks.append(lambda phase, facts: phase == "start" and facts["generation"] == 2 and full.append(1))
class Loop:
    def __init__(self, data):
        self.data, self.itself = data, self
    def __del__(self):
        print("freed", self.data)
usual = gc.get_threshold()
with own_process():
    kept = [[number] for number in range(300_000)]
    print(len(full), gc.get_freeze_count() > 300_000)
    with keep_memory():
        print(gc.get_threshold() == usual, gc.get_freeze_count() > 300_000)
        Loop("later")
        made = [[number] for number in range(1_000)]
        print("in time")
print(gc.get_threshold() == usual, gc.get_freeze_count())
Loop("at the end")
"""


def test_garbage_is_not_searched_while_the_program_starts_and_ends_but_in_between() -> None:
    """Python's own search looks through 300,000 new objects several times. Later garbage is freed as usual."""
    done = subprocess.run([sys.executable, "-c", GARBAGE], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["0 False", "True True", "freed later", "in time", "True 0"]
    elsewhere = GARBAGE.replace("with own_process():", "if True:")
    done = subprocess.run([sys.executable, "-c", elsewhere], capture_output=True, text=True, check=True)
    searches, *others = done.stdout.splitlines()
    assert int(searches.split()[0]) > 0
    assert others == ["True False", "freed later", "in time", "True 0", "freed at the end"]


LARGE_PAGES = """
import pathlib, sys, torch
from inceptionism.memory import use_large_pages

def large_kib():
    text = pathlib.Path("/proc/self/smaps_rollup").read_text()
    return next(int(line.split()[1]) for line in text.splitlines() if line.startswith("AnonHugePages"))

before = large_kib()
tensor = torch.empty(70 * 2**20)
if sys.argv[1] == "large":
    assert use_large_pages(tensor) is tensor
tensor.fill_(1)
print(large_kib() - before)
"""


def test_a_large_picture_is_stored_in_large_pages() -> None:
    setting = Path("/sys/kernel/mm/transparent_hugepage/enabled")
    if glibc() is None or not setting.exists() or "[madvise]" not in setting.read_text():
        pytest.skip("needs large pages on request, but this system does not give them")
    small, large = (
        int(subprocess.run([sys.executable, "-c", LARGE_PAGES, how], capture_output=True, text=True, check=True).stdout)
        for how in ("small", "large")
    )
    if large == 0:
        pytest.skip("needs large pages, but this system has none left")
    assert small == 0
    assert large > 200 * 1024
