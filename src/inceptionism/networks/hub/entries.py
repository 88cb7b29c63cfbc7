"""Entries of the registry. An entry has the files of a named network, their sources, and the format of its input."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.networks.hub.remote_file import MAX_FILE_BYTES, RemoteFile
from inceptionism.networks.input_channels import read_channels
from inceptionism.plugins import explained_failure, point_text, points_of
from inceptionism.validation import check_choice, check_integer, check_number, check_text, checked_size

GROUP = "inceptionism.networks"
"""Group of entry points with which other packages register networks."""

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.+-]{0,63}")
"""Valid names of networks."""

LIBRARIES = ("torchvision", "timm", "open_clip")
"""Libraries with networks of their own. Such a network has the name LIBRARY/NAME, and so has its architecture."""

KINDS = ("caffe", "onnx", "efficientnet-lite", *(f"{library}/NAME" for library in LIBRARIES))
"""Valid architectures."""

TEXTS = ("about", "package", "labels", "license", "origin", "default_layer")
"""Attributes of an entry that are texts or None."""


@dataclass(frozen=True)
class Entry:
    """Description of a network that has a name.

    Attributes:
        name: Name of the network: at most 64 letters, digits and . _ + -, beginning with a letter or digit.
        architecture: Type of the files: "caffe", "onnx", or weights for "torchvision/NAME", "timm/NAME" or
            "open_clip/NAME". It is "efficientnet-lite" for networks whose weights are in a package.
        about: Short description of the network.
        files: Files of the network, each with its checksum and its sources.
        package: Name of the distribution that contains the weights, with hyphens. None if there is none.
        weights_size: Approximate size in bytes of the weights that a library downloads. None if it is not known.
        mean: Mean of each channel, as for `Network`. None means the mean of the architecture. The same is true for
            `std`, `range`, `channels` and `size`.
        std: Standard deviation of each channel.
        range: Value of white.
        channels: Order of the colors, or names of all channels.
        size: Height and width of the pictures in training, in pixels.
        labels: "imagenet", the name of one of the files with one class in each line, or None.
        license: License of the network.
        origin: Author and source of the network.
        recommended: Layers to try first, from early to late.
        default_layer: Layer at which a photograph is dreamed.

    Raises:
        InvalidSetting: If an attribute has the wrong type or is out of range.
    """

    name: str
    architecture: str
    about: str = ""
    files: tuple[RemoteFile, ...] = ()
    package: str | None = None
    weights_size: int | None = None
    mean: Sequence[float] | None = None
    std: Sequence[float] | None = None
    range: float | None = None
    channels: str | Sequence[str] | None = None
    size: int | Sequence[int] | None = None
    labels: str | None = None
    license: str | None = None
    origin: str | None = None
    recommended: Sequence[str] | None = None
    default_layer: str | None = None

    def __post_init__(self) -> None:
        check_name(self.name)
        check_text("architecture", self.architecture)
        if not self.architecture.startswith(tuple(f"{library}/" for library in LIBRARIES)):
            check_choice("architecture", self.architecture, KINDS)
        for name in TEXTS:
            if not isinstance(getattr(self, name), (str, type(None))):
                raise InvalidSetting(f"{name} must be a text, not {quote_value(getattr(self, name))}")
        if self.range is not None:
            check_number("range", self.range, above=0)
        if self.channels is not None:
            read_channels(self.channels)
            if not isinstance(self.channels, str):
                object.__setattr__(self, "channels", tuple(self.channels))
        if self.weights_size is not None:
            check_integer("weights_size", self.weights_size, 1, MAX_FILE_BYTES)
        self._check_list("mean", check_number)
        self._check_list("std", check_number)
        self._check_list("recommended", check_text)
        if self.size is not None:
            object.__setattr__(self, "size", checked_size(self.size))

    def _check_list(self, name: str, check: Callable[[str, object], None]) -> None:
        """Check the items of a list, and store the list as a tuple, so that the entry is hashable."""
        values = getattr(self, name)
        if values is None:
            return
        if isinstance(values, str) or not isinstance(values, Sequence) or not values:
            raise InvalidSetting(f"{name} must be a list that is not empty, not {quote_value(values)}")
        for value in values:
            check(f"each value of {name}", value)
        object.__setattr__(self, name, tuple(values))

    @classmethod
    def read(cls, values: object, where: str) -> Entry:
        """Return the entry that a mapping from JSON describes.

        Args:
            values: Mapping from the names of the attributes to their values, or an entry.
            where: Source of the values, for error messages.

        Raises:
            InvalidSetting: If the mapping has other keys, or values that an entry cannot have.
        """
        if isinstance(values, Entry):
            return values
        if not isinstance(values, Mapping):
            raise InvalidSetting(f"{where} describes a network by {quote_value(values)}, but a mapping is needed")
        names = {attribute.name for attribute in fields(cls)}
        if unknown := [key for key in values if key not in names]:
            raise InvalidSetting(
                f"{where} has an unknown key {quote_value(unknown[0])}; the keys are {', '.join(sorted(names))}"
            )
        try:
            if missing := [name for name in ("name", "architecture") if name not in values]:
                raise InvalidSetting(f"a network needs {' and '.join(missing)}")
            files = values.get("files") or ()
            if not isinstance(files, Sequence) or not all(isinstance(file, Mapping) for file in files):
                raise InvalidSetting(f"files must be a list of mappings, not {quote_value(files)}")
            return cls(**{**values, "files": tuple(map(RemoteFile.read, files))})
        except InvalidSetting as error:
            raise InvalidSetting(f"{where}: {error}") from error

    def to_json(self) -> str:
        """Return the entry as JSON, without attributes that have their default value."""
        defaults = {attribute.name: attribute.default for attribute in fields(self)}
        return json.dumps({key: value for key, value in asdict(self).items() if value != defaults[key]}, indent=2)

    @property
    def library(self) -> str:
        """The library that downloads the weights into its own cache. Empty if the entry has its own files."""
        library, _, model = self.architecture.partition("/")
        return library if model and not self.files else ""

    @property
    def can_be_downloaded(self) -> bool:
        """Whether all files of the network have sources, or a library downloads its weights."""
        return bool(self.library) or (bool(self.files) and all(file.urls for file in self.files))

    @property
    def unverified(self) -> tuple[RemoteFile, ...]:
        """The files without a published checksum. Nobody can tell whether a downloaded one is the original."""
        return tuple(file for file in self.files if file.checksum is None)

    @property
    def download_size(self) -> int:
        """The size of the download in bytes. 0 if it is not known."""
        sizes = [file.size for file in self.files]
        return self.weights_size or (0 if None in sizes else sum(size or 0 for size in sizes))

    @property
    def size_text(self) -> str:
        """The size of the download in words, in millions of bytes."""
        return f"{self.download_size / 1e6:.0f} MB" if self.download_size else "of unknown size"

    @property
    def input(self) -> dict[str, Any]:
        """The values of the entry that are arguments of `Network`, by the name of the argument."""
        names = ("mean", "std", "range", "channels", "size", "license", "origin", "recommended", "default_layer")
        return {name: value for name in names if (value := getattr(self, name)) is not None}


def check_name(name: object) -> None:
    """Raise `InvalidSetting` unless `name` is a valid name of a network."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise InvalidSetting(
            "a network's name must have at most 64 letters, digits and . _ + - and begin with a letter or digit, "
            f"not {quote_value(name)}"
        )


