"""Normalization of pictures: from [0, 1] to the values on which a network was trained."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.networks.input_channels import InputChannels, read_channels
from inceptionism.validation import check_number


class InputFormat(NamedTuple):
    """The values that a module takes for a picture.

    Attributes:
        scale, shift: 1×C×1×1 each: `picture * scale + shift` is the input of the module.
        flip: Whether the module takes the channels in the order blue, green, red.
        channels: The channels of the picture.
    """

    scale: Tensor
    shift: Tensor
    flip: bool
    channels: InputChannels

    def to(self, device: torch.device) -> InputFormat:
        """Return the same format on a device."""
        return self._replace(scale=self.scale.to(device), shift=self.shift.to(device))

    def facts(self) -> str:
        """Return the numbers of the format as text."""
        names = () if self.channels.are_rgb else self.channels.names
        return repr((self.scale.flatten().tolist(), self.shift.flatten().tolist(), self.flip, *names))

    def normalize(self, picture: Tensor, dtype: torch.dtype) -> Tensor:
        """Return a picture, N×C×H×W in [0, 1], as the input of the module, in channels-last memory."""
        pixels = torch.addcmul(self.shift, picture.flip(1) if self.flip else picture, self.scale)
        return pixels.to(dtype).contiguous(memory_format=torch.channels_last)


def missing_format(network: str, range: float, channels: InputChannels) -> tuple[str, ...]:
    """Return the note about a network that was given without its mean and standard deviation."""
    example = ", for example mean=(0.485, 0.456, 0.406) and std=(0.229, 0.224, 0.225)" if channels.are_rgb else ""
    return (
        f"network {network} was given without mean and std, so it gets pixels from 0 to {range:g}; if it was trained "
        f"on normalized pixels, give Network(module, mean=..., std=...){example}",
    )


def input_format(
    mean: Sequence[float] | None, std: Sequence[float] | None, range: float, channels: str | Sequence[str]
) -> InputFormat:
    """Return the format in which the input is `(picture * range - mean) / std`, with given channels.

    If `mean` is None, the mean is 0. If `std` is None, the standard deviation is 1.

    Raises:
        InvalidSetting: If `mean` or `std` are not one finite number for each channel, `std` or `range` are not more
            than 0, or `channels` is not valid (see `read_channels`).
    """
    names, flip = read_channels(channels)
    check_number("range", range, above=0)
    means = per_channel("mean", (0.0,) * names.count if mean is None else mean, names)
    stds = per_channel("std", (1.0,) * names.count if std is None else std, names)
    if (stds <= 0).any():
        raise InvalidSetting(f"std must be more than 0 in each channel, not {quote_value(std)}")
    return InputFormat(range / stds, -means / stds, flip, names)


def per_channel(name: str, values: Sequence[float], channels: InputChannels) -> Tensor:
    """Return C numbers from a list or an array as a tensor of shape 1×C×1×1. `name` is for the error message.

    Raises:
        InvalidSetting: If they are not one finite number for each channel.
    """
    try:
        numbers = torch.tensor([float(value) for value in values])
    except (TypeError, ValueError, OverflowError):
        numbers = torch.empty(0)
    if numbers.shape != (channels.count,) or not numbers.isfinite().all():
        wanted = "three numbers, one for each channel"
        if not channels.are_rgb:
            wanted = f"one number for each of the channels {', '.join(channels.names)}"
        raise InvalidSetting(f"{name} must be {wanted}, not {quote_value(values)}")
    return numbers.view(1, -1, 1, 1)
