"""Replays of films: the same frames, variations, and refusals to open files that were not passed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from skimage.data import coffee

import inceptionism as inc
from inceptionism.recipes import ZoomRecipe
from inceptionism.runs import replay as picture_replay
from tests.support.command import dream, refused
from tests.support.films import decoded, pan, write

TINY = ["--size", "43x61", "--layer", "blocks.0", "--octaves", "1", "--fps", "4", "--frames", "3"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    photo = np.ascontiguousarray(coffee()[100:161, 150:231])
    folder = tmp_path_factory.mktemp("films")
    Image.fromarray(photo).save(folder / "cup.png")
    write(folder / "in.mp4", pan(photo, 3))
    for name in ("zoom.mp4", "zoom.webm", "zoom.gif", "zoom.webp"):
        assert dream("zoom", "cup.png", *TINY, "-o", name, cwd=folder).returncode == 0
    assert dream("zoom", "noise", *TINY, "-o", "noise.mp4", cwd=folder).returncode == 0
    done = dream("video", "in.mp4", "video.mp4", "--layer", "blocks.0", "--size", 62, "--octaves", 1, cwd=folder)
    assert done.returncode == 0, done.stderr
    return folder


def recipe_json(path: str, folder: Path) -> str:
    done = dream("show", path, "--json", cwd=folder)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize(
    ("made", "begin"),
    [
        ("zoom.mp4", "cup.png"),
        ("zoom.webm", "cup.png"),
        ("zoom.gif", "cup.png"),
        ("zoom.webp", "cup.png"),
        ("noise.mp4", None),
        ("video.mp4", "in.mp4"),
    ],
)
def test_a_replay_makes_the_same_film(folder, made: str, begin: str | None) -> None:
    again = f"{Path(made).stem}-again{Path(made).suffix}"
    done = dream("replay", made, *filter(None, [begin]), cwd=folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{again}\n", "")
    assert recipe_json(again, folder) == recipe_json(made, folder)
    if made.endswith(".mp4"):
        np.testing.assert_array_equal(decoded(folder / again), decoded(folder / made))


def test_options_of_a_replay_make_a_variation(folder) -> None:
    options = ["--seconds", 1, "--rotation", -30, "--toward", "0.25,0.5", "--size", "31x40", "-o", "other.mp4"]
    done = dream("replay", "zoom.mp4", "cup.png", *options, cwd=folder)
    assert (done.returncode, done.stderr) == (0, "")
    recipe = inc.load_recipe(folder / "other.mp4")
    assert (recipe.rotation, recipe.toward, recipe.shape, recipe.fps) == (-30, (0.25, 0.5), (31, 40), 4)
    assert np.shape(decoded(folder / "other.mp4")) == (4, 32, 40, 3)


def test_a_recipe_written_by_hand_makes_a_film(folder) -> None:
    text = 'kind = "zoom"\nlayer = "blocks.0"\noctaves = 1\nshape = [30, 40]\nseconds = 0.5\nfps = 4\n'
    (folder / "mine.toml").write_text(text + "[[keyframes]]\nat = 0.25\nzoom = 3\n")
    done = dream("run", "mine.toml", "cup.png", cwd=folder)
    assert (done.returncode, done.stdout) == (0, "mine.mp4\n"), done.stderr
    assert len(decoded(folder / "mine.mp4")) == 2
    (folder / "wrong.toml").write_text(text + "keep = 2\n")
    refused(dream("run", "wrong.toml", cwd=folder), "wrong.toml, line 7: keep must be from 0 to 1, not 2", 2)


def test_files_that_were_not_passed_are_not_read(folder) -> None:
    refused(dream("replay", "zoom.mp4", cwd=folder), "pass a photograph after the recipe", 2)
    refused(dream("replay", "video.mp4", cwd=folder), "in.mp4", 2)
    (folder / "guided.toml").write_text('kind = "zoom"\nlayer = "blocks.0"\nguide = "../cup.png"\n')
    refused(dream("run", "guided.toml", cwd=folder), "--picture cup.png", 2)
    refused(dream("replay", "zoom.mp4", "cup.png", "--keep-position", cwd=folder), "for pictures", 2)
    with pytest.raises(inc.InvalidSetting, match="replay_film"):
        inc.replay(folder / "zoom.mp4", folder / "cup.png")


def test_a_different_first_picture_is_noted(folder) -> None:
    run = inc.replay_film(folder / "zoom.mp4", folder / "zoom.gif")
    assert any("photograph" in note for note in run.notes)
    assert next(iter(run)).image.size == (62, 44)


def test_a_replay_has_the_size_that_the_caller_sets(tmp_path, monkeypatch) -> None:
    recipe = ZoomRecipe(layer="blocks.0", shape=(30, 40))
    assert inc.replay_film(recipe, size=32).size == (18, 32)
    assert inc.replay_film(recipe, size=(20, 24)).size == (20, 24)
    # The size is checked before the first frame is made.
    monkeypatch.setattr(picture_replay, "MAX_PIXELS", 1000)
    monkeypatch.setattr("inceptionism.film.zoom.natural_noise", None)
    with pytest.raises(inc.InvalidSetting, match="the recipe asks for 30×40 pixels"):
        inc.replay_film(recipe)


def test_keyframes_of_the_caller_may_open_files_and_those_of_a_recipe_may_not(folder, monkeypatch) -> None:
    monkeypatch.chdir(folder)
    key = {"at": 0, "objective": "layer(blocks.0, where=cup.png)"}
    assert inc.replay_film(ZoomRecipe(shape=(30, 40)), keyframes=[key]).size == (30, 40)
    with pytest.raises(inc.InvalidSetting, match="a replay opens only files that you pass"):
        inc.replay_film(ZoomRecipe(shape=(30, 40), keyframes=[key]))


def test_a_replay_of_one_frame_makes_the_whole_film(folder) -> None:
    assert dream("zoom", "noise", *TINY, "-o", "frames", cwd=folder).returncode == 0
    assert dream("replay", "frames/000000.png", cwd=folder).stdout == "000000-again.mp4\n"
