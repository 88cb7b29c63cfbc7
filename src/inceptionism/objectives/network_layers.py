"""Layers of other networks: an objective can score a picture by several networks at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeAlias

from inceptionism.networks import Network


@dataclass(frozen=True)
class NetworkLayer:
    """A layer of another network than the one of the run.

    Attributes:
        name: Name of the layer.
        network: The other network.
    """

    name: str
    network: Network = field(repr=False)

    def __str__(self) -> str:
        return f"{self.name} of {self.network.name}"


LayerKey: TypeAlias = "str | NetworkLayer"
"""Name of a layer of the run's network, or a layer of another network."""


def layer_name(key: LayerKey) -> str:
    """Return the name of a layer in its own network."""
    return key.name if isinstance(key, NetworkLayer) else key


def network_of(key: LayerKey, network: Network) -> Network:
    """Return the network of a layer. `network` is the network of the run."""
    return key.network if isinstance(key, NetworkLayer) else network


def layer_stride(key: LayerKey, network: Network) -> int:
    """Return the distance in pixels between neighboring neurons of a layer. `network` is the network of the run."""
    return network_of(key, network).stride(layer_name(key))


def keys_by_network(keys: Iterable[LayerKey], network: Network) -> dict[Network, list[LayerKey]]:
    """Return layers, grouped by their networks. `network` is the network of the run.

    The order is always the same, because rounding depends on the order in which gradients are added.
    """
    groups: dict[Network, list[LayerKey]] = {}
    for key in sorted(keys, key=order_of):
        groups.setdefault(network_of(key, network), []).append(key)
    return groups


def order_of(key: LayerKey) -> tuple[str, str]:
    """Return the place of a layer in the order of all layers. Two networks may have the same name."""
    return str(key), key.network.key if isinstance(key, NetworkLayer) else ""
