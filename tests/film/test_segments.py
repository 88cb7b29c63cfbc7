"""Segments of a film: interrupted and failed runs keep the film so far, and resumed runs make the same film."""

from __future__ import annotations

import json
import os
import stat
import threading
from fractions import Fraction

import numpy as np
import psutil
import pytest
import torch

import inceptionism as inc
from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken
from inceptionism.film.segments import FilmFile
from inceptionism.film.unfinished import STATE_FILE
from inceptionism.io import read_recipe
from inceptionism.optimization import GradientEvaluator
from inceptionism.recipes import Recipe
from tests.support.films import decoded, pan, saved_frames, small_video, small_zoom, write
from tests.support.waiting import wait_until


class Stop(KeyboardInterrupt):
    pass


def stop_after(count: int):
    def on_frame(frame: inc.Frame) -> None:
        if frame.number + 1 == count:
            raise Stop

    return on_frame


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif", ".webp", ""])
def test_an_interrupted_film_is_written_and_a_resumed_run_makes_the_same_film(
    tmp_path, photo, tiny, ending: str
) -> None:
    whole, path = tmp_path / f"whole{ending}", tmp_path / f"out{ending}"
    small_zoom(photo, tiny).save(whole)
    with pytest.raises(Stop):
        small_zoom(photo, tiny).save(path, on_frame=stop_after(9))
    assert len(saved_frames(path)) == 9
    made: list[int] = []
    small_zoom(photo, tiny).save(path, resume=True, on_frame=lambda frame: made.append(frame.number))
    assert made == list(range(8, 12))  # a segment of half a second has two frames
    assert all(np.array_equal(one, other) for one, other in zip(saved_frames(path), saved_frames(whole), strict=True))
    assert path.is_dir() or path.read_bytes() == whole.read_bytes()
    assert not path.with_name(f"{path.name}.parts").exists()
    # A finished film is not made again.
    run = small_zoom(photo, tiny)
    run.save(path, resume=True, on_frame=stop_after(1))
    assert run.notes == [f"{path} is already finished"]


@pytest.mark.parametrize("ending", [".mp4", ""])
def test_a_film_that_is_interrupted_in_its_first_segment_does_not_count_as_finished(
    tmp_path, photo, tiny, ending: str
) -> None:
    path = tmp_path / f"out{ending}"
    with pytest.raises(Stop):
        small_zoom(photo, tiny).save(path, on_frame=stop_after(1))
    assert len(saved_frames(path)) == 1
    # After a second run that makes no frame, the film is still unfinished.
    film = FilmFile(small_zoom(photo, tiny), path, overwrite=False, resume=True)
    film.close(finished=False)
    small_zoom(photo, tiny).save(path, resume=True)
    assert len(saved_frames(path)) == 12
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_a_video_of_a_different_source_is_not_resumed(tmp_path, photo, tiny) -> None:
    film = write(tmp_path / "in.mp4", pan(photo, 12))
    with pytest.raises(Stop):
        small_video(film, tiny).save(tmp_path / "out.mp4", on_frame=stop_after(8))
    write(film, pan(photo[1:], 12))
    with pytest.raises(InvalidSetting, match="made with a different film; give"):
        small_video(film, tiny).save(tmp_path / "out.mp4", resume=True)


def test_a_film_with_other_settings_or_a_damaged_state_is_not_resumed(tmp_path, photo, tiny) -> None:
    path = tmp_path / "out.mp4"
    with pytest.raises(Stop):
        small_zoom(photo, tiny).save(path, on_frame=stop_after(7))
    with pytest.raises(
        InvalidSetting, match=r"out.mp4.parts was made with a different seed and zoom; give the original settings"
    ):
        small_zoom(photo, tiny, zoom=2, seed=1).save(path, resume=True)
    with pytest.raises(NameTaken, match=r"use --resume .* \(in Python, resume=True or overwrite=True\)"):
        small_zoom(photo, tiny).save(path, overwrite=False)
    state = tmp_path / "out.mp4.parts" / "state.npz"
    for content in (b"", b"PK\3\4", state.read_bytes()[:-200]):
        state.write_bytes(content)
        with pytest.raises(InvalidSetting, match=r"out\.mp4\.parts cannot be resumed"):
            small_zoom(photo, tiny).save(path, resume=True)
    small_zoom(photo, tiny).save(path)  # overwrites the unfinished film
    assert len(decoded(path)) == 12
    with pytest.raises(NameTaken, match=r"is a different film; .*--overwrite .* \(in Python, overwrite=True\)"):
        small_zoom(photo, tiny, seed=1).save(path, resume=True)
    with pytest.raises(NameTaken, match=r"out.mp4 exists"):
        small_zoom(photo, tiny).save(path, overwrite=False)


