"""Each picture of the gallery was made by the command below it, from the original beside it."""

from __future__ import annotations

import numpy as np
import pytest
import skimage.data
from PIL import Image

import inceptionism as inc
from docs.gallery_pictures import PHOTOS, SECTIONS
from inceptionism.recipes import find_look
from inceptionism.recipes.visualization import PRESETS
from tests.support.places import ROOT

PICTURES = [one for _, pictures in SECTIONS.values() for one in pictures()]


def settings_of_command(one) -> dict[str, object]:
    """Return the settings that the command of a picture gives to its run."""
    settings = dict(one.settings)
    if one.target:
        preset = PRESETS["fine"]
        return inc.ClassRecipe(target=one.target, **settings, steps=preset.steps, prior=preset.prior).settings()
    if "look" in settings:
        settings = {**find_look(settings.pop("look")).settings, **settings}
    return inc.PhotoRecipe(**settings).settings()


@pytest.mark.parametrize("one", PICTURES, ids=lambda one: one.path.stem)
def test_the_command_has_the_settings_in_the_picture(one) -> None:
    given, embedded = settings_of_command(one), inc.load_recipe(one.path).settings()
    for name, value in given.items():
        if name == "target":
            assert embedded["label"] == value
        elif name != "colors" and value not in (None, [], ()):
            assert embedded[name] == value, name
    if not one.settings.get("look") and not one.target:
        assert embedded["layer"] == [inc.load_network("efficientnet-lite0").default_layer]


@pytest.mark.parametrize("one", [one for one in PICTURES if one.photo], ids=lambda one: one.path.stem)
def test_the_picture_was_made_from_its_original(one) -> None:
    pixels = getattr(skimage.data, one.photo)()
    recorded = inc.load_recipe(one.path).made_with.photo
    assert recorded["sha256"] == inc.load_photo(pixels if pixels.ndim == 3 else np.dstack([pixels] * 3)).sha256
    with Image.open(ROOT / "docs" / "gallery" / "originals" / f"{one.photo}.webp") as image:
        small = Image.fromarray(pixels).convert("RGB").resize(image.size, Image.Resampling.LANCZOS)
        assert np.abs(np.asarray(image.convert("RGB")).astype(int) - np.asarray(small)).mean() < 10
    assert PHOTOS[one.photo][0] in one.command
