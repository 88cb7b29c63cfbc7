"""The prior `statistics`: its distances, compared with finite differences and with plain transcriptions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from skimage.data import astronaut, chelsea

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks import Statistics, resample_quantiles
from inceptionism.optimization.natural_statistics import find_statistics, match_quantiles, match_statistics
from inceptionism.recipes import parse_prior
from inceptionism.tensors import to_picture
from tests.support.tiny_networks import tiny_network


def noise(*shape: int) -> torch.Tensor:
    return torch.rand(shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)


def with_quantiles(network: inc.Network) -> dict[str, Statistics]:
    """Return statistics of a network's layers, with random quantiles."""
    generator = torch.Generator().manual_seed(1)
    return {
        name: one._replace(quantiles=torch.randn(len(one.mean), 64, generator=generator).double().sort(-1).values)
        for name, one in network.statistics.items()
    }


@pytest.mark.parametrize("depth", [0, 0.5, 1])
def test_the_gradient_of_statistics_agrees_with_finite_differences(tiny, depth) -> None:
    distance = match_statistics(tiny, tiny.statistics, depth)
    shapes = {name: (2, len(layer.mean), 4, 3) for name, layer in tiny.statistics.items()}
    activations = [noise(*shape).requires_grad_() for shape in shapes.values()]

    def score(*values: torch.Tensor) -> torch.Tensor:
        return distance(dict(zip(shapes, values, strict=True)))

    assert score(*activations).shape == (2,)
    assert torch.autograd.gradcheck(score, activations)


@pytest.mark.parametrize("depth", [0, 0.3, 0.5, 1])
def test_the_distance_of_statistics_is_that_of_a_plain_transcription(depth) -> None:
    network = tiny_network()
    maps = {name: 3 * noise(2, len(one.mean), 7, 5) for name, one in network.statistics.items()}
    expected, count = np.zeros(2), len(network.statistics)
    for index, (name, one) in enumerate(network.statistics.items()):
        std = np.maximum(one.std.numpy(), 0.1 * one.std.numpy().mean())
        values = maps[name].numpy()
        offset = (values.mean((2, 3)) - one.mean.numpy()) / std
        ratio = values.var((2, 3)) / std**2
        too_small = 2 * (ratio - 1) ** 2 / (ratio + 1) if index < round(depth * count) else 0
        by_variance = np.where(ratio > 1, 2 * (ratio - 1) ** 2 / (ratio + 1), too_small)
        expected += (offset**2 + by_variance).mean(1) / count
    np.testing.assert_allclose(match_statistics(network, network.statistics, depth)(maps), expected, rtol=1e-5)


def test_statistics_are_closer_for_photographs_than_for_other_pictures(lite0) -> None:
    distance = match_statistics(lite0, lite0.statistics)

    def distance_of(pixels: np.ndarray) -> float:
        activations = lite0.activations(to_picture(pixels, torch.device("cpu"), (224, 224)), distance.layers)
        return distance(activations).item()

    noisy = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    dark = np.zeros((224, 224, 3), np.uint8)
    assert max(distance_of(chelsea()), distance_of(astronaut())) < 0.5 * min(distance_of(noisy), distance_of(dark))


def test_the_distance_of_sorted_activations_is_that_of_a_plain_transcription() -> None:
    network = tiny_network()
    natural = with_quantiles(network)
    for height, width in ((9, 7), (16, 4), (5, 1), (1, 1)):
        maps = {name: noise(3, len(one.mean), height, width) for name, one in natural.items()}
        expected = np.zeros(3)
        for name, one in natural.items():
            std = np.maximum(one.std.numpy(), 0.1 * one.std.numpy().mean())
            for picture in range(3):
                for channel in range(len(std)):
                    row = np.sort(maps[name][picture, channel].numpy().ravel())
                    reference = np.quantile(one.quantiles[channel].numpy(), np.linspace(0, 1, len(row)))
                    if len(row) == 1:
                        reference = one.quantiles[channel].numpy().mean()
                    distance = np.mean((row - reference) ** 2) / std[channel] ** 2
                    expected[picture] += distance / len(std) / len(natural)
        np.testing.assert_allclose(match_quantiles(network, natural)(maps), expected, rtol=1e-5)


def test_the_gradient_of_sorted_activations_agrees_with_finite_differences() -> None:
    network = tiny_network()
    natural = with_quantiles(network)
    distance = match_quantiles(network, natural)
    activations = [noise(2, len(one.mean), 4, 3).requires_grad_() for one in natural.values()]

    def score(*values: torch.Tensor) -> torch.Tensor:
        return distance(dict(zip(natural, values, strict=True)))

    assert torch.autograd.gradcheck(score, activations)


def test_quantiles_are_resampled_as_by_numpy() -> None:
    rows = noise(2, 3, 11).sort(-1).values
    for count in (2, 5, 11, 64):
        expected = np.quantile(rows.numpy(), np.linspace(0, 1, count), axis=-1).transpose(1, 2, 0)
        np.testing.assert_allclose(resample_quantiles(rows, count), expected, rtol=1e-12)
    torch.testing.assert_close(resample_quantiles(rows, 1), rows.mean(-1, keepdim=True))


def test_batch_norms_have_no_quantiles() -> None:
    network = tiny_network()
    with pytest.raises(InvalidSetting, match="needs the quantiles of each channel"):
        inc.visualize("oak", network=network, size=48, steps=1, prior="fourier + statistics(quantiles=1)")


@pytest.mark.parametrize("named", [True, False])
def test_measured_layers_are_in_the_order_of_the_network(tmp_path, monkeypatch, named) -> None:
    """`depth` counts the layers from the picture on, but a file has 10 before 2."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    torch.manual_seed(0)
    blocks = [module for _ in range(6) for module in (torch.nn.Conv2d(3, 3, 3, padding=1), torch.nn.ReLU())]
    network = inc.Network(torch.nn.Sequential(*blocks), mean=(0, 0, 0), std=(1, 1, 1), size=(31, 29), name="twelve")
    output = tmp_path / "measured.safetensors" if named else None
    path = inc.measure_statistics(network, [chelsea()], layers=["10", "2", "0"], output=output)
    term = parse_prior(f"statistics({path})" if named else "statistics")["statistics"]
    found, _ = find_statistics(term, network, Path)
    assert list(found) == ["0", "2", "10"]
