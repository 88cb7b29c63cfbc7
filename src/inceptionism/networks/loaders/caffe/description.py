"""Reading of the description of a Caffe network: its layers (prototxt)."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from google.protobuf import text_format
from torch import Tensor

from inceptionism.errors import InvalidSetting, first_line, quote_path, quote_value
from inceptionism.files import read_text
from inceptionism.networks.loaders.caffe.layer_types import DATA, EVALUATION, SETTINGS, V1_TYPES
from inceptionism.networks.loaders.caffe.schema import PARAMETERS, message_class

MAX_TEXT_BYTES = 32 * 2**20
"""Largest size of a prototxt, in bytes. The longest known ones have less than one megabyte."""

MAX_CHANNELS = 1024
"""Largest number of channels of a picture that a network may be described for."""

MAX_SIDE = 4096
"""Largest side in pixels of the pictures that a network is described for."""


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
        channels: Number of channels of the picture. None if the file does not declare it.
        layers: Layers in the order in which they run.
    """

    input: str
    size: tuple[int, int] | None
    channels: int | None
    layers: tuple[CaffeLayer, ...]


def read_description(path: Path) -> Description:
    """Return the description in a deploy.prototxt, without the layers that do not compute from the picture alone.

    Raises:
        UnreadableFile: If the file cannot be read or is not text.
        InvalidSetting: If it is not such a file, or if the input of the network is not a picture.
    """
    shown = quote_path(path)
    net = parse_text(path, "NetParameter")
    if net.layer and net.layers:
        raise InvalidSetting(
            f"{shown} mixes both formats of Caffe's layers, `layer` and `layers`; keep only one of them"
        )
    if any(layer.HasField("layer") for layer in net.layers):
        raise InvalidSetting(
            f"{shown} has the format that Caffe used before 2013; convert it with Caffe's upgrade_net_proto_text"
        )
    messages = [message for message in (net.layer or net.layers) if runs_in_test(message)]
    layers = [parse_layer(shown, message) for message in messages]
    if not layers:
        raise InvalidSetting(f"{shown} describes no layers; give the deploy.prototxt of the network")
    sources = [pair for pair in zip(layers, messages, strict=True) if pair[0].type in DATA]
    if net.input:
        name, shape = net.input[0], list(net.input_shape[0].dim if net.input_shape else net.input_dim[:4])
    elif sources:
        name, shape = input_of(shown, *sources[0])
    else:
        raise InvalidSetting(
            f"{shown} does not declare a blob for the picture; give the deploy.prototxt of the network"
        )
    channels = shape[-3] if len(shape) >= 3 else None
    if channels is not None and not 1 <= channels <= MAX_CHANNELS:
        raise InvalidSetting(
            f"{shown} describes a network for pictures of {channels} channels; there can be 1 to {MAX_CHANNELS}"
        )
    size = (shape[-2], shape[-1]) if len(shape) >= 3 else None
    if size and not all(1 <= side <= MAX_SIDE for side in size):
        raise InvalidSetting(
            f"{shown} describes a network for pictures of {size[0]}×{size[1]} pixels; "
            f"each side must be between 1 and {MAX_SIDE}"
        )
    losses = {id(layer) for layer, message in zip(layers, messages, strict=True) if any(message.loss_weight)}
    evaluations = {id(layer) for layer in layers if layer.type in EVALUATION or layer.type.endswith("Loss")}
    return Description(name, size, channels, tuple(from_picture(layers, name, net.input[1:], losses | evaluations)))


def from_picture(
    layers: Iterable[CaffeLayer], picture: str, others: Iterable[str], evaluations: set[int]
) -> list[CaffeLayer]:
    """Return the layers that compute from the picture alone.

    The other layers lead away from the output: they load data, evaluate, or read other data such as correct labels.

    Args:
        layers: All layers, in the order in which they run.
        picture: Name of the blob that is the picture.
        others: Names of further inputs of the network.
        evaluations: Identities (`id`) of the layers that evaluate results.
    """
    kept, foreign = [], {*others}
    for layer in layers:
        if layer.type in DATA:
            foreign |= {*layer.tops} - {picture}
        elif id(layer) in evaluations or not foreign.isdisjoint(layer.bottoms):
            foreign |= {*layer.tops}
        else:
            foreign -= {*layer.tops}
            kept.append(layer)
    return kept


def parse_layer(path: str, message: Any) -> CaffeLayer:
    """Return the layer in a message of either generation of the format.

    Raises:
        InvalidSetting: If a setting is infinite or not a number.
    """
    layer_type = message.type
    if message.DESCRIPTOR.name == "V1LayerParameter":
        number = message.DESCRIPTOR.fields_by_name["type"].enum_type.values_by_number[layer_type]
        layer_type = V1_TYPES.get(number.name, number.name)
    field = SETTINGS.get(layer_type)
    # A type without settings in the old format has the default settings of the new format.
    has_settings = field is None or field in message.DESCRIPTOR.fields_by_name
    settings = field and getattr(message if has_settings else message_class("LayerParameter")(), field)
    for setting, value in settings.ListFields() if settings else ():
        numbers = value if isinstance(value, Sequence) and not isinstance(value, str) else [value]
        if any(isinstance(number, float) and not math.isfinite(number) for number in numbers):
            raise InvalidSetting(
                f"{path}: layer {quote_value(message.name)} has a {setting.name} that is not a finite number"
            )
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


def input_of(path: str, layer: CaffeLayer, message: Any) -> tuple[str, list[int]]:
    """Return the name and the shape of the picture, which is the first output of a data layer."""
    if not layer.tops:
        raise InvalidSetting(f"data layer {quote_value(layer.name)} of {path} has no output")
    if layer.type == "Input":
        shapes = message.input_param.shape
        return layer.tops[0], list(shapes[0].dim) if shapes else []
    side = message.transform_param.crop_size
    return layer.tops[0], [1, 3, side, side] if side else []


def parse_text(path: Path, name: str) -> Any:
    """Return the message in a text file.

    An unknown field in the settings of a supported layer is an error, as in Caffe. Other unknown fields, of a layer or
    of a network, are ignored: they are for training or for types of layers that are not supported.
    """
    text = read_text(path, MAX_TEXT_BYTES)
    shown = quote_path(path)
    try:
        return text_format.Parse(text, message_class(name)())
    except (text_format.ParseError, RecursionError) as error:
        unknown = re.search(r'Message type "caffe\.(\w+)" has no field named', str(error))
        if not unknown or unknown[1] in PARAMETERS:
            raise InvalidSetting(f"{shown} is not a valid description of Caffe layers: {first_line(error)}") from error
    try:
        return text_format.Parse(text, message_class(name)(), allow_unknown_field=True)
    except (text_format.ParseError, RecursionError) as error:
        raise InvalidSetting(f"{shown} is not a valid description of Caffe layers: {first_line(error)}") from error
