"""Reading of Caffe's files: the layers (prototxt), their weights (caffemodel) and the mean picture (binaryproto)."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf import text_format
from google.protobuf.message import DecodeError
from torch import Tensor

from inceptionism.errors import InvalidSetting, first_line, quote_value
from inceptionism.files import read_limited, read_text
from inceptionism.networks.loaders.caffe.schema import PARAMETERS, message_class

MAX_BYTES = 2 * 2**30
"""Largest size of a binary file, in bytes: protobuf reads no larger file."""

MAX_TEXT_BYTES = 32 * 2**20
"""Largest size of a prototxt, in bytes. The longest known ones have less than one megabyte."""

MAX_SIDE = 4096
"""Largest side in pixels of the pictures that a network is described for."""

DATA = {"Data", "DummyData", "HDF5Data", "ImageData", "Input", "MemoryData", "WindowData"}
"""Types of layers that only load pictures."""

TRAINING = {"Accuracy", "EuclideanLoss", "HingeLoss", "Silence", "SoftmaxWithLoss"}
"""Types of layers that are only for training. No other layer reads their output."""

SETTINGS = {
    "BatchNorm": "batch_norm_param",
    "Bias": "bias_param",
    "Concat": "concat_param",
    "Convolution": "convolution_param",
    "Crop": "crop_param",
    "Deconvolution": "convolution_param",
    "ELU": "elu_param",
    "Eltwise": "eltwise_param",
    "Flatten": "flatten_param",
    "InnerProduct": "inner_product_param",
    "LRN": "lrn_param",
    "PReLU": "prelu_param",
    "Pooling": "pooling_param",
    "Power": "power_param",
    "ReLU": "relu_param",
    "Reshape": "reshape_param",
    "Scale": "scale_param",
    "Slice": "slice_param",
    "Softmax": "softmax_param",
}
"""Fields of a layer's message that hold its settings, by the type of the layer."""

V1_TYPES = {
    "CONCAT": "Concat",
    "CONVOLUTION": "Convolution",
    "DECONVOLUTION": "Deconvolution",
    "DROPOUT": "Dropout",
    "ELTWISE": "Eltwise",
    "FLATTEN": "Flatten",
    "INNER_PRODUCT": "InnerProduct",
    "LRN": "LRN",
    "POOLING": "Pooling",
    "POWER": "Power",
    "RELU": "ReLU",
    "SIGMOID": "Sigmoid",
    "SLICE": "Slice",
    "SOFTMAX": "Softmax",
    "SPLIT": "Split",
    "TANH": "TanH",
    "DATA": "Data",
    "DUMMY_DATA": "DummyData",
    "HDF5_DATA": "HDF5Data",
    "IMAGE_DATA": "ImageData",
    "MEMORY_DATA": "MemoryData",
    "WINDOW_DATA": "WindowData",
    "ACCURACY": "Accuracy",
    "EUCLIDEAN_LOSS": "EuclideanLoss",
    "HINGE_LOSS": "HingeLoss",
    "SILENCE": "Silence",
    "SOFTMAX_LOSS": "SoftmaxWithLoss",
}
"""Current names of the layer types of the old format. Caffe has used these names since 2014."""


@dataclass(frozen=True)
class CaffeLayer:
    """A layer of a network, from a file of either generation of the format.

    Attributes:
        name: Name of the layer.
        type: Type of the layer, by Caffe's names since 2014: Convolution, ReLU, …
        bottoms: Names of the blobs that the layer reads.
        tops: Names of the blobs that the layer computes. A blob that it also reads is changed in place.
        settings: Settings of the type, for example `ConvolutionParameter`. None for a type without settings.
        blobs: Weights of the layer.
        flat: Whether the layer reads vectors, not maps.
    """

    name: str
    type: str
    bottoms: tuple[str, ...]
    tops: tuple[str, ...]
    settings: Any = None
    blobs: Sequence[Tensor] = ()
    flat: bool = False


@dataclass(frozen=True)
class Description:
    """The description of a network: its input and its layers.

    Attributes:
        input: Name of the blob that is the picture.
        size: Height and width of the picture in pixels. None if the file does not declare them.
        layers: Layers in the order in which they run.
    """

    input: str
    size: tuple[int, int] | None
    layers: tuple[CaffeLayer, ...]


def read_description(path: Path) -> Description:
    """Return the description in a deploy.prototxt, without the layers that are only for training.

    Raises:
        InvalidSetting: If it is not such a file, or if the input of the network is not a color picture.
    """
    net = parse_text(path, "NetParameter")
    if net.layer and net.layers:
        raise InvalidSetting(
            f"{path} mixes both formats of Caffe's layers, `layer` and `layers`; keep only one of them"
        )
    if any(layer.HasField("layer") for layer in net.layers):
        raise InvalidSetting(
            f"{path} has the format that Caffe used before 2013; convert it with Caffe's upgrade_net_proto_text"
        )
    messages = [message for message in (net.layer or net.layers) if runs_in_test(message)]
    layers = [parse_layer(message) for message in messages]
    if not layers:
        raise InvalidSetting(f"{path} describes no layers; give the deploy.prototxt of the network")
    sources = [pair for pair in zip(layers, messages, strict=True) if pair[0].type in DATA]
    if net.input:
        name, shape = net.input[0], list(net.input_shape[0].dim if net.input_shape else net.input_dim[:4])
    elif sources:
        name, shape = input_of(path, *sources[0])
    else:
        raise InvalidSetting(f"{path} does not declare a blob for the picture; give the deploy.prototxt of the network")
    if len(shape) >= 3 and shape[-3] != 3:
        raise InvalidSetting(f"{path} describes a network for pictures of {shape[-3]} channels; a color picture has 3")
    size = (shape[-2], shape[-1]) if len(shape) >= 3 else None
    if size and not all(1 <= side <= MAX_SIDE for side in size):
        raise InvalidSetting(
            f"{path} describes a network for pictures of {size[0]}×{size[1]} pixels; "
            f"each side must be between 1 and {MAX_SIDE}"
        )
    used = tuple(layer for layer in layers if layer.type not in DATA | TRAINING)
    return Description(name, size, used)


