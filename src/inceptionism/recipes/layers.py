"""How layers are named, and how much each counts: `blocks.10`, `blocks.10:17=0.5`. Knows no torch."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TypeAlias

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import check_integer, check_number, check_text

MAX_CHANNEL = 999_999_999

# Weights whose products with any activation are numbers that float32 has.
MIN_WEIGHT, MAX_WEIGHT = 1e-6, 1e6


@dataclass(frozen=True)
class LayerChoice:
    """A layer to amplify, or one channel of it, and how much; written `NAME`, `NAME:CHANNEL`, `NAME=WEIGHT`."""

    name: str
    channel: int | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_text("the name of a layer", self.name)
        if self.channel is not None:
            check_integer(f"the channel of layer {quote_value(self.name)}", self.channel, 0, MAX_CHANNEL)
        check_number(f"the weight of layer {quote_value(self.name)}", self.weight)
        if self.weight == 0:
            raise InvalidSetting(
                f"the weight of layer {quote_value(self.name)} is 0, so it would change nothing; leave it out"
            )
        if not MIN_WEIGHT <= abs(self.weight) <= MAX_WEIGHT:
            raise InvalidSetting(
                f"the weight of layer {quote_value(self.name)} must be between {MIN_WEIGHT:g} and {MAX_WEIGHT:g} in size, "
                f"not {self.weight:g}"
            )

    @classmethod
    def parse(cls, text: str) -> LayerChoice:
        """Read `NAME[:CHANNEL][=WEIGHT]`."""
        match = re.fullmatch(r"(?P<name>[^=]+?)(:(?P<channel>[0-9]{1,9}))?(=(?P<weight>[^=]+))?", text.strip())
        if not match:
            raise InvalidSetting(f"{quote_value(text)} is no layer: write NAME, NAME:CHANNEL or NAME=WEIGHT")
        given = match["weight"]
        try:
            weight = float(given) if given else 1.0
        except ValueError:
            reason = f"the weight after = must be a number, not {quote_value(given)}"
            raise InvalidSetting(f"{quote_value(text)} is no layer: {reason}") from None
        return cls(match["name"], int(match["channel"]) if match["channel"] else None, weight)

    def __str__(self) -> str:
        channel = "" if self.channel is None else f":{self.channel}"
        short = f"{self.weight:g}"
        weight = "" if self.weight == 1 else f"={short if float(short) == self.weight else repr(self.weight)}"
        return self.name + channel + weight


LayerSetting: TypeAlias = "str | LayerChoice | Sequence[str | LayerChoice] | Mapping[str, float]"


def parse_layers(layer: LayerSetting | None) -> tuple[LayerChoice, ...]:
    """Return the choices that `layer` stands for: a name, several, or a mapping from name to weight."""
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
            raise InvalidSetting("layer is a mapping that names no layer; leave it out for the network's default")
        return tuple(replace(parse_layers(name)[0], weight=weight) for name, weight in layer.items())
    return tuple(one if isinstance(one, LayerChoice) else LayerChoice.parse(one) for one in layer)
