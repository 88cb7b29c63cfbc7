"""Folders of unfinished films: damaged segments and states, locks, and runs that are killed at every moment."""

from __future__ import annotations

import io
import json
import os
import random
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

import inceptionism as inc
from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken
from inceptionism.film.unfinished import UnfinishedFilm
from tests.support.films import pan, saved_frames, small_video, small_zoom, write
from tests.support.places import ROOT


class Stop(KeyboardInterrupt):
    pass


def interrupt(path: Path, run: inc.FilmRun, count: int) -> Path:
    """Save the first frames of a film, and return the folder of the unfinished film."""

    def stop(frame: inc.Frame) -> None:
        if frame.number + 1 == count:
            raise Stop

    with pytest.raises(Stop):
        run.save(path, on_frame=stop)
    return path.with_name(f"{path.name}.parts")


def flip_a_byte(content: bytes, position: int) -> bytes:
    return content[:position] + bytes([content[position] ^ 1]) + content[position + 1 :]


DAMAGES: dict[str, Callable[[bytes, int], bytes]] = {
    "flip": flip_a_byte,
    "cut": lambda content, position: content[:position],
    "zero": lambda content, position: content[:position] + bytes(len(content) - position),
    "grow": lambda content, position: content[:position] + bytes(1) + content[position:],
}


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif"])
def test_a_damaged_segment_is_named_and_not_joined(tmp_path, photo, tiny, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    parts = interrupt(path, small_zoom(photo, tiny), 9)
    film, state = path.read_bytes(), (parts / "state.npz").read_bytes()
    chance = random.Random(0)
    segments = sorted(parts.glob("0*"))[:4]  # the last one is not finished, and it is made again
    for number in range(40):
        segment = segments[number % 4]
        content = segment.read_bytes()
        position = chance.randrange(len(content) - 1)
        damaged = DAMAGES[[*DAMAGES][number // 4 % 4]](content, position)
        if damaged == content:
            continue
        segment.write_bytes(damaged)
        with pytest.raises(CannotWrite, match=rf"{segment.name} is damaged: it .*put back a copy of this file, or use"):
            small_zoom(photo, tiny).save(path, resume=True)
        segment.write_bytes(content)
    segments[0].rename(tmp_path / "aside")
    with pytest.raises(CannotWrite, match=rf"{segments[0].name} is damaged: it cannot be read: No such file"):
        small_zoom(photo, tiny).save(path, resume=True)
    (tmp_path / "aside").rename(segments[0])
    # Nothing was lost: with the right segments, the film is finished.
    assert (path.read_bytes(), (parts / "state.npz").read_bytes()) == (film, state)
    small_zoom(photo, tiny).save(path, resume=True)
    assert len(saved_frames(path)) == 12


def test_a_segment_that_is_damaged_during_the_run_is_not_joined(tmp_path, photo, tiny) -> None:
    path = tmp_path / "out.mp4"
    parts = interrupt(path, small_zoom(photo, tiny), 9)
    segment = parts / "000001.mp4"
    content = segment.read_bytes()

    def damage(frame: inc.Frame) -> None:
        segment.write_bytes(flip_a_byte(content, 900))

    with pytest.raises(
        CannotWrite, match=r"000001\.mp4 is damaged.*kept in .*out\.mp4\.parts: when the problem is solved"
    ):
        small_zoom(photo, tiny).save(path, resume=True, on_frame=damage)
    segment.write_bytes(content)
    small_zoom(photo, tiny).save(path, resume=True)
    assert len(saved_frames(path)) == 12


def rewrite_state(parts: Path, change: Callable[[dict], object], **arrays: np.ndarray) -> None:
    """Change the description of the film in a state, and the arrays of the state."""
    with np.load(parts / "state.npz") as stored:
        state = {name: stored[name] for name in stored.files}
    about = json.loads(state.pop("about").tobytes())
    change(about)
    about = np.frombuffer(json.dumps(about).encode(), np.uint8)
    np.savez(parts / "state.npz", about=about, **{**state, **arrays})


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"number": "1/0"}, "the number of its next frame is '1/0'"),
        ({"number": -2}, "the number of its next frame is -2"),
        ({"number": 1e400}, "the number of its next frame is inf"),
        ({"end": "1/0"}, "the time '1/0'"),
        ({"end": "1e999999999"}, "the time '1e999999999'"),
        ({"end": 3}, "expected string"),
        ({"segments": [["1/0", 5, ""]]}, "the time '1/0'"),
        ({"segments": [["0", 1e400, ""]]}, "infinity"),
        ({"segments": [[]]}, "not enough values"),
        ({"segments": None}, "not iterable"),
        ({"recipe": 5}, ""),
    ],
)
def test_wrong_values_in_a_state_are_refused(tmp_path, photo, tiny, wrong: dict, reason: str) -> None:
    path = tmp_path / "out.mp4"
    rewrite_state(interrupt(path, small_zoom(photo, tiny), 5), lambda about: about.update(wrong))
    with pytest.raises(InvalidSetting, match=rf"cannot be resumed: .*{reason}.*; use --overwrite to start again"):
        small_zoom(photo, tiny).save(path, resume=True)


