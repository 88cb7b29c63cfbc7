"""Conversion of Caffe's layers to torch modules, by the type of the layer."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch import nn

from inceptionism.errors import InvalidSetting, printable
from inceptionism.networks.loaders.caffe.description import CaffeLayer
from inceptionism.networks.loaders.caffe.modules import (
    ArgMax,
    AveragePool,
    Concat,
    Crop,
    InnerProduct,
    Reduction,
    Reshape,
    SliceEqual,
    SliceRange,
    Tile,
)
from inceptionism.networks.loaders.caffe.normalization import (
    batch_norm,
    bias,
    fork_norm,
    mean_variance_norm,
    normalize,
    response_norm,
    scale,
)
from inceptionism.networks.loaders.caffe.pointwise import (
    AbsVal,
    Eltwise,
    Exp,
    LeakyReLU6,
    Log,
    Power,
    Swish,
    Threshold,
)
from inceptionism.networks.loaders.caffe.settings import (
    axis_of,
    check_limit,
    check_weights,
    enum_name,
    layer_error,
    rows_and_columns,
    weight_and_bias,
)


def convolution(layer: CaffeLayer) -> nn.Module:
    """Return a convolution or a transposed convolution with the weights of the file."""
    settings = layer.settings
    kernel, stride, padding, dilation = (
        rows_and_columns(layer, name, default)
        for name, default in (("kernel_size", 0), ("stride", 1), ("pad", 0), ("dilation", 1))
    )
    weight, bias = weight_and_bias(layer)
    if weight.ndim != 4 or settings.axis != 1:
        raise layer_error(
            layer,
            f"has weights of shape {list(weight.shape)} and axis {settings.axis}; "
            "a convolution of maps needs weights with 4 axes, and the setting axis: 1",
        )
    transposed = layer.type == "Deconvolution"
    group = settings.group
    outputs = weight.shape[1] * group if transposed else weight.shape[0]
    expected = (outputs, *kernel)
    if expected != (settings.num_output, *weight.shape[2:]):
        raise layer_error(
            layer,
            f"has weights of shape {list(weight.shape)}, but needs "
            f"{settings.num_output} kernels of {kernel[0]}×{kernel[1]}",
        )
    if group == 0 or weight.shape[0] % group:
        raise layer_error(layer, f"has {weight.shape[0]} channels, which cannot be divided into {group} equal groups")
    inputs = weight.shape[0] if transposed else weight.shape[1] * group
    make = nn.ConvTranspose2d if transposed else nn.Conv2d
    # The meta device needs no memory for initial weights. The weights of the file replace them.
    conv = make(
        inputs, outputs, kernel, stride, padding, dilation=dilation, groups=group, bias=bias is not None, device="meta"
    )
    conv.weight = nn.Parameter(weight)
    conv.bias = None if bias is None else nn.Parameter(bias)
    return conv


def pooling(layer: CaffeLayer) -> nn.Module:
    """Return a pooling over windows, or over the whole map."""
    settings = layer.settings
    method = enum_name(layer, "pool")
    if method == "STOCHASTIC":
        raise layer_error(layer, "has stochastic pooling, which is not supported; only MAX and AVE are")
    if settings.global_pooling:
        return nn.AdaptiveMaxPool2d(1) if method == "MAX" else nn.AdaptiveAvgPool2d(1)
    kernel, stride, padding = (
        rows_and_columns(layer, name, default) for name, default in (("kernel_size", 0), ("stride", 1), ("pad", 0))
    )
    if any(2 * pad > side for pad, side in zip(padding, kernel, strict=True)):
        raise layer_error(
            layer, f"has a padding of {list(padding)}, which is more than half of its kernel of {list(kernel)}"
        )
    # With ceil_mode, torch follows Caffe's rule: a window beyond the edge counts unless it has only padding.
    ceil_mode = settings.ceil_mode and enum_name(layer, "round_mode") == "CEIL"
    pool_class = nn.MaxPool2d if method == "MAX" else AveragePool
    return pool_class(kernel, stride, padding, ceil_mode=ceil_mode)


def inner_product(layer: CaffeLayer) -> nn.Module:
    """Return a fully connected layer."""
    settings = layer.settings
    weight, bias = weight_and_bias(layer)
    # The old format has weights of shape 1×1×outputs×inputs.
    weight = weight.reshape(weight.shape[-2:]) if math.prod(weight.shape[:-2]) == 1 else weight
    weight = weight.T.contiguous() if settings.transpose and weight.ndim == 2 else weight
    if weight.ndim != 2 or weight.shape[0] != settings.num_output:
        raise layer_error(layer, f"has weights of shape {list(weight.shape)}, but needs {settings.num_output} rows")
    return InnerProduct(weight, bias, settings.axis)


def relu(layer: CaffeLayer) -> nn.Module:
    """Return a ReLU. It is leaky if the layer has a negative slope."""
    slope = layer.settings.negative_slope
    return nn.LeakyReLU(slope) if slope else nn.ReLU()


def relu6(layer: CaffeLayer) -> nn.Module:
    """Return a ReLU with a largest output of 6. It is leaky if the layer has a negative slope."""
    slope = layer.settings.negative_slope
    return LeakyReLU6(slope) if slope else nn.ReLU6()


def clip(layer: CaffeLayer) -> nn.Module:
    """Return a module that limits numbers to a range."""
    settings = layer.settings
    if not (settings.HasField("min") and settings.HasField("max") and settings.min < settings.max):
        raise layer_error(layer, "needs a min and a larger max")
    return nn.Hardtanh(settings.min, settings.max)


def power_of_base(layer: CaffeLayer) -> nn.Module:
    """Return an exponential function or a logarithm. The base -1 stands for e."""
    settings = layer.settings
    base = math.e if settings.base == -1 else settings.base
    if base <= 0 or (layer.type == "Log" and base == 1):
        raise layer_error(
            layer, f"has the base {base:g}, but a base must be positive, and the base of a logarithm must not be 1"
        )
    return (Exp if layer.type == "Exp" else Log)(base, settings.scale, settings.shift)


def tile(layer: CaffeLayer) -> nn.Module:
    """Return a module that repeats a blob along an axis."""
    copies = check_limit(layer, "number of tiles", layer.settings.tiles)
    if copies < 1:
        raise layer_error(layer, f"makes {copies} tiles, but it must make at least 1")
    return Tile(layer.settings.axis, copies)


def arg_max(layer: CaffeLayer) -> nn.Module:
    """Return a module that finds the largest numbers."""
    settings = layer.settings
    if settings.top_k < 1:
        raise layer_error(layer, "finds the top_k: 0 largest numbers, but it must find at least 1")
    return ArgMax(settings.axis if settings.HasField("axis") else None, settings.top_k, settings.out_max_val)


def prelu(layer: CaffeLayer) -> nn.Module:
    """Return a ReLU with learned negative slopes."""
    check_weights(layer, 1)
    module = nn.PReLU(layer.blobs[0].numel())
    module.weight = nn.Parameter(layer.blobs[0].flatten())
    return module


def eltwise(layer: CaffeLayer) -> nn.Module:
    """Return an elementwise product, sum or maximum of blobs."""
    settings = layer.settings
    if len(settings.coeff) not in (0, len(layer.bottoms)):
        raise layer_error(
            layer,
            f"has {len(settings.coeff)} factors for {len(layer.bottoms)} blobs; it needs one for each blob or none",
        )
    return Eltwise(enum_name(layer, "operation"), settings.coeff)


def slice_modules(layer: CaffeLayer) -> list[nn.Module]:
    """Return a module for each output of a slice layer."""
    axis = axis_of(layer, "slice_dim")
    points = [*layer.settings.slice_point]
    if not points:
        return [SliceEqual(axis, index, len(layer.tops)) for index in range(len(layer.tops))]
    if len(points) != len(layer.tops) - 1:
        raise layer_error(
            layer,
            f"has {len(points)} slice points for {len(layer.tops)} output blobs; it needs one point fewer than outputs",
        )
    return [SliceRange(axis, start, end) for start, end in zip([0, *points], [*points, None], strict=True)]


TYPES: dict[str, Callable[[CaffeLayer], nn.Module]] = {
    "AbsVal": lambda _: AbsVal(),
    "ArgMax": arg_max,
    "BN": fork_norm,
    "BNLL": lambda _: nn.Softplus(),
    "BatchNorm": batch_norm,
    "Bias": bias,
    "Clip": clip,
    "Concat": lambda layer: Concat(axis_of(layer, "concat_dim")),
    "Convolution": convolution,
    "Crop": lambda layer: Crop(layer.settings.axis, layer.settings.offset),
    "Deconvolution": convolution,
    "Dropout": lambda _: nn.Identity(),
    "ELU": lambda layer: nn.ELU(layer.settings.alpha),
    "Eltwise": eltwise,
    "Exp": power_of_base,
    "Flatten": lambda layer: nn.Flatten(layer.settings.axis, layer.settings.end_axis),
    "InnerProduct": inner_product,
    "LRN": response_norm,
    "Log": power_of_base,
    "MVN": mean_variance_norm,
    "Normalize": normalize,
    "PReLU": prelu,
    "Pooling": pooling,
    "Power": lambda layer: Power(layer.settings.power, layer.settings.scale, layer.settings.shift),
    "ReLU": relu,
    "ReLU6": relu6,
    "Reduction": lambda layer: Reduction(enum_name(layer, "operation"), layer.settings.axis, layer.settings.coeff),
    "Reshape": lambda layer: Reshape(layer.settings.shape.dim, layer.settings.axis, layer.settings.num_axes),
    "Scale": scale,
    "Sigmoid": lambda _: nn.Sigmoid(),
    "Softmax": lambda layer: nn.Softmax(layer.settings.axis),
    "Swish": lambda layer: Swish(layer.settings.beta),
    "TanH": lambda _: nn.Tanh(),
    "Threshold": lambda layer: Threshold(layer.settings.threshold),
    "Tile": tile,
}
"""Functions that return the module of a layer, by the type of the layer. These types have one output."""

SUPPORTED = sorted([*TYPES, "Slice", "Split"])
"""Types of layers that are supported, besides those that only load data or evaluate."""

WEIGHTED = {"BN", "BatchNorm", "Bias", "Convolution", "Deconvolution", "InnerProduct", "Normalize", "PReLU", "Scale"}
"""Types of layers that have weights if they read one blob."""

INPUT_COUNTS = {"Bias": (1, 2), "Concat": (1, None), "Crop": (2, 2), "Eltwise": (1, None), "Scale": (1, 2)}
"""Smallest and largest number of input blobs, by the type of the layer. Other types read one blob."""


def check_inputs(layer: CaffeLayer) -> None:
    """Raise `InvalidSetting` unless the number of blobs that a layer reads is allowed for its type."""
    minimum, maximum = INPUT_COUNTS.get(layer.type, (1, 1))
    count = len(layer.bottoms)
    if count < minimum or (maximum is not None and count > maximum):
        if maximum is None:
            allowed = f"{minimum} or more"
        else:
            allowed = f"{minimum}" if maximum == minimum else f"{minimum} or {maximum}"
        raise layer_error(layer, f"reads {count} blobs, but this type reads {allowed}")


def can_be_made(layer: CaffeLayer, has_weights: bool) -> bool:
    """Return whether the type of a layer is supported, and its weights exist if it needs weights."""
    needs_weights = layer.type in WEIGHTED and len(layer.bottoms) == 1
    return layer.type in SUPPORTED and (has_weights or not needs_weights)


def modules_of(layer: CaffeLayer) -> list[nn.Module]:
    """Return a module for each output blob of a layer.

    Raises:
        InvalidSetting: If the type is not supported, or if the settings and the weights do not belong together.
    """
    if layer.type not in SUPPORTED:
        raise InvalidSetting(
            f"layer {printable(layer.name)} has the type {printable(layer.type)}, which is not supported; "
            f"the supported types are Input, {', '.join(SUPPORTED)}"
        )
    check_inputs(layer)
    if layer.type == "Slice":
        return slice_modules(layer)
    if layer.type == "Split":
        return [nn.Identity() for _ in layer.tops]
    if len(layer.tops) != 1:
        raise layer_error(layer, f"has {len(layer.tops)} output blobs, but this type has one")
    return [TYPES[layer.type](layer)]
