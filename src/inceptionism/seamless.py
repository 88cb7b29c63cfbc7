"""Seamless pictures: opposite edges of a photograph or a mask are made to meet, so that copies of it fit together."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inceptionism.tensors import BAND_ROWS, Wrap, to_picture

NEARBY = 16
"""Number of rows or columns at each edge whose differences tell whether two opposite edges meet."""

FADE = 1 / 16
"""Share of a mask's side, at each edge, in which it fades into the opposite edge."""


def seamless_pixels(pixels: NDArray[Any], wrap: Wrap) -> NDArray[Any]:
    """Return H×W×C pixels whose opposite edges meet in the directions in which the picture wraps around.

    Args:
        pixels: H×W×C, uint8, or float32 in [0, 1].
        wrap: Directions in which opposite edges must meet.
    """
    if not wrap.axes:
        return pixels
    picture = periodic_component(to_picture(pixels, torch.device("cpu")), wrap)
    if pixels.dtype != np.uint8:
        return picture.clamp_(0, 1)[0].permute(1, 2, 0).contiguous().numpy()
    rounded = picture.clamp_(0, 1).mul_(255).round_().to(torch.uint8)
    return rounded[0].permute(1, 2, 0).contiguous().numpy()


def periodic_component(picture: Tensor, wrap: Wrap) -> Tensor:
    """Return a picture without the jumps between its opposite edges: its periodic component (Moisan, 2011).

    The picture is the sum of a periodic and a smooth component. The smooth component has the jumps of the picture, and
    curvature only at the edges. It is large only near the edges, so the periodic component looks like the picture.

    Moisan finds the smooth component with a two-dimensional Fourier transform. Here, each frequency along an edge has
    its closed form across the picture, a hyperbolic sine. The result is the same, and needs less memory. There are two
    departures. Opposite edges that already meet, as in a panorama, stay as they are. If the picture wraps around in one
    direction only, it is mirrored in the other direction, so that the edges there have no jump.

    Args:
        picture: N×C×H×W.
        wrap: Directions in which opposite edges must meet.

    Returns:
        N×C×H×W, with the mean of the picture. A few values may be beyond the range of the picture.
    """
    result = picture.clone()
    for axis in wrap.axes:
        if edges_meet(picture, axis):
            continue
        across, original = result.transpose(axis, -1), picture.transpose(axis, -1)
        height, width = across.shape[-2:]
        jump = original[..., 0] - original[..., -1]
        if len(wrap.axes) == 1:
            jump = torch.cat([jump, jump.flip(-1)], -1)
        spectrum = torch.fft.rfft(jump)[..., None]
        frequency = torch.arange(spectrum.shape[-2], device=picture.device) * (2 * math.pi / jump.shape[-1])
        # A frequency fades with the distance from the edge at this rate. The rate of frequency 0 is 0, and its smooth
        # component is a line. A tiny rate gives the same line without a division by 0.
        rate = torch.acosh(2 - torch.cos(frequency.double())).clamp_min(1e-7)[:, None]
        for start in range(0, width, BAND_ROWS):  # band by band, because a large picture fills much of the memory
            band = slice(start, min(start + BAND_ROWS, width))
            x = torch.arange(band.start, band.stop, device=picture.device)
            shares = torch.exp(-rate * (x + 1)) - torch.exp(-rate * (width - x))
            shares /= (1 + torch.exp(-rate)) * -torch.expm1(-rate * width)
            smooth = torch.fft.irfft(spectrum * shares.to(jump), n=jump.shape[-1], dim=-2)
            across[..., band] -= smooth[..., :height, :]
    return result


def edges_meet(picture: Tensor, axis: int) -> bool:
    """Return whether the two edges along an axis differ no more than rows or columns near them differ.

    Args:
        picture: N×C×H×W.
        axis: -2 for the top and the bottom edge, -1 for the left and the right edge.
    """
    length = picture.shape[axis]
    count = min(NEARBY, length // 2 - 1)
    if count < 1:
        return False
    strip = picture.index_select(axis, torch.arange(-count - 1, count + 1, device=picture.device) % length)
    others = strip.diff(dim=axis).abs().movedim(axis, 0).flatten(1).mean(1).tolist()
    seam = others.pop(count)
    return bool(seam <= max(others))


def fade_edges(mask: Tensor, wrap: Wrap) -> Tensor:
    """Return a mask whose opposite edges fade into each other where they do not meet, N×C×H×W in [0, 1].

    Values move only between mirrored places near the two edges, so the mean of the mask stays the same.
    """
    for axis in wrap.axes:
        if edges_meet(mask, axis):
            continue
        length = mask.shape[axis]
        place = torch.arange(length, device=mask.device)
        distance = torch.minimum(place, length - 1 - place)
        share = 0.5 * (1 - distance / max(1, FADE * length)).clamp_min(0)
        share = share[:, None] if axis == -2 else share
        mask = mask * (1 - share) + mask.flip(axis) * share
    return mask
