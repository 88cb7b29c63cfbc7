"""Priors: transforms, penalties and regularizers that keep a picture natural.

A prior is a sum of terms, such as `fourier + views + 0.5*tv`. `inceptionism.recipes` defines all terms. Terms that
choose the parameterization are implemented in `initialization`, and all others here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from torch import Tensor

from inceptionism.io import FileResolver, named_source
from inceptionism.networks import LOGITS, Network, statistics_for
from inceptionism.objectives import Objective, layer_name
from inceptionism.optimization.ascent import Penalty
from inceptionism.optimization.crops import CropSizes, random_crop
from inceptionism.optimization.gradient_filters import GradientFilter, color_decorrelation, normalize_laplacian
from inceptionism.optimization.natural_statistics import find_statistics, match_quantiles, match_statistics
from inceptionism.optimization.total_variation import total_variation
from inceptionism.optimization.transforms import Transform, random_view
from inceptionism.recipes import NONE, Term, join_terms, parse_prior, prior_numbers
from inceptionism.tensors import NO_WRAP, Wrap


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
        leak: Factor of the gradient through ReLUs whose output is at a limit.
        files: SHA-256 of each file that the prior reads, by its name in the prior.
    """

    transforms: Sequence[Transform] = ()
    penalties: Sequence[Penalty] = ()
    regularizer: Objective | None = None
    blur: float = 0
    gradient_filters: Sequence[GradientFilter] = ()
    views: int = 1
    branch_share: float = 1.0
    leak: float = 0.0
    files: Mapping[str, str] = field(default_factory=dict)


def build_prior(
    terms: Mapping[str, Term],
    network: Network,
    wrap: Wrap = NO_WRAP,
    crop_sizes: CropSizes | None = None,
    find_file: FileResolver = named_source,
    target: int | None = None,
) -> Prior:
    """Return the prior of `terms`, which are given by name.

    Args:
        terms: Terms of the prior by name.
        network: Network that sees the picture.
        wrap: Directions in which the picture continues at its opposite edge.
        crop_sizes: Sizes of the prior `crops`. None if the prior has no crops.
        find_file: Function that finds the file of `statistics`.
        target: Index of the class that the picture shows. `statistics` are those of this class, if they were measured.

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
        natural, files = find_statistics(terms["statistics"], network, find_file, target)
        quantiles, depth = (numbers["statistics"][name] for name in ("quantiles", "depth"))
        distance = match_quantiles(network, natural) if quantiles else match_statistics(network, natural, depth)
        regularizer = terms["statistics"].weight * distance
    blur = terms["blur"].weight if "blur" in terms else 0
    share = numbers["skip"]["share"] if "skip" in terms else 1.0
    leak = numbers["leak"]["share"] if "leak" in terms else 0.0
    return Prior(transforms, penalties, regularizer, blur, filters, views, share, leak, files)


def suitable_prior(prior: str, network: Network, objective: Objective, target: int | None = None) -> str:
    """Return the text of a preset's prior, without the parts that do not suit the run.

    `statistics` need a network with batch norms, or a measurement: of the class `target`, or in general. An objective
    that only compares the picture with references takes the statistics from these. Its score may be smaller than 1, and
    then the statistics of other pictures would outweigh it. An objective that compares the pictures of a batch needs
    one view of each picture. `skip` and `leak` are for classes, which other networks know, too. The picture of a unit
    has the gradient of the network itself.
    """
    terms = parse_prior(prior)
    if any(layer_name(key) != LOGITS for key in objective.layers):
        terms.pop("skip", None)
        terms.pop("leak", None)
    if objective.compares_batch and "crops" in terms:
        named = {name: text for name, text in terms["crops"].named.items() if name != "count"}
        terms["crops"] = replace(terms["crops"], named=named)
    compares = all(term.references for _, term in objective.terms or ((1, objective),))
    if compares or not statistics_for(network, target):
        terms.pop("statistics", None)
    return join_terms([str(term) for term in terms.values()]) if terms else NONE


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
