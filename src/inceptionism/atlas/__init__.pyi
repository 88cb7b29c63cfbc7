from .channels import ChannelAtlas
from .layers import layer_runs, layer_sheet

__all__ = [
    "ChannelAtlas",
    "layer_runs",
    "layer_sheet",
]
