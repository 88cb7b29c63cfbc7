"""Normalization of pictures: from [0, 1] to the values on which a network was trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.validation import check_number


class InputFormat(NamedTuple):
    """The values that a module takes for a picture.

    Attributes:
        scale, shift: 1×3×1×1 each: `picture * scale + shift` is the input of the module.
        flip: Whether the module takes the channels in the order blue, green, red.
    """

    scale: Tensor
    shift: Tensor
    flip: bool

    def to(self, device: torch.device) -> InputFormat:
        """Return the same format on a device."""
        return InputFormat(self.scale.to(device), self.shift.to(device), self.flip)

    def facts(self) -> str:
        """Return the numbers of the format as text."""
        return repr((self.scale.flatten().tolist(), self.shift.flatten().tolist(), self.flip))

    def normalize(self, picture: Tensor, dtype: torch.dtype) -> Tensor:
        """Return a picture, N×3×H×W in [0, 1], as the input of the module, in channels-last memory."""
        pixels = torch.addcmul(self.shift, picture.flip(1) if self.flip else picture, self.scale)
        return pixels.to(dtype).contiguous(memory_format=torch.channels_last)


def missing_format(network: str, range: float) -> tuple[str, ...]:
    """Return the note about a network that was given without its mean and standard deviation."""
    return (
        f"network {network} was given without mean and std, so it gets pixels from 0 to {range:g}; if it was trained "
        "on normalized pixels, give Network(module, mean=..., std=...), for example mean=(0.485, 0.456, 0.406) and "
        "std=(0.229, 0.224, 0.225)",
    )


def input_format(mean: Sequence[float] | None, std: Sequence[float] | None, range: float, channels: str) -> InputFormat:
    """Return the format in which the input is `(picture * range - mean) / std`, with the channels in a given order.

    If `mean` is None, the mean is 0. If `std` is None, the standard deviation is 1.

    Raises:
        InvalidSetting: If `mean` or `std` are not three finite numbers, `std` or `range` are not more than 0, or
            `channels` is neither "RGB" nor "BGR".
    """
    if channels not in ("RGB", "BGR"):
        raise InvalidSetting(f"channels must be 'RGB' or 'BGR', not {quote_value(channels)}")
    scale, shift = scale_and_shift((0.0,) * 3 if mean is None else mean, (1.0,) * 3 if std is None else std, range)
    return InputFormat(scale, shift, channels == "BGR")


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
