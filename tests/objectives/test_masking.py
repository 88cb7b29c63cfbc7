"""Masks: the part of the picture that an objective changes."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.io import load_mask
from inceptionism.objectives.masking import masked_share

LEFT = np.zeros((31, 40), np.uint8)
LEFT[:, :20] = 255


def mean_change(result: inc.Result, photo: np.ndarray) -> np.ndarray:
    """Return the mean absolute change of each pixel: H×W."""
    return np.abs(np.asarray(result.image).astype(int) - photo).mean(2)


def test_only_the_white_part_of_the_mask_is_dreamed(tiny, photo) -> None:
    change = mean_change(inc.dream(photo, network=tiny, layer="second", mask=LEFT, octaves=1, jitter=7), photo)
    edge = photo.shape[1] // 2
    assert change[:, edge + 2 :].max() == 0
    assert change[:, : edge - 2].mean() > 3


def test_a_mask_does_not_change_the_step_size_inside_of_it(tiny, photo) -> None:
    whole, half = (
        inc.dream(photo, network=tiny, layer="second", mask=mask, octaves=1, steps=1, precision="fp32")
        for mask in (None, LEFT)
    )
    edge = photo.shape[1] // 2
    # The mean change of one step is 1.5 gray levels.
    inside = mean_change(half, photo)[:, : edge - 2].mean()
    assert inside == pytest.approx(mean_change(whole, photo).mean(), rel=0.35)


def test_two_parts_with_two_objectives_change_as_each_would_alone(tiny, photo) -> None:
    first, second = objectives.layer("first"), objectives.channel("second", 2)
    left, right = load_mask(LEFT), load_mask(LEFT, outside=True)
    settings = {"network": tiny, "octaves": 1, "steps": 1, "jitter": 0, "precision": "fp32"}
    both = inc.dream(photo, objective=first.where(left) + second.where(right), **settings)
    alone = [inc.dream(photo, objective=masked, **settings) for masked in (first.where(left), second.where(right))]
    changes = [np.asarray(result.image).astype(float) - photo for result in (both, *alone)]
    edge = photo.shape[1] // 2
    for change, side in ((changes[1], np.s_[:, : edge - 2]), (changes[2], np.s_[:, edge + 2 :])):
        actual, expected = changes[0][side].ravel(), change[side].ravel()
        assert np.corrcoef(actual, expected)[0, 1] > 0.95
        assert expected.any()
    # Both sides change by similar amounts, although the gradients of the two scores differ in size.
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


def test_the_masked_share_is_the_area_of_all_masks_together() -> None:
    left, right = load_mask(LEFT), load_mask(LEFT[:, ::-1].copy())
    layer = objectives.layer("a")
    assert masked_share(layer.where(left)) == pytest.approx(0.5, abs=0.02)
    assert masked_share(layer.where(left) + layer.where(right)) == pytest.approx(1, abs=0.02)
    assert masked_share(layer.where(left) + layer) == 1


def test_an_empty_mask_is_refused() -> None:
    for empty, outside in ((np.zeros((3, 5), np.uint8), False), (np.full((3, 5), 255, np.uint8), True)):
        reason = "white everywhere, so no pixel outside it" if outside else "black everywhere, so no pixel"
        with pytest.raises(InvalidSetting, match=f"the mask is {reason} would change"):
            load_mask(empty, outside=outside)


def test_a_second_mask_is_refused() -> None:
    with pytest.raises(
        InvalidSetting, match=r"layer\(a, where=mask-\w+\) already has a mask; an objective can have only"
    ):
        objectives.layer("a").where(load_mask(LEFT)).where(load_mask(LEFT))


def test_the_masked_share_is_measured_at_the_size_of_the_largest_mask() -> None:
    checkers = np.indices((40, 50)).sum(0) % 2 * 255  # many small parts, which a narrow mask cannot hold
    tall = np.zeros((60, 1), np.uint8)
    tall[:30] = 255
    layer = objectives.layer("a")
    share = masked_share(layer.where(load_mask(checkers.astype(np.uint8))) + layer.where(load_mask(tall)))
    assert share == pytest.approx(0.75, abs=0.02)  # the upper half, and half of the lower half
