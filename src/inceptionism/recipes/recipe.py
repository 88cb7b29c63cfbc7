"""Recipes: all settings of a picture or a film, as plain data. Does not import torch.

Recipes define every default. A recipe is checked when it is created, so other code can rely on its values. It can be
converted to JSON and back without loss. Its settings can be converted to TOML and back.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import MISSING, asdict, dataclass, fields
from importlib import import_module
from typing import Any, ClassVar

from inceptionism.errors import InvalidSetting, first_line, printable, quote_value, suggestion
from inceptionism.recipes.provenance import MadeWith, Verdict
from inceptionism.recipes.settings import check_settings, documented, setting
from inceptionism.recipes.toml import read_toml, write_toml
from inceptionism.validation import parse_memory

SCHEMA = 2
"""Version of the recipe format. Later versions of this package still read the earlier formats."""

EARLIER_DEFAULTS: Mapping[int, Mapping[str, Mapping[str, Any]]] = {
    1: {
        "photo": {"octaves": 4, "octave_scale": 1.4, "step_size": 1.5, "prior": "none"}
        | {"depth": 8, "color_space": "srgb"},
        "zoom": {"octave_scale": 1.4, "prior": "none", "wander": 0.0},
        "video": {"octaves": 3, "octave_scale": 1.4, "step_size": 1.0, "first_steps": 10, "prior": "none"},
    },
}
"""Earlier versions of the format, each with the defaults that changed after it, by the kind of recipe.

A recipe of an earlier version that lacks such a setting has the default of its time, so it still gives its old pixels.
"""

HOMES = {
    "photo": "inceptionism.recipes.photo",
    "class": "inceptionism.recipes.visualization",
    "zoom": "inceptionism.recipes.film",
    "video": "inceptionism.recipes.film",
}
"""The kinds of recipes, and the modules that define them."""

KINDS: dict[str, type[Recipe]] = {}
"""The kinds of recipes that are defined so far; `recipe_kinds` returns all of them."""

DEVICES = ("auto", "cpu", "cuda", "mps")
DEVICE_PATTERN = "auto|(cpu|cuda|mps)(:[0-9]{1,3})?"
PRECISIONS = ("auto", "fp32", "bf16", "fp16")

KEEP = "keep"
DREAM = "dream"

MAX_FACTOR = 10.0
"""Largest factor of the contrast and of the saturation."""

MAX_SEED = 2**63 - 1
MAX_STEPS = 100_000


def checked_device(name: str, device: Any) -> str:
    """Return a device as text: one of `DEVICES`, or a device with a number such as "cuda:1".

    Raises:
        InvalidSetting: If it is no device.
    """
    text = str(device) if type(device).__module__ == "torch" else device  # a device of torch
    if not isinstance(text, str) or not re.fullmatch(DEVICE_PATTERN, text):
        raise InvalidSetting(
            f"{name} must be one of {', '.join(DEVICES)}, or one with a number such as cuda:1, "
            f"not {quote_value(device)}"
        )
    return text


def checked_memory(_name: str, memory: Any) -> str:
    """Return an amount of memory as it is written; raise `InvalidSetting` if it is not an amount."""
    parse_memory(memory)
    return str(memory)


@documented
@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings that every kind of recipe has."""

    kind: ClassVar[str]

    network: str = setting(
        "efficientnet-lite0",
        "Network to use: a name that `dream networks` lists, or the path of a Caffe or ONNX file",
        group="what",
    )
    objective: str | None = setting(
        None,
        'Objective to maximize, written as a sum, for example "0.5*layer(blocks.4) + class(banana, where=mask.png)"',
        group="what",
        note="docs/objectives.md lists all objectives.",
    )
    seed: int = setting(
        0, "Random seed: the same seed gives the same picture", group="how", minimum=0, maximum=MAX_SEED
    )
    colors: str = setting(
        DREAM,
        "Colors of the result: keep, dream, or the name of a picture",
        group="how",
        note="With keep, only the lightness is dreamed, and a zoom keeps the colors of its first frame. With the name "
        "of a picture, the result gets the colors of that picture.",
    )
    contrast: float = setting(1.0, "Factor of the contrast of the result", group="how", minimum=0, maximum=MAX_FACTOR)
    saturation: float = setting(
        1.0,
        "Factor of the saturation of the result",
        group="how",
        minimum=0,
        maximum=MAX_FACTOR,
        note="With 0, the result is gray.",
    )
    device: str = setting(
        "auto",
        "Device to compute on",
        group="machine",
        note="It is auto, cpu, cuda or mps, or one of several GPUs such as cuda:1. With auto, a GPU is used if the "
        "machine has one.",
        pattern=DEVICE_PATTERN,
        convert=checked_device,
    )
    precision: str = setting(
        "auto",
        "Number format of the network",
        group="machine",
        choices=PRECISIONS,
        note="With auto, bf16 is used where it is faster.",
    )
    memory: str | None = setting(
        None,
        "Memory limit of the program, for example 2GB",
        group="machine",
        absent="half of the machine's memory, or 80% of a smaller limit of the system",
        note="Larger pictures are processed in tiles.",
        convert=checked_memory,
    )
    made_with: MadeWith | None = setting(None, "Versions, device, weights and photograph; filled in by the run")
    verdicts: tuple[Verdict, ...] = setting((), "Classes that independent networks see in the result")

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            KINDS[cls.kind] = cls

    def __post_init__(self) -> None:
        check_settings(self)

    def settings(self) -> dict[str, Any]:
        """Return the settings that have a value, as plain JSON values by name."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        values.pop("made_with", None)
        values.pop("verdicts")
        return {"kind": self.kind, **values}

    @property
    def title(self) -> str:
        """Short title of the picture."""
        return titled(self.objective or self.kind)

    def described(self) -> list[tuple[str, str]]:
        """Return every setting, and everything the result was made with, as pairs of a name and a readable value."""
        pairs = [(name.replace("_", " "), readable_value(value)) for name, value in self.settings().items()]
        made_with = self.made_with.facts() if self.made_with else {}
        pairs += [(name, readable_value(value)) for name, value in made_with.items()]
        return pairs + [("verified", printable(str(verdict))) for verdict in self.verdicts]

    def to_json(self) -> str:
        """Return the recipe as JSON: the settings, and everything the result was made with."""
        content: dict[str, Any] = {"schema": SCHEMA, **self.settings()}
        if self.made_with is not None:
            content["made_with"] = self.made_with.facts()
        if self.verdicts:
            content["verdicts"] = [asdict(verdict) for verdict in self.verdicts]
        return json.dumps(content)

    @staticmethod
    def from_json(text: str) -> Recipe:
        """Return the recipe that `to_json` wrote.

        Raises:
            InvalidSetting: If the text is not JSON, has a schema of a newer version, or a setting is not valid.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidSetting(f"the recipe is not JSON: {first_line(error)}") from None
        if not isinstance(content, dict):
            raise InvalidSetting("the recipe is not a JSON object")
        return Recipe.from_settings(content)

    def to_toml(self) -> str:
        """Return the settings as TOML, to edit by hand, without the facts about how the result was made.

        Comments name the parts of the recipe that exist only in Python.
        """
        comments = self.made_with.missing_code() if self.made_with else []
        return "".join(f"# {one}\n" for one in comments) + write_toml({"schema": SCHEMA, **self.settings()})

    @staticmethod
    def from_toml(text: str, called: str = "the recipe") -> Recipe:
        """Return the recipe in a TOML text that a person wrote. `schema` is optional in it.

        Args:
            text: The TOML text.
            called: Name of the text in messages, for example the path of its file.

        Raises:
            InvalidSetting: If the text is not TOML, or a setting is not valid; the message names the line.
        """
        return read_toml(text, Recipe.from_toml_settings, called)

    @staticmethod
    def from_toml_settings(content: Mapping[str, Any]) -> Recipe:
        """Return the recipe of the values in a TOML text, in which `schema` is optional.

        Raises:
            InvalidSetting: If a setting is not valid.
        """
        return Recipe.from_settings({"schema": SCHEMA, **content})

    @staticmethod
    def from_settings(content: dict[str, Any]) -> Recipe:
        """Return the recipe of plain values, as `to_json` writes them.

        Raises:
            InvalidSetting: If a setting is not valid.
        """
        content = dict(content)
        schema = content.pop("schema", None)
        if type(schema) is not int or schema not in (*EARLIER_DEFAULTS, SCHEMA):
            raise InvalidSetting(
                f"the recipe has schema {quote_value(schema)}, "
                f"but this version of inceptionism reads only the schemas 1 to {SCHEMA}"
            )
        kind, kinds = content.pop("kind", None), recipe_kinds()
        if not isinstance(kind, str) or kind not in kinds:
            raise InvalidSetting(
                f"the recipe has the unknown kind {quote_value(kind)}; the kinds are {', '.join(kinds)}"
            )
        content = {**EARLIER_DEFAULTS.get(schema, {}).get(kind, {}), **content}
        made_with = content.pop("made_with", None)
        if made_with is not None:
            content["made_with"] = MadeWith(**known_fields(MadeWith, made_with))
        verdicts = content.pop("verdicts", [])
        if not isinstance(verdicts, list):
            raise InvalidSetting(f"the recipe's verdicts must be a list, not {quote_value(verdicts)}")
        content["verdicts"] = tuple(Verdict(**known_fields(Verdict, one)) for one in verdicts)
        return kinds[kind](**known_fields(kinds[kind], content))


