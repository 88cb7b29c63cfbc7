"""Random crops: views that have the input size of the network, whatever the size of the picture.

A network recognizes an object at the scale at which it has learned it. If the network saw a large picture as a whole,
pixel for pixel, it would find room for many small objects. In a crop, it sees the whole picture smaller, or a part of
it, so a large picture has the same large forms as a small one, and the network takes the same time for every size.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from inceptionism.networks import Network
from inceptionism.optimization.transforms import Transform, exposed, similarity
from inceptionism.tensors import NO_WRAP, Wrap

DETAIL_RANGE = 4
"""Largest ratio of two sides of crops while detail is added to the forms. Larger crops would show no detail."""


class CropSizes(NamedTuple):
    """Sizes that random crops of a picture depend on.

    Attributes:
        view: Height and width of the views in pixels.
        form_area: Number of pixels of a picture at which its forms are finished. In a larger picture, the smallest part
            has as many pixels as at this size, so the network sees the finest details, too.
    """

    view: tuple[int, int]
    form_area: float

    @classmethod
    def of(cls, size: tuple[int, int], network: Network, form_size: float) -> CropSizes:
        """Return the sizes for a picture.

        The views have the aspect ratio of the picture. Their area is that of the network's input size, or the area of
        the picture if this is smaller. If the network accepts only one size, the views have this size.

        Args:
            size: Height and width of the picture in pixels.
            network: Network that sees the views.
            form_size: Side of a picture at which its forms are finished, relative to the input size of the network.
        """
        input_area = math.prod(network.size)
        scale = min(1.0, (input_area / math.prod(size)) ** 0.5)
        view = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
        return cls(network.fitting_size(view), input_area * form_size**2)


def random_crop(
    sizes: CropSizes,
    *,
    smallest: float = 0.5,
    largest: float = 1.1,
    rotation: float = 10.0,
    contrast: float = 0.5,
    brightness: float = 0.15,
    noise: float = 0.25,
    wrap: Wrap = NO_WRAP,
    channels: int = 3,
) -> Transform:
    """Return a transform that shows the network a random part of the picture, at a fixed size.

    The part is usually inside of the picture. Only its rotated corners and a part that is larger than the picture show
    gray at the edges. Random crops of several sizes are the augmentations of MACO (Fel et al., 2023). There are three
    departures: the logarithm of the size is uniformly random, the parts are rotated, and their contrast and brightness
    change, too. The prior `crops` documents the ranges of the arguments.

    Args:
        sizes: Size of the views, and size of a picture whose forms are finished.
        smallest: Side of the smallest part, as a share of the picture.
        largest: Side of the largest part, as a share of the picture.
        rotation: Largest rotation to either side, in degrees.
        contrast: Largest relative change of the distance from gray.
        brightness: Largest change of the brightness to either side, as a share of white.
        noise: Largest standard deviation of the noise, as a share of white. It is multiplied by the cube of a uniformly
            random number in [0, 1], so most views have little noise.
        wrap: Directions in which the picture continues at its opposite edge.
        channels: Number of the picture's own channels. Those of references follow them.
    """

    def transform(picture: Tensor, generator: torch.Generator) -> Tensor:
        size, angle, down, right, gain, light, grain = torch.rand(7, generator=generator).tolist()
        sides = picture.shape[-2], picture.shape[-1]
        whole = min(view / side for view, side in zip(sizes.view, sides, strict=True))
        least, most = smallest, largest
        growth = (math.prod(sides) / sizes.form_area) ** 0.5
        if growth > 1:
            least = smallest / growth
            most = min(largest, least * DETAIL_RANGE)
        scale = whole / (least * (most / least) ** size)
        shift = [
            (2 * position - 1) * side / 2 if wraps else to_edges(position) * max(0.0, side - view / scale) / 2
            for position, side, view, wraps in zip((down, right), sides, sizes.view, wrap, strict=True)
        ]
        view = antialiased_similarity(
            picture, (shift[0], shift[1]), scale, (2 * angle - 1) * rotation, wrap, sizes.view
        )
        return exposed(view, (gain, light, grain), (contrast, brightness, noise), generator, channels)

    return transform


def to_edges(position: float) -> float:
    """Return a uniformly random position in [0, 1] as one in [-1, 1], so that a sixth of the positions are at an end.

    This distribution is ours. If all positions were equally frequent, the network would rarely see the edges of the
    picture. With many more positions at the ends, the subject often moves to an edge of the picture.
    """
    return max(-1.0, min(1.0, 1.2 * (2 * position - 1)))


def antialiased_similarity(
    picture: Tensor, shift: tuple[float, float], scale: float, rotation: float, wrap: Wrap, size: tuple[int, int]
) -> Tensor:
    """Return the view of `similarity`. If it is at most half as large as the picture, the picture is averaged first.

    The pixels are averaged in square blocks, whose side is a whole number.
    """
    block = int(1 / scale + 1e-6)
    if block > 1:
        height, width = picture.shape[-2:]
        picture = F.avg_pool2d(picture, block, ceil_mode=True, count_include_pad=False)
        # The last blocks may extend beyond the picture, which moves its center.
        excess = -height % block, -width % block
        shift = shift[0] + excess[0] / 2, shift[1] + excess[1] / 2
        shift, scale = (shift[0] / block, shift[1] / block), scale * block
    return similarity(picture, shift=shift, scale=scale, rotation=rotation, wrap=wrap, size=size)
