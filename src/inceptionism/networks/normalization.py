"""Normalization of pictures: from [0, 1] to the values on which a network was trained."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import check_number


def scale_and_shift(mean: Sequence[float], std: Sequence[float], range: float) -> tuple[Tensor, Tensor]:
    """Return scale and shift, 1×3×1×1 each: `picture * scale + shift` is `(picture * range - mean) / std`.

    Raises:
        InvalidSetting: If `mean` or `std` are not three finite numbers, or `std` or `range` are not more than 0.
    """
    check_number("range", range, above=0)
    means, stds = per_channel("mean", mean), per_channel("std", std)
    if (stds <= 0).any():
        raise InvalidSetting(f"std must be more than 0 in each channel, not {quote_value(std)}")
    return range / stds, -means / stds


def per_channel(name: str, values: Sequence[float]) -> Tensor:
    """Return three numbers from a list or an array as a tensor of shape 1×3×1×1. `name` is for the error message.

    Raises:
        InvalidSetting: If they are not three finite numbers.
    """
    try:
        numbers = torch.tensor([float(value) for value in values])
    except (TypeError, ValueError, OverflowError):
        numbers = torch.empty(0)
    if numbers.shape != (3,) or not numbers.isfinite().all():
        raise InvalidSetting(f"{name} must be three numbers, one for each channel, not {quote_value(values)}")
    return numbers.view(1, 3, 1, 1)