@pytest.mark.parametrize("picture", [np.zeros((44, 58, 3)), np.zeros((44, 57, 3), np.float32), np.zeros(0, np.float32)])
def test_a_state_with_a_picture_of_another_kind_is_refused(tmp_path, photo, tiny, picture: np.ndarray) -> None:
    path = tmp_path / "out.mp4"
    rewrite_state(interrupt(path, small_zoom(photo, tiny), 5), lambda _: None, picture=picture)
    with pytest.raises(InvalidSetting, match=r"cannot be resumed: its picture is not 44×58×3 float32; use --overwrite"):
        small_zoom(photo, tiny).save(path, resume=True)


def test_damaged_states_raise_no_other_error(tmp_path, photo, tiny) -> None:
    path = tmp_path / "out.mp4"
    parts = interrupt(path, small_zoom(photo, tiny), 5)
    state = (parts / "state.npz").read_bytes()
    chance = random.Random(0)
    run, refused = small_zoom(photo, tiny), 0
    unfinished = UnfinishedFilm(parts, overwrite=False, resume=True)
    with np.load(io.BytesIO(state)) as stored:
        right = stored["picture"]
    for _ in range(600):
        content = bytearray(state)
        # Most of the file is the picture. Its beginning and its end describe it.
        for _ in range(chance.choice([1, 1, 3])):
            span = chance.choice([(0, 300), (len(state) - 300, len(state)), (0, len(state))])
            content[chance.randrange(*span)] = chance.randrange(256)
        (parts / "state.npz").write_bytes(content)
        try:
            saved = unfinished.read_state(".mp4", 2**20)
            run.restore(saved.arrays)
        except (InvalidSetting, ValueError, LookupError):
            refused += 1
        else:
            assert np.array_equal(saved.arrays["picture"], right)
            assert saved.number == 4
    assert refused > 300
    unfinished.release()


@pytest.mark.parametrize("settings", [{"resume": True}, {"overwrite": True}])
@pytest.mark.parametrize("ending", [".mp4", ""])
def test_a_film_that_another_run_is_making_is_left_alone(tmp_path, photo, tiny, ending: str, settings: dict) -> None:
    path, whole = tmp_path / f"out{ending}", tmp_path / f"whole{ending}"
    refused: list[int] = []

    def second(frame: inc.Frame) -> None:
        if frame.number in (1, 2, 7):
            with pytest.raises(NameTaken, match=rf"another run is making out{ending} now; wait until it has ended"):
                small_zoom(photo, tiny).save(path, **settings)
            refused.append(frame.number)

    small_zoom(photo, tiny).save(path, on_frame=second)
    small_zoom(photo, tiny).save(whole)
    assert refused == [1, 2, 7]
    assert all(map(np.array_equal, saved_frames(path), saved_frames(whole)))
    assert len(saved_frames(path)) == 12
    assert {one.name for one in tmp_path.iterdir()} == {path.name, whole.name}


def test_a_failed_run_gives_its_lock_back(tmp_path, photo, tiny) -> None:
    path = tmp_path / "out.mp4"
    interrupt(path, small_zoom(photo, tiny), 9)
    for _ in range(2):
        with pytest.raises(InvalidSetting, match="made with a different seed"):
            small_zoom(photo, tiny, seed=1).save(path, resume=True)
    small_zoom(photo, tiny).save(path, resume=True)
    assert len(saved_frames(path)) == 12


class Unwritable:
    """Array that fails when the background thread writes it."""

    @property
    def shape(self) -> tuple[int, ...]:
        raise MemoryError("no memory for the state")


def test_a_run_gives_its_lock_back_after_an_unexpected_error_in_the_background(tmp_path, photo, tiny) -> None:
    path = tmp_path / "out.mp4"
    run = small_zoom(photo, tiny)
    run.state = lambda: {"picture": Unwritable()}
    with pytest.raises(MemoryError, match="no memory for the state") as failed:
        run.save(path)
    small_zoom(photo, tiny).save(path)
    assert len(saved_frames(path)) == 12
    assert failed.tb is not None  # a notebook also keeps the last error, and everything that its frames refer to


