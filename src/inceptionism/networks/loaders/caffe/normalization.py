"""Conversion of Caffe's layers that normalize, scale and shift, to torch modules."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inceptionism.networks.loaders.caffe.description import CaffeLayer
from inceptionism.networks.loaders.caffe.norms import (
    MVN,
    Bias,
    Normalize,
    PictureNorm,
    Scale,
    WithinChannelNorm,
)
from inceptionism.networks.loaders.caffe.settings import check_limit, check_weights, enum_name, layer_error

NVIDIA_EPS = 1e-5
"""Smallest number that NVIDIA's version of Caffe adds to a variance."""

SEGNET_EPS = 1e-9
"""Number that SegNet's version of Caffe adds to a variance."""


def response_norm(layer: CaffeLayer) -> nn.Module:
    """Return a local response normalization."""
    settings = layer.settings
    size = check_limit(layer, "local_size", settings.local_size)
    if size % 2 == 0:
        raise layer_error(layer, f"normalizes over {size} channels or neurons, but Caffe allows only odd numbers")
    if enum_name(layer, "norm_region") == "WITHIN_CHANNEL":
        return WithinChannelNorm(size, settings.alpha, settings.beta)
    return nn.LocalResponseNorm(size, settings.alpha, settings.beta, settings.k)


def batch_norm(layer: CaffeLayer) -> nn.Module:
    """Return a batch norm with the mean and the variance of training.

    Caffe's own layer has three weights: a mean, a variance and their factor. The layer of NVIDIA's version also has
    factors and shifts for the result, and does not use the third weight.
    """
    settings = layer.settings
    scaled = settings.scale_bias or settings.HasField("scale_filler") or settings.HasField("bias_filler")
    if len(layer.blobs) == 3 and not scaled:
        mean, variance, factor = (blob.flatten() for blob in layer.blobs)
        if len(factor) != 1:
            raise layer_error(layer, f"has {len(factor)} factors for its mean and variance, but needs one")
        if settings.HasField("use_global_stats") and not settings.use_global_stats:
            return PictureNorm(None, None, settings.eps)
        # Caffe stores sums, and the factor by which they must be divided.
        inverse = 0.0 if factor.item() == 0 else 1 / factor.item()
        return trained_norm(layer, mean * inverse, variance * inverse, settings.eps)
    if len(layer.blobs) != 5:
        needed = (
            "5: a mean, a variance, their factor, factors and shifts" if scaled else "3: a mean, a variance, a factor"
        )
        raise layer_error(layer, f"has {len(layer.blobs)} weights, but needs {needed}")
    mean, variance, _, weight, bias = (blob.flatten() for blob in layer.blobs)
    return trained_norm(layer, mean, variance, max(settings.eps, NVIDIA_EPS), weight, bias)


def fork_norm(layer: CaffeLayer) -> nn.Module:
    """Return the batch norm BN of SegNet (Badrinarayanan et al., 2015) or of PSPNet (Zhao et al., 2017).

    Both have factors and shifts. In SegNet, the statistics of training are a part of them. In PSPNet, a mean and a
    variance follow.
    """
    settings = layer.settings
    if settings.axis != 1:
        raise layer_error(layer, f"normalizes along axis {settings.axis}, but only axis 1, the channels, is supported")
    blobs = [blob.flatten() for blob in layer.blobs]
    if len(blobs) == 2:
        weight, bias = same_length(layer, blobs)
        learns = enum_name(layer, "bn_mode") == "LEARN"
        return PictureNorm(weight, bias, SEGNET_EPS) if learns else Scale(1, weight, bias)
    if len(blobs) != 4:
        raise layer_error(layer, f"has {len(blobs)} weights, but needs 2 or 4: factors, shifts, a mean, a variance")
    weight, bias, mean, variance = blobs
    eps = settings.var_eps if settings.HasField("var_eps") else settings.eps
    if not settings.moving_average:
        same_length(layer, [weight, bias])
        return PictureNorm(weight, bias, eps)
    return trained_norm(layer, mean, variance, eps, weight, bias)


def trained_norm(
    layer: CaffeLayer,
    mean: Tensor,
    variance: Tensor,
    eps: float,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
) -> nn.Module:
    """Return a batch norm with a mean and a variance for each channel, and perhaps with factors and shifts."""
    same_length(layer, [values for values in (mean, variance, weight, bias) if values is not None])
    norm_class = nn.BatchNorm1d if layer.flat else nn.BatchNorm2d
    norm = norm_class(len(mean), eps=max(eps, torch.finfo(torch.float32).tiny), affine=weight is not None)
    norm.running_mean, norm.running_var = mean, variance
    if weight is not None and bias is not None:
        norm.weight, norm.bias = nn.Parameter(weight), nn.Parameter(bias)
    return norm


def same_length(layer: CaffeLayer, weights: list[Tensor]) -> list[Tensor]:
    """Return `weights`; raise `InvalidSetting` if they have different lengths."""
    lengths = [len(values) for values in weights]
    if len({*lengths}) > 1:
        raise layer_error(layer, f"has weights for {', '.join(map(str, lengths))} channels, but needs equal numbers")
    return weights


def mean_variance_norm(layer: CaffeLayer) -> nn.Module:
    """Return a normalization by the mean and the standard deviation of the picture."""
    settings = layer.settings
    return MVN(settings.normalize_variance, settings.across_channels, settings.eps)


def normalize(layer: CaffeLayer) -> nn.Module:
    """Return a division by the Euclidean norm."""
    settings = layer.settings
    check_weights(layer, 1)
    weight = layer.blobs[0].flatten()
    if settings.channel_shared and len(weight) != 1:
        raise layer_error(layer, f"has {len(weight)} factors, but needs one for all channels (channel_shared)")
    return Normalize(weight, settings.across_spatial, settings.eps)


def scale(layer: CaffeLayer) -> nn.Module:
    """Return a multiplication with a factor for each channel. The factors are learned or come from another blob."""
    settings = layer.settings
    learned = len(layer.bottoms) == 1
    check_weights(layer, learned + settings.bias_term)
    weight = layer.blobs[0] if learned else None
    return Scale(settings.axis, weight, layer.blobs[-1] if settings.bias_term else None)


def bias(layer: CaffeLayer) -> nn.Module:
    """Return an addition of a shift for each channel. The shifts are learned or come from another blob."""
    settings = layer.settings
    if len(layer.bottoms) == 2:
        return Bias(settings.axis)
    check_weights(layer, 1)
    return Scale(settings.axis, None, layer.blobs[0])
