"""Targets of a picture from noise: the names of classes, and texts that stand for other objectives."""

from __future__ import annotations

import re

from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.networks import Network
from inceptionism.objectives.activations import expression_text, unit_name
from inceptionism.recipes import choose_unit


def target_text(target: str | int, network: Network) -> str | None:
    """Return the text of the objective that a target stands for. None if the target is a class, or unknown.

    The names of classes come first. `LAYER:CHANNEL` stands for `channel(LAYER:CHANNEL)`, as in Lucent.
    """
    if isinstance(target, int) or is_class(target, network):
        return None
    if is_expression(target):
        return target
    unit = choose_unit(target, network.layer_names, channel=True)
    is_unit = unit.name in network.layer_names and unit.channel is not None
    return expression_text("channel", unit_name(unit.name, unit.channel)) if is_unit else None


def is_class(target: str, network: Network) -> bool:
    """Return whether a text is the name of a class of a network."""
    try:
        network.class_index(target)
    except (UnknownName, InvalidSetting):
        return False
    return True


def is_expression(text: str) -> bool:
    """Return whether a text has the form of an objective, for example `channel(blocks.4:17)`.

    The name of a class can have this form, too.
    """
    return re.search(r"[A-Za-z0-9_]\(", text) is not None
