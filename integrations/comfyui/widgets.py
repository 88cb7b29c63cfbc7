"""Widgets of a node for the settings of a recipe, made from the definitions of these settings.

A widget that shows its default leaves its setting to the look, the recipe or the library.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from typing import Any

import inceptionism as inc
from inceptionism.recipes import DREAM, KEEP, MAX_SEED, NamedSetting, grouped_settings, settings_of, value_of_text

from .node import TEXT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FLOAT_STEP = 0.05

MAX_64_BITS = 2**64 - 1
"""Largest seed of ComfyUI's samplers, whose seeds may be connected to a node."""

COLORS = [DREAM, KEEP]
"""Choices of the setting `colors`. A picture is connected instead of named."""

NOT_IN_TEXT = ("network", "guide", "mask", "depth", "color_space")
"""Settings that are not in the text of further settings: they have a socket, or ComfyUI's pictures lack them."""

NOTES = {
    "layer": 'For several layers, write a list, for example ["blocks.4", "blocks.10=0.5"].',
    "objective": "The pictures that it names are in ComfyUI's input folder.",
    "seed": "It is not used with a connected recipe, which has its own seed. To vary such a picture, write a seed into "
    "the further settings, for example: seed = 7.",
}
"""Further sentences of the tooltips, by the name of the setting."""

COLORS_HELP = (
    "Colors of the result: dream for those of the dream; keep for those of the photograph, so that only the lightness "
    "is dreamed. For the colors of another picture, connect it to palette."
)

SETTINGS = (
    TEXT,
    {
        "default": "",
        "multiline": True,
        "tooltip": "Further settings, one in each line, as in a recipe file, for example: contrast = 1.2. They replace "
        "those of the widgets. docs/settings.md lists all settings.",
    },
)
"""The widget for settings that have no widget of their own."""


def widget(one: NamedSetting) -> tuple[Any, dict[str, Any]]:
    """Return the widget of a setting, as ComfyUI describes it. 0 and an empty text mean the default of the setting."""
    facts = one.facts
    tooltip = " ".join(filter(None, [facts.description, NOTES.get(one.name)]))
    options = {"default": shown_default(one), "tooltip": tooltip}
    if one.name == "colors":
        return COLORS, {**options, "tooltip": COLORS_HELP}
    if one.name == "seed":
        return "INT", {**options, "min": 0, "max": MAX_64_BITS, "control_after_generate": True}
    if facts.choices:
        return list(facts.choices), options
    if one.type is bool:
        return "BOOLEAN", options
    if one.type is float:
        low = facts.minimum if facts.above is None else facts.above + FLOAT_STEP
        return "FLOAT", {**options, "min": low, "max": facts.maximum, "step": FLOAT_STEP, "round": False}
    if one.type is int:
        if one.optional:
            options["tooltip"] = f"{tooltip} 0 means the default."
        return "INT", {**options, "min": 0 if one.optional else facts.minimum, "max": facts.maximum}
    return TEXT, options


def shown_default(one: NamedSetting) -> Any:
    """Return the value of a widget that means the default of its setting."""
    if one.default is None or one.default == ():
        return 0 if one.type is int else ""
    return one.default


def given_settings(
    kind: type[inc.Recipe], widgets: Mapping[str, Any], text: str, recipe: inc.Recipe | None = None
) -> dict[str, Any]:
    """Return the settings that the user gives: the widgets that do not show their default, and the further settings.

    Args:
        kind: Kind of the recipe.
        widgets: Values of the widgets by the name of their setting.
        text: Further settings as TOML.
        recipe: Connected recipe, whose seed is used in place of that of the widget. None if there is none.

    Raises:
        InvalidSetting: If the text is not TOML, or if a setting in it is not valid.
        UnknownName: If there is no setting of a name in the text.
    """
    known, given = settings_of(kind), {}
    for name, value in widgets.items():
        one = known[name]
        # ComfyUI changes the seed after each picture by default, and a recipe should give the same picture each time.
        if value is None or value == shown_default(one) or (name == "seed" and recipe is not None):
            continue
        if name == "layer":
            value = value_of_text(one, value)
        given[name] = value % (MAX_SEED + 1) if name == "seed" else value
    return given | further_settings(kind, text)


def further_settings(kind: type[inc.Recipe], text: str) -> dict[str, Any]:
    """Return the settings in a TOML text; errors are those of `given_settings`."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise inc.InvalidSetting(
            f'the further settings are not lines such as contrast = 1.2 or tileable = "both": {error}'
        ) from None
    known = {one.name: one for one in grouped_settings(kind, NOT_IN_TEXT)}
    for name in content:
        if name not in known:
            raise inc.UnknownName(
                f"the further settings have the unknown name {name!r}; the names are {', '.join(sorted(known))}"
            )
    return {name: known[name].checked(value) for name, value in content.items()}


def problem_of(kind: type[inc.Recipe], text: str | None) -> str | bool:
    """Return a sentence about further settings that are not valid, or True, as ComfyUI's `VALIDATE_INPUTS` does.

    None means a text from another node, which does not exist yet.
    """
    try:
        further_settings(kind, text or "")
    except inc.InceptionismError as error:
        return str(error)
    return True