def recipe_kinds() -> dict[str, type[Recipe]]:
    """Return all kinds of recipes by name."""
    for module in set(HOMES.values()):
        import_module(module)
    return {kind: KINDS[kind] for kind in HOMES}


def titled(objective: str) -> str:
    """Return the title of a picture of an objective: the name of the unit, or the whole text for other objectives."""
    unit = re.match(r"(?:channel|neuron)\(([^,()]+)\)", objective)
    return unit[1] if unit else objective


def readable_value(value: object) -> str:
    """Return the value of a setting as a person writes it."""
    if isinstance(value, dict):
        return ", ".join(f"{printable(name)} {readable_value(one)}" for name, one in value.items() if one is not None)
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, int) for one in value):
        return "×".join(map(str, value))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(readable_value, value)) or "the network's default"
    return printable(str(value))


def known_fields(kind: type, content: object) -> Mapping[str, Any]:
    """Return a mapping of values after checking its names against the fields of a dataclass.

    Raises:
        InvalidSetting: If the content is not a mapping, has an unknown name, or lacks a field without a default.
    """
    names = [one.name for one in fields(kind)]
    if not isinstance(content, dict):
        raise InvalidSetting(f"a part of the recipe must be a JSON object, not {quote_value(content)}")
    for name in content:
        if name not in names:
            raise InvalidSetting(f"the recipe has an unknown setting {quote_value(name)}{suggestion(name, names)}")
    for one in fields(kind):
        if one.default is MISSING and one.name not in content:
            raise InvalidSetting(f"the recipe lacks {one.name!r}")
    return content
