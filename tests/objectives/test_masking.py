"""Masks: where an objective moves the picture and where not."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.io.photos import load_mask
from inceptionism.objectives.masking import masked_share

LEFT = np.zeros((31, 40), np.uint8)
LEFT[:, :20] = 255


def moved(result: inc.Result, photo: np.ndarray) -> np.ndarray:
    return np.abs(np.asarray(result.image).astype(int) - photo).mean(2)


def test_only_what_the_mask_shows_is_dreamed(tiny, photo) -> None:
    change = moved(inc.dream(photo, network=tiny, layer="second", mask=LEFT, octaves=1, jitter=7), photo)
    edge = photo.shape[1] // 2
    assert change[:, edge + 2 :].max() == 0
    assert change[:, : edge - 2].mean() > 3


def test_what_is_dreamed_moves_as_fast_as_without_a_mask(tiny, photo) -> None:
    whole, half = (
        inc.dream(photo, network=tiny, layer="second", mask=mask, octaves=1, steps=1, precision="fp32")
        for mask in (None, LEFT)
    )
    edge = photo.shape[1] // 2
    # One step of 1.5 gray levels on average, where it moves.
    assert moved(half, photo)[:, : edge - 2].mean() == pytest.approx(moved(whole, photo).mean(), rel=0.35)


def test_one_part_dreams_this_and_the_other_that(tiny, photo) -> None:
    """On its side of the edge, each is what it would be with a mask of its own."""
    first, second = objectives.layer("first"), objectives.channel("second", 2)
    left, right = load_mask(LEFT), load_mask(LEFT, outside=True)
    settings = {"network": tiny, "octaves": 1, "steps": 1, "jitter": 0, "precision": "fp32"}
    both = inc.dream(photo, objective=first.where(left) + second.where(right), **settings)
    alone = [inc.dream(photo, objective=one, **settings) for one in (first.where(left), second.where(right))]
    changes = [np.asarray(one.image).astype(float) - photo for one in (both, *alone)]
    edge = photo.shape[1] // 2
    for change, side in ((changes[1], np.s_[:, : edge - 2]), (changes[2], np.s_[:, edge + 2 :])):
        found, expected = changes[0][side].ravel(), change[side].ravel()
        assert np.corrcoef(found, expected)[0, 1] > 0.95
        assert expected.any()
    # However steep the two scores are, neither is drowned.
    sizes = [np.abs(changes[0][side]).mean() for side in (np.s_[:, : edge - 2], np.s_[:, edge + 2 :])]
    assert max(sizes) < 4 * min(sizes)


def test_masks_are_read_from_files(tmp_path, tiny, photo) -> None:
    path = tmp_path / "left, right (1).png"
    Image.fromarray(LEFT).save(path)
    text = f'layer(second, where="{path}") + layer(first, outside="{path}")'
    result = inc.dream(photo, network=tiny, objective=text, octaves=1, steps=2)
    assert result.recipe.objective == text
    assert list(result.recipe.made_with.pictures) == [str(path)]
    assert inc.Recipe.from_json(result.recipe.to_json()) == result.recipe
    inverted, transparent = load_mask(path, outside=True), Image.new("LA", (9, 4), (255, 0))
    assert (inverted.amount == 255 - LEFT).all()
    transparent.putpixel((3, 2), (200, 255))
    assert load_mask(transparent).amount.sum() == 200


def test_their_extent_is_what_either_covers() -> None:
    left, right = load_mask(LEFT), load_mask(LEFT[:, ::-1].copy())
    layer = objectives.layer("a")
    assert masked_share(layer.where(left)) == pytest.approx(0.5, abs=0.02)
    assert masked_share(layer.where(left) + layer.where(right)) == pytest.approx(1, abs=0.02)
    assert masked_share(layer.where(left) + layer) == 1


def test_a_mask_that_shows_nothing_is_refused() -> None:
    for black, outside in ((np.zeros((3, 5), np.uint8), False), (np.full((3, 5), 255, np.uint8), True)):
        with pytest.raises(
            InvalidSetting, match=r"nothing would be moved (where|outside) mask: it is (black|white) all"
        ):
            load_mask(black, outside=outside)
    with pytest.raises(InvalidSetting, match=r"layer\(a, where=mask\) has a mask already"):
        objectives.layer("a").where(load_mask(LEFT)).where(load_mask(LEFT))
