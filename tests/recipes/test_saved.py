"""Recipes that version 0.1.0 saved, of every kind and in every format, still load and mean the same."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import inceptionism as inc
from inceptionism.recipes import recipe_kinds
from inceptionism.recipes.recipe import EARLIER_DEFAULTS, SCHEMA

SAVED = Path(__file__).with_name("saved")
RECIPES = json.loads((SAVED / "recipes.json").read_text("utf-8"))


GRADING = {"colors": "dream", "contrast": 1.0, "saturation": 1.0}
LATER = {
    "photo": {"strength": 1.0, **GRADING},
    "class": {**GRADING, "subjects": "one", "transparent": False},
    "zoom": {"strength": 1.0, **GRADING, "speed": 1.0, "loop": False, "reverse": False},
    "video": {"strength": 1.0, **GRADING, "keyframes": []},
}
"""Settings that did not exist when the recipes were saved, with the values that a recipe without them has."""


def complete(written: dict) -> dict:
    """Return saved settings with the settings that later versions added."""
    return {**written, **LATER[written["kind"]]}


def test_every_kind_of_recipe_was_saved() -> None:
    assert {one["kind"] for one in RECIPES.values()} == set(recipe_kinds())


@pytest.mark.parametrize("name", RECIPES)
def test_a_saved_file_loads_as_it_was_written(name) -> None:
    written = {**EARLIER_DEFAULTS[1].get(RECIPES[name]["kind"], {}), **complete(RECIPES[name])}
    assert json.loads(inc.load_recipe(SAVED / name).to_json()) == {**written, "schema": SCHEMA}


@pytest.mark.parametrize("path", sorted(SAVED.glob("*.toml")), ids=lambda path: path.name)
def test_a_saved_toml_file_loads_as_it_was_written(path) -> None:
    (written,) = (one for name, one in RECIPES.items() if Path(name).stem == path.stem)
    settings = {name: value for name, value in written.items() if name not in ("schema", "made_with", "verdicts")}
    earlier = EARLIER_DEFAULTS[1].get(written["kind"], {})
    assert json.loads(json.dumps(inc.load_recipe(path).settings())) == {**earlier, **complete(settings)}
