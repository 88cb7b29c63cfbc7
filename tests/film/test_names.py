"""Names of films: every name that a file system allows, for films that are read, written, interrupted and resumed."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inceptionism.io import load_recipe
from tests.support.command import piped
from tests.support.films import pan, saved_frames, small_video, small_zoom, write

NAMES = [
    b"12:30",
    b"-i",
    b"%d%06d",
    b"caf\xe9",
    b"\xff\xfe",
    b"http:",
    b"concat:a|b",
    b"a b\nc'\"#?",
    "Ā猫🐈".encode(),
    b".hidden",
    b"x" * 120,
]


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder. A name that begins with a hyphen is only unusual without a folder before it."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif", ".webp"])
@pytest.mark.usefixtures("inside")
def test_a_film_of_any_name_is_written_interrupted_and_resumed(photo, tiny, name: bytes, ending: str) -> None:
    path = Path(os.fsdecode(name) + ending)

    def stop(frame) -> None:
        if frame.number == 2:
            raise StopIteration

    short = {"seconds": 1.0}
    small_zoom(photo, tiny, **short).save(path, on_frame=stop)
    small_zoom(photo, tiny, **short).save(path, resume=True)
    assert [os.fsencode(one) for one in Path().iterdir()] == [name + ending.encode()]
    plain = path.rename("plain" + ending)
    assert len(saved_frames(plain)) == 5
    assert load_recipe(plain).settings()["seconds"] == 1.0


@pytest.mark.parametrize("name", NAMES, ids=repr)
@pytest.mark.usefixtures("inside")
def test_a_film_of_any_name_is_read_and_its_sound_is_kept(photo, tiny, name: bytes) -> None:
    path = write(Path("plain.mp4"), pan(photo, 3), sound="aac").rename(os.fsdecode(name) + ".mp4")
    small_video(path, tiny).save("out.mp4")
    wanted = {b"caf\xe9": "caf%E9", b"\xff\xfe": "%FF%FE"}.get(name) or name.decode()
    made_with = load_recipe("out.mp4").made_with
    assert made_with is not None
    assert made_with.photo is not None
    assert made_with.photo["name"] == f"{wanted}.mp4"
    assert len(saved_frames(Path("out.mp4"))) == 3


def test_the_command_takes_names_that_are_not_text(inside, photo) -> None:
    Image.fromarray(photo).save("cup.jpg")
    arguments = ["zoom", "cup.jpg", "--size", "43x61", "--layer", "blocks.0", "--octaves", "1", "--frames", "2", "-o"]
    done = piped(*arguments, b"12:30 caf\xe9.mp4", cwd=inside)
    assert (done.returncode, done.stdout) == (0, b"12:30 caf\xe9.mp4\n"), done.stderr
    (inside / os.fsdecode(b"12:30 caf\xe9.mp4")).rename("plain.mp4")
    assert np.array(saved_frames(Path("plain.mp4"))).shape == (2, 44, 62, 3)
