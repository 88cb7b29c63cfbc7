"""The prior `statistics`: distances of a picture's activations from those of natural pictures."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_path
from inceptionism.files import hash_file
from inceptionism.io import FileResolver
from inceptionism.networks import Network, Statistics, read_statistics, resample_quantiles, statistics_for
from inceptionism.objectives import Activations, Objective
from inceptionism.recipes import Term

MIN_RELATIVE_STD = 0.1
"""Smallest natural standard deviation of a channel in `statistics`, relative to the mean over the layer's channels.

Smaller standard deviations are raised to this value.
"""


def find_statistics(
    term: Term, network: Network, find_file: FileResolver, target: int | None = None
) -> tuple[Mapping[str, Statistics], dict[str, str]]:
    """Return the natural statistics for the prior `statistics`, and the SHA-256 of the file that holds them, by name.

    The layers are in the order of the network. A safetensors file has them in alphabetical order.

    Args:
        term: The term of the prior.
        network: Network that sees the picture.
        find_file: Function that finds the file in the term.
        target: Index of the class that the picture shows. Its statistics are used if they were measured and the term
            has no file.

    Raises:
        InvalidSetting: If there are none, or if they do not fit the network.
        UnreadableFile: If the file cannot be read.
        UnknownName: If the network lacks one of the layers.
    """
    if not term.arguments:
        natural = statistics_for(network, target)
        if natural.path is None:
            return natural, {}
        in_order = {layer.name: natural[layer.name] for layer in network.layers(all=True) if layer.name in natural}
        return in_order, {"statistics": hash_file(natural.path)}
    path = Path(find_file(term.arguments[0]))
    measured = read_statistics(path)
    channels = {layer.name: layer.channels for layer in network.layers(all=True)}
    for layer, one in measured.items():
        network.check_layer(layer)
        if layer not in channels:
            raise InvalidSetting(f"{quote_path(path)} has statistics of {layer}, which has no feature map")
        if channels[layer] != len(one.mean):
            raise InvalidSetting(
                f"{quote_path(path)} has {len(one.mean)} channels of layer {layer}, but network {network.name} has "
                f"{channels[layer]}; measure this network: dream networks measure"
            )
    in_order = {layer: measured[layer] for layer in channels if layer in measured}
    return in_order, {term.arguments[0]: hash_file(path)}


def match_statistics(network: Network, layers: Mapping[str, Statistics], depth: float = 1) -> Objective:
    """Return an objective: the distance of the channels' means and variances from those of natural pictures.

    The method is that of Yin et al. (CVPR 2020). The network's batch norms hold the natural means and variances from
    its training. Without batch norms, they are measured on photographs.

    There are five departures. The penalty for a mean is the squared distance in standard deviations. The penalty for a
    variance that is r times the natural variance is 2 (r - 1)² / (r + 1). For large r, it grows with r, and not with
    its square. Penalties are averaged over channels and layers, so that no layer dominates. The statistics are those of
    one picture, and not of a batch. In deep layers, a variance that is smaller than the natural one can be free of
    penalty: these layers detect things such as eyes and fur, which an average photograph shows and a cup does not.

    Args:
        network: Network that sees the picture.
        layers: Natural statistics by layer name, in the order of the network.
        depth: Share of the layers, from the picture on, whose variances may be neither larger nor smaller. In the
            deeper layers, only larger variances are penalized.

    Raises:
        InvalidSetting: If there are none.
    """
    check_measured(network, layers)
    mean = torch.cat([layer.mean for layer in layers.values()])
    std = torch.cat([raised_std(layer) for layer in layers.values()])
    weight = torch.cat([torch.full_like(layer.mean, 1 / (len(layer.mean) * len(layers))) for layer in layers.values()])
    first_one_sided = round(depth * len(layers))
    least = torch.cat(
        [torch.full_like(one.mean, index >= first_one_sided) for index, one in enumerate(layers.values())]
    )
    natural = torch.stack([mean, std, weight, least]).to(network.device)

    def score(activations: Activations) -> Tensor:
        maps = (activations[name] for name in layers)
        distance: Tensor = _StatisticsDistance.apply(natural, *maps)  # type: ignore[no-untyped-call]
        return distance

    return Objective(frozenset(layers), score, "statistics")


def match_quantiles(network: Network, layers: Mapping[str, Statistics]) -> Objective:
    """Return an objective: the distance of the channels' sorted activations from those of natural pictures.

    The method is that of VITAL (Gorgun, Schiele & Fischer, 2025). Sorted activations are the quantiles of a channel, so
    the whole distribution is matched, not only its mean and variance. The mean squared difference of two sorted rows is
    the square of the Wasserstein distance W2 of their distributions.

    There are three departures. The natural activations have a fixed number of quantiles, which are interpolated to the
    number of positions of the feature map. So one measurement serves for pictures of all sizes. The differences are
    measured in standard deviations, as in `match_statistics`, so both have the same weight. They are averaged over
    channels and layers, so that no layer dominates. The second part of VITAL, the relevance of neurons, is left out.

    Args:
        network: Network that sees the picture.
        layers: Natural statistics by layer name, with quantiles.

    Raises:
        InvalidSetting: If there are none, or if they have no quantiles.
    """
    check_measured(network, layers)
    natural = {}
    for name, layer in layers.items():
        if layer.quantiles is None:
            raise InvalidSetting(
                "statistics(quantiles=1) needs the quantiles of each channel, which are measured on photographs; "
                f"measure them again: dream networks measure {network.name} FOLDER (with --output FILE if the network "
                "has batch norms, and statistics(FILE, quantiles=1))"
            )
        natural[name] = layer.quantiles.to(network.device), raised_std(layer).to(network.device)

    def score(activations: Activations) -> Tensor:
        distances = []
        for name, (quantiles, std) in natural.items():
            values = activations[name].flatten(2).sort(dim=-1, stable=True).values
            offset = (values - resample_quantiles(quantiles, values.shape[-1])) / std[:, None]
            distances.append(offset.square().mean((1, 2)))
        return torch.stack(distances).mean(0)

    return Objective(frozenset(natural), score, "statistics(quantiles=1)")


def check_measured(network: Network, layers: Mapping[str, Statistics]) -> None:
    """Raise `InvalidSetting` if there are no statistics."""
    if not layers:
        raise InvalidSetting(
            f"network {network.name} has no batch norms, which hold the statistics of natural pictures; measure "
            f"them on a folder of photographs with `dream networks measure {network.name} FOLDER`, or leave statistics "
            "out of the prior"
        )


def raised_std(layer: Statistics) -> Tensor:
    """Return the standard deviations of a layer. Small ones are raised, as `MIN_RELATIVE_STD` says."""
    return layer.std.clamp_min(MIN_RELATIVE_STD * float(layer.std.mean()))


class _StatisticsDistance(torch.autograd.Function):
    """The distance of `statistics` for all layers at once. The backward pass is written by hand.

    The gradient of each channel is the channel times a factor, plus a shift. torch would need many small operations for
    this, which take a third of the time of the network.
    """

    @staticmethod
    def forward(ctx: Any, natural: Tensor, *maps: Tensor) -> Tensor:
        # `least` is 1 in layers where smaller variances are free of penalty: a ratio of 1 has none. It is 0 elsewhere.
        mean, std, weight, least = natural.to(maps[0].dtype)
        means = torch.cat([layer.mean((2, 3)) for layer in maps], 1)
        # torch's own variance takes six times as long in the channels-last memory format.
        squares = torch.cat([layer.square().mean((2, 3)) for layer in maps], 1)
        ratio = torch.maximum((squares - means.square()) / std.square(), least)
        offset = (means - mean) / std
        # When a pixel of a channel with H×W pixels changes by d, the mean changes by d / (H W), and the variance by
        # 2 (pixel - mean) d / (H W).
        by_mean = 2 * weight * offset / std
        by_variance = 2 * weight * (ratio - 1) * (ratio + 3) / (ratio + 1).square() / std.square()
        ctx.channels = [layer.shape[1] for layer in maps]
        # Filled on the device: a copy from the host to the device cannot be recorded in a CUDA graph.
        area = torch.cat([weight.new_full(layer.shape[1:2], layer.shape[2] * layer.shape[3]) for layer in maps])
        ctx.save_for_backward(2 * by_variance / area, (by_mean - 2 * by_variance * means) / area, *maps)
        distance: Tensor = (weight * (offset.square() + 2 * (ratio - 1).square() / (ratio + 1))).sum(1)
        return distance

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        factor, shift, *maps = ctx.saved_tensors
        factors, shifts = (
            (gradient[:, None] * values)[..., None, None].split(ctx.channels, 1) for values in (factor, shift)
        )
        return None, *(torch.addcmul(*terms) for terms in zip(shifts, maps, factors, strict=True))
