"""Registry of networks: makes a `Network` from a name, a path or a module."""

from __future__ import annotations

import os
from pathlib import Path

import torch
from torch import nn

from inceptionism.errors import InvalidSetting, UnknownName, quote_value, suggestion
from inceptionism.files import files_in, is_folder, path_exists
from inceptionism.networks.hub.cache import NetworkCache
from inceptionism.networks.hub.entries import LIBRARIES, Entry, known_entries, package_folder, plugin_entries
from inceptionism.networks.hub.open import WEIGHTS, files_of_path, open_entry, open_path
from inceptionism.networks.hub.store import check_files, files_folder, find_entry, stored_names
from inceptionism.networks.loaders import import_library
from inceptionism.networks.network import Network
from inceptionism.networks.precision import exact_device

SUFFIXES = (".prototxt", ".caffemodel", ".onnx", *WEIGHTS)
"""Suffixes of the files of networks."""


def load_network(network: str | os.PathLike[str] | nn.Module | Network, device: str | torch.device = "auto") -> Network:
    """Return a `Network`, ready to run on `device`.

    The same name or path returns the same object, one for each device, as long as the object is used; a few networks
    stay in memory for the next use. If a module needs normalized pixels, wrap it yourself:
    `Network(module, mean=..., std=..., labels=...)`.

    Args:
        network: Registered name (`dream networks` lists them), "torchvision/NAME", "timm/NAME" or "open_clip/NAME",
            path of a Caffe or ONNX file or of a folder with one, module that takes N×3×H×W pixels in [0, 1], or
            `Network`. If a `Network` is on another device, a copy of it is returned.
        device: auto, cpu, cuda, cuda:1 or mps, or a device of torch. auto means a GPU if there is one.

    Raises:
        UnknownName: If no network has this name; the message suggests similar names.
        UnreadableFile: If a file of the network cannot be read.
        CannotDownload: If the weights of a network of torchvision, timm or open_clip cannot be downloaded.
        InvalidSetting: If the files of the network are damaged or have not been downloaded, or if this machine does not
            have the device.
    """
    chosen = pick_device(device)
    if isinstance(network, Network):
        return network.on(chosen)
    if isinstance(network, nn.Module):
        return Network(network).to(chosen)
    return load_by_name(network_name(network)).on(chosen)


def network_name(network: str | os.PathLike[str] | nn.Module | Network) -> str:
    """Return the name of a network in recipes.

    Raises:
        InvalidSetting: If `network` is not a network, a module, a name or a path.
    """
    if isinstance(network, nn.Module):
        return type(network).__name__
    if isinstance(network, Network):
        return network.name
    if isinstance(network, os.PathLike):
        network = os.fspath(network)
    if not isinstance(network, str):
        raise InvalidSetting(f"network must be a name, a path, a Network or a torch module, not {quote_value(network)}")
    return network


def load_by_name(name: str) -> Network:
    """Return the network with a registered name, or the network in a file or folder."""
    if is_in_library(name):
        return from_library(name)
    entry = find_entry(name)
    if entry is not None:
        return from_entry(entry)
    path = home_path(name)
    if not is_path(path):
        names = [*known_entries(), *plugin_entries(), *stored_names(), *(f"{library}/NAME" for library in LIBRARIES)]
        hint = suggestion(name, names) or f"; give one of {', '.join(dict.fromkeys(names))}, or a path"
        raise UnknownName(f"there is no network {quote_value(name)}{hint}")
    files = [path, *files_in(path)] if is_folder(path) else [path]
    stats = [file.stat() for file in files if path_exists(file)]
    return from_path(name, tuple((stat.st_mtime_ns, stat.st_size) for stat in stats))


def is_in_library(name: str) -> bool:
    """Return whether a name is that of a network of one of `LIBRARIES`, and not the path of a file."""
    library, _, model = name.partition("/")
    return library in LIBRARIES and bool(model) and not is_path(Path(name), must_exist=True)


def local_files(name: str) -> tuple[Path, list[Path]] | None:
    """Return the path of a network and all of its files. None if the network has a registered name.

    Raises:
        UnreadableFile, InvalidSetting, UnknownName: As for `load_network`.
    """
    if is_in_library(name) or find_entry(name) is not None:
        return None
    path = home_path(name)
    return path, files_of_path(path)


def is_path(path: Path, *, must_exist: bool = False) -> bool:
    """Return whether `path` is the path of a network, not a name. With `must_exist`, only an existing path counts."""
    return path_exists(path) or (not must_exist and (len(path.parts) > 1 or path.suffix in SUFFIXES))


@NetworkCache
def from_library(name: str) -> Network:
    """Return a network of one of `LIBRARIES`."""
    family = name.partition("/")[0]
    network = import_library(f"inceptionism.networks.loaders.{family}", "networks").load(name)
    assert isinstance(network, Network)
    return network


@NetworkCache
def from_entry(entry: Entry) -> Network:
    """Return the network of an entry whose files are in the store or in an installed package."""
    folder = files_folder(entry)
    if folder is None:
        raise InvalidSetting(
            f"network {entry.name} has not been downloaded; download it: dream networks get {entry.name}, "
            f"or add the files you have: dream networks add {entry.name} FILE..."
        )
    if folder == package_folder(entry):
        check_files(folder)
    return open_entry(entry, [folder / file.name for file in entry.files])


@NetworkCache
def from_path(name: str, stamps: tuple[tuple[int, int], ...]) -> Network:  # noqa: ARG001
    """Return the network in a file or folder.

    Args:
        name: Path of the file or folder.
        stamps: Times of change and sizes of the files. They are part of the cache's key, so a changed file is read
            again.
    """
    return open_path(home_path(name))


def home_path(name: str) -> Path:
    """Return a path with the home folder in place of "~". The path of an unknown user is returned as it is."""
    return Path(os.path.expanduser(name))  # noqa: PTH111  # the method of Path raises an error for unknown users


def pick_device(device: str | torch.device) -> torch.device:
    """Return the torch device for a name. "auto" means CUDA if available, else Apple's MPS, else the CPU.

    Raises:
        InvalidSetting: If this machine does not have the device.
    """
    gpus = torch.cuda.device_count() if torch.cuda.is_available() else 0
    counts = {"cuda": gpus, "mps": int(torch.backends.mps.is_available()), "cpu": 1}
    available = [name for name, count in counts.items() if count]
    try:
        chosen = torch.device(available[0] if device == "auto" else device)
    except (RuntimeError, TypeError):  # torch does not know it
        chosen = torch.device("meta")
    if (chosen.index or 0) >= counts.get(chosen.type, 0):
        found = [name for one in available for name in (one, *(f"{one}:{index}" for index in range(1, counts[one])))]
        raise InvalidSetting(
            f"this machine has no device {quote_value(device)} that torch can use; it has {', '.join(found)}"
        )
    return exact_device(chosen)
