"""Arguments of the terms of an objective: layers, channels, numbers and pictures."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import NamedTuple

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.io import FileResolver, Photo, load_photo
from inceptionism.networks import Network
from inceptionism.objectives.objective import check_channel
from inceptionism.recipes import LayerChoice, Term, choose_unit


class ParseContext(NamedTuple):
    """The network, the photograph and the files that the terms of an objective refer to.

    Attributes:
        network: Network with the layers and classes.
        photo: The dreamed photograph, which is the reference for terms that name no picture. None if there is none.
        find_file: Function that finds the files that terms name. Terms open no other files.
    """

    network: Network
    photo: Photo | None
    find_file: FileResolver


def parse_layer(context: ParseContext, text: str) -> str:
    """Return the name of the layer that a text stands for, after a check that the network has it."""
    choice = choose_unit(text, context.network.layer_names, channel=False)
    name = choice.name if choice.channel is None else text
    context.network.check_layer(name)
    return name


def parse_unit(context: ParseContext, term: Term, *, channel: bool = False) -> tuple[str, int | None]:
    """Return the layer and the channel in the first argument of a term. The channel is None if it is not given.

    Args:
        context: Network with the layers.
        term: The term.
        channel: Whether the term needs a channel. This decides if the text has both meanings.
    """
    choice = choose_unit(term.arguments[0], context.network.layer_names, channel=channel)
    context.network.check_layer(choice.name)
    if choice.channel is not None:
        check_channel(choice.name, choice.channel, context.network.channels(choice.name))
    return choice.name, choice.channel


def parse_channel(context: ParseContext, term: Term) -> tuple[str, int]:
    """Return the layer and the channel in the first argument of a term."""
    name, index = parse_unit(context, term, channel=True)
    if index is None:
        example = f"{term.name}({LayerChoice(name, 0)})"
        raise InvalidSetting(f"{quote_value(str(term))} names no channel; write for example {example}")
    return name, index


def parse_comparison(context: ParseContext, term: Term) -> tuple[str, Photo]:
    """Return the layer and the reference of a term. The default reference is the photograph that is dreamed."""
    term.check(["layer", "picture"], optional=1)
    name = parse_layer(context, term.arguments[0])
    if len(term.arguments) == 2:
        return name, load_named_photo(term.arguments[1], context.find_file)
    if context.photo is None:
        raise InvalidSetting(
            f"{quote_value(str(term))} names no picture to compare with; write {term.name}(layer, picture)"
        )
    return name, context.photo


def parse_whole_number(text: str, label: str) -> int:
    """Return an argument as a whole number. `label` names it in the message of an error."""
    if not re.fullmatch(r"[0-9]{1,6}", text):
        raise InvalidSetting(f"{label} must be a whole number, not {quote_value(text)}")
    return int(text)


def load_named_photo(name: str, find_file: FileResolver) -> Photo:
    """Return the picture in a file. The texts of objectives call it `name`."""
    return replace(load_photo(find_file(name)), name=name)
