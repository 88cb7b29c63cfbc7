"""Devices and number types with which networks compute."""

from __future__ import annotations

import torch

from inceptionism.networks.torch_internals import cpu_multiplies_bfloat16

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
