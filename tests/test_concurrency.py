"""Runs, films and saves that end early, or at the same time, leave nothing behind in the process."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.interruption import Interrupted, interruptible
from tests.support.films import decoded, pan, small_video, small_zoom, write
from tests.support.places import ROOT
from tests.support.process_state import process_state

SETTINGS = {"layer": "first", "octaves": 2, "steps": 3, "jitter": 4}

Case = Callable[[np.ndarray, inc.Network, Path], None]


class Wrong(Exception):
    """Error of a callback."""


def fail(*_: object) -> None:
    raise Wrong


def press_ctrl_c(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGINT)


def photo_run(photo: np.ndarray, network: inc.Network) -> inc.PhotoRun:
    return inc.PhotoRun(inc.PhotoRecipe(layer=("first",), octaves=2, steps=3), inc.load_photo(photo), network=network)


def class_run(network: inc.Network, target: int = 0) -> inc.ClassRun:
    return inc.ClassRun(inc.ClassRecipe(target=target, size=(33, 41), steps=3, prior="fourier"), network=network)


def a_run_is_closed(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    steps = iter(photo_run(photo, network))
    next(steps)
    steps.close()


def a_run_is_dropped(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    next(iter(photo_run(photo, network)))


def a_class_is_dropped(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    next(iter(class_run(network)))


def a_batch_is_dropped(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    next(inc.run_batch([class_run(network, target) for target in range(3)]))


def a_step_fails(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    with pytest.raises(Wrong):
        inc.dream(photo, network=network, **SETTINGS, on_step=fail)


def ctrl_c_in_a_library(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    with pytest.raises(KeyboardInterrupt):
        inc.dream(photo, network=network, **SETTINGS, on_step=press_ctrl_c)


def ctrl_c_in_a_command(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    with pytest.raises(Interrupted), interruptible():
        photo_run(photo, network).finish(press_ctrl_c)


def a_zoom_is_closed(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    run = small_zoom(photo, network)
    next(iter(run))
    run.close()


def a_zoom_is_dropped(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    next(iter(small_zoom(photo, network)))


def a_video_is_closed(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    run = small_video(folder / "in.mp4", network)
    next(iter(run))
    run.close()


def a_video_is_dropped(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    next(iter(small_video(folder / "in.mp4", network)))


def a_frame_fails(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    for run in (small_zoom(photo, network), small_video(folder / "in.mp4", network)):
        with pytest.raises(Wrong):
            run.save(folder / "out.mp4", on_frame=fail)
        assert len(decoded(folder / "out.mp4")) == 1
        (folder / "out.mp4").unlink()


def ctrl_c_in_a_film(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    for run in (small_zoom(photo, network), small_video(folder / "in.mp4", network)):
        with pytest.raises(Interrupted), interruptible():
            run.save(folder / "out.mp4", on_frame=press_ctrl_c)
        assert len(decoded(folder / "out.mp4")) == 1
        (folder / "out.mp4").unlink()


def a_film_cannot_be_written(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    with pytest.raises(inc.CannotWrite):
        small_zoom(photo, network).save(folder / "missing" / "out.mp4")


def two_films_in_threads(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    small_zoom(photo, network).save(folder / "alone.mp4")
    with ThreadPoolExecutor(2) as pool:
        for _ in pool.map(lambda n: small_zoom(photo, network).save(folder / f"{n}.mp4"), range(2)):
            pass
    expected = (folder / "alone.mp4").read_bytes()
    assert all((folder / f"{number}.mp4").read_bytes() == expected for number in range(2))
    for name in ("alone", "0", "1"):
        (folder / f"{name}.mp4").unlink()


def two_saves_of_one_result(photo: np.ndarray, network: inc.Network, folder: Path) -> None:
    result = inc.dream(photo, network=network, **SETTINGS)
    with ThreadPoolExecutor(4) as pool:
        for _ in pool.map(lambda _: result.save(folder / "out.png"), range(8)):
            pass
    with Image.open(folder / "out.png") as saved:
        assert np.array_equal(saved, result.image)
    (folder / "out.png").unlink()


CASES: list[Case] = [
    a_run_is_closed,
    a_run_is_dropped,
    a_class_is_dropped,
    a_batch_is_dropped,
    a_step_fails,
    ctrl_c_in_a_library,
    ctrl_c_in_a_command,
    a_zoom_is_closed,
    a_zoom_is_dropped,
    a_video_is_closed,
    a_video_is_dropped,
    a_frame_fails,
    ctrl_c_in_a_film,
    a_film_cannot_be_written,
    two_films_in_threads,
    two_saves_of_one_result,
]


@pytest.fixture
def usual_ctrl_c() -> Iterator[None]:
    """Ctrl-C raises KeyboardInterrupt, also if the tests run in the background, where the shell ignores Ctrl-C."""
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, handler)


@pytest.mark.usefixtures("usual_ctrl_c")
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.__name__)
def test_nothing_is_left_behind(tmp_path, monkeypatch, photo, tiny, case: Case) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    write(tmp_path / "in.mp4", pan(photo, 6))
    case(photo, tiny, tmp_path)  # the first time, libraries start threads and open files that they keep
    before = process_state(tmp_path)
    case(photo, tiny, tmp_path)
    after = process_state(tmp_path)
    assert {name: after[name] for name in after if after[name] != before[name]} == {}


def test_a_video_that_is_dropped_ends_its_thread_without_garbage_collection(tmp_path, photo, tiny) -> None:
    write(tmp_path / "in.mp4", pan(photo, 12))
    threads = set(threading.enumerate())
    gc.disable()
    try:
        for _ in small_video(tmp_path / "in.mp4", tiny):
            assert set(threading.enumerate()) > threads
            break
        assert set(threading.enumerate()) == threads
    finally:
        gc.enable()


@pytest.mark.parametrize("kind", ["zoom", "video"])
def test_a_film_continues_after_a_loop_that_was_left(tmp_path, photo, tiny, kind: str) -> None:
    write(tmp_path / "in.mp4", pan(photo, 6))

    def new_run() -> inc.ZoomRun | inc.VideoRun:
        return small_zoom(photo, tiny) if kind == "zoom" else small_video(tmp_path / "in.mp4", tiny)

    expected = [frame.picture for frame in new_run()]
    run, frames = new_run(), []
    for frame in run:
        frames.append(frame.picture)
        break
    frames.append(next(iter(run)).picture)
    assert not run.is_over
    loop = iter(run)
    frames.append(next(loop).picture)
    assert iter(run) is loop
    frames += [frame.picture for frame in run]
    assert run.is_over
    assert list(run) == []
    assert len(frames) == len(expected) > 3
    assert all(torch.equal(one, other) for one, other in zip(frames, expected, strict=True))


FORKED = """
import os, sys
import numpy as np
import torch
import inceptionism as inc
from tests.support.pictures import gradient
from tests.support.tiny_networks import tiny_module

