"""Choices of layers with channels and weights: `blocks.10`, `blocks.10:17=0.5`. Does not import torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import check_integer, check_number, check_text

MAX_CHANNEL = 999_999_999
"""Largest index of a channel."""

# The products of these weights with any activation fit into float32.
MIN_WEIGHT, MAX_WEIGHT = 1e-6, 1e6


@dataclass(frozen=True)
class LayerChoice:
    """A layer to amplify, or one channel of it, with a weight; written `NAME`, `NAME:CHANNEL` or `NAME=WEIGHT`.

    Attributes:
        name: Name of the layer.
        channel: Index of the channel; None for the whole layer.
        weight: Factor of the layer in the objective, from 1e-6 to 1e6 in size; a negative weight suppresses the layer.

    Raises:
        InvalidSetting: If an attribute has the wrong type or is out of range.
    """

    name: str
    channel: int | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_text("the name of a layer", self.name)
        name = quote_value(self.name)
        if self.channel is not None:
            check_integer(f"the channel of layer {name}", self.channel, 0, MAX_CHANNEL)
        check_number(f"the weight of layer {name}", self.weight)
        if self.weight == 0:
            raise InvalidSetting(f"the weight of layer {name} is 0, so the layer would change nothing; leave it out")
        if not MIN_WEIGHT <= abs(self.weight) <= MAX_WEIGHT:
            raise InvalidSetting(
                f"the weight of layer {name} must be from {MIN_WEIGHT:g} to {MAX_WEIGHT:g} in size, not {self.weight:g}"
            )

    @classmethod
    def parse(cls, text: str) -> LayerChoice:
        """Return the choice that `NAME[:CHANNEL][=WEIGHT]` stands for.

        Raises:
            InvalidSetting: If the text has another form, or a part of it is out of range.
        """
        match = re.fullmatch(r"(?P<name>[^=]+?)(:(?P<channel>[0-9]{1,9}))?(=(?P<weight>[^=]+))?", text.strip())
        if not match:
            raise InvalidSetting(f"{quote_value(text)} is not a valid layer; write NAME, NAME:CHANNEL or NAME=WEIGHT")
        written = match["weight"]
        try:
            weight = float(written) if written else 1.0
        except ValueError:
            raise InvalidSetting(
                f"{quote_value(text)} is not a valid layer: the weight after = must be a number, "
                f"not {quote_value(written)}"
            ) from None
        return cls(match["name"], int(match["channel"]) if match["channel"] else None, weight)

    def __str__(self) -> str:
        channel = "" if self.channel is None else f":{self.channel}"
        short = f"{self.weight:g}"
        weight = "" if self.weight == 1 else f"={short if float(short) == self.weight else repr(self.weight)}"
        return self.name + channel + weight


LayerSetting: TypeAlias = "str | LayerChoice | Sequence[str | LayerChoice] | Mapping[str, float]"
"""A choice of layers as users write it: a name, several names, or a mapping from name to weight."""


def parse_layers(layer: LayerSetting | None) -> tuple[LayerChoice, ...]:
    """Return the choices that a name, several names, or a mapping from name to weight stand for; () for None.

    Raises:
        InvalidSetting: If the value is something else, or a choice is not valid.
    """
    if layer is None:
        return ()
    if isinstance(layer, (str, LayerChoice)):
        layer = [layer]
    if not isinstance(layer, (Sequence, Mapping)) or not all(isinstance(one, (str, LayerChoice)) for one in layer):
        raise InvalidSetting(
            f"layer must be a name, a list of names or a mapping from name to weight, not {quote_value(layer)}"
        )
    if isinstance(layer, Mapping):
        if not layer:
            raise InvalidSetting("layer is an empty mapping; leave it out for the network's default layer")
        return tuple(replace(parse_layers(name)[0], weight=weight) for name, weight in layer.items())
    return tuple(one if isinstance(one, LayerChoice) else LayerChoice.parse(one) for one in layer)
