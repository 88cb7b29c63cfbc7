"""What is known of networks that go by a name: their files, where those can be had, and what the pictures must be."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from functools import cache
from importlib import resources
from importlib.metadata import entry_points
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.networks.hub.download import RemoteFile
from inceptionism.validation import check_choice, check_text

GROUP = "inceptionism.networks"
"""The group of entry points by which other packages name networks."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
"""What a network may be called."""

KINDS = ("caffe", "onnx", "efficientnet-lite")
"""What an architecture can be besides torchvision/NAME and timm/NAME."""


@dataclass(frozen=True)
class Entry:
    """A network that goes by a name.

    Attributes:
        name: What it is called: letters, digits and . _ + - alone.
        architecture: What its files hold: "caffe", "onnx", or weights of "torchvision/NAME" or "timm/NAME"; or
            "efficientnet-lite", whose weights are in a package.
        about: What it is, or is good for, in a few words.
        files: What it consists of, each with its checksum and where it can be had.
        package: The distribution that its weights come with, if they do.
        mean, std, range, channels, size: What the pictures must be, as `Network` takes them; those that an
            architecture knows by itself may be left out.
        labels: "imagenet", the name of one of its files with a class in each line, or none.
        license: Under which it may be used.
        origin: Whose it is, and where it comes from.
        recommended: The layers to try first, from early to late.
        default_layer: Where a photograph is dreamed.

    Raises:
        InvalidSetting: one of them is not what is said above.
    """

    name: str
    architecture: str
    about: str = ""
    files: tuple[RemoteFile, ...] = ()
    package: str | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    range: float | None = None
    channels: str | None = None
    size: int | Sequence[int] | None = None
    labels: str | None = None
    license: str | None = None
    origin: str | None = None
    recommended: Sequence[str] | None = None
    default_layer: str | None = field(default=None)

    def __post_init__(self) -> None:
        check_name(self.name)
        check_text("architecture", self.architecture)
        if not self.architecture.startswith(("torchvision/", "timm/")):
            check_choice("architecture", self.architecture, (*KINDS, "torchvision/NAME", "timm/NAME"))

    @classmethod
    def read(cls, values: object, where: str) -> Entry:
        """Return the entry that a mapping describes, as JSON has it.

        Args:
            values: Keys are the attributes.
            where: Said in the sentence of an error.

        Raises:
            InvalidSetting: it has other keys, or values that an entry cannot have.
        """
        if isinstance(values, Entry):
            return values
        if not isinstance(values, Mapping):
            raise InvalidSetting(f"{where} describes a network by {quote_value(values)}, where a mapping is needed")
        known = {one.name for one in fields(cls)}
        if unknown := [key for key in values if key not in known]:
            raise InvalidSetting(f"{where} has {quote_value(unknown[0])}; a network has {', '.join(sorted(known))}")
        try:
            files = tuple(
                RemoteFile(one["name"], tuple(one.get("urls", ())), one.get("size"), one["checksum"])
                for one in values.get("files", ())
            )
            given: dict[str, Any] = {
                key: tuple(value) if isinstance(value, list) else value for key, value in values.items()
            }
            return cls(**{**given, "files": files})
        except InvalidSetting as error:
            raise InvalidSetting(f"{where}: {error}") from error
        except (KeyError, TypeError, AttributeError) as error:
            raise InvalidSetting(f"{where} describes a network that lacks something: {error}") from error

    def to_json(self) -> str:
        """Return it as JSON, without what it says nothing of."""
        return json.dumps({key: value for key, value in asdict(self).items() if value not in (None, "", ())}, indent=2)

    @property
    def input(self) -> dict[str, Any]:
        """What of `Network`'s arguments is known."""
        names = ("mean", "std", "range", "channels", "size", "license", "origin", "recommended", "default_layer")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def check_name(name: object) -> None:
    """Raise `InvalidSetting` unless a network may be called `name`."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidSetting(f"a network's name must be of letters, digits and . _ + - alone, not {quote_value(name)}")


@cache
def known_entries() -> dict[str, Entry]:
    """Return the networks that are known here, by name."""
    text = resources.files("inceptionism.networks.hub").joinpath("known.json").read_text("utf-8")
    entries = [Entry.read(values, "known.json") for values in json.loads(text)]
    return {entry.name: entry for entry in entries}


def plugin_entries() -> dict[str, Entry]:
    """Return the networks that other installed packages name, by name; those known here come first.

    An entry point of the group "inceptionism.networks" is one entry or several, or a function that returns them.

    Raises:
        InvalidSetting: what a package names is no network.
    """
    found: dict[str, Entry] = {}
    for point in sorted(entry_points(group=GROUP), key=lambda one: one.value):
        where = f"the entry point {point.name} = {point.value}"
        try:
            given = point.load()
            given = given() if isinstance(given, Callable) else given  # type: ignore[arg-type]
        except Exception as error:  # the code of others: whatever it raises is its error
            raise InvalidSetting(f"{where} cannot be loaded: {type(error).__name__}: {error}") from error
        several = given if isinstance(given, Iterable) and not isinstance(given, Mapping) else [given]
        for values in several:
            entry = Entry.read(values, where)
            found.setdefault(entry.name, entry)
    return {name: entry for name, entry in found.items() if name not in known_entries()}
