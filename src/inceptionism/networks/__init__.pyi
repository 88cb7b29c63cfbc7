from .hub import load_network, network_name, pick_device, ready_networks
from .layers import LOGITS, Layer
from .network import Network
from .precision import DTYPES

__all__ = [
    "DTYPES",
    "LOGITS",
    "Layer",
    "Network",
    "load_network",
    "network_name",
    "pick_device",
    "ready_networks",
]
