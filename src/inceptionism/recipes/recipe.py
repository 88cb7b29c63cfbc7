"""What to make: every setting of a picture, and the one home of every default. Knows no torch.

A recipe is plain data. It is checked when it is made, so that everything behind it can rely on it, and it
turns into JSON and back without loss; its settings turn into TOML and back.
"""

from __future__ import annotations

import json
import re
from dataclasses import MISSING, asdict, dataclass, fields
from importlib import import_module
from typing import Any, ClassVar, NamedTuple

from inceptionism.errors import InvalidSetting, printable, quote_value, suggestion
from inceptionism.recipes.layers import LayerChoice, parse_layers
from inceptionism.recipes.priors import parse_prior
from inceptionism.recipes.provenance import MadeWith, Verdict
from inceptionism.recipes.toml import read_toml, write_toml
from inceptionism.validation import (
    MAX_SIDE,
    check_choice,
    check_integer,
    check_number,
    check_text,
    checked_size,
    parse_memory,
)

SCHEMA = 1
"""The version of the JSON form; a later version reads the earlier ones."""

HOMES = {
    "photo": __name__,
    "class": __name__,
    "zoom": "inceptionism.recipes.film",
    "video": "inceptionism.recipes.film",
}
"""The kinds of recipes, and the modules that define them."""

KINDS: dict[str, type[Recipe]] = {}
"""Those of them that are defined by now; `recipe_kinds` has all."""

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")

MAX_SEED = 2**63 - 1

NONE = "none"
"""How recipes write that a setting with a default is nothing: TOML has no other way."""


class Preset(NamedTuple):
    """How a picture from noise is made where a recipe does not say.

    Attributes:
        steps: Of the ascent.
        prior: What keeps the picture natural.
    """

    steps: int
    prior: str


