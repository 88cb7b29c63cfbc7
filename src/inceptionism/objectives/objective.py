"""Objectives: scores that are computed from named activations and maximized.

The functions of `activations` and `references` return objectives. `a + b`, `a - b`, `2 * a` and `-a` combine them,
`a.where(mask)` limits an objective to a part of the picture, and `a.on(network)` scores by another network.
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
from inceptionism.networks import Network, load_network
from inceptionism.objectives.network_layers import LayerKey, NetworkLayer
from inceptionism.recipes import join_terms, quote_argument, weighted_text


@dataclass(frozen=True, eq=False)
class Reference:
    """A picture that an objective compares the optimized picture with.

    Attributes:
        photo: Pixels and name of the reference.
        aligned: Whether it is compared position by position. An aligned reference has the size of the optimized picture
            and passes through the same transforms at every step. Any other reference is evaluated once, by itself.
    """

    photo: Photo
    aligned: bool


ActivationKey: TypeAlias = "LayerKey | tuple[LayerKey, Reference]"
"""A layer, or a layer and a reference."""

Activations: TypeAlias = Mapping[ActivationKey, Tensor]
"""Activations of layers, each N×….

A key is a layer for the optimized picture, or a layer and a reference for the reference. A layer of the run's network
is given by its name.
"""


@dataclass(frozen=True)
class Objective:
    """A score for each picture of a batch, and the layers it is computed from.

    Attributes:
        layers: Names of the layers whose activations `score` reads. A layer of another network is a `NetworkLayer`.
        score: Function that computes the score. It takes activations, each N×…, and returns N scores.
        text: Text of the objective, for recipes and messages.
        references: Pictures that the optimized picture is compared with.
        mask: Part of the picture that the objective may change. None means the whole picture.
        terms: Terms of a sum, as pairs of a weight and an objective. Empty if the objective is not a sum.
        compares_batch: Whether the score of a picture depends on the other pictures of its batch.
        repeatable: Whether `text` is enough to make the same objective again. If not, the objective exists only in
            Python, and a replay needs it again.
        files: Names of further files and networks that the objective was made from, each with its SHA-256.

    Raises:
        InvalidSetting: If `layers` is empty or not a set of names. A call raises it if the score is not a tensor.
    """

    layers: frozenset[LayerKey]
    score: Callable[[Activations], Tensor]
    text: str
    references: tuple[Reference, ...] = field(default=(), repr=False)
    mask: Mask | None = field(default=None, repr=False)
    terms: tuple[tuple[float, Objective], ...] = field(default=(), repr=False)
    compares_batch: bool = field(default=False, repr=False)
    repeatable: bool = field(default=False, repr=False)
    files: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def __post_init__(self) -> None:
        names = () if isinstance(self.layers, str) else self.layers
        if not names or not all(isinstance(name, (str, NetworkLayer)) for name in names):
            raise InvalidSetting(f"an objective needs a set of layer names, not {quote_value(self.layers)}")
        object.__setattr__(self, "layers", frozenset(self.layers))

    def __call__(self, activations: Activations) -> Tensor:
        scores = self.score(activations)
        if not isinstance(scores, Tensor):
            raise InvalidSetting(f"the score of {self} must be a tensor, not {quote_value(scores)}")
        return scores

    def __str__(self) -> str:
        return self.text

    def __add__(self, other: Objective) -> Objective:
        if not isinstance(other, Objective):
            return NotImplemented
        return weighted_sum(self._weighted_terms(1) + other._weighted_terms(1))

    def __radd__(self, other: int) -> Objective:
        # The builtin `sum` starts from 0.
        return self if other == 0 else NotImplemented

    def __sub__(self, other: Objective) -> Objective:
        return self + -1 * other if isinstance(other, Objective) else NotImplemented

    def __mul__(self, weight: float) -> Objective:
        return weighted_sum(self._weighted_terms(weight)) if isinstance(weight, (int, float)) else NotImplemented

    __rmul__ = __mul__

    def __neg__(self) -> Objective:
        return -1 * self

    def where(self, mask: Mask) -> Objective:
        """Return this objective, limited to the part of the picture where `mask` is white.

        Raises:
            InvalidSetting: If the objective already has a mask.
        """
        if self.terms:
            return weighted_sum([(weight, term.where(mask)) for weight, term in self.terms])
        if self.mask is not None:
            raise InvalidSetting(f"{self} already has a mask; an objective can have only one")
        return replace(self, mask=mask, text=self._text_with(mask.keyword, mask.name))

    def on(self, network: str | Network) -> Objective:
        """Return this objective with the activations of another network than the one of the run.

        Several networks together make pictures that other networks recognize better than those of one network. Each
        network sees the picture in its own normalization. With a name, the result is repeatable if the objective is.

        Args:
            network: The other network, or its name or path.

        Raises:
            InvalidSetting: If the objective already has a network, or if `network` is neither.
            UnknownName: If no network has this name.
        """
        repeatable = self.repeatable and not isinstance(network, Network)
        network = load_network(network)
        if self.terms:
            terms = [(weight, term.on(network)) for weight, term in self.terms]
            return replace(weighted_sum(terms), repeatable=repeatable)
        if not all(isinstance(name, str) for name in self.layers):
            raise InvalidSetting(f"{self} already has a network; an objective can have only one")

        def score(activations: Activations) -> Tensor:
            seen: dict[ActivationKey, Tensor] = {}
            for key, values in activations.items():
                layer, *reference = key if isinstance(key, tuple) else (key,)
                if isinstance(layer, NetworkLayer) and layer.network is network:
                    seen[(layer.name, *reference) if reference else layer.name] = values  # type: ignore[index]
            return self.score(seen)

        layers = frozenset(NetworkLayer(str(name), network) for name in self.layers)
        files = (*self.files, (network.name, network.weights_hash))
        text = self._text_with("network", network.name)
        return replace(self, layers=layers, score=score, text=text, files=files, repeatable=repeatable)

    def _text_with(self, keyword: str, value: str) -> str:
        opening = self.text[:-1] if self.text.endswith(")") else f"({self.text}"
        return f"{opening}, {keyword}={quote_argument(value)})"

    @property
    def notes(self) -> list[str]:
        """A note for the user if the objective is not repeatable."""
        if self.repeatable:
            return []
        return [
            f"the objective {self} exists only in Python and not in the recipe; "
            "to make this result again, pass the same Objective to the replay"
        ]

    @cached_property
    def by_mask(self) -> Sequence[Objective]:
        """The sum, split into one objective for each mask. Terms with the same mask stay together."""
        groups: dict[Mask | None, list[tuple[float, Objective]]] = {}
        for weight, term in self._weighted_terms(1):
            groups.setdefault(term.mask, []).append((weight, term))
        return [weighted_sum(terms) for terms in groups.values()]

    def pictures(self) -> dict[str, str]:
        """Return the SHA-256 of the pixels of each reference and mask, and of each further file, by name.

        Further files of the same name, for example two networks of one class, get numbers.
        """
        masks = [part.mask for part in self.by_mask if part.mask is not None]
        photos = [reference.photo for reference in self.references]
        mask_hashes = {mask.name: mask.sha256 for mask in masks}
        files: dict[str, str] = {}
        for name, digest in dict.fromkeys(self.files):
            number, unique = 2, name
            while unique in files:
                unique, number = f"{name}-{number}", number + 1
            files[unique] = digest
        return files | mask_hashes | {photo.title: photo.sha256 for photo in photos}

    def _weighted_terms(self, weight: float) -> tuple[tuple[float, Objective], ...]:
        return tuple((weight * factor, term) for factor, term in self.terms or ((1, self),))


def weighted_sum(terms: Sequence[tuple[float, Objective]]) -> Objective:
    """Return the sum of objectives, each multiplied by its weight. The objectives must not be sums themselves.

    The sum has a mask only if all terms have the same mask.
    """
    if len(terms) == 1 and terms[0][0] == 1:
        return terms[0][1]

    def score(activations: Activations) -> Tensor:
        return torch.stack([weight * term(activations) for weight, term in terms]).sum(0)

    masks = {term.mask for _, term in terms}
    return Objective(
        frozenset[LayerKey]().union(*(term.layers for _, term in terms)),
        score,
        join_terms([weighted_text(weight, str(term)) for weight, term in terms]),
        tuple(dict.fromkeys(reference for _, term in terms for reference in term.references)),
        masks.pop() if len(masks) == 1 else None,
        tuple(terms),
        any(term.compares_batch for _, term in terms),
        all(term.repeatable for _, term in terms),
        tuple(pair for _, term in terms for pair in term.files),
    )


def score_each(objectives: Sequence[Objective]) -> Objective:
    """Return an objective that scores each picture of a batch with its own objective: N objectives for N pictures.

    If all pictures share one objective, that objective is returned. It scores the batch as a whole.
    """
    first = objectives[0]
    if all(objective is first for objective in objectives):
        return first
    layers = frozenset[LayerKey]().union(*(objective.layers for objective in objectives))

    def score(activations: Activations) -> Tensor:
        # The backward pass of indexing would fill a batch of zeros for each picture, so split instead.
        # Activations of a shared reference are not batched: every picture gets all of them.
        split = {
            key: torch.split(values, 1) if len(values) == len(objectives) else (values,) * len(objectives)
            for key, values in activations.items()
        }
        scores = [
            objective({key: values[index] for key, values in split.items()})
            for index, objective in enumerate(objectives)
        ]
        return torch.stack([score.sum() for score in scores])

    references = dict.fromkeys(reference for objective in objectives for reference in objective.references)
    return Objective(layers, score, " | ".join(map(str, objectives)), tuple(references))


def check_channel(layer: str, channel: int, channels: int) -> None:
    """Raise `InvalidSetting` unless `channel` is the index of one of the `channels` channels of `layer`."""
    if isinstance(channel, bool) or not isinstance(channel, int) or not 0 <= channel < channels:
        raise InvalidSetting(
            f"layer {layer} has no channel {quote_value(channel)}; its channels are 0 to {channels - 1}"
        )


def check_objective(objective: object) -> None:
    """Raise `InvalidSetting` unless `objective` is an `Objective` or None."""
    if not isinstance(objective, (Objective, type(None))):
        raise InvalidSetting(
            f"an objective must come from the functions of inceptionism.objectives; {quote_value(objective)} does not"
        )
