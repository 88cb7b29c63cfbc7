"""The command `dream looks` and the option --look."""

from __future__ import annotations

import re

import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.recipes.looks import FOLDER
from tests.support.command import dream, on_terminal

NAMES = sorted(path.stem for path in FOLDER.glob("*.toml"))


def test_all_looks_are_listed_with_their_descriptions(tmp_path) -> None:
    done = dream("looks", cwd=tmp_path)
    lines = done.stdout.splitlines()
    assert [line.split()[0] for line in lines[1:]] == NAMES
    assert "▀" not in done.stdout
    assert re.search(r"your own looks are recipes of photographs \(\.toml\) in .*looks", done.stderr)


def test_one_look_is_listed_with_its_settings(tmp_path) -> None:
    text = dream("looks", NAMES[0], cwd=tmp_path).stdout
    for name, value in inc.recipes.find_look(NAMES[0]).settings.items():
        assert f"{name} = " in text, value


def test_a_terminal_with_enough_colors_shows_pictures(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("COLORTERM", "truecolor")
    monkeypatch.setenv("TERM", "xterm-256color")
    text, status = on_terminal("looks", NAMES[0], cwd=tmp_path)
    assert status == 0
    assert text.count("▀") >= 24 * 4
    assert "\x1b[38;2;" in text  # colors of 24 bits


def test_an_option_replaces_the_setting_of_a_look(tmp_path, photo) -> None:
    Image.fromarray(photo).save(tmp_path / "cup.png")
    (tmp_path / "mine.toml").write_text('kind = "photo"\nlayer = ["blocks.2", "blocks.4:3"]\nsteps = 3\noctaves = 1\n')
    dream("photo", "cup.png", "--look", "mine.toml", "--steps", 10, "-o", "a.png", cwd=tmp_path)
    recipe = inc.load_recipe(tmp_path / "a.png")
    assert (recipe.steps, recipe.octaves, [str(one) for one in recipe.layer]) == (10, 1, ["blocks.2", "blocks.4:3"])
    dream("photo", "cup.png", "--look", "mine.toml", "-l", "stem", "-o", "b.png", cwd=tmp_path)
    recipe = inc.load_recipe(tmp_path / "b.png")
    assert (recipe.steps, [str(one) for one in recipe.layer]) == (3, ["stem"])


@pytest.mark.parametrize("arguments", [["looks", "xyzzy"], ["photo", "cup.png", "--look", "xyzzy"]])
def test_an_unknown_look_is_one_sentence(tmp_path, photo, arguments) -> None:
    Image.fromarray(photo).save(tmp_path / "cup.png")
    done = dream(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert done.stderr.splitlines() == ["dream: there is no look 'xyzzy'; `dream looks` lists all looks"]
