"""Networks in the files of Caffe (Jia et al., 2014), without Caffe."""

from __future__ import annotations

import math
from pathlib import Path

import torch

from inceptionism.errors import InvalidSetting
from inceptionism.networks.caffe.files import read_description, read_mean, read_weights
from inceptionism.networks.caffe.graph import CaffeNetwork
from inceptionism.networks.layers import shapes_at

__all__ = ["read", "read_mean"]

LARGEST_MAP = 2**28
"""How many numbers a layer may give for a picture of the described size: more is no network."""


def read(prototxt: Path, caffemodel: Path) -> tuple[CaffeNetwork, tuple[int, int]]:
    """Return the network that two files hold, and the height and width in pixels that it is described for.

    Its parts are called as its blobs (see `CaffeNetwork`). It takes N×3×H×W with the channels in the order it was
    trained with, most often BGR.

    Raises:
        InvalidSetting: a file cannot be read, the two do not belong together, or a type of layer is not supported.
    """
    description = read_description(prototxt)
    try:
        network = CaffeNetwork(description, read_weights(caffemodel)).eval()
    except InvalidSetting as error:
        raise InvalidSetting(f"{prototxt} with {caffemodel.name}: {error}") from error
    size = description.size or (224, 224)
    try:
        shapes = shapes_at(network, size, torch.device("meta"))
    except RuntimeError as error:
        reason = str(error).partition("\n")[0]
        raise InvalidSetting(f"{prototxt} describes a network whose layers do not fit each other: {reason}") from error
    large = next((name for name, shape in shapes.items() if math.prod(shape) > LARGEST_MAP), None)
    if large is not None:
        channels, height, width = shapes[large]
        raise InvalidSetting(f"{prototxt} describes a layer {large} of {channels}×{height}×{width}, which is absurd")
    return network, size
