"""The recipes in examples/recipes run, and are those by which their pictures in the documentation were made."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc

ROOT = Path(__file__).resolve().parents[2]
RECIPES = sorted((ROOT / "examples" / "recipes").glob("*.toml"))
SHOWN = ROOT / "docs" / "images" / "recipes"
DOCUMENTATION = (ROOT / "docs" / "recipes.md").read_text()


@pytest.mark.parametrize("path", RECIPES, ids=lambda path: path.stem)
def test_each_runs_at_small_settings(tmp_path, photo, path: Path) -> None:
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
def test_each_has_its_picture_in_the_documentation(path: Path) -> None:
    picture = SHOWN / f"{path.stem}.jpg"
    assert picture.stat().st_size < 60_000
    assert f"images/recipes/{picture.name}" in DOCUMENTATION
    assert f"examples/recipes/{path.name}" in DOCUMENTATION
    written, shown = inc.load_recipe(path).settings(), inc.load_recipe(picture).settings()
    for name in re.findall(r"^(\w+) =", path.read_text(), re.MULTILINE):
        assert shown[name] == written[name] or (name == "target" and shown["label"] == written["target"])


def test_there_are_no_others() -> None:
    assert len(RECIPES) >= 8
    assert {path.stem for path in SHOWN.iterdir()} == {path.stem for path in RECIPES}
