"""`--tileable` may be given without a value, also before the name of a photograph."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from skimage.data import coffee

from inceptionism.cli.typer_internals import Alone, with_values
from inceptionism.io import read_recipe
from tests.support.command import dream, refused

ALONE = {"--tileable": Alone("both", ("both", "vertical"))}

FAST = ("--layer", "blocks.1", "--octaves", "1", "--steps", "1")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("--tileable cat.jpg", "--tileable both cat.jpg"),
        ("cat.jpg --tileable", "cat.jpg --tileable both"),
        ("--tileable --steps 2", "--tileable both --steps 2"),
        ("--tileable vertical cat.jpg", "--tileable vertical cat.jpg"),
        ("--tileable=vertical cat.jpg", "--tileable=vertical cat.jpg"),
        ("--steps 2 -- --tileable", "--steps 2 -- --tileable"),
        ("--tileable -- vertical", "--tileable both -- vertical"),
        ("", ""),
    ],
)
def test_an_option_without_a_value_gets_one(given: str, expected: str) -> None:
    assert list(with_values(given.split(), ALONE)) == expected.split()


@pytest.mark.parametrize(
    ("arguments", "tileable"),
    [
        (("--tileable", "cup.png"), "both"),
        (("cup.png", "--tileable"), "both"),
        (("--tileable", "horizontal", "cup.png"), "horizontal"),
        (("cup.png", "--tileable=vertical"), "vertical"),
        (("cup.png",), None),
    ],
)
def test_the_recipe_has_the_directions(tmp_path: Path, arguments: tuple[str, ...], tileable: Any) -> None:
    Image.fromarray(coffee()[100:222:2, 150:244:2]).save(tmp_path / "cup.png")
    assert dream("photo", *arguments, *FAST, "-o", "out.png", cwd=tmp_path).returncode == 0
    assert json.loads(read_recipe(tmp_path / "out.png") or "").get("tileable") == tileable


@pytest.mark.parametrize("command", ["zoom", "video"])
def test_films_have_no_such_option(tmp_path: Path, command: str) -> None:
    refused(dream(command, "cup.png", "--tileable", cwd=tmp_path), "No such option: --tileable", 2)
