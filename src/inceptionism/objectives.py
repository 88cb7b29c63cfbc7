"""What a picture is moved toward: scores computed from named activations. Objectives add and scale.

An objective is maximized. Each factory below returns one; `a + b`, `a - b`, `2 * a` and `-a` combine them:

    layer("blocks.10") + 0.5 * channel("blocks.4", 17)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

Activations = Mapping[str, "Tensor"]


@dataclass(frozen=True)
class Objective:
    """A score for each picture of a batch, and the layers it is computed from.

    Attributes:
        layers: The names of the layers whose activations `score` reads.
        score: Takes the activations by layer name, each N×…; returns N scores.
        text: How the objective is written, for recipes and messages.
    """

    layers: frozenset[str]
    score: Callable[[Activations], Tensor]
    text: str

    def __call__(self, activations: Activations) -> Tensor:
        return self.score(activations)

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: Objective) -> Objective:
        return Objective(self.layers | other.layers, lambda a: self(a) + other(a), f"{self} + {other}")

    def __sub__(self, other: Objective) -> Objective:
        text = f"({other})" if " " in other.text else other.text
        return Objective(self.layers | other.layers, lambda a: self(a) - other(a), f"{self} - {text}")

    def __mul__(self, weight: float) -> Objective:
        if weight == 1:
            return self
        text = f"({self})" if " " in self.text else self.text
        return Objective(self.layers, lambda a: weight * self(a), f"{weight:g}*{text}")

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1 * self


def layer(name: str, channel: int | None = None) -> Objective:
    """Half the squared L2 norm of a layer's activations: amplify whatever it detects (Mordvintsev et al., 2015).

    With `channel`, of that channel only.
    """

    def score(activations: Activations) -> Tensor:
        seen = activations[name] if channel is None else activations[name][:, channel]
        return 0.5 * seen.square().reshape(len(seen), -1).sum(1)

    return Objective(frozenset([name]), score, f"layer({name})" if channel is None else f"layer({name}:{channel})")


def channel(name: str, index: int) -> Objective:
    """The mean activation of one channel (Olah et al., Distill 2017)."""
    return Objective(frozenset([name]), lambda a: a[name][:, index].flatten(1).mean(1), f"channel({name}:{index})")


def logit(index: int) -> Objective:
    """The logit of class `index`.

    The logit and not the probability, which can also be raised by making the other classes less likely
    (Simonyan et al., 2013).
    """
    return Objective(frozenset(["logits"]), lambda a: a["logits"][:, index], f"logit({index})")