PRESETS = {
    "fine": Preset(400, "fourier + views + 16*statistics"),
    "fast": Preset(116, "fourier + views(noise=0.06) + 16*statistics"),
}


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The settings that every kind of picture has.

    Attributes:
        network: The name of the network.
        objective: What to maximize in place of a layer or a class, as it is written (see `composing`); or what an
            objective that a program made says of itself.
        seed: Of the one generator that every random choice comes from.
        device: auto takes a GPU where there is one.
        precision: Of the network's numbers: fp32, bf16 or fp16; auto takes bf16 where it is known to be faster.
        memory: How much the program may take, "2GB" say; by default half of what the machine has. Larger
            pictures are seen in tiles.
        made_with: Filled in by the run that made the picture.
        verdicts: What other networks see in it, if they were asked.
    """

    kind: ClassVar[str]

    network: str = "efficientnet-lite0"
    objective: str | None = None
    seed: int = 0
    device: str = "auto"
    precision: str = "auto"
    memory: str | None = None
    made_with: MadeWith | None = None
    verdicts: tuple[Verdict, ...] = ()

    def __init_subclass__(cls) -> None:
        if "kind" in vars(cls):
            KINDS[cls.kind] = cls

    def __post_init__(self) -> None:
        check_text("network", self.network)
        if self.objective is not None:
            check_text("objective", self.objective)
        check_integer("seed", self.seed, 0, MAX_SEED)
        check_choice("device", self.device, DEVICES)
        check_choice("precision", self.precision, PRECISIONS)
        if self.memory is not None:
            parse_memory(self.memory)

    def settings(self) -> dict[str, Any]:
        """Return the settings that are given, as plain JSON values by name."""
        values = {name: value for name, value in asdict(self).items() if value is not None}
        values.pop("made_with", None)
        values.pop("verdicts")
        return {"kind": self.kind, **values}

    @property
    def title(self) -> str:
        """What the picture is called, in a word or two."""
        return titled(self.objective or self.kind)

    def described(self) -> list[tuple[str, str]]:
        """Return every setting, and what the result was made with, as pairs of a name and a readable value."""
        pairs = [(name.replace("_", " "), readable_value(value)) for name, value in self.settings().items()]
        made_with = self.made_with.facts() if self.made_with else {}
        pairs += [(name, readable_value(value)) for name, value in made_with.items()]
        return pairs + [("verified", printable(str(verdict))) for verdict in self.verdicts]

    def to_json(self) -> str:
        """Return the recipe as JSON: the settings, and what the result was made with."""
        content: dict[str, Any] = {"schema": SCHEMA, **self.settings()}
        if self.made_with is not None:
            content["made_with"] = self.made_with.facts()
        if self.verdicts:
            content["verdicts"] = [asdict(verdict) for verdict in self.verdicts]
        return json.dumps(content)

    @staticmethod
    def from_json(text: str) -> Recipe:
        """Read what `to_json` wrote.

        Raises:
            InvalidSetting: it is not JSON, its schema is newer than this package knows, or a setting is not valid.
        """
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise InvalidSetting(f"the recipe is not JSON: {error}") from None
        if not isinstance(content, dict):
            raise InvalidSetting("the recipe is not a JSON object")
        return Recipe.from_settings(content)

    def to_toml(self) -> str:
        """Return the settings as TOML, to be changed by hand; what the result was made with is not among them."""
        return write_toml({"schema": SCHEMA, **self.settings()})

    @staticmethod
    def from_toml(text: str, called: str = "the recipe") -> Recipe:
        """Read a recipe that someone wrote; `schema` may be left out.

        Args:
            text: What is read.
            called: What its errors call it: the name of its file, say.

        Raises:
            InvalidSetting: it is not TOML, or a setting is not valid; the sentence names the line.
        """
        return read_toml(text, lambda content: Recipe.from_settings({"schema": SCHEMA, **content}), called)

    @staticmethod
    def from_settings(content: dict[str, Any]) -> Recipe:
        """Return the recipe that plain values stand for, as `to_json` writes them.

        Raises:
            InvalidSetting: a setting is not valid.
        """
        content = dict(content)
        schema = content.pop("schema", None)
        if type(schema) is not int or schema != SCHEMA:
            raise InvalidSetting(
                f"the recipe has schema {quote_value(schema)}; this version of inceptionism reads {SCHEMA}"
            )
        kind, kinds = content.pop("kind", None), recipe_kinds()
        if not isinstance(kind, str) or kind not in kinds:
            raise InvalidSetting(f"the recipe is of kind {quote_value(kind)}; known are {', '.join(kinds)}")
        made_with = content.pop("made_with", None)
        if made_with is not None:
            content["made_with"] = MadeWith(**known_fields(MadeWith, made_with))
        verdicts = content.pop("verdicts", [])
        if not isinstance(verdicts, list):
            raise InvalidSetting(f"the recipe's verdicts are no list: {quote_value(verdicts)}")
        content["verdicts"] = tuple(Verdict(**known_fields(Verdict, one)) for one in verdicts)
        return kinds[kind](**known_fields(kinds[kind], content))


@dataclass(frozen=True, kw_only=True)
class PhotoRecipe(Recipe):
    """A photograph dreamed as in 2015 (Mordvintsev, Olah & Tyka).

    Attributes:
        layer: What to amplify; by default the network's default layer.
        octaves: How many sizes, each `octave_scale` times the one before; the last one is the output's.
        octave_scale: The ratio of one octave's size to the one before it.
        steps: In each octave.
        step_size: The mean change of a pixel in one step, in 8-bit gray levels.
        jitter: The largest shift in pixels by which the picture is moved about at each step.
        size: The longer side of the output in pixels; by default the photograph's own.
        prior: What keeps the picture natural, see `prior_syntax`.
        guide: The picture whose activations those of the layer are moved toward, by its file's name.
        mask: The picture that is white where the photograph is to be dreamed, by its file's name.
    """

    kind = "photo"

    layer: tuple[LayerChoice, ...] = ()
    octaves: int = 4
    octave_scale: float = 1.4
    steps: int = 10
    step_size: float = 1.5
    jitter: int = 32
    size: int | None = None
    prior: str = "none"
    guide: str | None = None
    mask: str | None = None

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "layer", parse_layers(self.layer))
        if self.layer and self.objective is not None:
            raise InvalidSetting("give either a layer or an objective, not both")
        if self.guide is not None and self.objective is not None:
            raise InvalidSetting("give either a guide or an objective; in an objective, write guide(layer, picture)")
        for name in ("guide", "mask"):
            if getattr(self, name) is not None:
                check_text(name, getattr(self, name))
        check_integer("octaves", self.octaves, 1, 32)
        check_number("octave_scale", self.octave_scale, above=1, at_most=16)
        check_integer("steps", self.steps, 1, 100_000)
        check_number("step_size", self.step_size, above=0, at_most=255)
        check_integer("jitter", self.jitter, 0, MAX_SIDE)
        if self.size is not None:
            check_integer("size", self.size, 1, MAX_SIDE)
        parse_prior(self.prior, photo=True)

    def settings(self) -> dict[str, Any]:
        return {**super().settings(), "layer": [str(choice) for choice in self.layer]}

    @property
    def title(self) -> str:
        photo = self.made_with.photo if self.made_with else None
        name = (photo or {}).get("name") or "photo"
        return f"{name} · {', '.join(map(str, self.layer)) or self.objective or 'the default layer'}"


@dataclass(frozen=True, kw_only=True)
class ClassRecipe(Recipe):
    """A picture from noise that the network takes for a class (Olah et al., Distill 2017).

    Attributes:
        target: The class: its name, a synonym or its index; none where an objective is given.
        label: The usual name of the class, filled in by the run.
        preset: Where `prior` and `steps` come from that are not given: "fine" for the best pictures, or "fast" for good
            ones in a third of the time.
        prior: What keeps the picture natural, see `prior_syntax`; "none" for plain ascent on the pixels. By default
            the preset's, as far as the network allows.
        size: The height and width in pixels; one number stands for both.
        steps: Of the ascent; by default the preset's.
        together: How many pictures are made together, each from another noise, so that they may differ on purpose.
        number: Which of them this is, from 0.
    """

    kind = "class"

    target: str | int | None = None
    label: str | None = None
    preset: str = "fine"
    prior: str | None = None
    size: tuple[int, int] = (224, 224)
    steps: int | None = None
    together: int = 1
    number: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "size", checked_size(self.size))
        if (self.target is None) == (self.objective is None):
            raise InvalidSetting("give either a class or an objective")
        if self.target is not None and (isinstance(self.target, bool) or not isinstance(self.target, (str, int))):
            raise InvalidSetting(f"target must be the name or the index of a class, not {quote_value(self.target)}")
        if self.label is not None:
            check_text("label", self.label)
        if self.prior is not None:
            parse_prior(self.prior)
        if self.steps is not None:
            check_integer("steps", self.steps, 1, 100_000)
        check_choice("preset", self.preset, tuple(PRESETS))
        check_integer("together", self.together, 1, 64)
        check_integer("number", self.number, 0, self.together - 1)

    def settings(self) -> dict[str, Any]:
        values = super().settings()
        if self.together == 1:
            del values["together"], values["number"]
        return values

    @property
    def title(self) -> str:
        return titled(self.objective) if self.objective is not None else self.label or str(self.target)


def recipe_kinds() -> dict[str, type[Recipe]]:
    """Return the kinds of recipes that there are, by name."""
    for module in set(HOMES.values()):
        import_module(module)
    return {kind: KINDS[kind] for kind in HOMES}


def titled(objective: str) -> str:
    """Return what a picture of an objective is called: of a unit, its name."""
    unit = re.match(r"(?:channel|neuron)\(([^,()]+)\)", objective)
    return unit[1] if unit else objective


def readable_value(value: object) -> str:
    """Return a setting's value as a person writes it."""
    if isinstance(value, dict):
        return ", ".join(f"{printable(name)} {readable_value(one)}" for name, one in value.items() if one is not None)
    if isinstance(value, (list, tuple)) and value and all(isinstance(one, int) for one in value):
        return "×".join(map(str, value))
    if isinstance(value, (list, tuple)):
        return ", ".join(map(readable_value, value)) or "the network's default"
    return printable(str(value))


def known_fields(kind: type, content: object) -> dict[str, Any]:
    """Return `content` if it is a mapping from fields of the dataclass `kind`, with all that have no default."""
    names = [one.name for one in fields(kind)]
    required = [one.name for one in fields(kind) if one.default is MISSING]
    if not isinstance(content, dict):
        raise InvalidSetting(f"a part of the recipe is not a JSON object: {quote_value(content)}")
    for name in content:
        if name not in names:
            raise InvalidSetting(f"the recipe has an unknown setting {quote_value(name)}{suggestion(name, names)}")
    for name in required:
        if name not in content:
            raise InvalidSetting(f"the recipe lacks {name!r}")
    return content
