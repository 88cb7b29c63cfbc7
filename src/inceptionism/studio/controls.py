"""Controls of the page for the settings of a recipe, made from the definitions of these settings."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import Any, TypeAlias

import gradio as gr

from inceptionism.errors import InvalidSetting
from inceptionism.networks import Network
from inceptionism.recipes import (
    DREAM,
    GROUPS,
    KEEP,
    NamedSetting,
    PhotoRecipe,
    Recipe,
    grouped_settings,
    parse_layers,
    settings_of,
    value_of_text,
)
from inceptionism.studio.overridden import overridden
from inceptionism.studio.upload import upload_control

Control: TypeAlias = Any
"""A control of gradio. gradio adds the events of a control when the program runs, so its type does not have them."""

MACHINE = ("device", "memory")
"""Settings that the owner of the server chooses, not the visitor."""

COLORS_PICTURE = "colors_picture"
"""Name of the second control of the setting `colors`: a picture that the visitor uploads."""

PICTURES = ("guide", "mask", COLORS_PICTURE)
"""Controls whose value is a picture that the visitor uploads."""

PLACES = ("toward", "drift")
"""Settings whose value is two numbers, down and across."""

SLIDER_RANGE = 40
"""Largest range of a number that gets a slider."""

PAGE_HELP = {"network": "Network to use", "colors": "Colors of the result"}
"""Descriptions of settings whose help on the command line speaks of names and paths, which the page does not need."""

FEW = 3
"""Largest number of choices that are shown all at once."""

COLORS = {"the dream's": DREAM, "the photograph's": KEEP}
"""Choices of colors, by the words on the page."""


NO_DEFAULTS: Mapping[str, Any] = MappingProxyType({})
"""Defaults that do not differ from those of the recipe."""


def make_control(
    name: str, one: NamedSetting, choices: Mapping[str, Sequence[Any]], *, prefix: str, has_photograph: bool
) -> Control:
    """Return the control of a setting.

    Args:
        name: Name of the control.
        one: The setting.
        choices: Choices of settings whose values the page knows, by name: networks and layers.
        prefix: Beginning of the identifier of the control.
        has_photograph: Whether the recipe has a photograph.
    """
    facts = one.facts
    unit = f", in {facts.unit}" if facts.unit else ""
    named: dict[str, Any] = {
        "label": name.replace("_", " ").capitalize(),
        "info": PAGE_HELP.get(name, f"{facts.help}{unit}"),
        "elem_id": f"{prefix}-{name}",
    }
    if name in PICTURES:
        help = "a picture whose colors the result gets" if name == COLORS_PICTURE else facts.help
        return upload_control(
            label=named["label"],
            placeholder=f"Drop a picture here: {help[0].lower()}{help[1:]}",
            sources=["upload", "clipboard"],
            height=190,
            elem_id=named["elem_id"],
            elem_classes="picture-setting",
        )
    if one.name == "layer":
        return gr.Dropdown(choices["layer"], value=[], multiselect=True, allow_custom_value=True, **named)
    if one.name == "network":
        return gr.Dropdown(choices["network"], value=one.default, **named)
    if one.name == "colors":
        allowed = [(words, value) for words, value in COLORS.items() if value == DREAM or has_photograph]
        return gr.Dropdown(allowed, value=one.default, **named)
    if facts.choices and not one.optional and len(facts.choices) <= FEW:
        return gr.Radio(list(facts.choices), value=one.default, **named)
    if one.type is bool:
        return gr.Checkbox(value=one.default, **named)
    if facts.choices:
        absent = [(facts.absent or "no", "")] if one.optional else []
        return gr.Dropdown([*absent, *((text, text) for text in facts.choices)], value=one.default or "", **named)
    if one.type in (int, float) and not one.optional:
        return number_control(one, named)
    text = place_text(one.default) if one.name in PLACES else one.default or ""
    return gr.Textbox(value=str(text), placeholder=facts.absent, **named)


def slider(*arguments: Any, **named: Any) -> Control:
    """Return a slider of gradio that accepts all numbers. gradio would show an error without a sentence."""
    return overridden(gr.Slider, preprocess=staticmethod(unchanged))(*arguments, **named)


def number_control(one: NamedSetting, named: Mapping[str, Any]) -> Control:
    """Return the control of a number: a slider if the range is small and there is a default, or a field."""
    facts, is_whole = one.facts, one.type is int
    low = facts.minimum if facts.minimum is not None else facts.above
    if low is not None and facts.maximum is not None and facts.maximum - low <= SLIDER_RANGE:
        step = 1 if is_whole else 0.05 if facts.maximum > 1 else 0.01
        first = low if facts.minimum is not None else low + step
        return slider(first, facts.maximum, value=one.default, step=step, **named)
    return gr.Number(value=one.default, step=1 if is_whole else 0.1, **named)


class Form:
    """The controls of a kind of recipe, and their values as a recipe.

    Args:
        kind: The kind of recipe.
        prefix: Beginning of the identifiers of the controls.
        leave_out: Names of settings that have no control here.
        defaults: Values that the controls show at first, where they differ from the defaults of the recipe.

    Attributes:
        kind: The kind of recipe.
        settings: The settings with a control, by the name of the control.
        controls: The controls by name, in the order of the page. Empty until `draw`.
    """

    def __init__(
        self,
        kind: type[Recipe],
        prefix: str,
        leave_out: Collection[str] = (),
        defaults: Mapping[str, Any] = NO_DEFAULTS,
    ) -> None:
        self.kind, self.prefix = kind, prefix
        known = grouped_settings(kind, (*MACHINE, *leave_out))
        self.settings: dict[str, NamedSetting] = {}
        for one in known:
            self.settings[one.name] = one._replace(default=defaults.get(one.name, one.default))
            if one.name == "colors":
                self.settings[COLORS_PICTURE] = one
        self.controls: dict[str, Control] = {}

    def draw(self, names: Collection[str], choices: Mapping[str, Sequence[Any]]) -> list[Control]:
        """Draw the controls of some settings at this place of the page, and return them."""
        for name in names:
            self.controls[name] = make_control(
                name,
                self.settings[name],
                choices,
                prefix=self.prefix,
                has_photograph=issubclass(self.kind, PhotoRecipe),
            )
        return [self.controls[name] for name in names]

    def draw_rest(self, choices: Mapping[str, Sequence[Any]]) -> list[Control]:
        """Draw the controls that are not drawn yet, group by group, and return them."""
        drawn: list[Control] = []
        for group, heading in GROUPS.items():
            known = [name for name, one in self.settings.items() if one.facts.group == group]
            rest = [name for name in known if name not in self.controls]
            if rest:
                gr.Markdown(f"#### {heading}")
                with gr.Row():
                    drawn += self.draw(rest, choices)
        return drawn

    def given(self, values: Sequence[Any]) -> Iterator[tuple[NamedSetting, Any]]:
        """Yield each setting whose control has a value, with the value as a recipe takes it."""
        for name, value in zip(self.controls, values, strict=True):
            yield from self.given_one(name, value)

    def given_one(self, name: str, value: Any) -> Iterator[tuple[NamedSetting, Any]]:
        """Yield a setting and its value as a recipe takes it; nothing if its control is empty."""
        one = self.settings[name]
        if value is None or (isinstance(value, (str, list)) and not value):
            return
        if isinstance(value, str):
            value = value_of_text(one, value)
        if name == "size" and isinstance(value, tuple) and "shape" in self.kind.__dataclass_fields__:
            one = settings_of(self.kind)["shape"]
        if one.type is float and isinstance(value, int):
            value = float(value)
        if one.type is int and isinstance(value, float) and value.is_integer():
            value = int(value)
        yield one, value

    def recipe(self, values: Sequence[Any], **more: Any) -> Recipe:
        """Return the recipe of the values of all controls.

        Args:
            values: Values of the controls, in their order.
            **more: Settings that have no control, or replace the value of one.

        Raises:
            InvalidSetting: If a setting is out of range, or if two settings exclude each other.
        """
        settings = {one.name: value for one, value in self.given(values)} | more
        return self.kind(**settings)

    def problem(self, name: str, value: Any) -> str:
        """Return a sentence about the value of a control if it is not valid; empty if it is valid."""
        control = self.controls[name]
        if isinstance(control, (gr.Dropdown, gr.Radio)) and not getattr(control, "allow_custom_value", False):
            return "" if value in [choice for _, choice in control.choices] else "Choose one from the list."
        try:
            for one, given in self.given_one(name, value):
                one.checked(given)
        except InvalidSetting as error:
            return str(error)
        return ""

    def problems(self, values: Sequence[Any]) -> list[str]:
        """Return a sentence about the value of each control; empty for those that are valid."""
        return [self.problem(name, value) for name, value in zip(self.controls, values, strict=True)]

    def updates(self, settings: Mapping[str, Any]) -> list[Any]:
        """Return the values of all controls for settings; a control without a setting gets its default."""
        known = {**settings, **({"size": settings["shape"]} if settings.get("shape") else {})}
        return [self.shown(name, known.get(name, self.settings[name].default)) for name in self.controls]

    def uploads(self, values: Sequence[Any]) -> dict[str, Path]:
        """Return the paths of the uploaded pictures by their texts, which are their names in the recipe."""
        shown = zip(self.controls, values, strict=True)
        return {path: Path(path) for name, path in shown if name in PICTURES and path}

    def filled(self, settings: Mapping[str, Any]) -> dict[Control, Any]:
        """Return the values that `updates` returns, by control."""
        return dict(zip(self.controls.values(), self.updates(settings), strict=True))

    def shown(self, name: str, value: Any) -> Any:
        """Return the value that a control shows for the value of its setting."""
        one = self.settings[name]
        if name in PICTURES:
            return None
        if one.name == "layer":
            return [str(choice) for choice in parse_layers(value)]
        if one.name == "colors" and value not in COLORS.values():
            return DREAM
        if one.name == "size" and isinstance(value, tuple):
            return "x".join(map(str, value))
        if one.name in PLACES:
            return place_text(value)
        if one.optional:
            return "" if value is None else number_text(value) if isinstance(value, float) else str(value)
        return value


def unchanged(value: Any) -> Any:
    """Return a value as it is."""
    return value


def place_text(place: Sequence[float]) -> str:
    """Return two numbers as a text that `parse_place` reads."""
    return ", ".join(map(number_text, place))


def number_text(number: float) -> str:
    """Return a number as a text without a needless ending `.0`. Reading it gives the same number."""
    return str(int(number)) if number == int(number) else repr(float(number))


def layer_choices(network: Network) -> list[tuple[str, str]]:
    """Return the layers of a network for a dropdown: each with the level of its content."""
    return [(f"{layer.name} · {layer.level}", layer.name) for layer in network.layers()]