def test_a_state_without_its_picture_is_refused(tmp_path, photo, tiny) -> None:
    run = small_zoom(photo, tiny)
    parts = tmp_path / "out.mp4.parts"
    film = FilmFile(run, tmp_path / "out.mp4", overwrite=False, resume=False)
    for frame in run:
        film.add(frame)
    film.close(finished=False)
    with np.load(parts / "state.npz") as state:
        np.savez(parts / "state.npz", about=state["about"])
    with pytest.raises(InvalidSetting, match=r"cannot be resumed: .*use --overwrite to start again"):
        small_zoom(photo, tiny).save(tmp_path / "out.mp4", resume=True)


def test_a_failed_run_keeps_the_film_so_far(tmp_path, photo, tiny) -> None:
    run = small_zoom(photo, tiny)

    def fail(frame: inc.Frame) -> None:
        if frame.number == 6:
            raise inc.NoGradient("nothing responds")

    with pytest.raises(inc.NoGradient):
        run.save(tmp_path / "out.mp4", on_frame=fail)
    assert len(decoded(tmp_path / "out.mp4")) == 7


def test_a_failed_write_is_reported_and_keeps_the_segments(tmp_path, photo, tiny) -> None:
    with pytest.raises(Stop):
        small_zoom(photo, tiny).save(tmp_path / "out.mp4", on_frame=stop_after(7))
    # A folder with the name of the next segment makes the system refuse to write it.
    (tmp_path / "out.mp4.parts" / ".unfinished.mp4").mkdir()
    with pytest.raises(CannotWrite, match="cannot be written"):
        small_zoom(photo, tiny).save(tmp_path / "out.mp4", resume=True)
    (tmp_path / "out.mp4.parts" / ".unfinished.mp4").rmdir()
    small_zoom(photo, tiny).save(tmp_path / "out.mp4", resume=True)
    assert len(decoded(tmp_path / "out.mp4")) == 12


@pytest.mark.parametrize("ending", [".mp4", ""])
def test_a_second_save_is_refused_and_leaves_the_first_film(tmp_path, photo, tiny, ending: str) -> None:
    first, second = tmp_path / f"first{ending}", tmp_path / f"second{ending}"
    run = small_zoom(photo, tiny)
    run.save(first)
    frames = saved_frames(first)
    assert len(frames) == 12
    for path in (first, second):
        with pytest.raises(InvalidSetting, match=r"is not written: the frames of this film were made before"):
            run.save(path)
    assert not second.exists()
    assert all(map(np.array_equal, saved_frames(first), frames))


@pytest.mark.parametrize("ending", [".mp4", ".webp", ""])
def test_an_error_in_the_callback_is_raised_after_the_film_so_far_is_written(
    tmp_path, photo, tiny, ending: str
) -> None:
    def fail(frame: inc.Frame) -> None:
        if frame.number == 6:
            raise ZeroDivisionError

    film = write(tmp_path / "in.mp4", pan(photo, 12))
    path, whole = tmp_path / f"out{ending}", tmp_path / f"whole{ending}"
    before = set(threading.enumerate())
    with pytest.raises(ZeroDivisionError):
        small_video(film, tiny).save(path, on_frame=fail)
    assert set(threading.enumerate()) == before
    assert len(saved_frames(path)) == 7
    small_video(film, tiny).save(whole)
    small_video(film, tiny).save(path, resume=True)
    assert all(map(np.array_equal, saved_frames(path), saved_frames(whole)))
    assert len(saved_frames(path)) == 12


def test_a_callback_that_raises_stop_iteration_ends_the_film(tmp_path, photo, tiny) -> None:
    def stop(frame: inc.Frame) -> None:
        if frame.number == 4:
            raise StopIteration

    path = tmp_path / "out.mp4"
    run = small_zoom(photo, tiny)
    run.save(path, on_frame=stop)
    assert (run.is_over, len(saved_frames(path))) == (True, 5)
    small_zoom(photo, tiny).save(path, resume=True)
    assert len(saved_frames(path)) == 12


