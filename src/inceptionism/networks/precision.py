"""Devices and number types with which networks compute."""

from __future__ import annotations

from collections.abc import Callable

import torch

from inceptionism.errors import InvalidSetting
from inceptionism.networks.torch_internals import cpu_multiplies_bfloat16
from inceptionism.validation import check_choice

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
"""Number types by the names that recipes use."""


def exact_device(device: torch.device | str) -> torch.device:
    """Return a device with the number that torch gives to its tensors, so that equal devices compare as equal.

    Raises:
        RuntimeError, TypeError: If torch does not know the device.
    """
    exact = torch.device(device)
    if exact.type in ("cpu", "mps"):
        return torch.device(exact.type)  # there is only one
    if exact.type == "cuda" and exact.index is None and torch.cuda.is_available():
        return torch.device("cuda", torch.cuda.current_device())
    return exact


def has_fast_bfloat16(device: torch.device) -> bool:
    """Return whether `device` is known to compute faster with bfloat16 than with float32."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    return device.type == "cpu" and cpu_multiplies_bfloat16()


def choose_dtype(
    precision: str, device: torch.device, name: str, supports: Callable[[torch.dtype], bool] | None
) -> torch.dtype:
    """Return the number type of a precision: auto, fp32, bf16 or fp16.

    Args:
        precision: The precision.
        device: Device of the network.
        name: Name of the network, for messages.
        supports: Function that returns whether the network can compute in a type. None skips this test.

    Raises:
        InvalidSetting: As for `Network.dtype`.
    """
    check_choice("precision", precision, ("auto", *DTYPES))
    if precision == "auto":
        faster = has_fast_bfloat16(device) and supports is not None and supports(torch.bfloat16)
        return torch.bfloat16 if faster else torch.float32
    if precision == "fp16" and device.type == "cpu":
        raise InvalidSetting("fp16 needs a GPU: on a processor it is far slower than fp32; try bf16")
    if supports is not None and not supports(DTYPES[precision]):
        raise InvalidSetting(f"network {name} cannot compute in {precision}; use fp32 or auto")
    return DTYPES[precision]
