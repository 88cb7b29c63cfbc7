"""What a picture is moved toward: scores computed from named activations. Objectives add and scale.

An objective is maximized. Each factory below and in `comparisons` returns one; `a + b`, `a - b`, `2 * a` and `-a`
combine them, and `a.where(mask)` keeps one to a part of the picture:

    layer("blocks.10") + 0.5 * channel("blocks.4", 17)
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, shown
from inceptionism.expressions import quoted, summed, weighted
from inceptionism.images import Mask, Photo


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture that an objective compares with.

    Attributes:
        photo: The picture.
        aligned: Whether it is compared place by place: it is then seen at the size of the picture that climbs, and
            through the same transforms. Otherwise it is seen once, by itself.
    """

    photo: Photo
    aligned: bool


Key: TypeAlias = "str | tuple[str, Reference]"
Activations: TypeAlias = Mapping[Key, Tensor]
"""What a layer responds, N×…, by its name; what it responds to a reference, by its name and that."""


@dataclass(frozen=True)
class Objective:
    """A score for each picture of a batch, and the layers it is computed from.

    Attributes:
        layers: The names of the layers whose activations `score` reads.
        score: Takes the activations by layer name, each N×…; returns N scores.
        text: How the objective is written, for recipes and messages.
        references: The pictures that it compares with.
        mask: Where in the picture it counts; none for everywhere.
        terms: Of a sum, the weight of each of its objectives.

    Raises:
        InvalidSetting: `layers` names none, or a score is not a tensor.
    """

    layers: frozenset[str]
    score: Callable[[Activations], Tensor]
    text: str
    references: tuple[Reference, ...] = field(default=(), repr=False)
    mask: Mask | None = field(default=None, repr=False)
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

    def where(self, mask: Mask) -> Objective:
        """Return this objective, moving the picture only where `mask` is white.

        Raises:
            InvalidSetting: it has a mask already.
        """
        if self.terms:
            return weighted_sum([(weight, term.where(mask)) for weight, term in self.terms])
        if self.mask is not None:
            raise InvalidSetting(f"{self} has a mask already")
        inside = self.text[:-1] if self.text.endswith(")") else f"({self.text}"
        return replace(self, mask=mask, text=f"{inside}, {mask.word}={quoted(mask.name)})")

    @cached_property
    def parts(self) -> Sequence[Objective]:
        """What it is the sum of, terms of one mask being one part."""
        groups: dict[Mask | None, list[tuple[float, Objective]]] = {}
        for weight, term in self._weighted(1):
            groups.setdefault(term.mask, []).append((weight, term))
        return [weighted_sum(terms) for terms in groups.values()]

    def pictures(self) -> dict[str, str]:
        """Return, by name, the SHA-256 of the pixels of each picture and mask that it reads."""
        masks = [one.mask for one in self.parts if one.mask is not None]
        photos = [one.photo for one in self.references]
        return {mask.name: mask.sha256 for mask in masks} | {one.name or "picture": one.sha256 for one in photos}

    def _weighted(self, weight: float) -> tuple[tuple[float, Objective], ...]:
        return tuple((weight * one, term) for one, term in self.terms or ((1, self),))


def weighted_sum(terms: Sequence[tuple[float, Objective]]) -> Objective:
    """Return the sum of objectives, each times its weight; none of them is a sum itself.

    Of masks, it has the one that all of its terms have.
    """
    if len(terms) == 1 and terms[0][0] == 1:
        return terms[0][1]

    def score(activations: Activations) -> Tensor:
        return torch.stack([weight * term(activations) for weight, term in terms]).sum(0)

    masks = {term.mask for _, term in terms}
    return Objective(
        frozenset[str]().union(*(term.layers for _, term in terms)),
        score,
        summed([weighted(weight, str(term)) for weight, term in terms]),
        tuple(dict.fromkeys(one for _, term in terms for one in term.references)),
        masks.pop() if len(masks) == 1 else None,
        tuple(terms),
    )


def each(objectives: Sequence[Objective]) -> Objective:
    """Return the objective that scores each picture of a batch by one of its own; one that all share sees them all."""
    first = objectives[0]
    if all(one is first for one in objectives):
        return first
    layers = frozenset[str]().union(*(one.layers for one in objectives))

    def score(activations: Activations) -> Tensor:
        # Split, where indexing would fill a batch of zeros for each picture on the way back. What all compare with
        # is there once.
        parts = {
            key: torch.split(seen, 1) if len(seen) == len(objectives) else (seen,) * len(objectives)
            for key, seen in activations.items()
        }
        scores = [one({key: part[index] for key, part in parts.items()}) for index, one in enumerate(objectives)]
        return torch.stack([score.sum() for score in scores])

    references = dict.fromkeys(reference for one in objectives for reference in one.references)
    return Objective(layers, score, " | ".join(map(str, objectives)), tuple(references))


