"""Mean and standard deviation of activations for natural pictures, from the batch norms of a trained network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from inceptionism.networks.frozen import CLAMPS, Chain

QUANTILES = 64
"""Number of quantiles of each channel in a measurement."""


class Statistics(NamedTuple):
    """Statistics of the channels of a layer for natural pictures.

    Attributes:
        mean: Mean of each channel, C numbers.
        std: Standard deviation of each channel, C numbers.
        quantiles: Quantiles of each channel at equal distances from the smallest to the largest activation of a
            picture, as means over pictures, C×`QUANTILES`. None if they were not measured.
    """

    mean: Tensor
    std: Tensor
    quantiles: Tensor | None = None


def resample_quantiles(quantiles: Tensor, count: int) -> Tensor:
    """Return `count` quantiles of each row of sorted values, at equal distances from the smallest to the largest value.

    They are interpolated linearly, as by `numpy.quantile`. If `count` is 1, the result is the mean of each row.

    Args:
        quantiles: Sorted values, ...×N.
        count: Number of quantiles, at least 1.
    """
    if count == 1:
        return quantiles.mean(-1, keepdim=True)
    rows = quantiles.reshape(1, -1, quantiles.shape[-1])
    resampled = F.interpolate(rows, size=count, mode="linear", align_corners=True)
    return resampled.reshape(*quantiles.shape[:-1], count)


def natural_statistics(module: nn.Module, chains: Iterable[Chain]) -> dict[str, Statistics]:
    """Return the statistics of layers by name, from the batch norms of `module`.

    In the output of a batch norm, the mean of each channel is the shift of the batch norm, and the standard deviation
    is its factor. The result has the batch norms whose outputs exist in the fused network. If each batch norm is fused
    with an activation, the result has the activations instead. Their statistics are those of a clipped normal
    distribution.

    Args:
        module: The network.
        chains: Chains that are fused in the fast copies of the network.
    """
    activations = {chain.norm: chain.activation for chain in chains if chain.norm and chain.activation}
    of_norms, of_activations = {}, {}
    for name, norm in module.named_modules():
        if not isinstance(norm, nn.BatchNorm2d) or not norm.track_running_stats:
            continue
        zero = torch.zeros(norm.num_features)
        mean = zero if norm.bias is None else norm.bias.detach().float()
        std = zero + 1 if norm.weight is None else norm.weight.detach().float().abs()
        activation = activations.get(name)
        if activation is None:
            of_norms[name] = Statistics(mean, std)
        else:
            clamp = CLAMPS[type(module.get_submodule(activation))]
            of_activations[activation] = clipped_statistics(mean, std, clamp.low, clamp.high)
    return of_norms or of_activations


def clipped_statistics(mean: Tensor, std: Tensor, low: float, high: float) -> Statistics:
    """Return the statistics of normal distributions whose values are clipped to the range from `low` to `high`.

    Args:
        mean: Means of the distributions before they are clipped, C numbers.
        std: Standard deviations before they are clipped, C numbers.
        low: Smallest value. Values below it become `low`.
        high: Largest value, which may be infinite. Values above it become `high`.
    """
    std = std.clamp_min(1e-6)
    first, second = excess_moments(mean - low, std)
    if math.isfinite(high):
        # The part between the limits is the part above `low` minus the part above `high`.
        beyond, beyond_squared = excess_moments(mean - high, std)
        second = second - beyond_squared - 2 * (high - low) * beyond
        first = first - beyond
    return Statistics(low + first, (second - first**2).clamp_min(0).sqrt())


def excess_moments(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means of max(x, 0) and of max(x, 0)². Each x has a normal distribution with a given mean and std."""
    ratio = mean / std
    share, density = torch.special.ndtr(ratio), torch.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
    return mean * share + std * density, (mean**2 + std**2) * share + mean * std * density
