"""Reading of the weights of Caffe's layers (caffemodel, or safetensors) and of the mean picture (binaryproto)."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf.message import DecodeError
from torch import Tensor

from inceptionism.errors import InvalidSetting, first_line, quote_path, quote_value
from inceptionism.files import decode, read_limited
from inceptionism.networks.loaders.caffe.schema import message_class
from inceptionism.networks.loaders.weights import read_state_dict

MAX_BYTES = 2 * 2**30
"""Largest size of a binary file, in bytes: protobuf reads no larger file."""


def read_weights(path: Path) -> dict[str, list[Tensor]]:
    """Return the weights of layers as float32, by the name of the layer. Layers without weights are left out.

    The file is a caffemodel; or a safetensors file, whose tensors have the names LAYER.0 and LAYER.1.

    Raises:
        UnreadableFile: If the file cannot be read.
        InvalidSetting: If it is not such a file, or if it is damaged.
    """
    if path.suffix == ".safetensors":
        return read_tensors(path)
    net = parse_binary(path, "NetWeights")
    layers = [*net.layer, *net.layers]
    if not layers:
        raise InvalidSetting(f"{quote_path(path)} contains no layers: it is not a caffemodel, or it is damaged")
    named = [(decode(layer.name), layer.blobs) for layer in layers if layer.blobs]
    return {
        name: [tensor_of(blob, f"layer {quote_value(name)} of {quote_path(path)}") for blob in blobs]
        for name, blobs in named
    }


def read_tensors(path: Path) -> dict[str, list[Tensor]]:
    """Return the weights in a safetensors file as float32, by the name of the layer."""
    layers: dict[str, dict[int, Tensor]] = {}
    for name, values in read_state_dict(path).items():
        layer, _, index = name.rpartition(".")
        if not layer or not re.fullmatch("[0-9]", index) or not values.is_floating_point():
            raise InvalidSetting(f"{quote_path(path)} has no weights of a Caffe network, but {quote_value(name)}")
        if not values.isfinite().all():
            raise InvalidSetting(f"{quote_value(name)} in {quote_path(path)} has numbers that are not finite")
        layers.setdefault(layer, {})[int(index)] = values.float()
    return {layer: [tensors[index] for index in sorted(tensors)] for layer, tensors in layers.items()}


def read_mean(path: Path) -> tuple[float, ...]:
    """Return the mean of each channel of a mean picture (binaryproto), in the network's own order of channels.

    Difference from Caffe: Caffe subtracts the mean picture pixel by pixel, which is possible for one size only.

    Raises:
        UnreadableFile: If the file cannot be read.
        InvalidSetting: If it is not such a file, or if it is damaged.
    """
    mean = tensor_of(parse_binary(path, "BlobProto"), quote_path(path))
    if mean.ndim < 3 or mean.numel() == 0:
        raise InvalidSetting(
            f"{quote_path(path)} contains numbers of shape {quote_value(list(mean.shape))}, "
            "which is not a picture; give the mean of each channel with --mean"
        )
    return tuple(mean.reshape(-1, *mean.shape[-3:])[0].double().mean((1, 2)).tolist())


def tensor_of(blob: Any, source: str) -> Tensor:
    """Return the numbers of a blob as float32. The old format declares every shape with four axes.

    Error messages begin with `source`.
    """
    old_shape = [blob.num, blob.channels, blob.height, blob.width]
    shape = list(blob.shape.dim) if blob.HasField("shape") else old_shape if any(old_shape) else []
    data, dtype = (blob.double_data, "<f8") if blob.double_data else (blob.data, "<f4")
    size = np.dtype(dtype).itemsize
    count = math.prod(shape) if all(side >= 0 for side in shape) else -1
    if count * size != len(data):
        raise InvalidSetting(
            f"{source} has {len(data) // size} numbers, but the shape {quote_value(shape)} "
            f"{f'needs {quote_value(count)}' if count >= 0 else 'is not possible'}: the file is damaged"
        )
    with np.errstate(over="ignore"):  # a number that is too large for float32 becomes infinite
        values = torch.from_numpy(np.frombuffer(data, dtype).astype(np.float32)).reshape(shape)
    if not values.isfinite().all():
        raise InvalidSetting(f"{source} has numbers that are not finite: the file is damaged")
    return values


def parse_binary(path: Path, name: str) -> Any:
    """Return the message in a binary file."""
    message = message_class(name)()
    try:
        message.ParseFromString(read_limited(path, MAX_BYTES))
    except DecodeError as error:
        raise InvalidSetting(
            f"{quote_path(path)} is not a Caffe file, or it is damaged: {first_line(error)}"
        ) from error
    return message
