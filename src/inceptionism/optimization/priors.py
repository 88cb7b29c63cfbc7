"""What keeps a picture natural: how it is looked at, and what costs it something.

A prior is written as a sum of terms (`prior_syntax` lists them). What is optimized is one of them, and lives in
`parameterizations`; the others are here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.networks import Network
from inceptionism.objectives import Activations, Objective
from inceptionism.optimization.ascent import Penalty
from inceptionism.optimization.transforms import Transform, random_view
from inceptionism.recipes import Term, join_terms, parse_prior


@dataclass(frozen=True)
class Constraints:
    """What a prior asks of a climb, beside what is optimized.

    Attributes:
        transforms: What the network sees the picture through.
        penalties: What the picture itself should have little of.
        unseen: What the network should see little of.
        blur: The standard deviation of the blur after each step, in pixels.
        levels: Over how many scales the gradient is evened out; none to leave it as it is.
    """

    transforms: Sequence[Transform] = ()
    penalties: Sequence[Penalty] = ()
    unseen: Objective | None = None
    blur: float = 0
    levels: int = 0


def constraints(terms: Mapping[str, Term], network: Network) -> Constraints:
    """Return what the terms of a prior ask.

    Raises:
        InvalidSetting: an argument is no number or out of range, or the network has no statistics.
    """
    given = {name: numbers(term) for name, term in terms.items()}
    penalties: list[Penalty] = []
    if "tv" in terms:
        penalties.append(times(terms["tv"].weight, total_variation))
    if "norm" in terms:
        penalties.append(times(terms["norm"].weight, partial(norm, **given["norm"])))
    return Constraints(
        [random_view(**given["views"])] if "views" in terms else [],
        penalties,
        terms["statistics"].weight * statistics(network) if "statistics" in terms else None,
        terms["blur"].weight if "blur" in terms else 0,
        int(given["laplacian"].get("levels", LEVELS)) if "laplacian" in terms else 0,
    )


def available_prior(prior: str, network: Network) -> str:
    """Return what of a prior a network allows: the statistics only where it has batch norms."""
    terms = parse_prior(prior)
    return join_terms([str(term) for name, term in terms.items() if name != "statistics" or network.statistics])


LEVELS = 4
"""Over how many scales a gradient is evened out by default."""

LIMITS = {
    "decay": (0, 4),
    "contrast": (0, 20),
    "saturation": (0, 4),
    "shift": (0, 1),
    "smallest": (0.05, 16),
    "largest": (0.05, 16),
    "rotation": (0, 180),
    "brightness": (0, 1),
    "noise": (0, 1),
    "levels": (1, 12),
    "power": (1, 32),
}
"""From which number to which the arguments of priors may be."""


def numbers(term: Term) -> dict[str, Any]:
    """Return the named arguments of a prior's term.

    Raises:
        InvalidSetting: one is no number or out of range.
    """
    found: dict[str, Any] = {}
    for key, text in term.named.items():
        try:
            found[key] = float(text)
        except ValueError:
            raise InvalidSetting(f"{key}= of prior {term.name} must be a number, not {quote_value(text)}") from None
        low, high = LIMITS[key]
        if not low <= found[key] <= high:
            raise InvalidSetting(f"{key}= of prior {term.name} must be from {low:g} to {high:g}, not {text}")
    return found


def times(strength: float, penalty: Penalty) -> Penalty:
    """Return a penalty times its strength."""
    return lambda picture: strength * penalty(picture)


def total_variation(picture: Tensor) -> Tensor:
    """The sum, over all pixels and channels, of how steep the picture is there (Rudin, Osher & Fatemi, 1992).

    How steep it is, is the length of the differences to the next pixels below and to the right, as in the work that
    brought it to networks (Mahendran & Vedaldi, 2015).

    Args:
        picture: N×3×H×W in [0, 1]; the result is N numbers.
    """
    down = F.pad(picture.diff(dim=-2), (0, 0, 0, 1))
    right = F.pad(picture.diff(dim=-1), (0, 1))
    # A length of 0 has no slope; a hundredth of a gray level in it makes one.
    return (down.square() + right.square() + (0.01 / 255) ** 2).sqrt().flatten(1).sum(1)


def norm(picture: Tensor, power: float = 6) -> Tensor:
    """How far the colors are from gray: the sum of |2x − 1|^power / (2 power) (Mahendran & Vedaldi, 2015).

    A high power holds back what is nearly black or white, and leaves the rest alone. The slope there is 1.

    Args:
        picture: N×3×H×W in [0, 1]; the result is N numbers.
        power: More than 1.
    """
    return (2 * picture - 1).abs().pow(power).flatten(1).sum(1) / (2 * power)


def statistics(network: Network) -> Objective:
    """How far means and variances of the channels are from those of natural pictures (Yin et al., CVPR 2020).

    The network's batch norms know these from its training. Departures: of each channel counts the square of the mean's
    distance in standard deviations, and 2 (r − 1)² / (r + 1) for a variance that is r times the natural one, which far
    from it grows with r and not with its square; their mean over channels and layers, so that no layer dominates;
    and those of one picture, not of a batch.

    Raises:
        InvalidSetting: the network has no batch norms.
    """
    known = network.statistics
    if not known:
        raise InvalidSetting(
            f"network {network.name} has no batch norms, which the statistics of natural pictures are taken from; "
            "leave statistics out of the prior"
        )

    std = [one.std.clamp_min(LEAST * float(one.std.mean())) for one in known.values()]
    mean = torch.cat([one.mean for one in known.values()])
    weight = torch.cat([torch.full_like(one.mean, 1 / (len(one.mean) * len(known))) for one in known.values()])
    natural = torch.stack([mean, torch.cat(std), weight]).to(network.device)

    def score(activations: Activations) -> Tensor:
        cost: Tensor = _Unnatural.apply(natural, *(activations[name] for name in known))  # type: ignore[no-untyped-call]
        return cost

    return Objective(frozenset(known), score, "statistics")


class _Unnatural(torch.autograd.Function):
    """The cost of `statistics`, for all layers at once; of each, its gradient is a factor and a shift for each channel.

    Calculated by torch's own operations, it takes as long as a third of the network: there are so many small ones.
    """

    @staticmethod
    def forward(ctx: Any, natural: Tensor, *seen: Tensor) -> Tensor:
        mean, std, weight = natural.to(seen[0].dtype)
        found = torch.cat([one.mean((2, 3)) for one in seen], 1)
        # Torch's own variance takes six times as long on maps whose channels come last.
        squares = torch.cat([one.square().mean((2, 3)) for one in seen], 1)
        ratio = (squares - found.square()).clamp_min(0) / std.square()
        off = (found - mean) / std
        # A mean changes by a share of each pixel's change, a variance by twice that times its distance from the mean.
        by_mean = 2 * weight * off / std
        by_variance = 2 * weight * (ratio - 1) * (ratio + 3) / (ratio + 1).square() / std.square()
        channels = torch.tensor([one.shape[1] for one in seen])
        areas = torch.tensor([one.shape[2] * one.shape[3] for one in seen], dtype=weight.dtype)
        each = torch.repeat_interleave(areas, channels).to(weight.device)
        ctx.channels = channels.tolist()
        ctx.save_for_backward(2 * by_variance / each, (by_mean - 2 * by_variance * found) / each, *seen)
        cost: Tensor = (weight * (off.square() + 2 * (ratio - 1).square() / (ratio + 1))).sum(1)
        return cost

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        factor, shift, *seen = ctx.saved_tensors
        factors, shifts = ((gradient[:, None] * one)[..., None, None].split(ctx.channels, 1) for one in (factor, shift))
        return None, *(torch.addcmul(*terms) for terms in zip(shifts, seen, factors, strict=True))


LEAST = 0.1
"""What a channel's standard deviation is at least taken for, of its layer's mean."""
