"""What to make: every setting of a picture, and the one home of every default. Knows no torch.

A recipe is plain data. It is checked when it is made, so that everything behind it can rely on it, and it
turns into JSON and back without loss.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, asdict, dataclass, fields, replace
from importlib import import_module
from typing import Any, ClassVar, NamedTuple, TypeAlias

from inceptionism.checks import (
    MAX_SIDE,
    check_choice,
    check_integer,
    check_number,
    check_text,
    checked_size,
    is_finite,
    parse_memory,
)
from inceptionism.errors import InvalidSetting, printable, shown, suggestion
from inceptionism.prior_syntax import parse_prior

SCHEMA = 1
"""The version of the JSON form; a later version reads the earlier ones."""

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")
HOMES = {
    "photo": __name__,
    "class": __name__,
    "zoom": "inceptionism.motion_recipe",
    "video": "inceptionism.motion_recipe",
}
"""The kinds of recipes, and the modules that define them."""

KINDS: dict[str, type[Recipe]] = {}
"""Those of them that are defined by now."""

MAX_SEED = 2**63 - 1
MAX_CHANNEL = 999_999_999

# Weights whose products with any activation are numbers that float32 has.
MIN_WEIGHT, MAX_WEIGHT = 1e-6, 1e6


class Preset(NamedTuple):
    """How a picture from noise is made where a recipe does not say.

    Attributes:
        steps: Of the ascent.
        prior: What keeps the picture natural.
    """

    steps: int
    prior: str


PRESETS = {
    "fine": Preset(352, "fourier + views + 16*statistics"),
    "fast": Preset(96, "fourier + views(noise=0) + 16*statistics"),
}

PHOTO_FACTS = {"name": str, "sha256": str, "height": int, "width": int}
"""What a recipe tells of the photograph: the name of its file, the SHA-256 of its upright pixels, and their size."""


@dataclass(frozen=True)
class LayerChoice:
    """A layer to amplify, or one channel of it, and how much; written `NAME`, `NAME:CHANNEL`, `NAME=WEIGHT`."""

    name: str
    channel: int | None = None
    weight: float = 1.0

    def __post_init__(self) -> None:
        check_text("the name of a layer", self.name)
        if self.channel is not None:
            check_integer(f"the channel of layer {shown(self.name)}", self.channel, 0, MAX_CHANNEL)
        check_number(f"the weight of layer {shown(self.name)}", self.weight)
        if self.weight == 0:
            raise InvalidSetting(
                f"the weight of layer {shown(self.name)} is 0, so it would change nothing; leave it out"
            )
        if not MIN_WEIGHT <= abs(self.weight) <= MAX_WEIGHT:
            raise InvalidSetting(
                f"the weight of layer {shown(self.name)} must be between {MIN_WEIGHT:g} and {MAX_WEIGHT:g} in size, "
                f"not {self.weight:g}"
            )

    @classmethod
    def parse(cls, text: str) -> LayerChoice:
        """Read `NAME[:CHANNEL][=WEIGHT]`."""
        match = re.fullmatch(r"(?P<name>[^=]+?)(:(?P<channel>[0-9]{1,9}))?(=(?P<weight>[^=]+))?", text.strip())
        if not match:
            raise InvalidSetting(f"{shown(text)} is no layer: write NAME, NAME:CHANNEL or NAME=WEIGHT")
        given = match["weight"]
        try:
            weight = float(given) if given else 1.0
        except ValueError:
            reason = f"the weight after = must be a number, not {shown(given)}"
            raise InvalidSetting(f"{shown(text)} is no layer: {reason}") from None
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
            f"layer must be a name, a list of names or a mapping from name to weight, not {shown(layer)}"
        )
    if isinstance(layer, Mapping):
        if not layer:
            raise InvalidSetting("layer is a mapping that names no layer; leave it out for the network's default")
        return tuple(replace(parse_layers(name)[0], weight=weight) for name, weight in layer.items())
    return tuple(one if isinstance(one, LayerChoice) else LayerChoice.parse(one) for one in layer)


@dataclass(frozen=True)
class MadeWith:
    """What a result depends on besides its settings.

    Attributes:
        inceptionism, torch: The versions of the packages.
        device: The kind of device: cpu, cuda or mps.
        weights: The SHA-256 of the network's parameters and buffers.
        photo: The file name, SHA-256 of the upright 8-bit RGB pixels, height and width of the photograph; of a film,
            the SHA-256 of its file.
        precision: In which the network calculated: fp32, bf16 or fp16.
        pictures: Of the other pictures that it was made with, guides and masks say, the SHA-256 by name.
    """

    inceptionism: str
    torch: str
    device: str
    weights: str
    photo: dict[str, Any] | None = None
    precision: str = "fp32"
    pictures: dict[str, str] | None = None

    def __post_init__(self) -> None:
        for name in ("inceptionism", "torch", "device", "weights", "precision"):
            check_text(name, getattr(self, name))
        pictures = self.pictures or {}
        if not isinstance(pictures, dict) or not all(isinstance(one, str) for pair in pictures.items() for one in pair):
            raise InvalidSetting(f"the recipe's pictures must be names with their SHA-256, not {shown(self.pictures)}")
        if self.photo is None:
            return
        if not isinstance(self.photo, dict) or not all(
            name in PHOTO_FACTS and isinstance(value, (PHOTO_FACTS[name], type(None)))
            for name, value in self.photo.items()
        ):
            raise InvalidSetting(
                f"the recipe's photo must be described by {', '.join(PHOTO_FACTS)}, not {shown(self.photo)}"
            )


@dataclass(frozen=True)
class Verdict:
    """What a network that took no part sees in a result.

    Attributes:
        network: Its name.
        weights: The SHA-256 of its parameters and buffers.
        seen: The classes that it finds most likely, each with its probability.
    """

    network: str
    weights: str
    seen: tuple[tuple[str, float], ...]

    def __post_init__(self) -> None:
        check_text("network", self.network)
        check_text("weights", self.weights)
        seen = self.seen
        if not isinstance(seen, (list, tuple)) or not all(
            isinstance(one, (list, tuple)) and len(one) == 2 and isinstance(one[0], str) and is_finite(one[1])
            for one in seen
        ):
            raise InvalidSetting(f"a verdict is of classes with their probabilities, not {shown(seen)}")
        object.__setattr__(self, "seen", tuple((name, float(share)) for name, share in seen))

    def __str__(self) -> str:
        return f"{self.network} sees " + ", ".join(f"{name} {100 * share:.0f}%" for name, share in self.seen)


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

    def described(self) -> list[tuple[str, str]]:
        """Return every setting, and what the result was made with, as pairs of a name and a readable value."""
        pairs = [(name.replace("_", " "), readable(value)) for name, value in self.settings().items()]
        made_with = asdict(self.made_with) if self.made_with else {}
        pairs += [(name, readable(value)) for name, value in made_with.items() if value is not None]
        return pairs + [("verified", printable(str(verdict))) for verdict in self.verdicts]

    def to_json(self) -> str:
        """Return the recipe as JSON: the settings, and what the result was made with."""
        content: dict[str, Any] = {"schema": SCHEMA, **self.settings()}
        if self.made_with is not None:
            content["made_with"] = asdict(self.made_with)
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
        schema = content.pop("schema", None)
        if type(schema) is not int or schema != SCHEMA:
            raise InvalidSetting(f"the recipe has schema {shown(schema)}; this version of inceptionism reads {SCHEMA}")
        kind = content.pop("kind", None)
        if not isinstance(kind, str) or kind not in HOMES:
            raise InvalidSetting(f"the recipe is of kind {shown(kind)}; known are {', '.join(HOMES)}")
        import_module(HOMES[kind])
        made_with = content.pop("made_with", None)
        if made_with is not None:
            content["made_with"] = MadeWith(**known_fields(MadeWith, made_with))
        verdicts = content.pop("verdicts", [])
        if not isinstance(verdicts, list):
            raise InvalidSetting(f"the recipe's verdicts are no list: {shown(verdicts)}")
        content["verdicts"] = tuple(Verdict(**known_fields(Verdict, one)) for one in verdicts)
        return KINDS[kind](**known_fields(KINDS[kind], content))


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


@dataclass(frozen=True, kw_only=True)
class ClassRecipe(Recipe):
    """A picture from noise that the network takes for a class (Olah et al., Distill 2017).

    Attributes:
        target: The class: its name, a synonym or its index; none where an objective is given.
        label: The usual name of the class, filled in by the run.
        preset: Where `prior` and `steps` come from that are not given: "fine" for the best pictures, or "fast" for good
            ones in a quarter of the time.
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
            raise InvalidSetting(f"target must be the name or the index of a class, not {shown(self.target)}")
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


def readable(value: object) -> str:
    """Return a setting's value as a person writes it."""
    if isinstance(value, dict):
        return ", ".join(f"{printable(name)} {readable(one)}" for name, one in value.items() if one is not None)
    if isinstance(value, (list, tuple)):
        return ", ".join(map(readable, value)) or "the network's default"
    return printable(str(value))


def known_fields(kind: type, content: object) -> dict[str, Any]:
    """Return `content` if it is a mapping from fields of the dataclass `kind`, with all that have no default."""
    names = [one.name for one in fields(kind)]
    required = [one.name for one in fields(kind) if one.default is MISSING]
    if not isinstance(content, dict):
        raise InvalidSetting(f"a part of the recipe is not a JSON object: {shown(content)}")
    for name in content:
        if name not in names:
            raise InvalidSetting(f"the recipe has an unknown setting {shown(name)}{suggestion(name, names)}")
    for name in required:
        if name not in content:
            raise InvalidSetting(f"the recipe lacks {name!r}")
    return content
