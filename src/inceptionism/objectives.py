"""What a picture is moved toward: scores computed from named activations. Objectives add and scale.

An objective is maximized. Each factory below returns one; `a + b`, `a - b`, `2 * a` and `-a` combine them:

    layer("blocks.10") + 0.5 * channel("blocks.4", 17)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, shown

Activations = Mapping[str, Tensor]


@dataclass(frozen=True)
class Objective:
    """A score for each picture of a batch, and the layers it is computed from.

    Attributes:
        layers: The names of the layers whose activations `score` reads.
        score: Takes the activations by layer name, each N×…; returns N scores.
        text: How the objective is written, for recipes and messages.
        terms: Of a sum, the weight of each of its objectives.

    Raises:
        InvalidSetting: `layers` names none, or a score is not a tensor.
    """

    layers: frozenset[str]
    score: Callable[[Activations], Tensor]
    text: str
    terms: tuple[tuple[float, Objective], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        if isinstance(self.layers, str) or not self.layers or not all(isinstance(name, str) for name in self.layers):
            raise InvalidSetting(f"an objective needs a set of the names of its layers, not {shown(self.layers)}")
        object.__setattr__(self, "layers", frozenset(self.layers))

    def __call__(self, activations: Activations) -> Tensor:
        scores = self.score(activations)
        if not isinstance(scores, Tensor):
            raise InvalidSetting(f"the score of {self} must be a tensor, not {shown(scores)}")
        return scores

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: Objective) -> Objective:
        return weighted_sum(self._weighted(1) + other._weighted(1)) if isinstance(other, Objective) else NotImplemented

    def __radd__(self, other: int) -> Objective:
        # The builtin `sum` begins with 0.
        return self if other == 0 else NotImplemented

    def __sub__(self, other: Objective) -> Objective:
        return self + -1 * other if isinstance(other, Objective) else NotImplemented

    def __mul__(self, weight: float) -> Objective:
        return weighted_sum(self._weighted(weight)) if isinstance(weight, (int, float)) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1 * self

    def _weighted(self, weight: float) -> tuple[tuple[float, Objective], ...]:
        return tuple((weight * one, term) for one, term in self.terms or ((1, self),))


def weighted_sum(terms: Sequence[tuple[float, Objective]]) -> Objective:
    """Return the sum of objectives, each times its weight; none of them is a sum itself."""
    if len(terms) == 1 and terms[0][0] == 1:
        return terms[0][1]

    def score(activations: Activations) -> Tensor:
        return torch.stack([weight * term(activations) for weight, term in terms]).sum(0)

    text = " + ".join(str(term) if weight == 1 else f"{weight:g}*{term}" for weight, term in terms)
    layers = frozenset[str]().union(*(term.layers for _, term in terms))
    return Objective(layers, score, text.replace(" + -1*", " - ").replace(" + -", " - "), tuple(terms))


def each(objectives: Sequence[Objective]) -> Objective:
    """Return the objective that scores each picture of a batch by one of its own."""
    layers = frozenset[str]().union(*(one.layers for one in objectives))

    def score(activations: Activations) -> Tensor:
        # Split, where indexing would fill a batch of zeros for each picture on the way back.
        parts = {name: torch.split(seen, 1) for name, seen in activations.items()}
        scores = [one({name: parts[name][index] for name in one.layers}) for index, one in enumerate(objectives)]
        return torch.stack([score.sum() for score in scores])

    return Objective(layers, score, " | ".join(map(str, objectives)))


def layer(name: str, channel: int | None = None) -> Objective:
    """Half the squared L2 norm of a layer's activations: amplify whatever it detects (Mordvintsev et al., 2015).

    With `channel`, of that channel only.
    """

    def score(activations: Activations) -> Tensor:
        seen = activations[name] if channel is None else pick(activations, name, channel)
        return 0.5 * seen.square().reshape(len(seen), -1).sum(1)

    return Objective(frozenset([name]), score, f"layer({name})" if channel is None else f"layer({name}:{channel})")


def channel(name: str, index: int) -> Objective:
    """The mean activation of one channel (Olah et al., Distill 2017)."""
    return Objective(frozenset([name]), lambda a: pick(a, name, index).flatten(1).mean(1), f"channel({name}:{index})")


def logit(index: int) -> Objective:
    """The logit of class `index`.

    The logit and not the probability, which can also be raised by making the other classes less likely
    (Simonyan et al., 2013).
    """
    return Objective(frozenset(["logits"]), lambda a: pick(a, "logits", index), f"logit({index})")


def pick(activations: Activations, name: str, channel: int) -> Tensor:
    """Return one channel of the layer `name`, N×….

    Raises:
        InvalidSetting: the layer has no such channel.
    """
    seen = activations[name]
    check_channel(name, channel, seen.shape[1])
    return seen[:, channel]


def check_channel(layer: str, channel: int, channels: int) -> None:
    """Raise `InvalidSetting` unless `channel` is one of the `channels` of `layer`."""
    if isinstance(channel, bool) or not isinstance(channel, int) or not 0 <= channel < channels:
        raise InvalidSetting(f"layer {layer} has channels 0 to {channels - 1}, not a channel {shown(channel)}")
