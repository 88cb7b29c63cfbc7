"""The part of a photograph that a network's training would have seen, and its size."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor

from inceptionism.io import Photo
from inceptionism.networks import Network
from inceptionism.objectives import seen_picture, seen_pixels
from inceptionism.tensors import to_picture

MAX_PROPORTION = 2
"""Largest proportion of the sides of a view. Longer photographs are cut at both ends."""


class TrainingView(NamedTuple):
    """The middle of a photograph, resized so that its shorter side is that of a training picture.

    If the network accepts only one size, the view has this size.

    Attributes:
        top, left: First row and column of the photograph that are seen.
        height, width: Height and width of this part, in pixels of the photograph.
        size: Height and width of the view, in pixels.
    """

    top: int
    left: int
    height: int
    width: int
    size: tuple[int, int]

    @classmethod
    def of(cls, photo_size: tuple[int, int], network: Network) -> TrainingView:
        """Return the view of a photograph with a height and width."""
        height, width = photo_size
        scale = min(network.size) / min(height, width)
        size = network.fitting_size((max(1, round(height * scale)), max(1, round(width * scale))))
        if size == network.size:
            side = min(height / size[0], width / size[1])
            cut = max(1, round(size[0] * side)), max(1, round(size[1] * side))
        else:
            proportion = min(MAX_PROPORTION, max(size) / min(size))
            cut = min(height, round(width * proportion)), min(width, round(height * proportion))
            size = round(cut[0] * scale), round(cut[1] * scale)
        return cls((height - cut[0]) // 2, (width - cut[1]) // 2, *cut, size)

    def picture(self, photo: Photo, network: Network) -> Tensor:
        """Return the view of a photograph, with the channels of a network: 1×C×H×W in [0, 1].

        Raises:
            InvalidSetting: If the network sees a channel that the photograph does not have.
        """
        part = seen_pixels(photo, network)[self.top : self.top + self.height, self.left : self.left + self.width]
        return seen_picture(photo, to_picture(part, torch.device("cpu"), self.size), network)
