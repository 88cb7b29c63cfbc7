from .hub import load_network, network_name, pick_device, ready_networks
from .input_channels import COLOR_ORDERS, RGB, InputChannels
from .labels import Labels
from .layers import LOGITS, Layer
from .leaky_gradient import leaky_gradient
from .loaders.weights import read_state_dict
from .measured_statistics import read_statistics, statistics_bytes, statistics_for, statistics_path
from .network import Network
from .precision import DTYPES, has_fast_bfloat16
from .skip_gradient import skip_gradient
from .statistics import Statistics, resample_quantiles
from .tensor_files import TENSOR_FILE_ERRORS, read_tensors
from .text_tower import TextTower
from .torch_internals import cpu_features

__all__ = [
    "COLOR_ORDERS",
    "DTYPES",
    "LOGITS",
    "RGB",
    "TENSOR_FILE_ERRORS",
    "InputChannels",
    "Labels",
    "Layer",
    "Network",
    "Statistics",
    "TextTower",
    "cpu_features",
    "has_fast_bfloat16",
    "leaky_gradient",
    "load_network",
    "network_name",
    "pick_device",
    "read_state_dict",
    "read_statistics",
    "read_tensors",
    "ready_networks",
    "resample_quantiles",
    "skip_gradient",
    "statistics_bytes",
    "statistics_for",
    "statistics_path",
]
