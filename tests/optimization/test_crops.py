"""Random crops compared with pictures that a formula describes."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image
from scipy import stats
from torch import nn

import inceptionism as inc
from inceptionism.optimization import crops
from inceptionism.optimization.crops import DETAIL_RANGE, CropSizes, antialiased_similarity, random_crop
from inceptionism.tensors import NO_WRAP, Wrap

PLAIN = {"rotation": 0, "contrast": 0, "brightness": 0, "noise": 0}


def waves(rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the values of a smooth pattern at positions in [0, 1]."""
    return 0.5 + 0.2 * np.sin(2 * math.pi * (2 * rows + columns)) + 0.2 * np.cos(2 * math.pi * (3 * columns - rows))


def picture_of_waves(height: int, width: int) -> torch.Tensor:
    rows, columns = (np.arange(height) + 0.5) / height, (np.arange(width) + 0.5) / width
    return torch.from_numpy(waves(rows[:, None], columns[None]))[None, None].expand(1, 3, -1, -1).float()


@pytest.mark.parametrize("scale", [0.9, 0.49, 0.3, 0.17])
@pytest.mark.parametrize(("shift", "rotation"), [((0, 0), 0), ((13.5, -22), 0), ((-9, 5.25), 17)])
def test_a_crop_has_the_values_of_the_pattern_at_its_places(scale: float, shift, rotation: float) -> None:
    height, width, size = 283, 311, (45, 52)
    view = antialiased_similarity(picture_of_waves(height, width), shift, scale, rotation, NO_WRAP, size)
    assert view.shape == (1, 3, *size)
    angle = math.radians(rotation)
    y, x = np.arange(45)[:, None] + 0.5 - 22.5, np.arange(52)[None] + 0.5 - 26
    rows = ((math.cos(angle) * y + math.sin(angle) * x) / scale + height / 2 - shift[0]) / height
    columns = ((math.cos(angle) * x - math.sin(angle) * y) / scale + width / 2 - shift[1]) / width
    inside = (np.minimum(rows, columns) > 0.03) & (np.maximum(rows, columns) < 0.97)
    assert inside.mean() > 0.5
    difference = np.abs(view[0, 1].numpy() - waves(rows, columns))[inside]
    assert difference.max() < 0.03
    assert difference.mean() < 0.01


def test_fine_patterns_do_not_become_coarse_ones() -> None:
    """Every second row is white. At a quarter of the size, sampling without a mean would show black or white."""
    picture = torch.zeros(1, 3, 101, 120)
    picture[:, :, ::2] = 1
    view = antialiased_similarity(picture, (0, 0), 0.25, 0, NO_WRAP, (20, 24))
    assert (view - 0.5).abs().max() < 0.15


@pytest.mark.parametrize(
    ("size", "view"), [((32, 32), (32, 32)), ((17, 23), (17, 23)), ((300, 300), (32, 32)), ((200, 50), (64, 16))]
)
def test_a_view_has_the_area_of_the_input_and_the_shape_of_the_picture(tiny, size, view) -> None:
    assert CropSizes.of(size, tiny, 2) == (view, 64 * 64)


def test_a_network_that_accepts_one_size_sees_crops_of_this_size() -> None:
    module = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Flatten(), nn.Linear(4 * 15 * 15, 5))
    network = inc.Network(module, size=32)
    assert CropSizes.of((200, 50), network, 2).view == (32, 32)
    image = inc.visualize(3, network=network, size=(51, 90), steps=4).image
    assert image.size == (90, 51)
    assert np.ptp(np.asarray(image)) > 10


def seen(size: tuple[int, int], view: tuple[int, int], form_area: float, count: int, **arguments) -> torch.Tensor:
    """Return how often the views showed each pixel of a picture, as an H×W tensor."""
    transform = random_crop(CropSizes(view, form_area), **{**PLAIN, **arguments})
    generator = torch.Generator().manual_seed(3)
    picture = torch.full((1, 3, *size), 0.5, requires_grad=True)
    for _ in range(count):
        transform(picture, generator)[:, 0].sum().backward()
    return picture.grad[0, 0]


def test_the_network_sees_every_pixel_and_the_edges_often() -> None:
    pixels = seen((61, 83), (30, 41), 61 * 83, 200)
    corners = torch.stack([pixels[:6, :6], pixels[:6, -6:], pixels[-6:, :6], pixels[-6:, -6:]])
    assert corners.mean() > 0.2 * pixels.mean()
    assert (seen((61, 83), (30, 41), 61 * 83, 200, rotation=10) > 0).float().mean() > 0.999


