from __future__ import annotations

from pathlib import Path

import pytest

from inceptionism.errors import InvalidSetting, UnreadableFile
from inceptionism.recipes import Keyframe, LayerChoice, Recipe, VideoRecipe, ZoomRecipe, read_keyframes

KEYFRAMES = """
# Begin with ornament, end with animals.
[[keyframe]]
at = 4
layer = ["blocks.10", "blocks.13:7=20"]
rotation = 20
toward = [0.25, 0.75]

[[keyframe]]
at = 2.5
zoom = 4
objective = "0.5*layer(blocks.4)"
"""


def test_recipes_of_films_survive_json(tmp_path) -> None:
    (tmp_path / "k.toml").write_text(KEYFRAMES)
    zoom = ZoomRecipe(
        layer=("blocks.4=2",),
        shape=(43, 61),
        seconds=None,
        drift=[0, 0.1],
        keyframes=read_keyframes(tmp_path / "k.toml"),
    )
    video = VideoRecipe(
        blend=0.5, first_steps=3, size=43, guide="flowers.jpg", mask="m.png", keyframes=[{"at": 2, "step_size": 3}]
    )
    for recipe in (zoom, video, ZoomRecipe(), VideoRecipe(), ZoomRecipe(size=None), VideoRecipe(size=None)):
        assert Recipe.from_json(recipe.to_json()) == recipe
        assert Recipe.from_toml(recipe.to_toml()) == recipe
    assert zoom.keyframes[0] == Keyframe(at=2.5, zoom=4, objective="0.5*layer(blocks.4)")
    assert zoom.keyframes[1].layer == (LayerChoice("blocks.10"), LayerChoice("blocks.13", 7, 20.0))


def test_a_recipe_of_a_film_is_readable() -> None:
    described = ZoomRecipe(keyframes=[Keyframe(at=1, zoom=2, toward=(0.5, 0.25))]).described()
    assert ("keyframe", "at 1, zoom 2, toward 0.5, 0.25") in described
    assert ("zoom", "1.6") in described
    endless = ZoomRecipe(seconds=None, size=None).described()
    assert {("seconds", "endless"), ("size", "the photograph's own")} <= set(endless)


def test_the_camera_follows_the_keyframes(tmp_path) -> None:
    (tmp_path / "k.toml").write_text(KEYFRAMES)
    recipe = ZoomRecipe(zoom=1, rotation=10, wander=0, keyframes=read_keyframes(tmp_path / "k.toml"))
    assert recipe.camera(0).zoom == 1
    assert recipe.camera(1.25).zoom == pytest.approx(2)  # halfway from 1 to 4, interpolated as a factor
    assert recipe.camera(9).zoom == 4
    assert recipe.camera(2).rotation == pytest.approx(15)  # halfway from 10 to 20: the first keyframe leaves it out
    assert recipe.camera(4).toward == (0.25, 0.75)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("[[keyframe]]\nat = ", r"k.toml, line 2: this is not TOML: Invalid value"),
        (f"[[keyframe]]\nat = 0\n{'a.' * 50_000}a = 1", "k.toml, line 3: a key has more than 100 parts"),
        ("at = 3", r"must have a table \[\[keyframe\]\] for each keyframe"),
        ("[[keyframe]]\nat = 1\n[[keyframe]]\nat = 1.0", "two keyframes are at 1 seconds; merge them into one"),
        ("[[keyframe]]\nat = 1\nzom = 2", "unknown setting 'zom'; did you mean zoom"),
        ("[[keyframe]]\nzoom = 2", "lacks 'at'"),
        ("[[keyframe]]\nat = -1", "at must be from 0 to 10000000, not -1"),
        ("[[keyframe]]\nat = 1\nzoom = -2", "zoom must be from 0.001 to 1000, not -2"),
        ('[[keyframe]]\nat = 1\nlayer = "a"\nobjective = "layer(b)"', "both a layer and an objective"),
    ],
)
def test_invalid_keyframes_are_refused(tmp_path: Path, text: str, reason: str) -> None:
    (tmp_path / "k.toml").write_text(text)
    with pytest.raises(InvalidSetting, match=reason):
        read_keyframes(tmp_path / "k.toml")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "gbk", "latin-1"])
def test_keyframes_are_read_in_every_usual_encoding(tmp_path: Path, encoding: str) -> None:
    comment = "# schön, aber langsam" if encoding == "latin-1" else "# 这是注释"
    (tmp_path / "k.toml").write_bytes(f"{comment}\r\n[[keyframe]]\r\nat = 1.5\r\nzoom = 3\r\n".encode(encoding))
    assert [(one.at, one.zoom) for one in read_keyframes(tmp_path / "k.toml")] == [(1.5, 3)]


def test_keyframes_come_from_a_text_file_of_a_limited_size(tmp_path: Path) -> None:
    (tmp_path / "binary.toml").write_bytes(b"\0")
    (tmp_path / "large.toml").write_bytes(b"#" * (2**20 + 1))
    for path, reason in (
        (tmp_path / "none.toml", "there is no file"),
        (tmp_path / "binary.toml", "is not a text file"),
        (tmp_path / "large.toml", "is larger than 1 MiB"),
        ("/dev/zero", "is a pipe or a device"),
    ):
        with pytest.raises(UnreadableFile, match=reason):
            read_keyframes(path)


@pytest.mark.parametrize(
    ("kind", "settings", "reason"),
    [
        (ZoomRecipe, {"seconds": 0}, "seconds must be more than 0"),
        (ZoomRecipe, {"fps": 0}, "fps must be from 0.01 to 240, not 0"),
        (ZoomRecipe, {"fps": 0.0001}, "fps must be from 0.01 to 240, not 0.0001"),
        (ZoomRecipe, {"keep": 1.5}, "keep must be from 0 to 1"),
        (ZoomRecipe, {"zoom": 0}, "zoom must be from 0.001 to 1000"),
        (ZoomRecipe, {"shape": (0, 5)}, "size must be from 1"),
        (ZoomRecipe, {"keyframes": {"at": 1}}, "keyframes must be a list"),
        (VideoRecipe, {"blend": -0.1}, "blend must be from 0 to 1"),
        (VideoRecipe, {"first_steps": 0}, "first_steps must be from 1"),
    ],
)
def test_settings_of_films_out_of_range_are_refused(kind, settings, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        kind(**settings)
