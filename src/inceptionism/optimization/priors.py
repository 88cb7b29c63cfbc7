"""Priors: transforms, penalties and regularizers that keep a picture natural.

A prior is a sum of terms, such as `fourier + views + 0.5*tv`. `inceptionism.recipes` defines all terms. Terms that
choose the parameterization are implemented in `initialization`, and all others here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.errors import InvalidSetting, quote_path
from inceptionism.files import hash_file
from inceptionism.io import FileResolver, named_source
from inceptionism.networks import LOGITS, Network, Statistics, read_statistics
from inceptionism.objectives import Activations, Objective, layer_name
from inceptionism.optimization.ascent import Penalty
from inceptionism.optimization.crops import CropSizes, random_crop
from inceptionism.optimization.gradient_filters import GradientFilter, color_decorrelation, normalize_laplacian
from inceptionism.optimization.transforms import Transform, random_view
from inceptionism.recipes import NONE, Term, join_terms, parse_prior, prior_numbers
from inceptionism.tensors import NO_WRAP, Wrap

MIN_RELATIVE_STD = 0.1
"""Smallest natural standard deviation of a channel in `statistics`, relative to the mean over the layer's channels.

Smaller standard deviations are raised to this value.
"""


@dataclass(frozen=True)
class Prior:
    """The parts of a prior that act at each step of an ascent.

    Attributes:
        transforms: Random transforms between the picture and the network.
        penalties: Penalties on the picture itself.
        regularizer: Objective that is subtracted from the score. None means no regularizer.
        blur: Standard deviation of the blur after each step, in pixels. 0 means no blur.
        gradient_filters: Filters of the gradient.
        views: Number of random views of the picture at each step.
        branch_share: Factor of the gradient through the branches of residual blocks.
        files: SHA-256 of each file that the prior reads, by its name in the prior.
    """

    transforms: Sequence[Transform] = ()
    penalties: Sequence[Penalty] = ()
    regularizer: Objective | None = None
    blur: float = 0
    gradient_filters: Sequence[GradientFilter] = ()
    views: int = 1
    branch_share: float = 1.0
    files: Mapping[str, str] = field(default_factory=dict)


def build_prior(
    terms: Mapping[str, Term],
    network: Network,
    wrap: Wrap = NO_WRAP,
    crop_sizes: CropSizes | None = None,
    find_file: FileResolver = named_source,
) -> Prior:
    """Return the prior of `terms`, which are given by name.

    Args:
        terms: Terms of the prior by name.
        network: Network that sees the picture.
        wrap: Directions in which the picture continues at its opposite edge.
        crop_sizes: Sizes of the prior `crops`. None if the prior has no crops.
        find_file: Function that finds the file of `statistics`.

    Raises:
        InvalidSetting: If an argument is not valid, or if `statistics` is given and the network has none.
        UnreadableFile: If the file of `statistics` cannot be read.
    """
    channels = network.input_channels
    numbers = {name: prior_numbers(term) for name, term in terms.items()}
    penalties: list[Penalty] = []
    if "tv" in terms:
        penalties.append(lambda picture: terms["tv"].weight * total_variation(picture.linear_picture(), wrap))
    if "norm" in terms:
        penalties.append(lambda picture: terms["norm"].weight * norm(picture.picture(), **numbers["norm"]))
    transforms: list[Transform] = []
    if "views" in terms:
        transforms.append(random_view(**numbers["views"], wrap=wrap, channels=channels.count))
    views = int(numbers["crops"].pop("count")) if "crops" in terms else 1
    if crop_sizes is not None:
        transforms.append(random_crop(crop_sizes, **numbers["crops"], wrap=wrap, channels=channels.count))
    filters: list[GradientFilter] = []
    if "decorrelate" in terms:
        filters.append(color_decorrelation(**numbers["decorrelate"], device=network.device, channels=channels))
    if "laplacian" in terms:
        levels = int(numbers["laplacian"]["levels"])
        filters.append(partial(normalize_laplacian, **{**numbers["laplacian"], "levels": levels}, wrap=wrap))
    regularizer: Objective | None = None
    files: dict[str, str] = {}
    if "statistics" in terms:
        measured, files = find_statistics(terms["statistics"], network, find_file)
        regularizer = terms["statistics"].weight * statistics(network, measured)
    blur = terms["blur"].weight if "blur" in terms else 0
    share = numbers["skip"]["share"] if "skip" in terms else 1.0
    return Prior(transforms, penalties, regularizer, blur, filters, views, share, files)


def find_statistics(
    term: Term, network: Network, find_file: FileResolver
) -> tuple[Mapping[str, Statistics], dict[str, str]]:
    """Return the natural statistics for the prior `statistics`, and the SHA-256 of the file that holds them, by name.

    Raises:
        InvalidSetting: If there are none, or if they do not fit the network.
        UnreadableFile: If the file cannot be read.
        UnknownName: If the network lacks one of the layers.
    """
    if not term.arguments:
        stored = network.statistics.path
        return network.statistics, {} if stored is None else {"statistics": hash_file(stored)}
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
    return measured, {term.arguments[0]: hash_file(path)}


def suitable_prior(prior: str, network: Network, objective: Objective) -> str:
    """Return the text of a preset's prior, without the parts that do not suit the run.

    `statistics` need a network with batch norms. An objective that only compares the picture with references takes the
    statistics from these. Its score may be smaller than 1, and then the statistics of other pictures would outweigh it.
    An objective that compares the pictures of a batch needs one view of each picture. `skip` is for classes, which
    other networks know, too. The picture of a unit has the whole gradient.
    """
    terms = parse_prior(prior)
    if any(layer_name(key) != LOGITS for key in objective.layers):
        terms.pop("skip", None)
    if objective.compares_batch and "crops" in terms:
        named = {name: text for name, text in terms["crops"].named.items() if name != "count"}
        terms["crops"] = replace(terms["crops"], named=named)
    compares = all(term.references for _, term in objective.terms or ((1, objective),))
    if compares or not network.statistics:
        terms.pop("statistics", None)
    return join_terms([str(term) for term in terms.values()]) if terms else NONE


def total_variation(picture: Tensor, wrap: Wrap = NO_WRAP) -> Tensor:
    """Return the total variation: the sum of gradient lengths over all pixels and channels (Rudin et al., 1992).

    The gradient of a pixel consists of its differences from the next pixels below and to the right. Mahendran & Vedaldi
    (2015) brought total variation to networks in this form.

    Args:
        picture: N×C×H×W in [0, 1].
        wrap: Directions in which the pixels at the last edge have those at the first edge as their next pixels.

    Returns:
        N penalties.
    """
    down = picture.roll(-1, -2) - picture if wrap.vertical else F.pad(picture.diff(dim=-2), (0, 0, 0, 1))
    right = picture.roll(-1, -1) - picture if wrap.horizontal else F.pad(picture.diff(dim=-1), (0, 1))
    # The square root has no derivative at 0, so add a hundredth of a gray level.
    return (down.square() + right.square() + (0.01 / 255) ** 2).sqrt().flatten(1).sum(1)


def norm(picture: Tensor, power: float = 6) -> Tensor:
    """Return the distance of the colors from gray: the sum of |2x - 1|^power / (2 power) (Mahendran & Vedaldi, 2015).

    A high power penalizes only pixels that are almost black or almost white. The slope at black and at white is 1.

    Args:
        picture: N×C×H×W in [0, 1].
        power: Exponent, at least 1.

    Returns:
        N penalties.
    """
    return (2 * picture - 1).abs().pow(power).flatten(1).sum(1) / (2 * power)


def statistics(network: Network, layers: Mapping[str, Statistics] | None = None) -> Objective:
    """Return an objective: the distance of the channels' means and variances from those of natural pictures.

    The method is that of Yin et al. (CVPR 2020). The network's batch norms hold the natural means and variances from
    its training. Without batch norms, they are measured on photographs.

    There are four departures. The penalty for a mean is the squared distance in standard deviations. The penalty for a
    variance that is r times the natural variance is 2 (r - 1)² / (r + 1). For large r, it grows with r, and not with
    its square. Penalties are averaged over channels and layers, so that no layer dominates. The statistics are those of
    one picture, and not of a batch.

    Args:
        network: Network that sees the picture.
        layers: Natural statistics by layer name. The default is `network.statistics`.

    Raises:
        InvalidSetting: If there are none.
    """
    layers = network.statistics if layers is None else layers
    if not layers:
        raise InvalidSetting(
            f"network {network.name} has no batch norms, which hold the statistics of natural pictures; measure "
            f"them on a folder of photographs with `dream networks measure {network.name} FOLDER`, or leave statistics "
            "out of the prior"
        )

    mean = torch.cat([layer.mean for layer in layers.values()])
    std = torch.cat([layer.std.clamp_min(MIN_RELATIVE_STD * float(layer.std.mean())) for layer in layers.values()])
    weight = torch.cat([torch.full_like(layer.mean, 1 / (len(layer.mean) * len(layers))) for layer in layers.values()])
    natural = torch.stack([mean, std, weight]).to(network.device)

    def score(activations: Activations) -> Tensor:
        maps = (activations[name] for name in layers)
        distance: Tensor = _StatisticsDistance.apply(natural, *maps)  # type: ignore[no-untyped-call]
        return distance

    return Objective(frozenset(layers), score, "statistics")


class _StatisticsDistance(torch.autograd.Function):
    """The distance of `statistics` for all layers at once. The backward pass is written by hand.

    The gradient of each channel is the channel times a factor, plus a shift. torch would need many small operations for
    this, which take a third of the time of the network.
    """

    @staticmethod
    def forward(ctx: Any, natural: Tensor, *maps: Tensor) -> Tensor:
        mean, std, weight = natural.to(maps[0].dtype)
        means = torch.cat([layer.mean((2, 3)) for layer in maps], 1)
        # torch's own variance takes six times as long in the channels-last memory format.
        squares = torch.cat([layer.square().mean((2, 3)) for layer in maps], 1)
        ratio = (squares - means.square()).clamp_min(0) / std.square()
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
