"""Torch modules for the layers of Caffe that compute each number from one number, or from one number of each blob."""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn


class AbsVal(nn.Module):
    """Absolute value."""

    def forward(self, x: Tensor) -> Tensor:
        return x.abs()


class Eltwise(nn.Module):
    """Elementwise product, weighted sum or maximum of blobs of one shape."""

    def __init__(self, operation: str, weights: Sequence[float]) -> None:
        super().__init__()
        self.operation, self.weights = operation, tuple(weights)

    def forward(self, *blobs: Tensor) -> Tensor:
        if any(blob.shape != blobs[0].shape for blob in blobs):
            raise RuntimeError(f"its blobs have the shapes {', '.join(str([*blob.shape[1:]]) for blob in blobs)}")
        if self.operation == "PROD":
            return reduce(torch.mul, blobs)
        if self.operation == "MAX":
            return reduce(torch.maximum, blobs)
        if self.weights:
            blobs = tuple(weight * blob for weight, blob in zip(self.weights, blobs, strict=True))
        return reduce(torch.add, blobs)


class Exp(nn.Module):
    """Exponential function: base ** (shift + scale × x)."""

    def __init__(self, base: float, scale: float, shift: float) -> None:
        super().__init__()
        self.log_base, self.scale, self.shift = math.log(base), scale, shift

    def forward(self, x: Tensor) -> Tensor:
        return ((self.shift + self.scale * x) * self.log_base).exp()


class Log(nn.Module):
    """Logarithm: log(shift + scale × x), to the base `base`."""

    def __init__(self, base: float, scale: float, shift: float) -> None:
        super().__init__()
        self.log_base, self.scale, self.shift = math.log(base), scale, shift

    def forward(self, x: Tensor) -> Tensor:
        return (self.shift + self.scale * x).log() / self.log_base


class Power(nn.Module):
    """Power function: (shift + scale × x) ** power."""

    def __init__(self, power: float, scale: float, shift: float) -> None:
        super().__init__()
        self.power, self.scale, self.shift = power, scale, shift

    def forward(self, x: Tensor) -> Tensor:
        y = self.shift + self.scale * x
        return y if self.power == 1 else y.pow(self.power)


class LeakyReLU6(nn.Module):
    """A ReLU with a slope for negative numbers. Its largest output is 6."""

    def __init__(self, slope: float) -> None:
        super().__init__()
        self.slope = slope

    def forward(self, x: Tensor) -> Tensor:
        return nn.functional.leaky_relu(x, self.slope).clamp(max=6)


class Swish(nn.Module):
    """Swish: x × sigmoid(beta × x) (Ramachandran et al., 2017)."""

    def __init__(self, beta: float) -> None:
        super().__init__()
        self.beta = beta

    def forward(self, x: Tensor) -> Tensor:
        return x * (self.beta * x).sigmoid()


class Threshold(nn.Module):
    """1 for numbers above a threshold, else 0."""

    def __init__(self, threshold: float) -> None:
        super().__init__()
        self.threshold = threshold

    def forward(self, x: Tensor) -> Tensor:
        return (x > self.threshold).to(x.dtype)
