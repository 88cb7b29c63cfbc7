"""From what a user calls a network to the network."""

from __future__ import annotations

import importlib
from functools import cache

import torch
from torch import nn

from inceptionism.errors import InvalidSetting, UnknownName, shown, suggestion
from inceptionism.networks.network import Network

LOADERS = {
    "efficientnet-lite0": "inceptionism.networks.efficientnet_lite",
    "efficientnet-lite1": "inceptionism.networks.efficientnet_lite",
    "efficientnet-lite2": "inceptionism.networks.efficientnet_lite",
}
"""The module whose `load(name)` returns each registered network."""


def load_network(network: str | nn.Module | Network, device: str = "auto") -> Network:
    """Return a `Network` from a registered name or a module, ready to run on `device`.

    A name gives the same object each time. A module that wants normalized pixels is better wrapped by hand:
    `Network(module, mean=..., std=..., labels=...)`.

    Args:
        network: A registered name, a module that takes N×3×H×W pixels in [0, 1], or a `Network`, which is
            moved to the device.
        device: auto, cpu, cuda or mps; auto takes a GPU where there is one.

    Raises:
        UnknownName: no network has this name; the sentence offers near ones.
        InvalidSetting: this machine has no such device.
    """
    chosen = pick_device(device)
    if isinstance(network, Network):
        return network.to(chosen)
    if isinstance(network, nn.Module):
        return Network(network).to(chosen)
    return load_by_name(name_of(network)).to(chosen)


def name_of(network: str | nn.Module | Network) -> str:
    """Return what a recipe calls a network.

    Raises:
        InvalidSetting: it is none.
    """
    if isinstance(network, nn.Module):
        return type(network).__name__
    if isinstance(network, Network):
        return network.name
    if not isinstance(network, str):
        raise InvalidSetting(f"a network is a name, a Network or a torch module, not {shown(network)}")
    return network


@cache
def load_by_name(name: str) -> Network:
    """Return the network registered as `name`, the same one at each call."""
    if name not in LOADERS:
        hint = suggestion(name, LOADERS) or f"; there are {', '.join(LOADERS)}"
        raise UnknownName(f"there is no network {shown(name)}{hint}")
    network = importlib.import_module(LOADERS[name]).load(name)
    assert isinstance(network, Network)
    return network


def pick_device(device: str) -> torch.device:
    """Return the device to run on; `auto` prefers CUDA, then Apple's MPS, then the processor."""
    available = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if device == "auto":
        device = next(name for name, there in available.items() if there)
    if not isinstance(device, str) or not available.get(device, False):
        there = ", ".join(name for name, is_there in available.items() if is_there)
        raise InvalidSetting(f"this machine has no device {shown(device)} that torch can use; it has {there}")
    return torch.device(device)
