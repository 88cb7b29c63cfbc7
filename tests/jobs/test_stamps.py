"""The stamp of a job changes with the files that its picture depends on."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inceptionism.jobs.job import Job
from inceptionism.jobs.stamps import job_stamp
from inceptionism.recipes import ClassRecipe, PhotoRecipe, Recipe


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which also has the user's cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def stamp(recipe: Recipe, photo: str | None = None) -> str:
    return job_stamp(Job(1, "a.png", "", recipe, photo))


@pytest.mark.parametrize(
    ("recipe", "file"),
    [
        (PhotoRecipe(), "photo.jpg"),
        (PhotoRecipe(guide="guide.png"), "guide.png"),
        (PhotoRecipe(objective="style(x, paint.png)"), "paint.png"),
        (PhotoRecipe(objective="layer(x, network=nets/a.onnx)"), "nets/a.data"),
        (PhotoRecipe(network="nets/a.prototxt"), "nets/a.caffemodel"),
        (PhotoRecipe(network="nets"), "nets/a.caffemodel"),
        (PhotoRecipe(network="mine"), "cache/inceptionism/networks/mine/network.json"),
        (ClassRecipe(target="direction(x, one, two)"), "two/a.png"),
        (ClassRecipe(target="banana", prior="phase(one)"), "one/a.png"),
        (ClassRecipe(target="banana"), "cache/inceptionism/statistics/a.safetensors"),
    ],
)
def test_a_new_and_a_changed_file_change_the_stamp(folder, recipe, file) -> None:
    for name in ("a.onnx", "a.prototxt"):
        (folder / "nets").mkdir(exist_ok=True)
        (folder / "nets" / name).touch()
    photo = "photo.jpg" if isinstance(recipe, PhotoRecipe) else None
    path = folder / file
    stamps = [stamp(recipe, photo)]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("first")
    stamps.append(stamp(recipe, photo))
    path.write_text("later")
    os.utime(path, (5, 5))
    stamps.append(stamp(recipe, photo))
    assert len({*stamps}) == 3
    (folder / "other.txt").touch()
    assert stamp(recipe, photo) == stamps[-1] != ""


def test_a_text_that_only_the_network_can_divide_has_no_stamp() -> None:
    assert stamp(ClassRecipe(target="crane (bird) or image(a.png)")) == ""
    assert stamp(ClassRecipe(target="king of beasts")) != ""
    assert job_stamp(Job(1, "a.png", "", None, None, "problem")) == ""
