"""Recipes in a PNG that another program wrote: the pixels decide whether one of them made the picture."""

from __future__ import annotations

import hashlib
import json

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

import inceptionism as inc
from inceptionism.io import PIXEL_RECIPES, hash_pixels


def write(path, pixels: np.ndarray, text: str) -> None:
    texts = PngImagePlugin.PngInfo()
    texts.add_text("prompt", "{}")
    texts.add_text(PIXEL_RECIPES, text)
    Image.fromarray(pixels).save(path, pnginfo=texts)


@pytest.fixture
def batch(photo: np.ndarray) -> list[np.ndarray]:
    return [photo, photo[::-1].copy()]


def recipes_of(pictures: list[np.ndarray]) -> dict[str, dict]:
    return {
        hashlib.sha256(pixels[..., :3].tobytes()).hexdigest(): json.loads(inc.PhotoRecipe(seed=seed).to_json())
        for seed, pixels in enumerate(pictures, 5)
    }


def test_each_picture_of_a_batch_has_its_own_recipe(batch, tmp_path) -> None:
    text = json.dumps(recipes_of(batch))
    for seed, pixels in enumerate(batch, 5):
        write(tmp_path / f"{seed}.png", pixels, text)
        assert inc.load_recipe(tmp_path / f"{seed}.png").seed == seed
        assert hash_pixels(Image.fromarray(pixels)) == hashlib.sha256(pixels.tobytes()).hexdigest()


def test_a_picture_with_opacity_has_its_recipe(photo, tmp_path) -> None:
    pixels = np.dstack([photo, photo[..., 0]])
    write(tmp_path / "picture.png", pixels, json.dumps(recipes_of([pixels])))
    assert inc.load_recipe(tmp_path / "picture.png").seed == 5


@pytest.mark.parametrize("text", ["", "{", "[" * 100_000, "[1]", '"text"', '{"another": {"kind": "photo"}}'])
def test_a_text_without_a_recipe_of_these_pixels_is_no_recipe(photo, tmp_path, text: str) -> None:
    write(tmp_path / "picture.png", photo, text)
    with pytest.raises(inc.InvalidSetting, match=r"picture\.png carries no recipe"):
        inc.load_recipe(tmp_path / "picture.png")


def test_a_picture_that_was_changed_afterwards_has_no_recipe(batch, tmp_path) -> None:
    changed = batch[0].copy()
    changed[3, 4, 1] ^= 1
    write(tmp_path / "changed.png", changed, json.dumps(recipes_of(batch)))
    with pytest.raises(inc.InvalidSetting, match="carries no recipe"):
        inc.load_recipe(tmp_path / "changed.png")


def test_a_recipe_that_is_not_valid_is_refused(photo, tmp_path) -> None:
    recipes = {hashlib.sha256(photo.tobytes()).hexdigest(): {"schema": 2, "kind": "photo", "steps": 0}}
    write(tmp_path / "wrong.png", photo, json.dumps(recipes))
    with pytest.raises(inc.InvalidSetting, match=r"wrong\.png: steps must be"):
        inc.load_recipe(tmp_path / "wrong.png")
