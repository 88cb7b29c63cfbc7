"""The recipes in examples/recipes run, and the documentation shows the pictures that they make."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.toml"))
PICTURES = ROOT / "docs" / "images" / "recipes"
DOCUMENTATION = (ROOT / "docs" / "recipes.md").read_text()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_each_recipe_runs_at_small_settings(tmp_path, photo, path: Path) -> None:
    recipe = inc.load_recipe(path)
    Image.fromarray(photo).save(tmp_path / "guide.png")
    pictures = [tmp_path / "guide.png", path.parent / "portrait-mask.png"]
    if recipe.kind == "photo":
        made = inc.replay(recipe, photo, pictures=pictures, octaves=2, steps=2, size=93)
        assert np.abs(np.asarray(made.image).astype(int) - photo).mean() > 0.3
        assert made.scores[-1] > made.scores[0]
    else:
        made = inc.replay(recipe, steps=3, size=48)
        assert np.asarray(made.image).std() > 5


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_each_recipe_has_its_picture_in_the_documentation(path: Path) -> None:
    picture = PICTURES / f"{path.stem}.jpg"
    assert picture.stat().st_size < 60_000
    assert f"images/recipes/{picture.name}" in DOCUMENTATION
    assert f"examples/recipes/{path.name}" in DOCUMENTATION
    written, embedded = inc.load_recipe(path).settings(), inc.load_recipe(picture).settings()
    for name in re.findall(r"^(\w+) =", path.read_text(), re.MULTILINE):
        assert embedded[name] == written[name] or (name == "target" and embedded["label"] == written["target"])


def test_every_picture_has_a_recipe() -> None:
    assert len(RECIPES) >= 8
    assert {path.stem for path in PICTURES.iterdir()} == {path.stem for path in RECIPES}
