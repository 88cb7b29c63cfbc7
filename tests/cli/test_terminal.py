"""Texts from files are printable on a terminal, and paths are unchanged for programs."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inceptionism.io.outputs import save_picture
from inceptionism.io.recipes import load_recipe
from inceptionism.recipes import PhotoRecipe, Recipe
from inceptionism.recipes.provenance import MadeWith, Verdict
from tests.support.command import dream, dream_process, on_terminal

HOSTILE = "sky\x1b[31m\x9b2J\u202e\n\r\x07.jpg"


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A picture whose recipe has escape sequences and line ends in every text."""
    made_with = MadeWith("1\x1b[2J", "2", "cpu", "0", photo={"name": HOSTILE}, pictures={HOSTILE: "0"})
    recipe = PhotoRecipe(
        network=HOSTILE,
        layer=[HOSTILE],
        guide=HOSTILE,
        mask=HOSTILE,
        made_with=made_with,
        verdicts=(Verdict(HOSTILE, "0", ((HOSTILE, 0.5),)),),
    )
    save_picture(Image.new("RGB", (40, 30)), tmp_path / "a.png", recipe)
    return tmp_path


def is_printable(text: str) -> bool:
    return all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("flags", [["show"], ["show", "--toml"], ["show", "--json"], ["share"], ["replay"]])
def test_no_escape_sequence_of_a_recipe_is_printed(hostile: Path, flags: list[str]) -> None:
    done = dream(*flags, "a.png", cwd=hostile)
    assert is_printable(done.stdout + done.stderr)
    assert (done.returncode == 0) == (flags != ["replay"])
    if flags == ["share"]:
        assert done.stdout.count("\n") == 3


def test_settings_printed_as_toml_are_read_back(hostile: Path) -> None:
    printed = dream("show", "a.png", "--toml", cwd=hostile).stdout
    recipe = load_recipe(hostile / "a.png")
    assert Recipe.from_toml(printed) == replace(recipe, made_with=None, verdicts=())


def test_a_path_is_unchanged_for_programs_and_printable_on_a_terminal(tmp_path: Path) -> None:
    name = "two\nlines\x1b[31m.png"
    recipe = PhotoRecipe(layer=["blocks.2"])
    save_picture(Image.fromarray(np.zeros((30, 40, 3), np.uint8)), tmp_path / "a.png", recipe)
    assert dream_process("share", "a.png", "-o", name, cwd=tmp_path).stdout.startswith(f"{name}\n")
    shown, status = on_terminal("share", "a.png", "-o", f"b{name}", cwd=tmp_path)
    assert (status, shown.count(r"btwo\nlines\x1b[31m.png")) == (0, 1), shown
    assert (tmp_path / f"b{name}").exists()


def test_the_cells_of_tables_are_printable() -> None:
    code = (
        r"from inceptionism.cli.terminal import *; t = Table(); t.add_column('a'); t.add_row('x\x1b[2J'); show_table(t)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert r"x\x1b[2J" in done.stdout
