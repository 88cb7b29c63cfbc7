"""The names of the layers and classes of a network, as far as they are known without loading it. Does not import torch.

Completion in shells needs them at once. The layers of the default network come with the package. The layers of another
network are kept in the user's cache when they are listed.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache, lru_cache
from importlib import resources
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING

from inceptionism.errors import InceptionismError
from inceptionism.files import cache_folder, hash_text, is_folder, path_exists, read_text
from inceptionism.networks.hub.entries import NAME, known_entries
from inceptionism.networks.hub.label_files import labels_of
from inceptionism.networks.hub.store import DESCRIPTION, files_folder, find_entry, folder_of
from inceptionism.networks.labels import Labels, imagenet_labels
from inceptionism.version import __version__

if TYPE_CHECKING:
    from inceptionism.networks.layers import Layer

INSTALLED = "layers.json"
"""File in this package with the layers of networks that are installed with it. `make reference` writes it."""


def known_layers(name: str) -> Mapping[str, str]:
    """Return the levels of the listed layers of a network, by the names of the layers. It is empty if they are unknown.

    Args:
        name: Name or path of the network.
    """
    installed = installed_layers().get(name)
    if installed is not None:
        return installed
    path = kept_path(name)
    with suppress(InceptionismError, ValueError):  # without the file, nothing is known
        layers = json.loads(read_text(path))
        if isinstance(layers, dict):
            return {str(layer): str(level) for layer, level in layers.items()}
    return {}


def keep_layers(name: str, layers: Sequence[Layer]) -> None:
    """Keep the names and levels of the listed layers of a network in the user's cache.

    Args:
        name: Name or path of the network.
        layers: Its layers.
    """
    path = kept_path(name)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    with suppress(OSError):  # without the file, the completion of layers is missing, and nothing else
        path.parent.mkdir(parents=True, exist_ok=True)
        part.write_text(layers_text(layers), "utf-8")
        part.replace(path)


def layers_text(layers: Sequence[Layer]) -> str:
    """Return the names and levels of layers as JSON."""
    return json.dumps({layer.name: layer.level for layer in layers})


def kept_path(name: str) -> Path:
    """Return the path of the file in the user's cache for the layers of a network in its present version."""
    path = Path(os.path.expanduser(name))  # noqa: PTH111  # the method of Path raises an error for unknown users
    if path_exists(path):
        files = sorted(path.iterdir()) if is_folder(path) else [path]
        stamp = f"{path.resolve()} {[file.stat().st_mtime_ns for file in files]}"
    else:
        stamp = registered_stamp(name)
    return cache_folder("layers") / f"{hash_text(f'{__version__} {stamp}')[:32]}.json"


def registered_stamp(name: str) -> str:
    """Return a text that changes if the files or the package of a network change. The network is not loaded.

    Args:
        name: Name of the network. Any other text has a stamp that never changes.
    """
    installed = package_version(name)
    if installed is not None:
        return f"{name} {installed}"
    description = folder_of(name) / DESCRIPTION if NAME.fullmatch(name) else None
    changed = "" if description is None or not path_exists(description) else description.stat().st_mtime_ns
    return f"{name} {changed}"


@lru_cache(1000)
def package_version(name: str) -> str | None:
    """Return the version of the package or the library of a network. None if there is none."""
    entry = known_entries().get(name)
    try:
        return version((entry and entry.package) or name.partition("/")[0])
    except (PackageNotFoundError, ValueError):
        return None


@cache
def installed_layers() -> Mapping[str, Mapping[str, str]]:
    """Return the layers of the networks that are installed with this package, by the name of the network."""
    text = resources.files("inceptionism.networks.hub").joinpath(INSTALLED).read_text("utf-8")
    layers: Mapping[str, Mapping[str, str]] = json.loads(text)
    return layers


def known_labels(name: str) -> Labels | None:
    """Return the labels of a network; None if they are not known without loading it.

    Raises:
        InvalidSetting, UnreadableFile: If the description of the network or its file of labels is damaged.
    """
    entry = find_entry(name)
    if name.startswith("torchvision/") or (entry is not None and entry.architecture == "efficientnet-lite"):
        return imagenet_labels()
    if entry is None:
        return None
    folder = files_folder(entry) or folder_of(entry.name)
    return labels_of(entry, [folder / file.name for file in entry.files])
