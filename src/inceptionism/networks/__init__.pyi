from .hub import load_network, network_name, pick_device, ready_networks
from .layers import LOGITS, Layer
from .loaders.weights import read_state_dict
from .measured_statistics import read_statistics, statistics_bytes, statistics_path
from .network import Network
from .precision import DTYPES
from .skip_gradient import skip_gradient
from .statistics import Statistics
from .tensor_files import TENSOR_FILE_ERRORS, read_tensors
from .text_tower import TextTower

__all__ = [
    "DTYPES",
    "LOGITS",
    "TENSOR_FILE_ERRORS",
    "Layer",
    "Network",
    "Statistics",
    "TextTower",
    "load_network",
    "network_name",
    "pick_device",
    "read_state_dict",
    "read_statistics",
    "read_tensors",
    "ready_networks",
    "skip_gradient",
    "statistics_bytes",
    "statistics_path",
]
