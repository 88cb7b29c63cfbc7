"""Runs of networks with other channels than red, green and blue, compared with the same steps in plain torch."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks import InputChannels
from inceptionism.objectives import channel
from inceptionism.optimization.parameterizations import color_mixing
from inceptionism.optimization.transforms import random_view
from tests.support.tiny_networks import channels_module, tiny_network, tiny_of_channels

GRAY = ("gray",)
NIR = ("red", "green", "blue", "nir")
ALL = [GRAY, ("left", "right"), NIR, ("depth", "blue", "green", "red", "swir")]
PLAIN = {"prior": "none", "jitter": 0, "octaves": 1}


def normalized_step(module: torch.nn.Module, picture: torch.Tensor, step: float) -> tuple[float, torch.Tensor]:
    """Return the score of the third map of `module`, and the picture after a step along its gradient (2015)."""
    picture = picture.clone().requires_grad_()
    score = module[2](module[1](module[0]((picture - 0.4) / 0.25)))[:, 3].mean()
    (gradient,) = torch.autograd.grad(score, picture)
    return score.item(), (picture + step * gradient / gradient.abs().mean()).detach().clamp(0, 1)


@pytest.mark.parametrize("names", ALL)
def test_a_step_from_noise_follows_the_gradient_of_plain_torch(names) -> None:
    module, network, size = channels_module(len(names)), tiny_of_channels(names), (31, 46)
    picture = 0.5 + 0.01 * torch.randn(1, len(names), *size, generator=torch.Generator().manual_seed(5))
    scores = []
    for _ in range(3):
        score, picture = normalized_step(module, picture, 1.5 / 255)
        scores.append(score)
    result = inc.visualize(channel("2", 3), network=network, size=size, steps=3, seed=5, prior="pixels")
    assert result.channels.shape == (*size, len(names))
    assert result.channels.dtype == np.float32
    np.testing.assert_allclose(result.channels, picture[0].permute(1, 2, 0), atol=1e-4)
    np.testing.assert_allclose(result.scores, scores, rtol=1e-3)
    shown = InputChannels(names).displayed(picture)[0].permute(1, 2, 0).numpy()
    assert np.abs(np.asarray(result.image) - 255 * shown).max() <= 1


def test_a_gray_network_dreams_the_brightness_of_a_photograph(photo) -> None:
    photo = photo[:57, :40]
    network, module = tiny_of_channels(GRAY), channels_module(1)
    gray = torch.from_numpy(photo @ np.array([0.299, 0.587, 0.114])).float()[None, None] / 255
    picture = gray
    for _ in range(2):
        score, picture = normalized_step(module, picture, 1.5 / 255)
    result = inc.dream(photo, network=network, objective=channel("2", 3), steps=2, step_size=1.5, **PLAIN)
    assert result.scores[-1] == pytest.approx(score, rel=1e-3)
    np.testing.assert_allclose(result.channels[..., 0], picture[0, 0], atol=1e-4)
    pixels = np.asarray(result.image)
    assert pixels.shape == photo.shape
    assert (pixels == pixels[..., :1]).all()
    changed = np.abs(pixels[..., 0] - np.asarray(Image.fromarray(photo).convert("L"), float))
    assert 1 < changed.mean() < 4


def test_the_colors_of_the_photograph_can_stay_in_the_dream_of_a_gray_network(photo) -> None:
    settings = {"network": tiny_of_channels(GRAY), "layer": "2", "steps": 1, "octaves": 1}
    gray = np.asarray(inc.dream(photo, **settings).image)
    kept = np.asarray(inc.dream(photo, colors="keep", **settings).image).astype(float)
    assert (gray == gray[..., :1]).all()
    assert 1 < np.abs(kept - photo).mean() < 3
    assert np.abs(kept[..., 0] - kept[..., 2]).mean() > 10
    assert np.array_equal(np.asarray(inc.dream(photo, strength=0, **settings).image), photo)


def test_a_guide_and_a_photograph_to_begin_with_are_seen_in_gray(photo, tmp_path) -> None:
    network = tiny_of_channels(GRAY)
    Image.fromarray(photo).save(tmp_path / "color.png")
    Image.fromarray(photo).convert("L").save(tmp_path / "gray.png")
    made = [
        inc.visualize(
            f"inversion(2, {tmp_path / name}) + guide(0, {tmp_path / name})",
            network=network,
            size=(41, 32),
            steps=2,
            prior=f"fourier({tmp_path / name})",
        )
        for name in ("color.png", "gray.png")
    ]
    np.testing.assert_allclose(made[0].channels, made[1].channels, atol=0.02)


@pytest.mark.parametrize("names", ALL)
@pytest.mark.parametrize(
    "prior", ["fourier + crops + 0.1*tv", "phase + views", "pixels + decorrelate + laplacian + 0.1*blur + 0.1*norm"]
)
def test_every_prior_works_for_any_channels(names, prior) -> None:
    result = inc.visualize("2:1", network=tiny_of_channels(names), size=(33, 50), steps=3, prior=prior)
    assert result.channels.shape == (33, 50, len(names))
    assert np.isfinite(result.channels).all()
    assert result.channels.std((0, 1)).min() > 1e-3
    again = inc.visualize("2:1", network=tiny_of_channels(names), size=(33, 50), steps=3, prior=prior)
    assert np.array_equal(result.channels, again.channels)


def test_a_gray_network_that_accepts_only_one_size() -> None:
    module = torch.nn.Sequential(*channels_module(1)[:4], torch.nn.Flatten(), torch.nn.Linear(8 * 7 * 7, 10))
    network = inc.Network(module, channels=GRAY, mean=(0.13,), std=(0.31,), size=28)
    assert network.classes == 10
    assert inc.visualize(7, network=network, steps=2, prior="pixels").channels.shape == (28, 28, 1)
    large = inc.visualize(7, network=network, steps=2, size=(40, 61), prior="fourier + crops")
    assert large.channels.shape == (40, 61, 1)
    with pytest.raises(InvalidSetting, match=r"picture of 40×61 pixels: .* it is made for 28×28 pixels"):
        inc.visualize(7, network=network, steps=2, size=(40, 61), prior="fourier")


def test_only_red_green_and_blue_are_mixed() -> None:
    color = color_mixing(1.2, 0.7)
    mixing = color_mixing(1.2, 0.7, InputChannels(("nir", "blue", "green", "red")))
    assert torch.equal(mixing[1:, 1:].flip(0, 1), color)
    assert not mixing[0, 1:].any()
    assert not mixing[1:, 0].any()
    # The channel alone has about the contrast of a color.
    assert mixing[0, 0] == pytest.approx(color.norm(dim=1).mean().item(), rel=0.15)
    assert torch.equal(color_mixing(1, 1, InputChannels(("red", "nir"))), torch.eye(2) * 3**-0.5)


def test_a_network_of_colors_keeps_no_other_channels(photo) -> None:
    assert inc.dream(photo, network=tiny_network(), layer="second", steps=1).channels is None


def test_channels_that_a_photograph_lacks_are_refused(photo, tmp_path) -> None:
    network = tiny_of_channels(NIR)
    Image.fromarray(photo).save(tmp_path / "cup.png")
    refusal = (
        "network Sequential sees the channel nir, which a photograph does not have; make pictures from noise with .*, "
        "or give inceptionism.dream an array or a tensor with the channels red, green, blue, nir"
    )
    with pytest.raises(InvalidSetting, match=refusal):
        inc.dream(tmp_path / "cup.png", network=network, layer="2")
    with pytest.raises(InvalidSetting, match=refusal):
        inc.visualize(f"inversion(2, {tmp_path / 'cup.png'})", network=network, steps=1, size=32)
    with pytest.raises(InvalidSetting, match=refusal):
        inc.zoom(network=network, layer="2", size=64)
    with pytest.raises(InvalidSetting, match=refusal):
        inc.measure_statistics(network, [tmp_path / "cup.png"], output=tmp_path / "measured.safetensors")


def test_a_film_of_a_gray_network_is_gray(photo) -> None:
    run = inc.zoom(photo, network=tiny_of_channels(GRAY), layer="2", steps=1, octaves=1, size=48, seconds=0.1)
    pictures = [frame.picture for frame in run]
    assert len(pictures) == 2
    for picture in pictures:
        assert torch.equal(picture, picture[:, :1].expand(-1, 3, -1, -1))


def test_an_objective_can_combine_networks_with_different_channels() -> None:
    """The gray network sees the brightness of the other network's colors."""
    module, color = channels_module(1), tiny_network()
    objective = channel("2", 3).on(tiny_of_channels(GRAY))
    picture = (0.5 + 0.01 * torch.randn(1, 3, 31, 46, generator=torch.Generator().manual_seed(5))).requires_grad_()
    gray = (picture * torch.tensor([0.299, 0.587, 0.114])[:, None, None]).sum(1, keepdim=True)
    score = module[2](module[1](module[0]((gray - 0.4) / 0.25)))[:, 3].mean()
    (gradient,) = torch.autograd.grad(score, picture)
    expected = (picture + 1.5 / 255 * gradient / gradient.abs().mean())[0].detach().permute(1, 2, 0)
    result = inc.visualize(objective, network=color, size=(31, 46), steps=1, seed=5, prior="pixels")
    assert result.scores[0] == pytest.approx(score.item(), rel=1e-4)
    assert np.abs(np.asarray(result.image) - 255 * expected.numpy()).max() <= 1


