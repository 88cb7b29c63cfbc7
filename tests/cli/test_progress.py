"""The progress of a run on a terminal, and the files that Ctrl-C keeps."""

from __future__ import annotations

import io
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image
from rich.console import Console

import inceptionism.cli.progress as bars
from inceptionism.cli.progress import frames_progress, progress
from inceptionism.film import FilmSource
from inceptionism.runs import Step
from tests.support.command import on_terminal


class Clock:
    """Clock that goes only when a test lets it go, in seconds."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch) -> Clock:
    """The clock of the progress."""
    clock = Clock()
    monkeypatch.setattr(bars, "time", SimpleNamespace(monotonic=clock))
    return clock


@pytest.fixture
def shown(monkeypatch, clock: Clock) -> io.StringIO:
    """Text that is shown on a terminal of 100 columns."""
    text = io.StringIO()
    console = Console(file=text, force_terminal=True, width=100, color_system=None, get_time=clock)
    monkeypatch.setattr(bars, "err", console)
    return text


def step_of(done: int, total: int) -> Step:
    return Step(1, 1, done, total, 2.5, done / total, lambda: Image.new("RGB", (5, 7)))


def plain(text: str) -> str:
    """Return a text without its escape sequences."""
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)


def last_line(shown: io.StringIO) -> str:
    return [line for line in re.split(r"[\r\n]+", plain(shown.getvalue())) if line.strip()][-1]


def shown_seconds(shown: io.StringIO, state: str) -> int:
    """Return the remaining time that is shown after a state, in seconds."""
    hours, minutes, seconds = map(int, re.search(rf"{state} (\d+):(\d\d):(\d\d)$", last_line(shown).rstrip()).groups())
    return 3600 * hours + 60 * minutes + seconds


def test_the_remaining_time_is_estimated_from_the_first_step(shown: io.StringIO, clock: Clock) -> None:
    with progress("banana", quiet=False) as show:
        clock.now += 0.5
        show([step_of(1, 24001)])
    assert shown_seconds(shown, "step 1/24001 score 2.5") == pytest.approx(24000 * 0.5, abs=1)
    assert "-:--:--" not in shown.getvalue()


@pytest.mark.parametrize("start", [0, 40])
def test_the_remaining_time_of_a_film_is_estimated_from_its_first_new_frame(
    shown: io.StringIO, clock: Clock, start: int
) -> None:
    with frames_progress("cup", start + 241, quiet=False) as show:
        clock.now += 0.5
        show(start + 1)
    assert shown_seconds(shown, rf"frame {start + 1}/{start + 241}") == pytest.approx(240 * 0.5, abs=1)
    assert "-:--:--" not in shown.getvalue()


def test_later_steps_are_estimated_without_the_slow_first_one(shown: io.StringIO, clock: Clock) -> None:
    with progress("banana", quiet=False) as show:
        clock.now += 20
        for done in (1, 2, 3):
            show([step_of(done, 203)])
            clock.now += 0.05
    assert shown_seconds(shown, "step 3/203 score 2.5") == pytest.approx(200 * 0.05, abs=1)


def test_the_first_step_is_announced(shown: io.StringIO) -> None:
    with progress("banana", quiet=False):
        pass
    with frames_progress("cup", None, quiet=False):
        pass
    assert re.search(r"banana .*computing the first step", shown.getvalue())
    assert re.search(r"cup .*computing the first frame", shown.getvalue())
    assert "-:--:--" not in shown.getvalue()


def test_an_endless_film_has_no_estimate(shown: io.StringIO) -> None:
    with frames_progress("cup", None, quiet=False) as show:
        show(1)
    assert last_line(shown).rstrip().endswith("frame 1")


@pytest.mark.parametrize(
    "arguments",
    [
        ["class", "banana", "--steps", 5000, "--size", "61x47"],
        ["zoom", "cup.jpg", "--seconds", 60, "--size", 64, "--steps", 5000],
    ],
    ids=lambda arguments: arguments[0],
)
def test_ctrl_c_before_the_first_step_keeps_nothing_and_says_so(folder: Path, arguments: list[object]) -> None:
    shown, status = on_terminal(*arguments, cwd=folder, until="computing the first")
    assert status == 130
    assert "dream: interrupted before anything new was ready to keep\r\n" in shown
    assert [path.name for path in folder.iterdir()] == ["cup.jpg"]


def test_ctrl_c_after_the_first_step_of_a_unit_keeps_the_picture(folder: Path) -> None:
    shown, status = on_terminal(
        "unit", "blocks.4", 7, "--steps", 5000, "--size", "61x47", cwd=folder, until=r"step [1-9]\d*/1500"
    )
    assert status == 130
    assert "dream: interrupted; the picture so far is in blocks.4-7.png\r\n" in shown
    assert re.search(r"computing the first step.* step \d+/1500 score \S+ \d+:\d\d:\d\d", plain(shown), re.DOTALL)
    assert "-:--:--" not in shown
    with Image.open(folder / "blocks.4-7.png") as kept:
        assert kept.size == (47, 61)
        assert np.asarray(kept).std() > 5


@pytest.mark.parametrize("command", ["zoom", "video"])
def test_ctrl_c_after_the_first_frame_keeps_the_film(folder: Path, command: str) -> None:
    frames = folder / "frames"
    if command == "video":
        frames.mkdir()
        for number in range(300):
            (frames / f"{number:06}.png").write_bytes((folder / "cup.jpg").read_bytes())
    source = ["cup.jpg", "--frames", 300] if command == "zoom" else ["frames", "out.mp4"]
    output = ["-o", "out.mp4"] if command == "zoom" else []
    shown, status = on_terminal(
        command, *source, *output, "--size", 64, "--steps", 1, cwd=folder, until=r"frame [1-9]\d*/300"
    )
    assert status == 130
    assert "interrupted; the film so far is in out.mp4" in shown
    assert re.search(r"computing the first frame.* frame \d+/300 .*\d+:\d\d:\d\d", plain(shown), re.DOTALL)
    assert "-:--:--" not in shown
    count = sum(1 for _ in FilmSource(folder / "out.mp4"))
    assert 1 <= count < 300


def test_ctrl_c_keeps_the_sheet_of_the_layers_so_far(folder: Path) -> None:
    shown, status = on_terminal("layers", "--atlas", "-o", "sheet.png", cwd=folder, until=r"octave 2/3 step")
    assert status == 130
    assert "dream: interrupted; the sheet so far is in sheet.png\r\n" in shown
    with Image.open(folder / "sheet.png") as sheet:
        assert np.asarray(sheet.convert("L")).std() > 5
