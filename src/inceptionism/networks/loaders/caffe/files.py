"""Reading Caffe's files: what the layers are (prototxt), their numbers (caffemodel), and the mean (binaryproto)."""

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
from inceptionism.networks.loaders.caffe.schema import PARAMETERS, message_class

LARGEST = 2 * 2**30
"""Of a file, in bytes: protobuf itself reads none that is larger."""

LARGEST_TEXT = 32 * 2**20
"""Of a description of layers, in bytes: the longest known ones have less than one megabyte."""

LARGEST_SIDE = 4096
"""Of the picture that a network is described for, in pixels."""

DATA = {"Data", "DummyData", "HDF5Data", "ImageData", "Input", "MemoryData", "WindowData"}
"""Types of layers that only bring pictures in."""

TRAINING = {"Accuracy", "EuclideanLoss", "HingeLoss", "Silence", "SoftmaxWithLoss"}
"""Types of layers that make nothing of a picture which another layer would see."""

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
"""Where the settings of each type of layer are."""

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
"""What the types of the old layers are called since 2014."""


@dataclass(frozen=True)
class CaffeLayer:
    """A layer as it is described, in either generation of the format.

    Attributes:
        name: Of the layer.
        type: As Caffe calls it since 2014: Convolution, ReLU, …
        bottoms: The names of the blobs that it reads.
        tops: The names of the blobs that it gives; one that it also reads is changed in its place.
        settings: Those of its type, `ConvolutionParameter` say; none for a type that has none.
        blobs: Its weights.
        flat: Whether it reads vectors, not maps.
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
    """What a network does with a picture.

    Attributes:
        input: The name of the blob that is the picture.
        size: Its height and width in pixels, where the file says it.
        layers: In the order in which they run.
    """

    input: str
    size: tuple[int, int] | None
    layers: tuple[CaffeLayer, ...]


def read_description(path: Path) -> Description:
    """Read a deploy.prototxt.

    Layers that are for training only are left out, as Caffe does when it tests.

    Raises:
        InvalidSetting: it is no such file, or describes a network that takes something else than a color picture.
    """
    net = parse_text(path, "NetParameter")
    if net.layer and net.layers:
        raise InvalidSetting(f"{path} mixes layers of both of Caffe's formats, `layer` and `layers`; keep one of them")
    if any(layer.HasField("layer") for layer in net.layers):
        raise InvalidSetting(
            f"{path} is in Caffe's format of before 2013; upgrade it with Caffe's upgrade_net_proto_text"
        )
    described = [message for message in (net.layer or net.layers) if runs(message)]
    layers = [layer_of(message) for message in described]
    if not layers:
        raise InvalidSetting(f"{path} describes no layers; give the deploy.prototxt of the network")
    sources = [pair for pair in zip(layers, described, strict=True) if pair[0].type in DATA]
    if net.input:
        name, shape = net.input[0], list(net.input_shape[0].dim if net.input_shape else net.input_dim[:4])
    elif sources:
        name, shape = source_of(path, *sources[0])
    else:
        raise InvalidSetting(f"{path} does not say which blob is the picture; give the deploy.prototxt of the network")
    if len(shape) >= 3 and shape[-3] != 3:
        raise InvalidSetting(f"{path} describes a network for pictures of {shape[-3]} channels; only color has 3")
    size = (shape[-2], shape[-1]) if len(shape) >= 3 else None
    if size and not all(1 <= side <= LARGEST_SIDE for side in size):
        raise InvalidSetting(f"{path} describes a network for pictures of {size[0]}×{size[1]} pixels, which is absurd")
    wanted = tuple(layer for layer in layers if layer.type not in DATA | TRAINING)
    return Description(name, size, wanted)


def layer_of(message: Any) -> CaffeLayer:
    """Return the layer that a message of either generation describes."""
    kind = message.type
    if message.DESCRIPTOR.name == "V1LayerParameter":
        number = message.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[kind]
        kind = V1_TYPES.get(number.name, number.name)
    field = SETTINGS.get(kind)
    # What had no settings in the old format has those by default now.
    has = field is None or field in message.DESCRIPTOR.fields_by_name
    settings = field and getattr(message if has else message_class("LayerParameter")(), field)
    return CaffeLayer(message.name, kind, tuple(message.bottom), tuple(message.top), settings)


def runs(message: Any) -> bool:
    """Return whether a layer runs when a network is tested: in no stage, at level 0."""

    def meets(rule: Any) -> bool:
        test = not rule.HasField("phase") or rule.phase == 1
        level = (rule.min_level if rule.HasField("min_level") else 0) <= 0
        level = level and (rule.max_level if rule.HasField("max_level") else 0) >= 0
        return test and level and not rule.stage

    if message.include:
        return any(meets(rule) for rule in message.include)
    return not any(meets(rule) for rule in message.exclude)


def source_of(path: Path, layer: CaffeLayer, message: Any) -> tuple[str, list[int]]:
    """Return the name and the shape of the picture that a data layer brings in; a label may come with it."""
    if not layer.tops:
        raise InvalidSetting(f"layer {layer.name} of {path} brings in nothing")
    if layer.type == "Input":
        shapes = message.input_param.shape
        return layer.tops[0], list(shapes[0].dim) if shapes else []
    side = message.transform_param.crop_size
    return layer.tops[0], [1, 3, side, side] if side else []


def read_weights(path: Path) -> dict[str, list[Tensor]]:
    """Read a caffemodel: the blobs of each layer that has any, float32, by the layer's name.

    Raises:
        InvalidSetting: it is no such file, or damaged.
    """
    net = parse_binary(path, "NetParameter")
    layers = [*net.layer, *net.layers]
    if not layers:
        raise InvalidSetting(f"{path} holds no layers: it is no caffemodel, or damaged")
    return {
        layer.name: [numbers(blob, f"layer {quote_value(layer.name)} of {path}") for blob in layer.blobs]
        for layer in layers
        if layer.blobs
    }


def read_mean(path: Path) -> tuple[float, float, float]:
    """Read a mean picture (binaryproto), and return its mean for each channel, in the network's own order.

    Departure: Caffe subtracts the mean picture, pixel by pixel, which fits one size only.

    Raises:
        InvalidSetting: it is no such file, or damaged.
    """
    mean = numbers(parse_binary(path, "BlobProto"), str(path))
    if mean.ndim < 3 or mean.shape[-3] != 3:
        raise InvalidSetting(f"{path} holds numbers of shape {list(mean.shape)}, not a color picture")
    blue, green, red = mean.reshape(-1, 3, *mean.shape[-2:])[0].double().mean((1, 2)).tolist()
    return blue, green, red


def numbers(blob: Any, where: str) -> Tensor:
    """Return the numbers of a blob, float32; the old format writes every shape with four sides."""
    old = [blob.num, blob.channels, blob.height, blob.width]
    shape = list(blob.shape.dim) if blob.HasField("shape") else old if any(old) else []
    data, kind = (blob.double_data, "<f8") if blob.double_data else (blob.data, "<f4")
    size = np.dtype(kind).itemsize
    count = math.prod(shape) if all(side >= 0 for side in shape) else -1
    if count * size != len(data):
        raise InvalidSetting(
            f"{where} has {len(data) // size} numbers, where {shape} needs {count if count >= 0 else 'none'}: "
            "the file is damaged"
        )
    values = torch.from_numpy(np.frombuffer(data, kind).astype(np.float32)).reshape(shape)
    if not values.isfinite().all():
        raise InvalidSetting(f"{where} has numbers that are not finite: the file is damaged")
    return values


def parse_text(path: Path, name: str) -> Any:
    """Return the message that a text file holds.

    What the settings of the known layers do not have is refused, as Caffe does; what a layer or a network has besides
    is for training, or for a type of layer that is not known here, and is passed over.
    """
    try:
        text = contents(path, LARGEST_TEXT).decode("utf-8")
    except UnicodeDecodeError as error:
        raise InvalidSetting(f"{path} is not text; a description of layers is a .prototxt") from error
    try:
        return text_format.Parse(text, message_class(name)())
    except (text_format.ParseError, RecursionError) as error:
        unknown = re.search(r'Message type "caffe\.(\w+)" has no field named', str(error))
        if not unknown or unknown[1] in PARAMETERS:
            raise InvalidSetting(f"{path} cannot be read as Caffe's layers: {first_line(error)}") from error
    try:
        return text_format.Parse(text, message_class(name)(), allow_unknown_field=True)
    except (text_format.ParseError, RecursionError) as error:
        raise InvalidSetting(f"{path} cannot be read as Caffe's layers: {first_line(error)}") from error


def parse_binary(path: Path, name: str) -> Any:
    """Return the message that a binary file holds."""
    message = message_class(name)()
    try:
        message.ParseFromString(contents(path, LARGEST))
    except DecodeError as error:
        raise InvalidSetting(f"{path} is not a file of Caffe's, or it is damaged: {first_line(error)}") from error
    return message


def contents(path: Path, largest: int) -> bytes:
    """Return what is in a file of at most `largest` bytes."""
    try:
        with path.open("rb") as file:
            found = file.read(largest + 1)
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"{path} cannot be read: {first_line(error)}") from error
    if len(found) > largest:
        raise InvalidSetting(f"{path} is larger than {largest // 2**20} MiB, more than a file of its kind can be")
    return found
