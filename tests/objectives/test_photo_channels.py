"""Dreams of arrays that have the channels of a network, compared with the same steps in plain torch."""

from __future__ import annotations

import hashlib

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnreadablePicture
from inceptionism.networks import InputChannels
from inceptionism.objectives import channel, guide, inversion
from inceptionism.objectives.masking import reference_tensor
from inceptionism.recipes import PhotoRecipe
from inceptionism.runs import PhotoRun
from inceptionism.runs.oklab import to_oklab
from inceptionism.tensors import to_picture
from tests.support.tiny_networks import channels_module, tiny_network, tiny_of_channels

NIR = ("red", "green", "blue", "nir")
ALL = [("gray",), ("depth",), ("gray", "depth"), ("vv", "vh", "ratio"), ("nir", "red", "green"), NIR, (*NIR, "swir")]
PLAIN = {"prior": "none", "jitter": 0, "octaves": 1, "steps": 2, "step_size": 1.5}


def random_pixels(count: int, height: int = 41, width: int = 58) -> np.ndarray:
    """Return smooth pixels with `count` channels that differ, H×W×C uint8."""
    coarse = torch.rand(1, count, 6, 8, generator=torch.Generator().manual_seed(count))
    fine = torch.nn.functional.interpolate(coarse, (height, width), mode="bilinear")
    return (fine[0].permute(1, 2, 0) * 255).round().byte().numpy()


