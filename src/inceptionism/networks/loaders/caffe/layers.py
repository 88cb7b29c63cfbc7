"""What each type of Caffe's layers is in torch."""

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
    MaskedObjective,
    Power,
    Reshape,
    Scale,
    Share,
    WithinChannelNorm,
)

LARGEST = 1024
"""Of a kernel's side, of a padding, a stride and a dilation: more is no network but an attempt to fill the memory."""


def convolution(layer: CaffeLayer) -> nn.Module:
    """Return a convolution, or one the other way round, with the weights of the file."""
    settings = layer.settings
    kernel, stride, padding, dilation = (
        pair(layer, name, default) for name, default in (("kernel_size", 0), ("stride", 1), ("pad", 0), ("dilation", 1))
    )
    weight, bias = weight_and_bias(layer)
    if weight.ndim != 4 or settings.axis != 1:
        raise refused(layer, f"has weights of shape {list(weight.shape)} along axis {settings.axis}, not of a picture")
    back = layer.type == "Deconvolution"
    group = settings.group
    outputs = weight.shape[1] * group if back else weight.shape[0]
    expected = (outputs, *kernel)
    if expected != (settings.num_output, *weight.shape[2:]):
        raise refused(
            layer, f"has weights of shape {list(weight.shape)}, not {settings.num_output} of {kernel[0]}×{kernel[1]}"
        )
    if weight.shape[0] % group:
        raise refused(layer, f"has {weight.shape[0]} channels, which are not {group} equal groups")
    inputs = weight.shape[0] if back else weight.shape[1] * group
    make = nn.ConvTranspose2d if back else nn.Conv2d
    # Made without memory for weights, which are those of the file.
    conv = make(
        inputs, outputs, kernel, stride, padding, dilation=dilation, groups=group, bias=bias is not None, device="meta"
    )
    conv.weight = nn.Parameter(weight)
    conv.bias = None if bias is None else nn.Parameter(bias)
    return conv


def pooling(layer: CaffeLayer) -> nn.Module:
    """Return a pooling over windows, or over the whole map."""
    settings = layer.settings
    method = choice(layer, "pool")
    if method == "STOCHASTIC":
        raise refused(layer, "pools at random, which is not supported; only MAX and AVE are")
    if settings.global_pooling:
        return nn.AdaptiveMaxPool2d(1) if method == "MAX" else nn.AdaptiveAvgPool2d(1)
    kernel, stride, padding = (
        pair(layer, name, default) for name, default in (("kernel_size", 0), ("stride", 1), ("pad", 0))
    )
    if any(2 * zeros > side for zeros, side in zip(padding, kernel, strict=True)):
        raise refused(layer, f"pads by {list(padding)}, more than half of its kernel of {list(kernel)}")
    # Torch has Caffe's rule: a window that hangs over the edge counts, unless all of it lies in the padding.
    if method == "MAX":
        return nn.MaxPool2d(kernel, stride, padding, ceil_mode=True)
    return AveragePool(kernel, stride, padding, ceil_mode=True)


def response_norm(layer: CaffeLayer) -> nn.Module:
    """Return a local response normalization."""
    settings = layer.settings
    size = bounded(layer, "local_size", settings.local_size)
    if size % 2 == 0:
        raise refused(layer, f"normalizes over {size} neighbors; Caffe allows odd numbers only")
    if choice(layer, "norm_region") == "WITHIN_CHANNEL":
        return WithinChannelNorm(size, settings.alpha, settings.beta)
    return nn.LocalResponseNorm(size, settings.alpha, settings.beta, settings.k)


def inner_product(layer: CaffeLayer) -> nn.Module:
    """Return weighted sums of a whole map."""
    settings = layer.settings
    weight, bias = weight_and_bias(layer)
    # The old format writes 1×1×outputs×inputs.
    weight = weight.reshape(weight.shape[-2:]) if math.prod(weight.shape[:-2]) == 1 else weight
    weight = weight.T.contiguous() if settings.transpose and weight.ndim == 2 else weight
    if weight.ndim != 2 or weight.shape[0] != settings.num_output:
        raise refused(layer, f"has weights of shape {list(weight.shape)}, not {settings.num_output} rows")
    return InnerProduct(weight, bias, settings.axis)