def parse_layer(message: Any) -> CaffeLayer:
    """Return the layer in a message of either generation of the format."""
    layer_type = message.type
    if message.DESCRIPTOR.name == "V1LayerParameter":
        number = message.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[layer_type]
        layer_type = V1_TYPES.get(number.name, number.name)
    field = SETTINGS.get(layer_type)
    # A type without settings in the old format has the default settings of the new format.
    has_settings = field is None or field in message.DESCRIPTOR.fields_by_name
    settings = field and getattr(message if has_settings else message_class("LayerParameter")(), field)
    return CaffeLayer(message.name, layer_type, tuple(message.bottom), tuple(message.top), settings)


def runs_in_test(message: Any) -> bool:
    """Return whether a layer runs in Caffe's test phase, at level 0 and without a stage."""

    def meets(rule: Any) -> bool:
        right_phase = not rule.HasField("phase") or rule.phase == 1
        minimum = rule.min_level if rule.HasField("min_level") else 0
        maximum = rule.max_level if rule.HasField("max_level") else 0
        return right_phase and minimum <= 0 <= maximum and not rule.stage

    if message.include:
        return any(meets(rule) for rule in message.include)
    return not any(meets(rule) for rule in message.exclude)


def input_of(path: Path, layer: CaffeLayer, message: Any) -> tuple[str, list[int]]:
    """Return the name and the shape of the picture, which is the first output of a data layer."""
    if not layer.tops:
        raise InvalidSetting(f"data layer {layer.name} of {path} has no output")
    if layer.type == "Input":
        shapes = message.input_param.shape
        return layer.tops[0], list(shapes[0].dim) if shapes else []
    side = message.transform_param.crop_size
    return layer.tops[0], [1, 3, side, side] if side else []


def read_weights(path: Path) -> dict[str, list[Tensor]]:
    """Return the weights in a caffemodel as float32, by the name of the layer. Layers without weights are left out.

    Raises:
        InvalidSetting: If it is not such a file, or if it is damaged.
    """
    net = parse_binary(path, "NetParameter")
    layers = [*net.layer, *net.layers]
    if not layers:
        raise InvalidSetting(f"{path} contains no layers: it is not a caffemodel, or it is damaged")
    return {
        layer.name: [tensor_of(blob, f"layer {quote_value(layer.name)} of {path}") for blob in layer.blobs]
        for layer in layers
        if layer.blobs
    }


def read_mean(path: Path) -> tuple[float, float, float]:
    """Return the mean of each channel of a mean picture (binaryproto), in the network's own order of channels.

    Difference from Caffe: Caffe subtracts the mean picture pixel by pixel, which is possible for one size only.

    Raises:
        InvalidSetting: If it is not such a file, or if it is damaged.
    """
    mean = tensor_of(parse_binary(path, "BlobProto"), str(path))
    if mean.ndim < 3 or mean.shape[-3] != 3:
        raise InvalidSetting(f"{path} contains numbers of shape {list(mean.shape)}, which is not a color picture")
    blue, green, red = mean.reshape(-1, 3, *mean.shape[-2:])[0].double().mean((1, 2)).tolist()
    return blue, green, red


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
            f"{source} has {len(data) // size} numbers, but the shape {shape} "
            f"{f'needs {count}' if count >= 0 else 'is not possible'}: the file is damaged"
        )
    values = torch.from_numpy(np.frombuffer(data, dtype).astype(np.float32)).reshape(shape)
    if not values.isfinite().all():
        raise InvalidSetting(f"{source} has numbers that are not finite: the file is damaged")
    return values


def parse_text(path: Path, name: str) -> Any:
    """Return the message in a text file.

    An unknown field in the settings of a supported layer is an error, as in Caffe. Other unknown fields, of a layer or
    of a network, are ignored: they are for training or for types of layers that are not supported.
    """
    text = read_text(path, MAX_TEXT_BYTES)
    try:
        return text_format.Parse(text, message_class(name)())
    except (text_format.ParseError, RecursionError) as error:
        unknown = re.search(r'Message type "caffe\.(\w+)" has no field named', str(error))
        if not unknown or unknown[1] in PARAMETERS:
            raise InvalidSetting(f"{path} is not a valid description of Caffe layers: {first_line(error)}") from error
    try:
        return text_format.Parse(text, message_class(name)(), allow_unknown_field=True)
    except (text_format.ParseError, RecursionError) as error:
        raise InvalidSetting(f"{path} is not a valid description of Caffe layers: {first_line(error)}") from error


def parse_binary(path: Path, name: str) -> Any:
    """Return the message in a binary file."""
    message = message_class(name)()
    try:
        message.ParseFromString(read_limited(path, MAX_BYTES))
    except DecodeError as error:
        raise InvalidSetting(f"{path} is not a Caffe file, or it is damaged: {first_line(error)}") from error
    return message
