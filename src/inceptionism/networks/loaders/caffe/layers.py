"""Conversion of Caffe's layers to torch modules, by the type of the layer."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders.caffe.files import CaffeLayer
from inceptionism.networks.loaders.caffe.modules import (
    AveragePool,
    Bias,
    Concat,
    Crop,
    Eltwise,
    InnerProduct,
    Power,
    Reshape,
    Scale,
    SliceEqual,
    SliceRange,
    WithinChannelNorm,
)

MAX_SIDE = 1024
"""Largest kernel side, padding, stride and dilation, in neurons. Larger ones would fill the memory."""


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
    if weight.shape[0] % group:
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
    if method == "MAX":
        return nn.MaxPool2d(kernel, stride, padding, ceil_mode=True)
    return AveragePool(kernel, stride, padding, ceil_mode=True)


def response_norm(layer: CaffeLayer) -> nn.Module:
    """Return a local response normalization."""
    settings = layer.settings
    size = check_limit(layer, "local_size", settings.local_size)
    if size % 2 == 0:
        raise layer_error(layer, f"normalizes over {size} channels or neurons, but Caffe allows only odd numbers")
    if enum_name(layer, "norm_region") == "WITHIN_CHANNEL":
        return WithinChannelNorm(size, settings.alpha, settings.beta)
    return nn.LocalResponseNorm(size, settings.alpha, settings.beta, settings.k)


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


def batch_norm(layer: CaffeLayer) -> nn.Module:
    """Return a batch norm with the mean and the variance of training."""
    if len(layer.blobs) != 3 or layer.blobs[0].numel() != layer.blobs[1].numel() or layer.blobs[2].numel() != 1:
        raise layer_error(layer, "needs three weights: a mean, a variance and their factor")
    mean, variance, factor = (blob.flatten() for blob in layer.blobs)
    # Caffe stores sums, and the factor by which they must be divided.
    inverse = 0.0 if factor.item() == 0 else 1 / factor.item()
    eps = max(layer.settings.eps, torch.finfo(torch.float32).tiny)
    norm_class = nn.BatchNorm1d if layer.flat else nn.BatchNorm2d
    norm = norm_class(len(mean), eps=eps, affine=False)
    norm.running_mean, norm.running_var = mean * inverse, variance * inverse
    return norm


def scale(layer: CaffeLayer) -> nn.Module:
    """Return a multiplication with a factor for each channel. The factors are learned or come from another blob."""
    settings = layer.settings
    learned = len(layer.bottoms) == 1
    expected = int(learned) + int(settings.bias_term)
    if len(layer.blobs) != expected:
        raise layer_error(layer, f"has {len(layer.blobs)} weights, but needs {expected}")
    weight = layer.blobs[0] if learned else None
    return Scale(settings.axis, weight, layer.blobs[-1] if settings.bias_term else None)


def bias(layer: CaffeLayer) -> nn.Module:
    """Return an addition of a shift for each channel. The shifts are learned or come from another blob."""
    settings = layer.settings
    if len(layer.bottoms) == 2:
        return Bias(settings.axis)
    if len(layer.blobs) != 1:
        raise layer_error(layer, f"has {len(layer.blobs)} weights, but needs one")
    return Scale(settings.axis, None, layer.blobs[0])


def relu(layer: CaffeLayer) -> nn.Module:
    """Return a ReLU. It is leaky if the layer has a negative slope."""
    slope = layer.settings.negative_slope
    return nn.LeakyReLU(slope) if slope else nn.ReLU()


def prelu(layer: CaffeLayer) -> nn.Module:
    """Return a ReLU with learned negative slopes."""
    if len(layer.blobs) != 1:
        raise layer_error(layer, f"has {len(layer.blobs)} weights, but needs one")
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
    "BatchNorm": batch_norm,
    "Bias": bias,
    "Concat": lambda layer: Concat(axis_of(layer, "concat_dim")),
    "Convolution": convolution,
    "Crop": lambda layer: Crop(layer.settings.axis, layer.settings.offset),
    "Deconvolution": convolution,
    "Dropout": lambda _: nn.Identity(),
    "ELU": lambda layer: nn.ELU(layer.settings.alpha),
    "Eltwise": eltwise,
    "Flatten": lambda layer: nn.Flatten(layer.settings.axis, layer.settings.end_axis),
    "InnerProduct": inner_product,
    "LRN": response_norm,
    "PReLU": prelu,
    "Pooling": pooling,
    "Power": lambda layer: Power(layer.settings.power, layer.settings.scale, layer.settings.shift),
    "ReLU": relu,
    "Reshape": lambda layer: Reshape(layer.settings.shape.dim, layer.settings.axis, layer.settings.num_axes),
    "Scale": scale,
    "Sigmoid": lambda _: nn.Sigmoid(),
    "Softmax": lambda layer: nn.Softmax(layer.settings.axis),
    "TanH": lambda _: nn.Tanh(),
}
"""Functions that return the module of a layer, by the type of the layer. These types have one output."""

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


def modules_of(layer: CaffeLayer) -> list[nn.Module]:
    """Return a module for each output blob of a layer.

    Raises:
        InvalidSetting: If the type is not supported, or if the settings and the weights do not belong together.
    """
    if layer.type not in (*TYPES, "Slice", "Split"):
        supported = ", ".join(sorted([*TYPES, "Slice", "Split"]))
        raise InvalidSetting(
            f"layer {layer.name} has the type {layer.type}, which is not supported; "
            f"the supported types are Input, {supported}"
        )
    check_inputs(layer)
    if layer.type == "Slice":
        return slice_modules(layer)
    if layer.type == "Split":
        return [nn.Identity() for _ in layer.tops]
    if len(layer.tops) != 1:
        raise layer_error(layer, f"has {len(layer.tops)} output blobs, but this type has one")
    return [TYPES[layer.type](layer)]


def weight_and_bias(layer: CaffeLayer) -> tuple[Tensor, Tensor | None]:
    """Return the weights of a layer, and its bias or None."""
    biased = layer.settings.bias_term
    if len(layer.blobs) != 1 + biased:
        raise layer_error(layer, f"has {len(layer.blobs)} weights in the caffemodel, but needs {1 + biased}")
    return layer.blobs[0], layer.blobs[1].flatten() if biased else None


def axis_of(layer: CaffeLayer, old_field: str) -> int:
    """Return the axis of a layer. Old files have it in the field `old_field`."""
    settings = layer.settings
    return int(getattr(settings, old_field if settings.HasField(old_field) else "axis"))


def rows_and_columns(layer: CaffeLayer, name: str, default: int) -> tuple[int, int]:
    """Return the setting `name` for rows and columns.

    A file has one number for both, a list of two numbers, or two fields that end with _h and _w. If it has none of
    these, both are `default`.
    """
    settings, stem = layer.settings, name.removesuffix("_size")
    if f"{stem}_h" in settings.DESCRIPTOR.fields_by_name and (
        settings.HasField(f"{stem}_h") or settings.HasField(f"{stem}_w")
    ):
        values = [getattr(settings, f"{stem}_h"), getattr(settings, f"{stem}_w")]
    else:
        value = getattr(settings, name)
        values = ([value] if isinstance(value, int) else list(value)) or [default]
    if len(values) not in (1, 2):
        raise layer_error(layer, f"has a {name} of {values}, but it needs one number or two: rows and columns")
    rows, columns = (check_limit(layer, name, value) for value in (values[0], values[-1]))
    if name != "pad" and 0 in (rows, columns):
        raise layer_error(layer, f"has a {name} of 0, but it must be at least 1")
    return rows, columns


def check_limit(layer: CaffeLayer, name: str, value: int) -> int:
    """Return `value`, a length in neurons; raise `InvalidSetting` if it is more than `MAX_SIDE`."""
    if value > MAX_SIDE:
        raise layer_error(layer, f"has a {name} of {value}; the maximum is {MAX_SIDE}")
    return value


def enum_name(layer: CaffeLayer, field: str) -> str:
    """Return the name of the value of an enum field."""
    settings = layer.settings
    value = settings.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(settings, field)]
    return str(value.name)


def layer_error(layer: CaffeLayer, problem: str) -> InvalidSetting:
    """Return the error for a problem of a layer. `problem` continues a sentence that begins with the layer's name."""
    return InvalidSetting(f"layer {layer.name} ({layer.type}) {problem}")
