"""What layers respond to natural pictures, on average: a network's own batch norms know it from its training."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import NamedTuple

import torch
from torch import Tensor, nn

from inceptionism.networks.frozen import CLAMPS, Chain


class Statistics(NamedTuple):
    """The mean and the standard deviation of each channel of a layer over natural pictures, C numbers each."""

    mean: Tensor
    std: Tensor


def natural_statistics(module: nn.Module, chains: Iterable[Chain]) -> dict[str, Statistics]:
    """Return the statistics of the layers that can be seen behind the batch norms of `module`.

    A batch norm gives each channel the mean that it adds and the standard deviation that it multiplies by. Those count
    whose output can be seen; where all are one with an activation, the activations count instead, whose statistics
    are those of a normal distribution that is clipped.

    Args:
        module: The network.
        chains: What is one with a convolution in the network that runs.
    """
    activations = {chain.norm: chain.activation for chain in chains if chain.norm and chain.activation}
    seen, hidden = {}, {}
    for name, norm in module.named_modules():
        if not isinstance(norm, nn.BatchNorm2d) or not norm.track_running_stats:
            continue
        zero = torch.zeros(norm.num_features)
        mean = zero if norm.bias is None else norm.bias.detach().float()
        std = zero + 1 if norm.weight is None else norm.weight.detach().float().abs()
        layer = activations.get(name)
        if layer is None:
            seen[name] = Statistics(mean, std)
        else:
            clamp = CLAMPS[type(module.get_submodule(layer))]
            hidden[layer] = clipped(mean, std, clamp.low, clamp.high)
    return seen or hidden


def clipped(mean: Tensor, std: Tensor, low: float, high: float) -> Statistics:
    """Return the statistics of normal distributions of which what is below `low` is `low`, above `high` is `high`."""
    std = std.clamp_min(1e-6)
    first, second = excess(mean - low, std)
    if math.isfinite(high):
        # What is between the two is what is above the one, without what is above the other.
        beyond, beyond_squared = excess(mean - high, std)
        second = second - beyond_squared - 2 * (high - low) * beyond
        first = first - beyond
    return Statistics(low + first, (second - first**2).clamp_min(0).sqrt())


def excess(mean: Tensor, std: Tensor) -> tuple[Tensor, Tensor]:
    """Return the means of max(x, 0) and of its square, for normal distributions of x."""
    ratio = mean / std
    share, density = torch.special.ndtr(ratio), torch.exp(-0.5 * ratio**2) / math.sqrt(2 * math.pi)
    return mean * share + std * density, (mean**2 + std**2) * share + mean * std * density
