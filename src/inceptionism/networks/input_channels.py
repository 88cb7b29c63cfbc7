"""The channels of the pictures that a network sees: their names, and what they have in common with colors."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from inceptionism.errors import InvalidSetting, quote_value

if TYPE_CHECKING:
    from torch import Tensor

COLORS = ("red", "green", "blue")
"""Names of the channels of a color picture, in their order."""

GRAY = "gray"
"""Name of the channel that holds the brightness."""

COLOR_ORDERS = ("RGB", "BGR")
"""Orders of the three colors, which have a name of their own."""

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in the brightness (ITU-R BT.601). Pillow converts pictures to gray with them, too."""

NAME = re.compile(r"[a-z0-9][a-z0-9_+-]{0,31}")
"""Valid names of channels."""


@dataclass(frozen=True)
class InputChannels:
    """The names of the channels of the pictures that a network sees.

    During the ascent, a picture is N×C×H×W in [0, 1], with its channels in this order. All outputs show it as
    `displayed` does.

    Attributes:
        names: Names of the C channels. "red", "green", "blue" and "gray" have their usual meaning. Other names, such as
            "nir" or "depth", have no color.
    """

    names: tuple[str, ...] = COLORS

    @property
    def count(self) -> int:
        """The number of channels."""
        return len(self.names)

    @property
    def are_rgb(self) -> bool:
        """Whether the channels are red, green and blue, in this order and without others."""
        return self.names == COLORS

    @property
    def are_of_colors(self) -> bool:
        """Whether a color picture, such as a photograph, has all channels."""
        return all(name in (*COLORS, GRAY) for name in self.names)

    @property
    def colors(self) -> tuple[int | None, ...]:
        """Indices of red, green and blue. None stands for a color that is missing."""
        return tuple(self.names.index(color) if color in self.names else None for color in COLORS)

    def displayed(self, picture: Tensor) -> Tensor:
        """Return the color picture, N×3×H×W in [0, 1], that shows a picture with these channels.

        - If a channel is red, green or blue, it is shown in its color. A missing color is 0, and other channels are not
          shown.
        - Otherwise, the channel "gray" is shown in gray. If there is none, the first channel is shown in gray.

        Args:
            picture: N×C×H×W in [0, 1]. It is returned if its channels are red, green and blue.
        """
        if self.are_rgb:
            return picture
        if not any(color in self.names for color in COLORS):
            first = self.names.index(GRAY) if GRAY in self.names else 0
            return picture[:, first : first + 1].expand(-1, 3, -1, -1)
        colors = picture.new_zeros(len(picture), 3, *picture.shape[2:])
        for index, channel in enumerate(self.colors):
            if channel is not None:
                colors[:, index] = picture[:, channel]
        return colors

    def of_colors(self, colors: Tensor, network: str) -> Tensor:
        """Return a color picture with these channels, N×C×H×W. The channel "gray" is its brightness.

        Args:
            colors: N×3×H×W in [0, 1]. It is returned if the channels are red, green and blue.
            network: Name of the network, for error messages.

        Raises:
            InvalidSetting: If there is a channel that a color picture does not have.
        """
        if self.are_rgb:
            return colors
        self.check_colors(network)
        picture = colors.new_empty(len(colors), self.count, *colors.shape[2:])
        for index, name in enumerate(self.names):
            if name == GRAY:
                picture[:, index] = sum(share * colors[:, color] for color, share in enumerate(LUMA))
            else:
                picture[:, index] = colors[:, COLORS.index(name)]
        return picture

    def check_colors(self, network: str) -> None:
        """Raise `InvalidSetting` if there is a channel that a color picture, such as a photograph, does not have."""
        missing = [name for name in self.names if name not in (*COLORS, GRAY)]
        if missing:
            raise InvalidSetting(
                f"network {network} sees the channel {missing[0]}, which a photograph does not have; make pictures "
                "from noise with dream class, dream unit or inceptionism.visualize, or give inceptionism.dream an "
                f"array or a tensor with the channels {', '.join(self.names)}"
            )


RGB = InputChannels()


def read_channels(channels: object) -> tuple[InputChannels, bool]:
    """Return the channels that "RGB", "BGR" or a list of names means, and whether a module takes them in reverse order.

    Capital letters in names do not matter.

    Raises:
        InvalidSetting: If `channels` is something else, or if two channels have the same name.
    """
    if isinstance(channels, str) and channels in COLOR_ORDERS:
        return RGB, channels == "BGR"
    is_list = isinstance(channels, Sequence) and not isinstance(channels, str) and len(channels) > 0
    names = [name.lower() if isinstance(name, str) else "" for name in channels] if is_list else [""]  # type: ignore[attr-defined]
    if not all(NAME.fullmatch(name) and name.upper() not in COLOR_ORDERS for name in names):
        raise InvalidSetting(
            "channels must be 'RGB', 'BGR' or a list of names of letters, digits and _ + -, such as "
            f"('gray',) or ('red', 'green', 'blue', 'nir'), not {quote_value(channels)}"
        )
    if len({*names}) < len(names):
        raise InvalidSetting(f"each of the channels needs its own name, but they are {quote_value(channels)}")
    return InputChannels(tuple(names)), False
