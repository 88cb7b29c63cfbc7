"""The channels of a photograph: as a network sees them, and as colors."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from torch import Tensor

from inceptionism.errors import InvalidSetting
from inceptionism.io import Photo
from inceptionism.networks import Network


def has_own_channels(photo: Photo, network: Network) -> bool:
    """Return whether a photograph has the channels of a network, in their order, instead of colors.

    Only an array can have them. An array with three channels has colors if the network sees nothing but colors.
    """
    channels = network.input_channels
    count = photo.pixels.shape[2]
    return photo.is_array and count == channels.count and not (count == 3 and channels.are_of_colors)


def seen_pixels(photo: Photo, network: Network) -> NDArray[Any]:
    """Return the pixels of a photograph for `seen_picture`: H×W×C, uint8, or float32 in [0, 1].

    If an array of floats has the channels of the network, they keep their precision. Colors have 8 bits.
    """
    return photo.floats if photo.floats is not None and has_own_channels(photo, network) else photo.pixels


def check_channels(photo: Photo, network: Network) -> None:
    """Raise `InvalidSetting` if a network sees a channel that a photograph does not have."""
    channels = network.input_channels
    if has_own_channels(photo, network):
        return
    height, width, count = photo.pixels.shape
    if count in (1, 3) and (channels.are_of_colors or not photo.is_array):
        channels.check_colors(network.name)
        return
    seen = channels.count
    kept = "; a picture of colors or gray also works" if channels.are_of_colors and not channels.are_rgb else ""
    raise InvalidSetting(
        f"the array is read as {height}×{width} pixels with {counted(count)}, but network {network.name} sees "
        f"{counted(seen)}, {', '.join(channels.names)}; give an array H×W×{seen} or a tensor {seen}×H×W{kept}"
    )


def counted(count: int) -> str:
    """Return a number of channels in words."""
    return "1 channel" if count == 1 else f"{count} channels"


def seen_picture(photo: Photo, picture: Tensor, network: Network) -> Tensor:
    """Return a picture that was made from the pixels of a photograph with the channels of a network, N×C×H×W.

    Args:
        photo: The photograph.
        picture: Its pixels at any size, N×K×H×W in [0, 1]. It is returned if it has the channels of the network.
        network: The network.

    Raises:
        InvalidSetting: If the network sees a channel that the photograph does not have.
    """
    check_channels(photo, network)
    if has_own_channels(photo, network):
        return picture
    return network.input_channels.of_colors(shown_picture(photo, picture, network), network.name)


def shown_picture(photo: Photo, picture: Tensor, network: Network) -> Tensor:
    """Return the color picture, N×3×H×W in [0, 1], that shows a picture made from the pixels of a photograph.

    Args:
        photo: The photograph. The network must see no channel that it does not have.
        picture: Its pixels at any size, N×K×H×W in [0, 1]. It is returned if it has red, green and blue.
        network: Network that gives the channels their names.
    """
    if has_own_channels(photo, network):
        return network.input_channels.displayed(picture)
    return picture.repeat(1, 3, 1, 1) if picture.shape[1] == 1 else picture