def test_all_channels_can_be_saved_as_an_array(tmp_path) -> None:
    result = inc.visualize(1, network=tiny_of_channels(NIR), size=(20, 33), steps=1)
    np.save(tmp_path / "channels.npy", result.channels)
    saved = np.load(tmp_path / "channels.npy")
    assert saved.shape == (20, 33, 4)
    assert 0 <= saved.min() < saved.max() <= 1


def test_the_atlas_and_the_exemplars_of_a_gray_network(photo, tmp_path) -> None:
    from inceptionism.atlas.exemplars.receptive_field import receptive_field
    from inceptionism.runs import TrainingView

    network = tiny_of_channels(GRAY)
    assert receptive_field(network, "2").size == (7, 7)
    assert TrainingView.of(photo.shape[:2], network).picture(inc.load_photo(photo), network).shape[1] == 1
    assert inc.measure_statistics(network, [photo], output=tmp_path / "measured.safetensors").is_file()


@pytest.mark.parametrize("count", [1, 2, 5])
def test_only_the_own_channels_of_a_picture_get_noise(count) -> None:
    still = {"shift": 0, "smallest": 1, "largest": 1, "rotation": 0, "contrast": 0, "brightness": 0, "noise": 0.3}
    picture = torch.rand(1, 3 * count, 9, 14, generator=torch.Generator().manual_seed(1))
    view = random_view(**still, channels=count)(picture, torch.Generator().manual_seed(2))
    change = (view - picture).std((0, 2, 3))
    assert change[:count].min() > 1e-3
    assert change[count:].max() < 1e-5