def test_a_folder_that_cannot_be_emptied_is_not_left_locked(tmp_path) -> None:
    parts = tmp_path / "out.mp4.parts"
    (parts / "state.npz").mkdir(parents=True)  # it cannot be deleted like a file
    errors = []
    for _ in range(2):
        with pytest.raises(CannotWrite, match=r"out\.mp4\.parts cannot be written") as failed:
            UnfinishedFilm(parts, overwrite=True, resume=False)
        errors.append(failed.value)  # a notebook also keeps the last error, and everything that its frames refer to


KILLED = """
import json, os, signal, sys
from pathlib import Path

from inceptionism import interruption
from tests.support.films import small_zoom
from tests.support.pictures import small_photo
from tests.support.tiny_networks import tiny_network

photo, folder, every = small_photo(), Path(sys.argv[1]), int(sys.argv[3])


def zoom():
    return small_zoom(photo, tiny_network(), seconds=1.0, **json.loads(sys.argv[2]))


def save(path, on_frame=None, resume=False):
    with interruption.interruptible():
        zoom().save(path, resume=resume, on_frame=on_frame)


def child(work):
    # A forked process starts with torch loaded and warm.
    if pid := os.fork():
        return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    try:
        work()
    except interruption.Interrupted as error:
        os._exit(error.status)
    except BaseException:
        import traceback

        traceback.print_exc()
        os._exit(99)
    os._exit(0)


def kill_in_the_worker(call):
    # Kill the process before or after the given call of a function that changes the folder of the film.
    from inceptionism.film import segments, unfinished

    calls = 0

    def counted(function):
        def wrapper(*arguments, **keywords):
            nonlocal calls
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)
            result = function(*arguments, **keywords)
            calls += 1
            if calls == call:
                os.kill(os.getpid(), signal.SIGKILL)
            return result

        return wrapper

    Path.replace = counted(Path.replace)
    segments.flush_to_disk = counted(segments.flush_to_disk)
    unfinished.flush_to_disk = counted(unfinished.flush_to_disk)
    Path.rmdir = counted(Path.rmdir)
    segments.Encoder.write = counted(segments.Encoder.write)
    segments.Encoder.close = counted(segments.Encoder.close)


def send(number, frame_number):
    def on_frame(frame):
        if frame.number == frame_number:
            os.kill(os.getpid(), number)

    return on_frame


for _ in zoom():
    pass
assert child(lambda: save(folder / "whole.mp4")) == 0
for name in ("SIGKILL", "SIGTERM", "SIGINT"):
    number = getattr(signal, name)
    for frame_number in range(0, 5, every):
        path = folder / f"{name}-{frame_number}.mp4"
        status = child(lambda: save(path, send(number, frame_number)))
        assert status == (-number if number == signal.SIGKILL else 128 + number), (path, status)
        assert child(lambda: save(path, resume=True)) == 0, path
call, status = 1 - every, None
while status != 0:
    call += every
    path = folder / f"call-{call}.mp4"
    status = child(lambda: (kill_in_the_worker(call), save(path)))
    assert status in (0, -signal.SIGKILL), (path, status)
    assert child(lambda: save(path, resume=True)) == 0, path
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the processes are forked, so that they start quickly")
@pytest.mark.parametrize(
    ("settings", "every"),
    [
        pytest.param({}, 3, id="plain, every third moment"),
        pytest.param({}, 1, id="plain", marks=pytest.mark.long),
        pytest.param({"loop": True, "reverse": True, "speed": 0.6}, 1, id="reversed", marks=pytest.mark.long),
    ],
)
def test_a_film_that_is_killed_at_any_moment_and_resumed_has_the_same_bytes(tmp_path, settings: dict, every) -> None:
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", KILLED, str(tmp_path), json.dumps(settings), str(every)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment, cwd=ROOT)
    assert done.returncode == 0, done.stderr
    films = {path.name: path.read_bytes() for path in tmp_path.iterdir()}  # no folder of an unfinished film is left
    assert len(films) > 1 + 3 * len(range(0, 5, every)) + 30 // every
    assert [name for name, content in films.items() if content != films["whole.mp4"]] == []


def test_a_resumed_video_knows_all_its_cuts(tmp_path, photo, tiny) -> None:
    scenes = [*pan(photo, 4), *(255 - one for one in pan(photo[::-1, ::-1], 9))]
    film = write(tmp_path / "in.mp4", scenes)
    whole = small_video(film, tiny)
    whole.save(tmp_path / "whole.mp4")
    assert whole.cuts == [0, 4]
    interrupt(tmp_path / "out.mp4", small_video(film, tiny), 8)
    resumed = small_video(film, tiny)
    resumed.save(tmp_path / "out.mp4", resume=True)
    assert resumed.cuts == [0, 4]
    assert (tmp_path / "out.mp4").read_bytes() == (tmp_path / "whole.mp4").read_bytes()