def batch_norm(layer: CaffeLayer) -> nn.Module:
    """Return a batch norm that knows the mean and variance of training."""
    if len(layer.blobs) != 3 or layer.blobs[0].numel() != layer.blobs[1].numel() or layer.blobs[2].numel() != 1:
        raise refused(layer, "needs a mean, a variance and their factor as weights")
    mean, variance, factor = (blob.flatten() for blob in layer.blobs)
    # Caffe keeps sums, and with them what to divide them by.
    whole = 0.0 if factor.item() == 0 else 1 / factor.item()
    eps = max(layer.settings.eps, torch.finfo(torch.float32).tiny)
    kind = nn.BatchNorm1d if layer.flat else nn.BatchNorm2d
    norm = kind(len(mean), eps=eps, affine=False)
    norm.running_mean, norm.running_var = mean * whole, variance * whole
    return norm


def scale(layer: CaffeLayer) -> nn.Module:
    """Return a factor for each channel, learned or another blob."""
    settings = layer.settings
    learned = len(layer.bottoms) == 1
    expected = int(learned) + int(settings.bias_term)
    if len(layer.blobs) != expected:
        raise refused(layer, f"has {len(layer.blobs)} weights, where {expected} are needed")
    weight = layer.blobs[0] if learned else None
    return Scale(settings.axis, weight, layer.blobs[-1] if settings.bias_term else None)


def bias(layer: CaffeLayer) -> nn.Module:
    """Return a shift for each channel, learned or another blob."""
    settings = layer.settings
    if len(layer.bottoms) == 2:
        return Bias(settings.axis)
    if len(layer.blobs) != 1:
        raise refused(layer, f"has {len(layer.blobs)} weights, where one is needed")
    return Scale(settings.axis, None, layer.blobs[0])


def relu(layer: CaffeLayer) -> nn.Module:
    """Return a rectifier, leaky or not."""
    slope = layer.settings.negative_slope
    return nn.LeakyReLU(slope) if slope else nn.ReLU()


def prelu(layer: CaffeLayer) -> nn.Module:
    """Return a rectifier whose slopes were learned."""
    if len(layer.blobs) != 1:
        raise refused(layer, f"has {len(layer.blobs)} weights, where one is needed")
    module = nn.PReLU(layer.blobs[0].numel())
    module.weight = nn.Parameter(layer.blobs[0].flatten())
    return module


def eltwise(layer: CaffeLayer) -> nn.Module:
    """Return a product, sum or maximum of blobs."""
    settings = layer.settings
    if len(settings.coeff) not in (0, len(layer.bottoms)):
        raise refused(layer, f"has {len(settings.coeff)} factors for {len(layer.bottoms)} blobs")
    return Eltwise(choice(layer, "operation"), settings.coeff)


def parts(layer: CaffeLayer) -> list[nn.Module]:
    """Return a module for each of the blobs that a slice gives."""
    axis = layer.settings.slice_dim if layer.settings.HasField("slice_dim") else layer.settings.axis
    points = [*layer.settings.slice_point]
    if not points:
        return [Share(axis, index, len(layer.tops)) for index in range(len(layer.tops))]
    if len(points) != len(layer.tops) - 1:
        raise refused(layer, f"is cut at {len(points)} places into {len(layer.tops)} blobs")
    return [MaskedObjective(axis, start, end) for start, end in zip([0, *points], [*points, None], strict=True)]


TYPES: dict[str, Callable[[CaffeLayer], nn.Module]] = {
    "BatchNorm": batch_norm,
    "Bias": bias,
    "Concat": lambda of: Concat(of.settings.concat_dim if of.settings.HasField("concat_dim") else of.settings.axis),
    "Convolution": convolution,
    "Crop": lambda of: Crop(of.settings.axis, of.settings.offset),
    "Deconvolution": convolution,
    "Dropout": lambda _: nn.Identity(),
    "ELU": lambda of: nn.ELU(of.settings.alpha),
    "Eltwise": eltwise,
    "Flatten": lambda of: nn.Flatten(of.settings.axis, of.settings.end_axis),
    "InnerProduct": inner_product,
    "LRN": response_norm,
    "PReLU": prelu,
    "Pooling": pooling,
    "Power": lambda of: Power(of.settings.power, of.settings.scale, of.settings.shift),
    "ReLU": relu,
    "Reshape": lambda of: Reshape(of.settings.shape.dim, of.settings.axis, of.settings.num_axes),
    "Scale": scale,
    "Sigmoid": lambda _: nn.Sigmoid(),
    "Softmax": lambda of: nn.Softmax(of.settings.axis),
    "TanH": lambda _: nn.Tanh(),
}
"""What makes the module of a layer that gives one blob."""


