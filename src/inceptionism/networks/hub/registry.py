"""From what a user calls a network to the network: a name, a path, or a module."""

from __future__ import annotations

import os
from functools import cache
from pathlib import Path

import torch
from torch import nn

from inceptionism.errors import InvalidSetting, UnknownName, quote_value, suggestion
from inceptionism.networks.hub.entries import NAME, Entry, known_entries, plugin_entries
from inceptionism.networks.hub.open import WEIGHTS, open_entry, open_path
from inceptionism.networks.hub.store import folder_of, stored_entry, stored_names
from inceptionism.networks.loaders import import_library
from inceptionism.networks.network import Network

LIBRARIES = ("torchvision", "timm")
"""Whose networks are named LIBRARY/NAME."""

FILES = (".prototxt", ".caffemodel", ".onnx", *WEIGHTS)


def load_network(network: str | os.PathLike[str] | nn.Module | Network, device: str = "auto") -> Network:
    """Return a `Network`, ready to run on `device`.

    The same name or path gives the same object each time. A module that wants normalized pixels is better wrapped by
    hand: `Network(module, mean=..., std=..., labels=...)`.

    Args:
        network: A registered name (`dream networks` lists them), "torchvision/NAME" or "timm/NAME", the path of a
            Caffe or ONNX file or of a folder with one, a module that takes N×3×H×W pixels in [0, 1], or a `Network`,
            which is moved to the device.
        device: auto, cpu, cuda or mps; auto takes a GPU where there is one.

    Raises:
        UnknownName: no network has this name; the sentence offers near ones.
        InvalidSetting: it cannot be read, is not here yet, or this machine has no such device.
    """
    chosen = pick_device(device)
    if isinstance(network, Network):
        return network.to(chosen)
    if isinstance(network, nn.Module):
        return Network(network).to(chosen)
    return load_by_name(network_name(network)).to(chosen)


def network_name(network: str | os.PathLike[str] | nn.Module | Network) -> str:
    """Return what a recipe calls a network.

    Raises:
        InvalidSetting: it is none.
    """
    if isinstance(network, nn.Module):
        return type(network).__name__
    if isinstance(network, Network):
        return network.name
    if isinstance(network, os.PathLike):
        network = os.fspath(network)
    if not isinstance(network, str):
        raise InvalidSetting(f"a network is a name, a path, a Network or a torch module, not {quote_value(network)}")
    return network


def load_by_name(name: str) -> Network:
    """Return the network that is registered as `name`, or in the file or folder `name`."""
    library, _, model = name.partition("/")
    if library in LIBRARIES and model and not is_path(Path(name), there=True):
        return from_library(name)
    entry = find_entry(name)
    if entry is not None:
        return from_entry(entry)
    path = Path(name).expanduser()
    if not is_path(path):
        names = [*known_entries(), *plugin_entries(), *stored_names(), *(f"{one}/NAME" for one in LIBRARIES)]
        hint = suggestion(name, names) or f"; there are {', '.join(dict.fromkeys(names))}, or a path"
        raise UnknownName(f"there is no network {quote_value(name)}{hint}")
    files = [path, *path.iterdir()] if path.is_dir() else [path]
    return from_path(name, tuple((one.stat().st_mtime_ns, one.stat().st_size) for one in files if one.exists()))


def find_entry(name: str) -> Entry | None:
    """Return what is registered as `name`: by the user, here, or by another package."""
    if not NAME.fullmatch(name):
        return None
    return stored_entry(name) or known_entries().get(name) or plugin_entries().get(name)


def is_path(path: Path, *, there: bool = False) -> bool:
    """Return whether a network is rather a path than a name; with `there`, whether something is there."""
    try:
        return path.exists() or (not there and (len(path.parts) > 1 or path.suffix in FILES))
    except (OSError, ValueError):
        return False


@cache
def from_library(name: str) -> Network:
    """Return a network of torchvision or timm."""
    family = name.partition("/")[0]
    found = import_library(f"inceptionism.networks.loaders.{family}", family).load(name)
    assert isinstance(found, Network)
    return found


@cache
def from_entry(entry: Entry) -> Network:
    """Return the network of an entry, whose files are in the store or in an installed package."""
    folder = folder_of(entry.name)
    if entry.files and not all((folder / one.name).is_file() for one in entry.files):
        raise InvalidSetting(
            f"network {entry.name} is not here yet; download it: dream networks get {entry.name}, "
            f"or add the files you have: dream networks add {entry.name} FILE..."
        )
    return open_entry(entry, [folder / one.name for one in entry.files])


@cache
def from_path(name: str, stamps: tuple[tuple[int, int], ...]) -> Network:  # noqa: ARG001  # a changed file is another
    """Return the network in a file or folder."""
    return open_path(Path(name).expanduser())


def pick_device(device: str) -> torch.device:
    """Return the device to run on; `auto` prefers CUDA, then Apple's MPS, then the processor."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = next(name for name, there in available.items() if there)
    if not isinstance(device, str) or not available.get(device, False):
        there = ", ".join(name for name, is_there in available.items() if is_there)
        raise InvalidSetting(f"this machine has no device {quote_value(device)} that torch can use; it has {there}")
    return torch.device(device)
