"""Films whose scenes are dreamed by the machines of a real Ray cluster."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.film import VideoRun
from tests.support.cluster import actors_of
from tests.support.command import DREAM, dream

SMALL: dict[str, Any] = {"layer": ["blocks.3"], "octaves": 1, "steps": 2, "first_steps": 3, "jitter": 4, "fps": 12.0}
FLAGS = [part for name, value in SMALL.items() for part in (f"--{name.replace('_', '-')}", str(value))]
FLAGS[1] = "blocks.3"
SLOW = [*FLAGS, "--blend", "0.7"]
SLOW[FLAGS.index("--steps") + 1] = "12"


@pytest.fixture
def film(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """The name of a folder in the current folder with the frames of four scenes, and a mask beside it."""
    from skimage.data import astronaut, coffee, rocket

    monkeypatch.chdir(tmp_path)
    (tmp_path / "frames").mkdir()
    scenes = [(coffee(), 7), (astronaut(), 5), (rocket(), 9), (coffee(), 2)]
    photos = [(Image.fromarray(photo), index) for photo, count in scenes for index in range(count)]
    for number, (photo, index) in enumerate(photos):
        left, top = 20 + 4 * index, 30 + 3 * index
        frame = photo.crop((left, top, left + 285, top + 225)).resize((95, 75))
        frame.save(tmp_path / "frames" / f"{number:06}.png")
    Image.fromarray(coffee()[:200, :300]).save(tmp_path / "mask.png")
    return "frames"


def alone(film: str, **settings: Any) -> VideoRun:
    return inc.video(film, **{**SMALL, **settings})


def on_cluster(cluster: Any, film: str, transfer: str = "auto", **settings: Any) -> VideoRun:
    return inc.video(film, cluster=cluster.address, transfer=transfer, **{**SMALL, **settings})


@pytest.mark.parametrize("transfer", ["paths", "objects"])
@pytest.mark.long
def test_the_frames_are_those_of_a_single_machine(cluster, film, transfer) -> None:
    Path("frames/000014.png").write_text("no picture")  # it is left out, with a note
    settings: dict[str, Any] = {
        "mask": "mask.png",
        "keyframes": [{"at": 0.0, "blend": 0.5}, {"at": 1.5, "blend": 0.9}],
    }
    first, second = alone(film, **settings), on_cluster(cluster, film, transfer, **settings)
    expected = [(one.number, one.time, np.asarray(one.image), one.score) for one in first]
    made = [(one.number, one.time, np.asarray(one.image), one.score) for one in second]
    assert [one[:2] for one in made] == [one[:2] for one in expected]
    for one, other in zip(made, expected, strict=True):
        np.testing.assert_array_equal(one[2], other[2])
        assert one[3] == pytest.approx(other[3], rel=1e-6)
    assert first.cuts == second.cuts == [0, 7, 12, 20]
    assert first.recipe == second.recipe
    assert first.notes == second.notes
    assert not actors_of("RemoteFilm", cluster.address)


@pytest.mark.long
def test_a_killed_worker_loses_no_frame(cluster, film) -> None:
    killed = []
    frames = []
    for frame in on_cluster(cluster, film, steps=20, first_steps=20):
        frames.append(np.asarray(frame.image))
        if frame.number in (3, 15):
            process = actors_of("RemoteFilm", cluster.address)[0]
            process.kill()
            killed.append(process.pid)
    assert len(set(killed)) == 2
    expected = [np.asarray(frame.image) for frame in alone(film, steps=20, first_steps=20)]
    np.testing.assert_array_equal(frames, expected)


@pytest.mark.parametrize("begun_on_cluster", [True, False])
@pytest.mark.long
def test_a_killed_film_is_resumed_with_or_without_the_cluster(cluster, film, begun_on_cluster) -> None:
    """The film is killed in the middle of a scene, and the rest is made the other way."""
    flags = ["video", film, "made.webm", *SLOW]
    assert dream("video", film, "whole.webm", *SLOW, cwd=Path.cwd()).returncode == 0
    ways = [["--cluster", cluster.address], []]
    process = subprocess.Popen([*DREAM, *flags, *ways[not begun_on_cluster]])
    deadline = time.monotonic() + 120
    while not Path("made.webm.parts/000002.webm").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    process.kill()
    process.wait()
    assert not Path("made.webm").exists()
    done = dream(*flags, "--resume", *ways[begun_on_cluster], cwd=Path.cwd())
    assert (done.returncode, done.stdout.strip()) == (0, "made.webm"), done.stderr
    assert Path("made.webm").read_bytes() == Path("whole.webm").read_bytes()


@pytest.mark.long
def test_wrong_settings_and_films_get_the_usual_sentence(cluster, film) -> None:
    with pytest.raises(UnknownName, match=r"blocks\.99"):
        on_cluster(cluster, film, layer=["blocks.99"])
    for flags, reason in (
        (["--workers", "2"], "the workers of a film are the machines of a cluster; give a cluster, too"),
        (["--transfer", "paths"], "transfer paths is for the machines of a cluster; give a cluster, too"),
        (["--cluster", "nowhere"], "cluster must be auto or HOST:PORT, not 'nowhere'"),
    ):
        done = dream("video", film, "made.mp4", *FLAGS, *flags, cwd=Path.cwd())
        assert (done.returncode, reason in done.stderr) == (2, True), done.stderr
        assert not Path("made.mp4").exists()
    assert not actors_of("RemoteFilm", cluster.address)


def test_a_film_on_this_machine_needs_no_ray(film) -> None:
    code = (
        "import sys; sys.modules['ray'] = None\n"
        "import inceptionism as inc\n"
        "print(len(list(inc.video('frames', 'blocks.3', octaves=1, steps=1, first_steps=1, jitter=0))))\n"
        "from inceptionism.cli import main\n"
        f"sys.argv = ['dream', 'video', 'frames', 'made.mp4', *{FLAGS!r}]\n"
        "main()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout.split()) == (0, ["23", "made.mp4"]), done.stderr


def test_a_cluster_takes_no_objects(film) -> None:
    for settings, reason in (
        ({"transforms": [lambda picture, generator: picture]}, "transforms are functions of Python"),
        ({"mask": Image.new("L", (9, 9))}, "a name or a path as mask, not an object of type"),
        ({"guide": np.zeros((9, 9, 3), np.uint8)}, "a name or a path as guide, not an object of type"),
        ({"network": torch.nn.Identity()}, "a name or a path as network, not an object of type"),
        ({"objective": objectives.channel("blocks.3", 1)}, "a name or a path as objective, not an object of type"),
    ):
        with pytest.raises(InvalidSetting, match=reason):
            inc.video(film, cluster="127.0.0.1:1", **settings)
