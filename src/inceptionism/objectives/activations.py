"""Objectives that score the activations of one layer: of all of it, of a channel, a neuron, a direction, a class.

layer("blocks.10") + 0.5 * channel("blocks.4", 17)
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.objectives.objective import Activations, Objective, check_channel
from inceptionism.recipes import quote_argument


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
        raise InvalidSetting(f'a class stands out against another one, or "all", not {quote_value(against)}')

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
    return f"{name}({', '.join(map(quote_argument, arguments))})"


def pick(activations: Activations, name: str, channel: int) -> Tensor:
    """Return one channel of the layer `name`, N×….

    Raises:
        InvalidSetting: the layer has no such channel.
    """
    seen = activations[name]
    check_channel(name, channel, seen.shape[1])
    return seen[:, channel]