def architecture_of(files: Sequence[Path]) -> str:
    """Return the architecture of a network, according to the names of its files.

    Raises:
        InvalidSetting: If the names do not show the architecture.
    """
    suffixes = {path.suffix for path in files}
    if suffixes & {".prototxt", ".caffemodel"}:
        return "caffe"
    if ".onnx" in suffixes:
        return "onnx"
    raise InvalidSetting(
        f"the architecture of {', '.join(map(str, files))} is not known; give --architecture torchvision/NAME, "
        "timm/NAME or open_clip/NAME, or a .prototxt with its .caffemodel, or an .onnx file"
    )


def is_ready(entry: Entry) -> bool:
    """Return whether an installed package has the files of a network."""
    try:
        return entry.package is not None and bool(version(entry.package))
    except PackageNotFoundError:
        return False


def package_folder(entry: Entry) -> Path | None:
    """Return the folder of the installed package of a network, if the entry has files. None if there is no package.

    The folder has the form of a folder in the user's store: the files of the network, and their description.
    """
    # Only the files are needed, so the package itself is never imported.
    module = entry.package.replace("-", "_") if entry.files and entry.package else ""
    spec = find_spec(module) if module else None
    return Path(spec.origin).parent if spec is not None and spec.origin is not None else None


@cache
def known_entries() -> dict[str, Entry]:
    """Return the entries of this package, by name."""
    text = resources.files("inceptionism.networks.hub").joinpath("known.json").read_text("utf-8")
    entries = [Entry.read(values, "known.json") for values in json.loads(text)]
    return {entry.name: entry for entry in entries}


def plugin_entries() -> dict[str, Entry]:
    """Return the entries that other installed packages register, by name.

    An entry point of the group "inceptionism.networks" is one entry, several entries, or a function that returns them.
    An entry with the name of one of this package's entries is ignored.

    Raises:
        InvalidSetting: If an entry point cannot be loaded, or if an entry is not valid.
    """
    entries: dict[str, Entry] = {}
    for point in points_of(GROUP):
        with explained_failure(point, "cannot be loaded"):
            loaded = point.load()
            loaded = loaded() if isinstance(loaded, Callable) else loaded  # type: ignore[arg-type]
            several = isinstance(loaded, Iterable) and not isinstance(loaded, Mapping)
            described = list(loaded) if several else [loaded]
        for values in described:
            entry = Entry.read(values, point_text(point))
            entries.setdefault(entry.name, entry)
    return {name: entry for name, entry in entries.items() if name not in known_entries()}
