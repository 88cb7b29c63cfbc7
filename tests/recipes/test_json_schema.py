"""The JSON schema in the documentation, applied by an independent validator."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given

from inceptionism.errors import InvalidSetting
from inceptionism.recipes import ClassRecipe, Recipe, VideoRecipe, ZoomRecipe
from inceptionism.recipes.json_schema import schema
from inceptionism.recipes.provenance import Verdict
from tests.support.recipe_strategies import class_recipes, photo_recipes

WRITTEN = Path(__file__).resolve().parents[2] / "docs" / "recipe.schema.json"
VALIDATOR = jsonschema.Draft202012Validator(json.loads(WRITTEN.read_text()))


def test_the_file_equals_the_schema_of_the_dataclasses() -> None:
    """If this fails, `make reference` writes the file again."""
    assert json.loads(WRITTEN.read_text()) == json.loads(json.dumps(schema()))
    jsonschema.Draft202012Validator.check_schema(schema())


@given(photo_recipes | class_recipes)
def test_the_schema_accepts_every_recipe(recipe: Recipe) -> None:
    VALIDATOR.validate(json.loads(recipe.to_json()))


def test_the_schema_accepts_everything_that_a_run_adds_to_a_recipe() -> None:
    verdicts = (Verdict("b", "c", (("banana", 0.5),)),)
    VALIDATOR.validate(json.loads(ClassRecipe(target=1, together=3, number=2, verdicts=verdicts).to_json()))


def test_the_schema_accepts_recipes_of_films() -> None:
    keyframes = ({"at": 1, "zoom": 2, "toward": (0, 1)},)
    for recipe in (VideoRecipe(), ZoomRecipe(size=None, seconds=None, keyframes=keyframes), ZoomRecipe(shape=(3, 4))):
        VALIDATOR.validate(json.loads(recipe.to_json()))


@pytest.mark.parametrize(
    "change", [{"octave": 3}, {"octaves": "3"}, {"kind": "class"}, {"device": "gpu"}, {"schema": 3}, {"layer": 5}]
)
def test_the_schema_refuses_an_invalid_recipe(change: dict) -> None:
    content = {"schema": 1, "kind": "photo", "octaves": 3}
    VALIDATOR.validate(content)
    assert not VALIDATOR.is_valid({**content, **change})


def test_every_setting_is_explained() -> None:
    for kind in schema()["oneOf"]:
        for name, one in kind["properties"].items():
            assert name == "kind" or len(one["description"].split()) > 2, name


@pytest.mark.parametrize(
    "change", [{"octaves": 0}, {"octaves": 33}, {"octave_scale": 1}, {"seed": -1}, {"step_size": 256}, {"size": 65536}]
)
def test_limits_equal_the_checks_of_the_recipe(change: dict) -> None:
    content = {"schema": 1, "kind": "photo", **change}
    assert not VALIDATOR.is_valid(content)
    with pytest.raises(InvalidSetting, match=next(iter(change))):
        Recipe.from_json(json.dumps(content))
