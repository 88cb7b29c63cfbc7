"""A short run of the fuzzing over every reader, and checks that the fuzzing notices each kind of fault."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from inceptionism.errors import InvalidSetting
from tests.fuzz import limits, watcher
from tests.fuzz.readers import READERS, Read, Reader
from tests.support.places import ROOT

REFUSED_SEEDS = {"pickles": 8}
"""Number of seeds that a reader refuses: pickles without weights."""


@pytest.mark.parametrize("name", READERS)
def test_the_seeds_of_a_reader_are_read(name, tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", "unused")  # a reader may change both
    seeds, read = READERS[name].prepare(tmp_path)
    outcomes = [limits.is_read(read, seed, limits.peak_memory()) for seed in seeds]
    assert outcomes.count(False) == REFUSED_SEEDS.get(name, 0)


def test_every_reader_reads_damaged_input_or_refuses_it_in_one_sentence(tmp_path) -> None:
    """Ten seconds of `make fuzz`. A longer run finds more; see CONTRIBUTING.md."""
    options = ["--seconds", "10", "--seed", "0", "--findings", str(tmp_path / "findings")]
    command = [sys.executable, "-m", "tests.fuzz", *options]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    counts = dict(re.findall(r"^(\S+) +([0-9,]+)", done.stdout, re.MULTILINE))
    assert set(READERS) <= counts.keys()
    assert all(int(counts[name].replace(",", "")) > 0 for name in READERS), done.stdout


def crash(_content: bytes) -> None:
    os.abort()


def wait(_content: bytes) -> None:
    time.sleep(60)


def loop(_content: bytes) -> None:
    while True:
        pass


def allocate(_content: bytes) -> None:
    assert len(b"1" * (limits.BYTES + 2**25)) > limits.BYTES


def divide(_content: bytes) -> None:
    raise ZeroDivisionError("division by zero")


def say_nothing(_content: bytes) -> None:
    raise InvalidSetting("")


class Unlimited(InvalidSetting):
    def __str__(self) -> str:
        return "word " * 1000


def speak_without_end(_content: bytes) -> None:
    raise Unlimited


def refuse(_content: bytes) -> None:
    raise InvalidSetting("this is not valid; give something else")


@pytest.mark.parametrize(
    ("fault", "title"),
    [
        (crash, "SIGABRT"),
        (wait, "hang"),
        (loop, "TooSlow"),
        (allocate, "TooMuchMemory"),
        (divide, "ZeroDivisionError"),
        (say_nothing, "BadMessage"),
        (speak_without_end, "BadMessage"),
        (refuse, None),
    ],
)
def test_a_fault_of_a_reader_is_found(fault, title, tmp_path, monkeypatch) -> None:
    def prepare(_folder: Path) -> tuple[Sequence[bytes], Read]:
        return [b"a good seed"], fault

    monkeypatch.setitem(READERS, "faulty", Reader("faulty", prepare))
    monkeypatch.setattr(watcher, "HANG_SECONDS", 1)
    monkeypatch.setattr(limits, "SECONDS", 0.2)
    monkeypatch.setattr(limits, "BYTES", 2**26)
    cases, read = watcher.fuzz("faulty", "seed", 0.5, tmp_path)
    assert cases > 0
    assert read == 0
    found = [path.stem for path in tmp_path.glob("*.input")]
    assert bool(found) == (title is not None)
    assert all(name.startswith(f"faulty-{title}") for name in found)


def test_the_input_of_a_finding_is_made_smaller(tmp_path, monkeypatch) -> None:
    def read(content: bytes) -> None:
        if b"good" not in content:
            raise ZeroDivisionError("division by zero")

    monkeypatch.setitem(READERS, "faulty", Reader("faulty", lambda _folder: ([b"a good seed"], read)))
    watcher.fuzz("faulty", "seed", 1, tmp_path)
    (path,) = tmp_path.glob("*.input")
    assert len(path.read_bytes()) < len("a good seed")
