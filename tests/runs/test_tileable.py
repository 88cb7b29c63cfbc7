"""Tileable pictures: their opposite edges meet, and every place in them is treated alike.

A picture that wraps around has no first column. If the photograph is turned, its dream must turn with it, and nothing
else may change. A filter, a prior or a tile that knows an edge changes more. The network of these tests is so small
that it sees fewer pixels than the margin, so the turned dream is exact.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from skimage.data import astronaut, chelsea
from torch import nn

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.io import load_mask, load_photo
from inceptionism.objectives import inversion
from inceptionism.recipes import ClassRecipe, PhotoRecipe, Recipe, ZoomRecipe
from inceptionism.runs import ClassRun, PhotoRun, finish_runs, make_class_runs
from tests.support.seams import AXES, edge_differences, has_seam
from tests.support.tiny_networks import tiny_network

PHOTO = chelsea()[60:228:3, 90:378:3]
"""56×96 pixels: both sides are multiples of the strides, also in an octave of half the size."""

TURNS = {"both": (24, 40), "horizontal": (0, 40), "vertical": (24, 0)}

SETTINGS: dict[str, Any] = {
    "layer": "second",
    "prior": "none",
    "precision": "fp32",
    "octaves": 2,
    "octave_scale": 2,
    "steps": 3,
    "jitter": 5,
    "step_size": 6,
}


def seamless_photo(tileable: str, photo: np.ndarray = PHOTO) -> np.ndarray:
    """Return a photograph whose edges meet, so that it is the same after a turn."""
    down, right = (np.pi * np.arange(length) / length for length in PHOTO.shape[:2])
    weight = np.ones(PHOTO.shape[:2])
    weight *= np.sin(down)[:, None] ** 2 if 0 in AXES[tileable] else 1
    weight *= np.sin(right)[None, :] ** 2 if 1 in AXES[tileable] else 1
    return (128 + weight[..., None] * (photo.astype(float) - 128)).round().astype(np.uint8)


def dreamed(photo: np.ndarray, *, max_pixels: int | None = None, **settings: Any) -> np.ndarray:
    """Return the dream of a photograph as floats, H×W×3."""
    objects = {name: settings.pop(name) for name in ("objective", "mask") if name in settings}
    recipe = PhotoRecipe(**{**SETTINGS, **settings, **({"layer": None} if "objective" in objects else {})})
    run = PhotoRun(recipe, load_photo(photo), network=tiny_network(), **objects)
    run.evaluator.max_pixels = max_pixels or run.evaluator.max_pixels
    run.finish()
    return run.picture(run.size)[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("tileable", AXES)
@pytest.mark.parametrize(
    "prior",
    ["none", "decorrelate + laplacian(levels=2)", "0.3*tv", "0.7*blur", "0.2*norm"],
)
def test_the_dream_of_a_turned_photograph_is_the_turned_dream(prior: str, tileable: str) -> None:
    photo, turn = seamless_photo(tileable), TURNS[tileable]
    dream, other = (dreamed(one, prior=prior, tileable=tileable) for one in (photo, np.roll(photo, turn, (0, 1))))
    assert np.abs(dream - photo / 255).mean() > 0.02
    np.testing.assert_allclose(other, np.roll(dream, turn, (0, 1)), atol=1e-3)
    if prior != "none":
        dream, other = (dreamed(one, prior=prior) for one in (photo, np.roll(photo, turn, (0, 1))))
        assert np.abs(other - np.roll(dream, turn, (0, 1))).max() > 0.01


@pytest.mark.parametrize("tileable", AXES)
def test_tiles_of_a_large_picture_wrap_around(tileable: str) -> None:
    photo, turn = seamless_photo(tileable), TURNS[tileable]
    settings: dict[str, Any] = {"tileable": tileable, "steps": 1, "octaves": 1}
    whole = dreamed(photo, **settings)
    tiled = dreamed(np.roll(photo, turn, (0, 1)), max_pixels=96 * 96, **settings)
    np.testing.assert_allclose(tiled, np.roll(whole, turn, (0, 1)), atol=1e-3)


def test_masks_and_aligned_references_wrap_around() -> None:
    photo, turn = seamless_photo("both"), TURNS["both"]
    mask = np.zeros(PHOTO.shape[:2], np.uint8)
    mask[10:40, 20:70] = 255
    reference = seamless_photo("both", astronaut()[: 56 * 4 : 4, : 96 * 4 : 4])
    for name in ("mask", "objective"):
        dreams = []
        for down, right in ((0, 0), turn):
            value = mask if name == "mask" else reference
            value = np.roll(value, (down, right), (0, 1))
            made = load_mask(value) if name == "mask" else inversion("second", load_photo(value))
            dreams.append(dreamed(np.roll(photo, (down, right), (0, 1)), tileable="both", **{name: made}))
        np.testing.assert_allclose(dreams[1], np.roll(dreams[0], turn, (0, 1)), atol=2e-3)


@pytest.mark.parametrize("tileable", AXES)
@pytest.mark.parametrize("size", [(56, 96), (35, 60), (61, 104)])
def test_a_mask_with_different_edges_has_no_seam(tileable: str, size: tuple[int, int]) -> None:
    amount = np.zeros(PHOTO.shape[:2], np.uint8)
    amount[30:, 50:] = 255
    recipe = PhotoRecipe(**SETTINGS, tileable=tileable)
    run = PhotoRun(recipe, load_photo(PHOTO), network=tiny_network(), mask=load_mask(amount))
    (masked,) = run.masked_objectives(size)
    weights = masked.mask[0].permute(1, 2, 0).numpy()
    for axis in (0, 1):
        assert edge_differences(amount[..., None] / 255, axis)[0] > 0.3
        assert (edge_differences(weights, axis)[0] < 0.1) == (axis in AXES[tileable])


def test_a_mask_is_resized_around_its_edges() -> None:
    amount = seamless_photo("both")[..., 0]
    masks = []
    for turn in (0, 0), TURNS["both"]:
        recipe = PhotoRecipe(**SETTINGS, tileable="both")
        mask = load_mask(np.roll(amount, turn, (0, 1)))
        run = PhotoRun(recipe, load_photo(PHOTO), network=tiny_network(), mask=mask)
        masks.append(run.masked_objectives((28, 48))[0].mask)
    torch.testing.assert_close(masks[1], masks[0].roll((12, 20), (-2, -1)))


@pytest.mark.parametrize("tileable", AXES)
def test_a_dreamed_photograph_has_no_seam(lite0: inc.Network, tileable: str) -> None:
    photo = astronaut()[100:405:5, 20:402:4]
    assert photo.shape == (61, 96, 3)
    result = inc.dream(photo, network=lite0, tileable=tileable, steps=4)
    for axis in AXES[tileable]:
        assert has_seam(photo, axis)
        assert not has_seam(np.asarray(result.image), axis)


def test_a_dreamed_panorama_keeps_its_edges_together(lite0: inc.Network) -> None:
    panorama = np.roll(astronaut()[100:405:5, 20:402:4], 48, 1)
    assert not has_seam(panorama, 1)
    dream = inc.dream(panorama, network=lite0, steps=4, tileable="horizontal")
    assert not has_seam(np.asarray(dream.image), 1)


@pytest.mark.parametrize("tileable", AXES)
@pytest.mark.parametrize("prior", ["fourier + views", "pixels + views + 0.5*blur", "pixels + 0.3*tv", "fourier"])
def test_a_picture_from_noise_has_no_seam(lite0: inc.Network, prior: str, tileable: str) -> None:
    settings: dict[str, Any] = {"network": lite0, "prior": prior, "steps": 24, "size": (61, 96)}
    pixels = np.asarray(inc.visualize("banana", tileable=tileable, **settings).image)
    assert not any(has_seam(pixels, axis) for axis in AXES[tileable])


def test_the_views_of_a_pattern_show_no_edge() -> None:
    """A view of a picture with one color shows this color everywhere. Otherwise, it shows gray outside."""
    seen: list[torch.Tensor] = []

    def watch(view: torch.Tensor, _generator: torch.Generator) -> torch.Tensor:
        seen.append(view.detach())
        return view

    settings: dict[str, Any] = {"network": tiny_network(), "transforms": [watch], "size": (33, 46), "steps": 1}
    views = "pixels + views(smallest=0.4, largest=0.4, contrast=0, brightness=0, noise=0)"
    for tileable, edges in (None, 2), ("horizontal", 1), ("both", 0):
        inc.visualize("elm", prior=views, tileable=tileable, **settings)
        gray = (seen[-1] - 0.5).abs().amax(1)[0] < 1e-6
        assert (gray.all(0).any(), gray.all(1).any()).count(True) == edges, tileable


@pytest.mark.parametrize(
    ("prior", "tileable", "size"),
    [
        ("none", "both", (97, 110)),
        ("none", "vertical", (97, 46)),
        ("views", "both", (33, 46)),
        ("none", None, (33, 46)),
    ],
)
def test_the_network_sees_a_margin_without_random_views(prior: str, tileable: str | None, size) -> None:
    run = ClassRun(ClassRecipe(target="elm", prior=prior, tileable=tileable, size=(33, 46)), network=tiny_network())
    (request,) = next(run.states()).requests()
    assert request.view.shape == (1, 3, *size)
    run.evaluator.max_pixels = size[0] * size[1] - 1
    assert run.result().recipe.made_with.tile == run.evaluator.max_pixels


def test_a_batch_of_patterns_makes_the_same_pictures_as_each_alone() -> None:
    recipe = ClassRecipe(target="elm", tileable="both", prior="pixels", size=(33, 46), steps=3)
    network = tiny_network()
    batch = finish_runs(make_class_runs(recipe, 2, network=network))
    for number, result in enumerate(batch):
        alone = ClassRun(replace(recipe, seed=number), network=network).finish()
        assert np.abs(np.asarray(alone.image, float) - np.asarray(result.image, float)).max() <= 1


def test_tileable_is_stored_as_directions(tmp_path) -> None:
    photo = seamless_photo("both")
    result = inc.dream(photo, network=tiny_network(), tileable=True, **SETTINGS)
    assert result.recipe.tileable == "both"
    assert PhotoRecipe(tileable=False).settings().get("tileable") is None
    result.save(tmp_path / "pattern.png")
    again = inc.replay(tmp_path / "pattern.png", photo, network=tiny_network())
    np.testing.assert_array_equal(np.asarray(again.image), np.asarray(result.image))


@pytest.mark.parametrize("wrong", ["sideways", 1, "", ["both"]])
def test_other_directions_are_refused(wrong: Any) -> None:
    with pytest.raises(InvalidSetting, match="tileable must be one of both, horizontal, vertical"):
        PhotoRecipe(tileable=wrong)


def test_films_are_not_tileable() -> None:
    with pytest.raises(TypeError, match="tileable"):
        inc.zoom(PHOTO, tileable="both")
    with pytest.raises(InvalidSetting, match="unknown setting 'tileable'"):
        Recipe.from_settings({"schema": 2, "kind": "video", "tileable": "both"})
    assert ZoomRecipe().tileable is None


class Fixed(nn.Module):
    """A network that accepts only pictures of 32×32 pixels."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 4, 3, stride=2, padding=1)
        self.classifier = nn.Linear(4 * 16 * 16, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.first(x).flatten(1))


def test_a_network_with_one_input_size_needs_random_views() -> None:
    torch.manual_seed(0)
    network = inc.Network(Fixed().eval(), mean=(0.5, 0.5, 0.5), std=(0.2, 0.2, 0.2), size=(32, 32))
    with pytest.raises(InvalidSetting, match=r"accepts only pictures of 32×32 pixels.*add views"):
        inc.visualize(1, network=network, prior="fourier", tileable="both", steps=1)
    pixels = np.asarray(inc.visualize(1, network=network, prior="fourier + views", tileable="both", steps=4).image)
    assert pixels.shape == (32, 32, 3)
    assert not has_seam(pixels, 0)
    assert not has_seam(pixels, 1)