def ascend(module: torch.nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Return pixels after the steps of `PLAIN` along the gradient of channel 3 of the second convolution."""
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None].float() / (255 if pixels.dtype == np.uint8 else 1)
    for _ in range(2):
        picture.requires_grad_()
        (gradient,) = torch.autograd.grad(module[2](module[1](module[0]((picture - 0.4) / 0.25)))[:, 3].mean(), picture)
        picture = (picture + 1.5 / 255 * gradient / gradient.abs().mean()).detach().clamp(0, 1)
    return picture[0].permute(1, 2, 0).numpy()


@pytest.mark.parametrize("names", ALL)
@pytest.mark.parametrize("kind", ["array", "floats", "tensor"])
def test_a_dream_begins_with_all_channels_of_an_array(names, kind) -> None:
    pixels = random_pixels(len(names))
    given = {"array": pixels, "floats": pixels / 255, "tensor": torch.from_numpy(pixels).permute(2, 0, 1)[None]}[kind]
    network = tiny_of_channels(names)
    result = inc.dream(given, network=network, objective=channel("2", 3), **PLAIN)
    expected = ascend(channels_module(len(names)), pixels)
    np.testing.assert_allclose(result.channels, expected, atol=1e-4)
    shown = InputChannels(names).displayed(torch.from_numpy(expected).permute(2, 0, 1)[None])[0].permute(1, 2, 0)
    assert np.abs(np.asarray(result.image) - 255 * shown.numpy()).max() <= 1
    assert result.recipe.made_with.photo["sha256"] == hashlib.sha256(pixels.tobytes()).hexdigest()


@pytest.mark.parametrize("names", [("gray",), ("nir", "red", "green"), NIR])
def test_floats_keep_what_8_bits_cannot_hold(names) -> None:
    pixels = 0.5 + (random_pixels(len(names)).astype(np.float32) / 255 - 0.5) / 255  # one gray level and a little more
    network = tiny_of_channels(names)
    result = inc.dream(pixels, network=network, objective=channel("2", 3), **PLAIN)
    np.testing.assert_allclose(result.channels, ascend(channels_module(len(names)), pixels), atol=2e-5)
    seen = reference_tensor(inc.load_photo(pixels), network)[0].permute(1, 2, 0)
    np.testing.assert_array_equal(seen.numpy(), pixels)


def test_colors_of_floats_have_8_bits() -> None:
    """A photograph of floats gives the same dream as the same photograph in a file."""
    pixels = random_pixels(3)
    given = (pixels, pixels / 255 + 1e-3)
    made = [inc.dream(one, network=tiny_network(), layer="second", steps=1) for one in given]
    np.testing.assert_array_equal(*(one.image for one in made))


def test_only_the_channel_that_the_network_reads_changes() -> None:
    module = channels_module(4)
    with torch.no_grad():
        module[0].weight[:, :3] = 0
    network = inc.Network(module, channels=NIR, mean=[0.4] * 4, std=[0.25] * 4, size=28)
    pixels = random_pixels(4)
    result = inc.dream(pixels, network=network, objective=channel("2", 3), **PLAIN)
    np.testing.assert_array_equal(result.image, pixels[..., :3])
    np.testing.assert_allclose(result.channels, ascend(module, pixels), atol=1e-4)
    assert np.abs(result.channels[..., 3] - pixels[..., 3] / 255).mean() > 0.01


def test_an_array_of_the_brightness_gives_the_dream_of_its_photograph() -> None:
    gray = random_pixels(1)[..., 0]
    network = tiny_of_channels(("gray",))
    color = inc.dream(np.stack([gray] * 3, 2), network=network, layer="2", steps=2)
    for given in (gray, gray[..., None], torch.from_numpy(gray)[None]):
        own = inc.dream(given, network=network, layer="2", steps=2)
        np.testing.assert_allclose(own.channels, color.channels, atol=1e-5)
        assert np.abs(np.asarray(own.image).astype(int) - np.asarray(color.image)).max() <= 1
    gray_colors = inc.dream(gray, network=tiny_network(), layer="second", steps=2)
    colors = inc.dream(np.stack([gray] * 3, 2), network=tiny_network(), layer="second", steps=2)
    np.testing.assert_array_equal(gray_colors.image, colors.image)


def test_an_array_with_the_gray_of_its_colors_gives_the_dream_of_the_colors() -> None:
    pixels = np.repeat(random_pixels(1), 4, 2)
    network = tiny_of_channels(("red", "green", "blue", "gray"))
    colors, own = (
        inc.dream(given, network=network, layer="2", steps=3, octaves=2) for given in (pixels[..., :3], pixels)
    )
    np.testing.assert_allclose(own.channels, colors.channels, atol=1e-5)
    np.testing.assert_allclose(own.scores, colors.scores, rtol=1e-5)


def test_three_channels_are_colors_if_the_network_sees_only_colors() -> None:
    pixels = random_pixels(3)
    dream = inc.dream(pixels, network=tiny_of_channels(("blue", "green", "red")), objective=channel("2", 3), **PLAIN)
    np.testing.assert_allclose(dream.channels, ascend(channels_module(3), pixels[..., ::-1].copy()), atol=1e-4)


@pytest.mark.parametrize(
    "settings",
    [
        {"size": 70, "octaves": 3},
        {"tileable": True},
        {"strength": 0.5, "colors": "keep"},
        {"contrast": 1.3, "saturation": 0.5, "colors": random_pixels(3)},
        {"depth": 16},
        {"mask": np.pad(np.full((20, 30), 255, np.uint8), 12)},
        {"prior": "laplacian + 0.1*tv"},
    ],
    ids=lambda settings: "+".join(settings),
)
def test_settings_work_with_other_channels(settings) -> None:
    result = inc.dream(random_pixels(4), network=tiny_of_channels(NIR), layer="2", **{"steps": 2, **settings})
    width, height = result.image.size
    assert result.channels.shape == (height, width, 4)
    original = inc.dream(
        random_pixels(4), network=tiny_of_channels(NIR), layer="2", **{**settings, "step_size": 1e-4, "steps": 1}
    )
    assert (np.abs(result.channels - original.channels).mean((0, 1)) > 1e-3).all()


def test_without_strength_the_colors_of_the_array_come_back() -> None:
    pixels = random_pixels(4)
    for settings in ({"strength": 0}, {"strength": 0, "depth": 16}):
        result = inc.dream(pixels, network=tiny_of_channels(NIR), layer="2", steps=1, **settings)
        np.testing.assert_array_equal(result.image, pixels[..., :3])


def test_kept_colors_are_the_hues_of_the_array() -> None:
    pixels = random_pixels(4) // 4 + 96  # no dream of it is outside of the gamut
    result, plain = (
        inc.dream(pixels, network=tiny_of_channels(NIR), layer="2", steps=3, step_size=4, colors=colors)
        for colors in ("keep", "dream")
    )
    before, kept, dreamed = (
        to_oklab(to_picture(np.asarray(picture), torch.device("cpu")))
        for picture in (pixels[..., :3], result.image.copy(), plain.image.copy())
    )
    assert (kept - before)[:, 1:].abs().mean() < 0.2 * (dreamed - before)[:, 1:].abs().mean()
    assert (kept - before)[:, 0].abs().mean() > 0.5 * (dreamed - before)[:, 0].abs().mean()
    np.testing.assert_array_equal(result.channels, plain.channels)


def test_tiles_cover_all_channels() -> None:
    runs = [
        PhotoRun(PhotoRecipe(layer="0", **PLAIN), inc.load_photo(random_pixels(4)), network=tiny_of_channels(NIR))
        for _ in range(2)
    ]
    runs[1].evaluator.max_pixels = 30 * 30
    whole, tiled = (run.finish() for run in runs)
    assert tiled.recipe.made_with.tile == 900
    np.testing.assert_allclose(tiled.channels, whole.channels, atol=2e-3)


@pytest.mark.parametrize("objective", [guide, inversion])
def test_a_picture_that_is_compared_has_the_channels_of_the_network(objective) -> None:
    network, pixels = tiny_of_channels(NIR), random_pixels(4)
    other = pixels[::-1].copy()
    changed = other.copy()
    changed[..., 3] = 255 - changed[..., 3]
    made = [
        inc.dream(pixels, network=network, objective=objective("2", inc.load_photo(reference)), steps=1).channels
        for reference in (other, changed)
    ]
    assert np.abs(made[0] - made[1]).max() > 1e-3
    with pytest.raises(InvalidSetting, match="the array is read as 41×58 pixels with 2 channels, but"):
        inc.dream(pixels, network=network, objective=objective("2", inc.load_photo(random_pixels(2))), steps=1)


WRONG = {
    "two for four": ((41, 58, 2), NIR, "41×58 pixels with 2 channels, but network Sequential sees 4 channels, "
        "red, green, blue, nir; give an array H×W×4 or a tensor 4×H×W$"),
    "three for four": ((41, 58, 3), NIR, "with 3 channels, but network Sequential sees 4 channels, red"),
    "planes": ((4, 41, 58), NIR, "4×41 pixels with 58 channels, but .* give an array H×W×4 or a tensor 4×H×W"),
    "gray for depth": ((41, 58), ("depth", "gray"), "with 1 channel, but .* sees 2 channels, depth, gray"),
    "two for gray": ((41, 58, 2), ("gray",), "sees 1 channel, gray; .*; a picture of colors or gray also works$"),
}  # fmt: skip


@pytest.mark.parametrize("case", WRONG)
def test_a_wrong_number_of_channels_is_explained(case) -> None:
    shape, names, message = WRONG[case]
    with pytest.raises(InvalidSetting, match=message):
        inc.dream(np.full(shape, 7, np.uint8), network=tiny_of_channels(names), layer="2")


def test_a_network_of_colors_refuses_a_fourth_channel() -> None:
    with pytest.raises(
        InvalidSetting, match="with 4 channels, but network Tiny sees 3 channels, red, green, blue; give"
    ):
        inc.dream(random_pixels(4), network=tiny_network(), layer="second")
    with pytest.raises(UnreadablePicture, match="an array of 41×58×4 has 4 channels, which are not colors"):
        inc.dream(random_pixels(3), network=tiny_network(), layer="second", colors=random_pixels(4))
    with pytest.raises(UnreadablePicture, match="an array of 41×58×4 has 4 channels, which are not colors"):
        inc.zoom(random_pixels(4), network=tiny_of_channels(NIR), layer="2", size=64)


def test_a_replay_gives_the_same_channels() -> None:
    pixels, network = random_pixels(4), tiny_of_channels(NIR)
    first = inc.dream(pixels, network=network, layer="2", steps=2)
    again = inc.replay(first.recipe, pixels, network=network)
    np.testing.assert_array_equal(first.channels, again.channels)
    assert not any("photograph" in note for note in again.notes)


def test_an_activation_grid_and_statistics_of_arrays(tmp_path) -> None:
    pixels, network = random_pixels(4), tiny_of_channels(NIR)
    grid = inc.activation_grid(pixels, tmp_path / "grid", network=network, layer="2", cells=1, steps=1, size=32)
    width, height = grid.sheet().size
    assert width > height
    assert inc.measure_statistics(network, [pixels], output=tmp_path / "measured.safetensors").is_file()
