"""Objectives: scores computed from named activations, which are maximized, and which add and scale.

The functions of `activations` and `references` return objectives. `a + b`, `a - b`, `2 * a` and `-a` combine them, and
`a.where(mask)` limits one to a part of the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TypeAlias

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.io import Mask, Photo
from inceptionism.recipes import join_terms, quote_argument, weighted_text


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
            raise InvalidSetting(f"an objective needs a set of the names of its layers, not {quote_value(self.layers)}")
        object.__setattr__(self, "layers", frozenset(self.layers))

    def __call__(self, activations: Activations) -> Tensor:
        scores = self.score(activations)
        if not isinstance(scores, Tensor):
            raise InvalidSetting(f"the score of {self} must be a tensor, not {quote_value(scores)}")
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
        return replace(self, mask=mask, text=f"{inside}, {mask.word}={quote_argument(mask.name)})")

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
        join_terms([weighted_text(weight, str(term)) for weight, term in terms]),
        tuple(dict.fromkeys(one for _, term in terms for one in term.references)),
        masks.pop() if len(masks) == 1 else None,
        tuple(terms),
    )


def score_each(objectives: Sequence[Objective]) -> Objective:
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


def check_channel(layer: str, channel: int, channels: int) -> None:
    """Raise `InvalidSetting` unless `channel` is one of the `channels` of `layer`."""
    if isinstance(channel, bool) or not isinstance(channel, int) or not 0 <= channel < channels:
        raise InvalidSetting(f"layer {layer} has channels 0 to {channels - 1}, not a channel {quote_value(channel)}")


def check_objective(objective: object) -> None:
    """Raise `InvalidSetting` unless `objective` is one, or nothing."""
    if not isinstance(objective, (Objective, type(None))):
        raise InvalidSetting(f"an objective is made by inceptionism.objectives, it is not {quote_value(objective)}")