def layer(name: str, channel: int | None = None) -> Objective:
    """Half the squared L2 norm of a layer's activations: amplify whatever it detects (Mordvintsev et al., 2015).

    With `channel`, of that channel only.
    """

    def score(activations: Activations) -> Tensor:
        seen = activations[name] if channel is None else pick(activations, name, channel)
        return 0.5 * seen.square().reshape(len(seen), -1).sum(1)

    return Objective(frozenset([name]), score, written("layer", unit(name, channel)))


def channel(name: str, index: int) -> Objective:
    """The mean activation of one channel (Olah et al., Distill 2017)."""

    def score(activations: Activations) -> Tensor:
        return pick(activations, name, index).flatten(1).mean(1)

    return Objective(frozenset([name]), score, written("channel", unit(name, index)))


def neuron(name: str, index: int, row: int | None = None, column: int | None = None) -> Objective:
    """The activation of one channel at one place of the map (Erhan et al., 2009); by default in its middle.

    Raises:
        InvalidSetting: the layer has no such channel, or its map no such place.
    """

    def score(activations: Activations) -> Tensor:
        seen = pick(activations, name, index)
        if seen.ndim == 1:
            return seen
        place = [
            size // 2 if given is None else given for given, size in zip((row, column), seen.shape[1:], strict=True)
        ]
        for what, at, size in zip(("rows", "columns"), place, seen.shape[1:], strict=True):
            if not 0 <= at < size:
                raise InvalidSetting(f"the map of {name} has {what} 0 to {size - 1}, not {at}")
        return seen[:, place[0], place[1]]

    place = [str(one) for one in (row, column) if one is not None]
    return Objective(frozenset([name]), score, written("neuron", unit(name, index), *place))


def direction(name: str, vector: Tensor, source: str = "…") -> Objective:
    """The mean of a layer's activations along a direction in channel space (Kim et al., 2018; Olah et al., 2018).

    Args:
        name: The layer.
        vector: One number for each of its channels; its length does not matter.
        source: Where it is from, for the text.

    Raises:
        InvalidSetting: it is zero or not finite, or the layer has another number of channels.
    """
    length = vector.norm()
    if vector.ndim != 1 or not 0 < float(length) < math.inf:
        raise InvalidSetting(f"a direction is a row of finite numbers that are not all zero; that of {source} is not")
    unit_vector = vector / length

    def score(activations: Activations) -> Tensor:
        seen = activations[name]
        if seen.shape[1] != len(vector):
            raise InvalidSetting(f"layer {name} has {seen.shape[1]} channels, and the direction {len(vector)} numbers")
        return torch.einsum("nc...,c->n...", seen, unit_vector.to(seen)).reshape(len(seen), -1).mean(1)

    return Objective(frozenset([name]), score, written("direction", name, source))


def logit(index: int, against: int | str | None = None) -> Objective:
    """The logit of class `index`.

    The logit and not the probability, which can also be raised by making the other classes less likely
    (Simonyan et al., 2013). Where that is wanted, give what it is to stand out `against`: another class by its
    index, or "all" of them, which is the logarithm of the odds.

    Raises:
        InvalidSetting: there is no such class.
    """
    if isinstance(against, str) and against != "all":
        raise InvalidSetting(f'a class stands out against another one, or "all", not {shown(against)}')

    def score(activations: Activations) -> Tensor:
        own = pick(activations, "logits", index)
        if against is None:
            return own
        if against == "all":
            logits = activations["logits"].clone()
            logits[:, index] = -math.inf
            return own - logits.logsumexp(1)
        assert isinstance(against, int)
        return own - pick(activations, "logits", against)

    rest = [] if against is None else [f"against={against}"]
    return Objective(frozenset(["logits"]), score, f"logit({', '.join([str(index), *rest])})")


def diversity(name: str) -> Objective:
    """How differently the pictures of a batch look to a layer, from -1 to 1 (Olah et al., Distill 2017).

    For each picture the mean, over the others, of minus the cosine between their Gram matrices.

    Raises:
        InvalidSetting: the batch has one picture.
    """

    def score(activations: Activations) -> Tensor:
        seen = activations[name].flatten(2)
        if len(seen) < 2:
            raise InvalidSetting("diversity needs several pictures that are made together")
        grams = torch.einsum("ncp,ndp->ncd", seen, seen).flatten(1)
        alike = torch.nn.functional.cosine_similarity(grams[:, None], grams[None], dim=2)
        return (1 - alike.sum(1)) / (len(seen) - 1)

    return Objective(frozenset([name]), score, written("diversity", name))


def unit(name: str, channel: int | None) -> str:
    """Return how a layer or one of its channels is written."""
    return name if channel is None else f"{name}:{channel}"


def written(name: str, *arguments: str) -> str:
    """Return how an objective of these arguments is written."""
    return f"{name}({', '.join(map(quoted, arguments))})"


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