torch.set_num_threads(2)
network, photo = inc.Network(tiny_module()), gradient(231, 243)

def dream():
    return np.asarray(inc.dream(photo, network=network, layer="first", octaves=1, steps=2).image).astype(int)

expected = dream()
process = os.fork()
if not process:
    os._exit(0 if abs(dream() - expected).max() <= 1 else 1)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_process_that_is_forked_after_a_dream_can_dream() -> None:
    """The threads with which the parent computed do not exist in the child, which must not wait for them."""
    done = subprocess.run([sys.executable, "-W", "ignore", "-c", FORKED], cwd=ROOT, timeout=600, check=False)
    assert done.returncode == 0


FORKED_WITH_FRAMES = """
import gc, os, signal, sys
from fractions import Fraction
import av
from inceptionism.film.upright import upright

gc.disable()
with av.open(sys.argv[1]) as container:
    frame, later = container.decode(video=0)
upright(frame, Fraction(1))
garbage = [frame]
garbage.append(garbage)
del frame, garbage, container
process = os.fork()
if not process:
    signal.alarm(60)  # ends a process that waits forever
    gc.collect()
    upright(later, Fraction(1))
    os._exit(0)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
def test_a_process_that_is_forked_while_a_film_is_read_can_read_on(tmp_path, photo) -> None:
    film = write(tmp_path / "in.mp4", pan(photo, 2))
    done = subprocess.run([sys.executable, "-c", FORKED_WITH_FRAMES, film], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
