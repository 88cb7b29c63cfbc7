"""The schema in the documentation, read by a validator that knows nothing of this package."""

from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from inceptionism.recipes.film import VideoRecipe, ZoomRecipe
from inceptionism.recipes.json_schema import attributes, schema
from inceptionism.recipes.provenance import Verdict
from inceptionism.recipes.recipe import ClassRecipe, Recipe, recipe_kinds
from tests.support.recipe_strategies import class_recipes, photo_recipes

WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "recipe.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(WRITTEN.read_text()))


def test_the_file_is_what_the_dataclasses_say() -> None:
    """`python -m inceptionism.recipe_schema > docs/recipe.schema.json` makes it so."""
    assert json.loads(WRITTEN.read_text()) == json.loads(json.dumps(schema()))
    jsonschema.Draft202012Validator.check_schema(schema())


@given(photo_recipes | class_recipes)
def test_every_recipe_is_valid(recipe: Recipe) -> None:
    VALIDATOR.validate(json.loads(recipe.to_json()))


def test_so_is_one_with_all_that_a_run_adds() -> None:
    verdicts = (Verdict("b", "c", (("banana", 0.5),)),)
    VALIDATOR.validate(json.loads(ClassRecipe(target=1, together=3, number=2, verdicts=verdicts).to_json()))


def test_so_are_films() -> None:
    keyframes = ({"at": 1, "zoom": 2, "toward": (0, 1)},)
    for recipe in (VideoRecipe(), ZoomRecipe(size=None, seconds=None, keyframes=keyframes), ZoomRecipe(shape=(3, 4))):
        VALIDATOR.validate(json.loads(recipe.to_json()))


@pytest.mark.parametrize(
    "change", [{"octave": 3}, {"octaves": "3"}, {"kind": "class"}, {"device": "gpu"}, {"schema": 2}, {"layer": 5}]
)
def test_what_is_no_recipe_is_not(change: dict) -> None:
    content = {"schema": 1, "kind": "photo", "octaves": 3}
    VALIDATOR.validate(content)
    assert not VALIDATOR.is_valid({**content, **change})


def test_every_setting_is_explained() -> None:
    for kind in recipe_kinds().values():
        said = {name for one in kind.__mro__ for name in attributes(one)}
        assert {one.name for one in fields(kind)} <= said
