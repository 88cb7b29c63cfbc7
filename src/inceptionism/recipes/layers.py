"""Choices of layers with channels and weights: `blocks.10`, `blocks.10:17=0.5`. Does not import torch.

The name of a layer can contain anything, for example `relu:0`. So a text is divided only when the names are known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TypeAlias

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import check_integer, check_number, check_text

MAX_CHANNEL = 999_999_999
"""Largest index of a channel."""

MAX_TEXT = 1000
"""Largest number of characters of a name with its channel and weight."""

# The products of these weights with any activation fit into float32.
MIN_WEIGHT, MAX_WEIGHT = 1e-6, 1e6

CHANNEL, WEIGHT = ":(?P<channel>[0-9]{1,9})", "=(?P<weight>[^=]+)"
QUOTED = re.compile(rf'"(?P<name>(?:[^"]|"")+)"(?:{CHANNEL})?(?:{WEIGHT})?')
WHOLE = re.compile("(?P<name>.+)", re.DOTALL)
BARE = [re.compile(f"(?P<name>.+){end}", re.DOTALL) for end in (CHANNEL, WEIGHT, CHANNEL + WEIGHT)]


@dataclass(frozen=True)
class LayerChoice:
    """A layer to amplify, or one channel of it, with a weight; written `NAME`, `NAME:CHANNEL` or `NAME=WEIGHT`.

    Attributes:
        name: Name of the layer.
        channel: Index of the channel; None for the whole layer.
        weight: Factor of the layer in the objective, from 1e-6 to 1e6 in size; a negative weight suppresses the layer.
        written: Text of the choice, if its meaning depends on the names of the network's layers. Otherwise empty.

    Raises:
        InvalidSetting: If an attribute has the wrong type or is out of range.
    """

    name: str
    channel: int | None = None
    weight: float = 1.0
    written: str = field(default="", repr=False, compare=False)

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
        """Return the choice that `NAME[:CHANNEL][=WEIGHT]` stands for. The name can be in double quotes.

        Without quotes, it is the choice with the shortest name. `resolve` finds the longest name that a network has.

        Raises:
            InvalidSetting: If the text is empty or too long.
        """
        if not text.strip() or len(text) > MAX_TEXT:
            form = f"write NAME, NAME:CHANNEL or NAME=WEIGHT, with at most {MAX_TEXT} characters"
            raise InvalidSetting(f"{quote_value(text)} is not a valid layer; {form}")
        choices = list(possible_choices(text))
        chosen = choices[0 if QUOTED.fullmatch(text.strip()) else -1]
        is_certain = len(choices) == 1 and "=" not in text
        return chosen if is_certain else cls(chosen.name, chosen.channel, chosen.weight, text)

    def resolve(self, names: Mapping[str, str]) -> LayerChoice:
        """Return the choice in a network: of all layers that the text can mean, the one with the longest name.

        If the network has no such layer, the choice is returned as it is.

        Args:
            names: Names of all layers of the network, by each text that stands for a layer.

        Raises:
            InvalidSetting: If the network has no such layer, and the weight in the text is not valid.
        """
        known = first_known(possible_choices(self.written) if self.written else [self], names)
        if known is not None:
            is_exact = first_known(possible_choices(str(known)), names) == known
            return known if is_exact else LayerChoice(known.name, known.channel, known.weight, known.quoted)
        if match := BARE[-1].fullmatch(self.written) or BARE[1].fullmatch(self.written):
            matched_choice(match)  # raises the error about the weight
        return self

    def weighted(self, weight: float) -> LayerChoice:
        """Return the same layer with a weight; raise `InvalidSetting` if the weight is not valid."""
        return LayerChoice(self.name, self.channel, weight, self.written and f"{self.written}={weight!r}")

    @property
    def quoted(self) -> str:
        """The text of the choice with its name in double quotes. It has only one meaning."""
        return quote_name(self.name) + self._suffix

    def __str__(self) -> str:
        needs_quotes = printed_name(self.name) != self.name or any(one.fullmatch(self.name) for one in BARE)
        return self.written or (self.quoted if needs_quotes else self.name + self._suffix)

    @property
    def _suffix(self) -> str:
        channel = "" if self.channel is None else f":{self.channel}"
        return channel + ("" if self.weight == 1 else f"={exact_text(self.weight)}")


def possible_choices(text: str) -> Iterator[LayerChoice]:
    """Yield all choices that a text can mean: first the one in quotes, then from the longest name to the shortest."""
    matches = [QUOTED.fullmatch(text.strip())]
    for part in dict.fromkeys([text, text.strip()]):
        bare = [match for pattern in BARE if (match := pattern.fullmatch(part))]
        matches += [WHOLE.fullmatch(part), *sorted(bare, key=lambda match: -len(match["name"]))]
    for match in filter(None, matches):
        with suppress(InvalidSetting):
            yield matched_choice(match)


def matched_choice(match: re.Match[str]) -> LayerChoice:
    """Return the choice in the match of a pattern; raise `InvalidSetting` if its weight is not valid."""
    parts = match.groupdict()
    name = parts["name"].replace('""', '"') if match.re is QUOTED else parts["name"]
    try:
        weight = float(parts.get("weight") or 1)
    except ValueError:
        raise InvalidSetting(
            f"{quote_value(match[0])} is not a valid layer: the weight after = must be a number, "
            f"not {quote_value(match['weight'])}"
        ) from None
    return LayerChoice(name, int(parts["channel"]) if parts.get("channel") else None, weight)


def choose_unit(text: str, names: Mapping[str, str], *, channel: bool) -> LayerChoice:
    """Return the layer, or the channel of a layer, that a text stands for in a network; the longest name is taken.

    Args:
        text: `NAME` or `NAME:CHANNEL`. The name can be in double quotes.
        names: Names of all layers of the network, by each text that stands for a layer.
        channel: Whether a channel is wanted. If the text has both meanings, this one is taken.

    Raises:
        InvalidSetting: If the text is empty.
    """
    check_text("the name of a layer", text)
    choices = [one for one in possible_choices(text) if one.weight == 1]
    choices.sort(key=lambda one: (one.channel is not None) != channel)
    return first_known(choices, names) or choices[-1]


def first_known(choices: Iterable[LayerChoice], names: Mapping[str, str]) -> LayerChoice | None:
    """Return the first of the choices whose layer is known, with the name of the layer; None if there is none."""
    known = (LayerChoice(names[one.name], one.channel, one.weight) for one in choices if one.name in names)
    return next(known, None)


def exact_text(number: float) -> str:
    """Return the shorter of two texts of a number: with six digits if these are exact, or else with all digits."""
    short = f"{number:g}"
    return short if float(short) == number else repr(number)


def quote_name(name: str) -> str:
    """Return a name in double quotes, in which each double quote is written twice."""
    return '"' + name.replace('"', '""') + '"'


def printed_name(name: str) -> str:
    """Return the name of a layer as lists show it: in double quotes if it would not be found without them."""
    return quote_name(name) if name != name.strip() or name.startswith('"') else name


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
        return tuple(LayerChoice.parse(name).weighted(weight) for name, weight in layer.items())
    return tuple(one if isinstance(one, LayerChoice) else LayerChoice.parse(one) for one in layer)
