"""Optimizers of a picture: normalized gradient ascent and Adam.

The optimizers of torch load the compiler, `torch._dynamo`, as soon as they are made. This takes as long as loading
torch itself, and nothing is compiled here. So these optimizers use torch's methods without the compiler's wrappers.
"""

from __future__ import annotations

from collections.abc import Iterable
from inspect import unwrap

import torch
from torch import Tensor

TINY = torch.finfo(torch.float32).tiny
"""Smallest positive divisor. It keeps a gradient of zeros at zero."""


def mean_abs(gradient: Tensor) -> Tensor:
    """Return the mean absolute value of a gradient. The sum is computed in chunks, to save memory."""
    chunks = torch.split(gradient.reshape(-1), 2**20)
    buffer = torch.empty_like(chunks[0])
    return torch.stack([torch.abs(chunk, out=buffer[: len(chunk)]).sum() for chunk in chunks]).sum() / gradient.numel()


class Optimizer(torch.optim.Optimizer):
    """Optimizer of torch that does not load the compiler."""

    add_param_group = unwrap(torch.optim.Optimizer.add_param_group)
    zero_grad = unwrap(torch.optim.Optimizer.zero_grad)


class Adam(Optimizer, torch.optim.Adam):
    """Adam (Kingma & Ba, 2015), as torch implements it."""

    step = torch.no_grad()(unwrap(torch.optim.Adam.step))


class NormalizedAscent(Optimizer):
    """Optimizer that adds `step_size` × g / mean|g| to each parameter tensor, where g is the gradient of the tensor.

    The mean absolute change of a tensor is `step_size` at every step, whatever the scale of the score. This is the step
    of the 2015 notebook (Mordvintsev, Olah & Tyka). Tensors without a gradient stay as they are.
    """

    def __init__(self, parameters: Iterable[Tensor], step_size: float) -> None:
        super().__init__(parameters, {"lr": step_size})  # torch's schedules expect the name "lr"

    @torch.no_grad()
    def step(self, closure: object = None) -> None:  # type: ignore[override]  # noqa: ARG002
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is not None:
                    mean = mean_abs(parameter.grad)
                    parameter.addcmul_(parameter.grad, group["lr"] / mean.clamp_min(TINY))
