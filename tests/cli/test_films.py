"""The commands that make films: complete runs, and runs that are killed, interrupted and resumed."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.cli.film_output import execute_film
from inceptionism.cli.options import Saving
from inceptionism.film import segments_folder
from inceptionism.recipes import Recipe, VideoRecipe, ZoomRecipe
from tests.support.command import DREAM, dream, on_terminal, refused
from tests.support.films import decoded, pan, probe, save_sound, write
from tests.support.waiting import wait_until

TINY = ["--size", "43x61", "--layer", "blocks.0", "--octaves", "1", "--fps", "4"]


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray) -> Path:
    Image.fromarray(photo).save(tmp_path / "cup.jpg", quality=95)
    write(tmp_path / "in.mp4", pan(photo, 4), sound="aac")
    return tmp_path


def recipe(path: Path, folder: Path) -> Recipe:
    done = dream("show", path, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return Recipe.from_json(done.stdout)


def test_a_zoom_writes_a_film_and_a_preview(folder) -> None:
    done = dream("zoom", "cup.jpg", *TINY, "--frames", 5, "--preview", "small.png", cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "cup-zoom.mp4\n", "")
    assert len(decoded(folder / "cup-zoom.mp4")) == 5
    assert probe(folder / "cup-zoom.mp4")["streams"][0]["width"] == 62
    with Image.open(folder / "small.png") as small:
        assert small.size == (62, 44)
    again = dream("zoom", "cup.jpg", *TINY, "--frames", 1, cwd=folder)
    assert again.stdout == "cup-zoom-2.mp4\n"
    shown = dream("show", "cup-zoom.mp4", cwd=folder).stdout
    assert re.search(r"zoom +1\.6", shown)
    assert re.search(r"seconds +1\.25", shown)


def test_a_zoom_has_the_defaults_of_the_library(folder) -> None:
    dream("zoom", "cup.jpg", "--size", 46, "--frames", 1, "-o", "a.mp4", cwd=folder)
    made = recipe(folder / "a.mp4", folder).settings()
    assert made == {**ZoomRecipe(size=46, layer="blocks.11", seconds=1 / 24).settings()}


def test_every_option_of_the_command_zoom_reaches_the_recipe(folder) -> None:
    (folder / "k.toml").write_text('[[keyframe]]\nat = 1\nlayer = "blocks.2"\nzoom = 3\n')
    save_sound(folder / "a.wav", np.sin(np.arange(9000) / 9))
    options = {
        "network": "efficientnet-lite1",
        "layer": "blocks.1=2",
        "guide": "cup.jpg",
        "mask": "cup.jpg",
        "fps": 5.0,
        "zoom": 1.2,
        "rotation": -7.5,
        "toward": "0.25,0.75",
        "drift": "0.1,-0.1",
        "wander": 0.1,
        "keyframes": "k.toml",
        "octaves": 2,
        "octave-scale": 1.2,
        "steps": 2,
        "step-size": 1.25,
        "jitter": 3,
        "audio": "a.wav",
        "reaction": "camera(bass)",
        "speed": 0.5,
        "loop": True,
        "reverse": True,
        "keep": 0.5,
        "size": "40x50",
        "prior": "0.1*tv",
        "strength": 0.5,
        "colors": "keep",
        "contrast": 1.2,
        "saturation": 0.8,
        "seed": 7,
        "device": "cpu",
        "precision": "fp32",
        "memory": "2GB",
        "seconds": 0.4,
    }
    arguments = [
        text for name, value in options.items() for text in ((f"--{name}",) if value is True else (f"--{name}", value))
    ]
    done = dream("zoom", "cup.jpg", *arguments, "-o", "a.webp", cwd=folder)
    assert done.returncode == 0, done.stderr
    made = recipe(folder / "a.webp", folder).settings()
    wanted = {name.replace("-", "_"): value for name, value in options.items()}
    wanted |= {"layer": ["blocks.1=2"], "toward": [0.25, 0.75], "drift": [0.1, -0.1], "shape": [40, 50]}
    wanted["keyframes"] = [{"at": 1, "layer": ["blocks.2"], "zoom": 3}]
    del wanted["size"]
    assert {**json.loads(json.dumps(made)), "kind": None} == {**wanted, "kind": None}


def test_a_film_keeps_its_sound_and_has_the_defaults_of_the_library(folder) -> None:
    done = dream("video", "in.mp4", "out.mp4", "--size", 46, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "out.mp4\n"), done.stderr
    assert [one["codec_name"] for one in probe(folder / "out.mp4")["streams"]] == ["h264", "aac"]
    assert recipe(folder / "out.mp4", folder).settings() == VideoRecipe(size=46, layer="blocks.11").settings()
    refused(dream("video", "in.mp4", "in.mp4", "-l", "stem", "--overwrite", cwd=folder), "is the film to dream", 1)
    refused(dream("video", "cup.jpg", "x.mp4", "--size", "0", cwd=folder), "size must be from 1", 2)


def test_a_killed_command_is_resumed_by_the_same_command(folder) -> None:
    command = ["zoom", "cup.jpg", *TINY, "--seconds", "25", "--quiet", "-o"]
    assert dream(*command, "whole.mp4", cwd=folder).returncode == 0
    segments = folder / "out.mp4.parts"
    process = subprocess.Popen([*DREAM, *command, "out.mp4", "--resume"], cwd=folder)
    wait_until((segments / "000002.mp4").exists, process)
    process.kill()
    assert process.wait() == -signal.SIGKILL
    done = dream(*command, "out.mp4", "--resume", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "out.mp4\n"), done.stderr
    probe(folder / "out.mp4")
    assert all(map(np.array_equal, decoded(folder / "out.mp4"), decoded(folder / "whole.mp4")))
    assert len(decoded(folder / "out.mp4")) == 100
    assert not segments.exists()
    assert dream(*command, "out.mp4", "--resume", cwd=folder).returncode == 0


def test_an_endless_zoom_ends_with_ctrl_c(folder) -> None:
    command = [*DREAM, "zoom", "noise", *TINY, "--endless", "-o", "out.mp4"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: (folder / "out.mp4.parts" / "000002.mp4").exists(), process)
    process.send_signal(signal.SIGINT)
    _, said = process.communicate(timeout=120)
    assert (process.returncode, said) == (130, "dream: interrupted; the film so far is in out.mp4\n")
    assert int(probe(folder / "out.mp4")["streams"][0]["nb_read_frames"]) >= 6
    assert {one.name for one in folder.iterdir()} == {"cup.jpg", "in.mp4", "out.mp4"}


class StoppedAtOnce(inc.ZoomRun):
    def frames(self) -> Iterator[inc.Frame]:
        raise KeyboardInterrupt
        yield


def test_an_interruption_before_the_first_frame_mentions_no_film(folder, tiny) -> None:
    path = folder / "out.mp4"
    path.write_bytes(b"another film")
    run = StoppedAtOnce(ZoomRecipe(shape=(44, 58), layer="first"), network=tiny)
    with pytest.raises(KeyboardInterrupt):  # a run that keeps a part of the film raises Exit instead
        execute_film(run, path, Saving(overwrite=True, quiet=True))
    assert path.read_bytes() == b"another film"
    assert not segments_folder(path).exists()


def test_resume_finds_the_unfinished_film_among_numbered_ones(folder) -> None:
    for name in ("cup-zoom.mp4", "cup-zoom-2.mp4"):
        (folder / name).touch()
    (folder / "cup-zoom-2.mp4.parts").mkdir()
    done = dream("zoom", "cup.jpg", *TINY, "--frames", 2, "--resume", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "cup-zoom-2.mp4\n"), done.stderr
    assert len(decoded(folder / "cup-zoom-2.mp4")) == 2
    assert (folder / "cup-zoom.mp4").stat().st_size == 0


def test_a_terminated_film_can_be_resumed(folder) -> None:
    command = [*DREAM, "zoom", "cup.jpg", *TINY, "--seconds", "600", "-o", "out.webm"]
    process = subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True)
    wait_until(lambda: (folder / "out.webm.parts" / "state.npz").exists(), process)
    process.terminate()
    _, said = process.communicate(timeout=120)
    assert process.returncode == 143
    assert "to continue from out.webm.parts, repeat the command with --resume" in said
    assert len(decoded(folder / "out.webm")) >= 2  # the frames of the first segment
    refused(dream("zoom", "cup.jpg", *TINY, "-o", "out.webm", cwd=folder), "holds an unfinished film; use --resume", 1)


def test_a_terminal_shows_frames_per_second_and_the_remaining_time(folder) -> None:
    shown, status = on_terminal("zoom", "cup.jpg", *TINY, "--frames", "12", "-o", "out.gif", cwd=folder)
    assert status == 0
    assert re.search("frame 12/12 +[0-9.]+ frames/s", shown), shown
    assert "0:00:0" in shown


@pytest.mark.parametrize(
    ("arguments", "reason", "status"),
    [
        (["cup.jpg", "--seconds", 1, "--endless"], "give one of --seconds, --frames and --endless", 2),
        (
            ["cup.jpg", "--toward", "middle"],
            "toward must be two numbers, down and across, such as 0.5,0.25, not 'middle'",
            2,
        ),
        (["cup.jpg", "--zoom", 0], "zoom must be from 0.001 to 1000, not 0", 2),
        (["cup.jpg", "--frames", 3, "--fps", 0], "fps must be from 0.01 to 240, not 0", 2),
        (["cup.jpg", "--keyframes", "none.toml"], "there is no file none.toml", 1),
        (["cup.jpg", "-o", "a.avi"], "a.avi has the unknown ending '.avi'; use one of .mp4", 1),
        (["none.jpg"], "there is no file none.jpg", 1),
        (["cup.jpg", "--size", "10x"], "size must be", 2),
        (["cup.jpg", "--frames", 3, "--fps", 0.0001], "fps must be from 0.01 to 240, not 0.0001", 2),
        (["cup.jpg", "--preview", "cup.jpg"], "the preview would replace cup.jpg", 1),
        (["cup.jpg", "--preview", "x.gif", "-o", "x.gif"], "the preview would replace x.gif", 1),
        (["cup.jpg", "--preview", "x/y.png"], "there is no folder x", 1),
    ],
)
def test_a_wrong_option_is_reported_in_one_line(folder, arguments, reason: str, status: int) -> None:
    refused(dream("zoom", *arguments, cwd=folder), re.escape(reason), status)
    assert {one.name for one in folder.iterdir()} == {"cup.jpg", "in.mp4"}


def test_the_help_of_film_commands_lists_options_without_loading_torch(folder) -> None:
    done = subprocess.run([*DREAM, "zoom", "--help"], capture_output=True, text=True, cwd=folder, check=True)
    for option in ("--keyframes", "--endless", "--resume", "--preview", "--toward"):
        assert option in done.stdout
    code = "import sys; from inceptionism.cli import main\ntry: main(['video', '--help'])\nexcept SystemExit: pass\n"
    code += "print([n for n in ('torch', 'numpy', 'PIL', 'cv2', 'av') if n in sys.modules], file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == "[]\n"
