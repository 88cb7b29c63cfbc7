"""Mean and standard deviation of activations for natural pictures, from the batch norms of a trained network."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from inceptionism.networks.frozen import CLAMPS, Chain


class Statistics(NamedTuple):
    """Mean and standard deviation of each channel of a layer for natural pictures: two tensors of C numbers."""

    mean: Tensor
    std: Tensor


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
