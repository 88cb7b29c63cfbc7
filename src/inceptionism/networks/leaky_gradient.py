"""Gradients through ReLUs that are not active (a variant of linear backpropagation: Guo, Li & Chen, NeurIPS 2020)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

HIGHEST = {"relu": math.inf, "relu6": 6.0}
"""Highest output of torch's functions whose lowest output is 0, by name. The module ReLU6 calls `hardtanh`."""

_share: ContextVar[float] = ContextVar("share", default=0.0)


@contextmanager
def leaky_gradient(share: float) -> Iterator[None]:
    """Let a part of the gradient pass ReLUs and ReLU6s where their output is constant. The activations stay the same.

    A ReLU that outputs 0 has no gradient. So an ascent learns nothing about neurons that are not active yet. Guo et al.
    leave out the ReLUs of deep layers in the backward pass, and find that adversarial pictures then deceive more
    networks. Here, all ReLUs stay, but a share of the gradient passes them. Other networks are much surer of what our
    pictures then show. Lucid (Olah et al., 2017) also lets a gradient pass ReLUs that are not active, in the first
    steps.

    Args:
        share: Factor of the gradient where the output of a ReLU is at its limit. 0 changes nothing.
    """
    if share == 0:
        yield
        return
    token = _share.set(share)
    try:
        with _LeakyFunctions():
            yield
    finally:
        _share.reset(token)


def leak_share() -> float:
    """Return the share of the gradient that passes ReLUs whose output is at its limit."""
    return _share.get()


def clamp_gradient(
    gradient: Tensor, output: Tensor, low: float, high: float, share: float, *, in_place: bool = False
) -> Tensor:
    """Return the gradient with respect to the input of a clamp.

    Args:
        gradient: Gradient with respect to the output.
        output: Output of the clamp, or the maxima of outputs.
        low: Lower limit of the clamp.
        high: Upper limit of the clamp.
        share: Factor of the gradient where the output is at a limit.
        in_place: Whether the memory of `gradient` may be used for the result.
    """
    aten = torch.ops.aten
    if share and (low, high) != (0, math.inf):
        passed: Tensor = aten.hardtanh_backward(gradient, output, low, high)
        return passed.lerp_(gradient, share)
    # For a ReLU, torch's leaky ReLU has this gradient in one pass. It reads the output, as its last argument says.
    kernel, settings = (aten.leaky_relu_backward, (share, True)) if share else (aten.hardtanh_backward, (low, high))
    result: Tensor = (
        kernel.grad_input(gradient, output, *settings, grad_input=gradient)
        if in_place
        else kernel(gradient, output, *settings)
    )
    return result


class _LeakyFunctions(TorchFunctionMode):
    """Torch mode in which ReLUs and ReLU6s have a leaky gradient. Fused ReLUs do not call these functions."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        high = highest_output(getattr(func, "__name__", ""), *args[1:], **(kwargs or {}))
        if high is not None and args and isinstance(args[0], Tensor) and args[0].requires_grad:
            return _LeakyClamp.apply(args[0], 0.0, high, leak_share())  # type: ignore[no-untyped-call]
        return func(*args, **(kwargs or {}))


def highest_output(name: str, *limits: Any, **named: Any) -> float | None:
    """Return the highest output of a function of torch. None if the function is no ReLU or ReLU6.

    Args:
        name: Name of the function.
        limits: Its arguments after the tensor.
        named: Its arguments with names.
    """
    if name != "hardtanh":
        return HIGHEST.get(name)
    bounds = dict(zip(("min_val", "max_val"), limits, strict=False)) | named
    return bounds.get("max_val") if bounds.get("min_val") == 0 else None


class _LeakyClamp(torch.autograd.Function):
    """A clamp with a leaky gradient."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, low: float, high: float, share: float) -> Tensor:
        output = x.clamp(low, high)
        ctx.save_for_backward(output)
        ctx.settings = low, high, share
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor | None, ...]:
        return clamp_gradient(gradient, *ctx.saved_tensors, *ctx.settings), None, None, None