READS = {"Bias": (1, 2), "Concat": (1, None), "Crop": (2, 2), "Eltwise": (1, None), "Scale": (1, 2)}
"""How many blobs a layer reads, at least and at most; all others read one."""


def check_reads(layer: CaffeLayer) -> None:
    """Raise `InvalidSetting` unless a layer reads as many blobs as one of its type takes."""
    least, most = READS.get(layer.type, (1, 1))
    count = len(layer.bottoms)
    if count < least or (most is not None and count > most):
        some = f"{least}" if most == least else f"{least} or more" if most is None else f"{least} or {most}"
        raise refused(layer, f"reads {count} blobs, where it takes {some}")


def modules_of(layer: CaffeLayer) -> list[nn.Module]:
    """Return a module for each blob that a layer gives.

    Raises:
        InvalidSetting: its type is not supported, or its settings and weights do not belong together.
    """
    if layer.type not in (*TYPES, "Slice", "Split"):
        known = ", ".join(sorted([*TYPES, "Slice", "Split"]))
        raise InvalidSetting(
            f"layer {layer.name} is of type {layer.type}, which is not supported; there are Input, {known}"
        )
    check_reads(layer)
    if layer.type == "Slice":
        return parts(layer)
    if layer.type == "Split":
        return [nn.Identity() for _ in layer.tops]
    if len(layer.tops) != 1:
        raise refused(layer, f"gives {len(layer.tops)} blobs, where one is expected")
    return [TYPES[layer.type](layer)]


def weight_and_bias(layer: CaffeLayer) -> tuple[Tensor, Tensor | None]:
    """Return the weights of a layer, and its bias if it has one."""
    biased = layer.settings.bias_term
    if len(layer.blobs) != 1 + biased:
        raise refused(layer, f"has {len(layer.blobs)} weights in the caffemodel, where {1 + biased} are needed")
    return layer.blobs[0], layer.blobs[1].flatten() if biased else None


def pair(layer: CaffeLayer, name: str, default: int) -> tuple[int, int]:
    """Return a setting for rows and columns: given as one number, one after the other, or each by its own name."""
    settings, stem = layer.settings, name.removesuffix("_size")
    if f"{stem}_h" in settings.DESCRIPTOR.fields_by_name and (
        settings.HasField(f"{stem}_h") or settings.HasField(f"{stem}_w")
    ):
        found = [getattr(settings, f"{stem}_h"), getattr(settings, f"{stem}_w")]
    else:
        given = getattr(settings, name)
        found = ([given] if isinstance(given, int) else list(given)) or [default]
    if len(found) not in (1, 2):
        raise refused(layer, f"has a {name} of {found}, where a picture has rows and columns")
    rows, columns = (bounded(layer, name, one) for one in (found[0], found[-1]))
    if name != "pad" and 0 in (rows, columns):
        raise refused(layer, f"has a {name} of 0")
    return rows, columns


def bounded(layer: CaffeLayer, name: str, value: int) -> int:
    """Return `value`, a number of places of a map."""
    if value > LARGEST:
        raise refused(layer, f"has a {name} of {value}, more than {LARGEST}")
    return value


def choice(layer: CaffeLayer, field: str) -> str:
    """Return the name of what a setting of few values has chosen."""
    settings = layer.settings
    value = settings.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(settings, field)]
    return str(value.name)


def refused(layer: CaffeLayer, what: str) -> InvalidSetting:
    """Return the error that says what is wrong with a layer."""
    return InvalidSetting(f"layer {layer.name} ({layer.type}) {what}")