@pytest.mark.parametrize(("growth", "expected"), [(0.5, (0.4, 1)), (1, (0.4, 1)), (2, (0.2, 0.8)), (5, (0.08, 0.32))])
def test_crops_of_a_larger_picture_show_its_details(growth: float, expected) -> None:
    """The picture is a ramp, so the range of a view's values is the share of the picture that the view shows."""
    assert DETAIL_RANGE == 4
    side = round(100 * growth)
    picture = torch.linspace(0, 1, side).expand(1, 3, side, side)
    transform = random_crop(CropSizes((25, 25), 100 * 100), smallest=0.4, largest=1, **PLAIN)
    generator = torch.Generator().manual_seed(0)
    views = [transform(picture, generator) for _ in range(300)]
    shares = [float(view.max() - view.min()) for view in views]
    assert min(shares) == pytest.approx(expected[0], rel=0.12)
    assert max(shares) == pytest.approx(expected[1], rel=0.12)
    assert min(float(view.min()) for view in views) < 0.02
    assert max(float(view.max()) for view in views) > 0.98


@pytest.mark.parametrize("wrap", [NO_WRAP, Wrap(horizontal=True)])
@pytest.mark.parametrize(("growth", "least", "most"), [(1, 0.3, 0.9), (2, 0.15, 0.6)])
def test_crops_have_the_documented_distributions(
    monkeypatch: pytest.MonkeyPatch, wrap: Wrap, growth: float, least: float, most: float
) -> None:
    """The logarithm of the size and the angle are uniformly random, and so are the places apart from the two ends."""
    drawn = []

    def record(picture: torch.Tensor, shift, scale: float, rotation: float, *_) -> torch.Tensor:
        drawn.append((*shift, scale, rotation))
        return picture

    monkeypatch.setattr(crops, "antialiased_similarity", record)
    height, width = 20, 36
    sizes = CropSizes((10, 18), height * width / growth**2)
    transform = random_crop(sizes, **{**PLAIN, "rotation": 15}, smallest=0.3, largest=0.9, wrap=wrap)
    generator, picture = torch.Generator().manual_seed(0), torch.zeros(1, 3, height, width)
    for _ in range(3000):
        transform(picture, generator)
    down, right, scale, rotation = np.array(drawn).T
    share = 10 / scale / height  # the share of the picture's side that the view shows
    logarithms = stats.uniform(np.log(least), np.log(most / least))
    assert stats.kstest(np.log(share), logarithms.cdf).pvalue > 0.01
    assert stats.kstest(rotation, stats.uniform(-15, 30).cdf).pvalue > 0.01
    for shift, side, wraps in zip((down, right), (height, width), wrap, strict=True):
        if wraps:
            assert stats.kstest(shift, stats.uniform(-side / 2, side).cdf).pvalue > 0.01
            continue
        place = shift / (side * (1 - share) / 2)
        assert np.abs(place).max() < 1 + 1e-6
        at_end = np.abs(place) > 1 - 1e-6
        assert stats.binomtest(int(at_end.sum()), len(place), 1 / 6).pvalue > 0.01
        assert stats.kstest(place[~at_end], stats.uniform(-1, 2).cdf).pvalue > 0.01


def test_crops_of_a_tileable_picture_cross_its_edges() -> None:
    picture = torch.zeros(1, 3, 40, 60)
    picture[..., :20] = 1  # black meets white in the middle, and at the edge
    transform = random_crop(CropSizes((20, 30), 40 * 60), smallest=0.2, largest=0.3, **PLAIN)
    wrapped = random_crop(
        CropSizes((20, 30), 40 * 60), smallest=0.2, largest=0.3, **PLAIN, wrap=Wrap(vertical=True, horizontal=True)
    )
    falls, rises = [], []
    for one, counts in ((transform, falls), (wrapped, rises)):
        generator = torch.Generator().manual_seed(1)
        for _ in range(100):
            view = one(picture, generator)[0, 0]
            assert view.min() > -0.01
            counts.append(bool((view[:, -1] > view[:, 0] + 0.5).any()))
    assert not any(falls)  # without wrapping, white is never to the right of black
    assert sum(rises) > 10


def test_a_large_picture_has_the_forms_of_a_small_one(lite0) -> None:
    """The smaller picture has the forms without the details, so both agree at its size."""
    small, large = (
        inc.visualize("castle", network=lite0, size=size, steps=16).image for size in ((420, 477), (809, 919))
    )
    shrunk = large.resize(small.size, Image.Resampling.BOX)
    assert np.corrcoef(np.asarray(shrunk, float).ravel(), np.asarray(small, float).ravel())[0, 1] > 0.9
