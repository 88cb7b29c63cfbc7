"""Statistics from batch norms, compared with the outputs of networks for the pictures on which they were trained."""

from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from inceptionism.networks.statistics import clipped_statistics, natural_statistics


@pytest.mark.parametrize(("low", "high"), [(0, 6), (0, math.inf), (-1, 2)])
def test_a_clipped_normal_distribution_has_the_statistics_of_its_samples(low: float, high: float) -> None:
    mean, std = torch.tensor([0.0, 1, -1, 5, 7]), torch.tensor([1.0, 2, 0.5, 3, 1])
    samples = (mean + std * torch.randn(400_000, 5, generator=torch.Generator().manual_seed(0))).clamp(low, high)
    statistics = clipped_statistics(mean, std, low, high)
    torch.testing.assert_close(statistics.mean, samples.mean(0), atol=0.02, rtol=0)
    torch.testing.assert_close(statistics.std, samples.std(0), atol=0.02, rtol=0)


def test_statistics_are_those_of_the_outputs_for_training_pictures() -> None:
    """A network is trained on noise. Its outputs for this noise have the statistics that its norms contain."""
    torch.manual_seed(0)
    norms = [nn.BatchNorm2d(6), nn.BatchNorm2d(5)]
    for norm in norms:
        nn.init.normal_(norm.weight, 1, 0.3)
        nn.init.normal_(norm.bias, 0, 1)
    module = nn.Sequential(nn.Conv2d(3, 6, 3), norms[0], nn.ReLU(), nn.Conv2d(6, 5, 3), norms[1])
    noise = torch.rand(64, 3, 20, 24)
    with torch.no_grad():
        for _ in range(80):
            module(noise)
        module.eval()
        statistics = natural_statistics(module, [])
        outputs = {"1": module[:2](noise), "4": module(noise)}
    assert list(statistics) == ["1", "4"]
    for name, expected in statistics.items():
        torch.testing.assert_close(outputs[name].mean((0, 2, 3)), expected.mean, atol=0.02, rtol=0.02)
        torch.testing.assert_close(outputs[name].std((0, 2, 3)), expected.std, atol=0.02, rtol=0.02)
