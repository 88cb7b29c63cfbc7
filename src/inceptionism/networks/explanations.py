"""Explanations of failures in a module's code: the cause, and what to do."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from inceptionism.errors import (
    InceptionismError,
    InvalidSetting,
    describe_error,
    first_line,
    is_out_of_memory,
    quote_value,
)
from inceptionism.networks.hooks import FORWARD_ERRORS, SIZE_ERRORS, hooked, run

IN_PLACE = ("is being modified inplace", "modified by an inplace operation")
"""Parts of torch's messages about tensors that the module's code changes in place, but that the gradient needs."""


@contextmanager
def explained_errors(
    module: nn.Module, network: str, size: Sequence[int], trained_size: Sequence[int]
) -> Iterator[None]:
    """Turn errors of a module's code into an `InvalidSetting` that explains them.

    Args:
        module: The module.
        network: Name of the network.
        size: Height and width of the picture in pixels.
        trained_size: Height and width of the training pictures in pixels.
    """
    try:
        yield
    except FORWARD_ERRORS as error:
        if is_out_of_memory(error) or isinstance(error, InceptionismError):
            raise
        reason = describe_error(error)
        if isinstance(error, SIZE_ERRORS):
            reason = first_line(error) if str(error) else ""
        if any(text in reason for text in IN_PLACE):
            raise InvalidSetting(
                f"the gradient of network {network} cannot be computed, because its code changes a tensor in place "
                "that the gradient needs; write x = x + y there in place of x += y"
            ) from error
        (height, width), (trained_height, trained_width) = size, trained_size
        if (height, width) == (trained_height, trained_width):
            hint = (
                "its module must take one N×C×H×W tensor: wrap it if it takes something else, and give "
                "Network(module, size=...) if it is made for another size, or Network(module, channels=...) if its "
                "pictures are not RGB"
            )
        else:
            hint = f"it is made for {trained_height}×{trained_width} pixels"
            if type(module).__module__.startswith("timm."):
                hint += "; timm.create_model(..., dynamic_img_size=True) makes a module for all sizes, and so does the "
                hint += "name timm/NAME in place of the module"
        raise InvalidSetting(
            f"network {network} cannot process a picture of {height}×{width} pixels: "
            + "; ".join(filter(None, [reason, hint]))
        ) from error


@contextmanager
def explained_move(network: str, device: object) -> Iterator[None]:
    """Turn errors of a move to a device that torch does not know or does not have into an `InvalidSetting`."""
    try:
        yield
    except (RuntimeError, AssertionError, TypeError) as error:
        if is_out_of_memory(error):
            raise
        raise InvalidSetting(
            f"network {network} cannot be moved to {quote_value(device)}: {first_line(error)}"
        ) from error


def explain_missing_gradient(module: nn.Module, x: Tensor, layer: str, network: str) -> InvalidSetting:
    """Return the error for a layer whose activations have no gradient with respect to the picture.

    The module runs once more, to find the cause.

    Args:
        module: The module.
        x: Normalized pictures, N×C×H×W.
        layer: Name of the layer's module, or "" for the output of the network.
        network: Name of the network.
    """
    last, cause, done = "", "", False

    def observe(name: str, output: object) -> None:
        nonlocal last, cause, done
        if done or not isinstance(output, Tensor):
            return
        if output.requires_grad:
            last = name
        elif not cause and (output.is_inference() or torch.is_inference_mode_enabled()):
            cause = "the module runs under torch.inference_mode()"
        elif not cause and not torch.is_grad_enabled():
            cause = "the module runs under torch.no_grad()"
        done = name == layer

    with torch.enable_grad(), hooked(module, [name for name, _ in module.named_modules() if name], observe):
        run(module, x.detach().requires_grad_())
    cause = cause or "the module detaches them, rounds them, or does not compute them from the picture"
    hint = f", or choose layer {last} or an earlier one" if last else ""
    return InvalidSetting(
        f"the activations of layer {layer or 'logits'} of network {network} have no gradient with respect to the "
        f"picture, because {cause}; change its code{hint}"
    )