@pytest.mark.parametrize("ending", [".mp4", ".gif"])
def test_a_replaced_film_keeps_its_permissions(tmp_path, photo, tiny, ending: str) -> None:
    path = tmp_path / f"private{ending}"
    path.touch(0o600)
    small_zoom(photo, tiny).save(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert len(saved_frames(path)) == 12


@pytest.mark.skipif(os.name == "nt", reason="Windows has no limit on the size of files")
@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif", ""])
def test_a_full_disk_keeps_the_finished_segments(tmp_path, photo, tiny, ending: str) -> None:
    """A limit on the size of files imitates a full disk: the system refuses to write more bytes."""
    import resource

    path, whole = tmp_path / f"out{ending}", tmp_path / f"whole{ending}"
    parts = tmp_path / f"{path.name}.parts"

    def fill_the_disk(frame: inc.Frame) -> None:
        if frame.number == 6:
            wait_until((parts / STATE_FILE).exists)  # another thread ends the first segment
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, resource.RLIM_INFINITY))

    try:
        with pytest.raises(
            CannotWrite,
            match=rf"File too large; the film so far is kept in .*out{ending}\.parts: when the problem is solved",
        ):
            small_zoom(photo, tiny).save(path, on_frame=fill_the_disk)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
    with np.load(parts / STATE_FILE) as state:
        number = json.loads(state["about"].tobytes())["number"]
    made: list[int] = []
    small_zoom(photo, tiny).save(path, resume=True, on_frame=lambda frame: made.append(frame.number))
    assert made[0] == number > 0
    small_zoom(photo, tiny).save(whole)
    assert all(map(np.array_equal, saved_frames(path), saved_frames(whole)))
    assert {one.name for one in tmp_path.iterdir()} == {path.name, whole.name}


def test_a_film_that_cannot_be_encoded_leaves_no_file_open(tmp_path, photo, tiny) -> None:
    run = small_zoom(photo, tiny, fps=60)
    before = psutil.Process().num_fds()
    film = FilmFile(run, tmp_path / "out.mp4", overwrite=False, resume=False)
    for number in range(20):  # the encoder writes the first frames to the file before it gets the last ones
        film.add(inc.Frame(number, Fraction(number, 60), torch.zeros(1, 3, 44, 58), 0.0))
    film.add(inc.Frame(20, Fraction(20, 60), torch.zeros(1, 3, 48, 58), 0.0))
    with pytest.raises(CannotWrite, match=r"\.unfinished\.mp4 cannot be written"):
        film.close(finished=True)
    assert psutil.Process().num_fds() == before


def test_old_frames_stay_until_the_first_new_frame_is_written(tmp_path, photo, tiny) -> None:
    folder = tmp_path / "frames"
    small_zoom(photo, tiny).save(folder)
    for name in ("1000000.png", "12.png", "photo.png"):
        (folder / name).write_bytes((folder / "000000.png").read_bytes())
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    failing = small_zoom(photo, tiny, seed=3)
    failing.frames = lambda: (_ for _ in [1 / 0])
    with pytest.raises(ZeroDivisionError):
        failing.save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before
    small_zoom(photo, tiny, seed=3, seconds=0.4).save(folder)
    assert sorted(path.name for path in folder.iterdir()) == ["000000.png", "000001.png", "12.png", "photo.png"]
    assert (folder / "000000.png").read_bytes() != before["000000.png"]


def test_a_film_whose_memory_ran_out_records_its_tiles_and_is_resumed_with_them(tmp_path, photo, monkeypatch) -> None:
    forward_backward = GradientEvaluator._forward_backward

    def with_little_memory(self, views, requests):
        if views.shape[-2] * views.shape[-1] > 160 * 160:
            raise MemoryError
        return forward_backward(self, views, requests)

    def new_run() -> inc.ZoomRun:
        return inc.zoom(photo, layer="blocks.1", size=(198, 260), octaves=1, steps=1, fps=2, seconds=2)

    with monkeypatch.context() as limited:
        limited.setattr(GradientEvaluator, "_forward_backward", with_little_memory)
        new_run().save(tmp_path / "whole.mp4")
        assert Recipe.from_json(read_recipe(tmp_path / "whole.mp4")).made_with.tile == 260 * 198 // 2
        run = new_run()

        def stop(_frame: object) -> None:
            if run.number == 2:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            run.save(tmp_path / "resumed.mp4", on_frame=stop)
    run = new_run()  # there is enough memory again
    run.save(tmp_path / "resumed.mp4", resume=True)
    assert run.recipe.made_with.tile == 260 * 198 // 2
    assert (tmp_path / "resumed.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
