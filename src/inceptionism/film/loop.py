"""The end of a looping zoom: the first picture appears in the distance, and grows until the film starts again."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inceptionism.film.warp import compose, invert, points, warp_by_camera
from inceptionism.recipes import Matrix
from inceptionism.tensors import resize

RETURN_SECONDS = 4.0
"""Longest duration of the return to the first picture."""

RETURN_SHARE = 0.5
"""Largest share of the film that the return takes."""

RETURN_MAGNIFICATION = 4.0
"""Largest factor between the size of the first picture and its size at the beginning of the return."""

SOFT_BORDER = 0.25
"""Width of the soft border around the first picture, as a share of its shorter side."""


class Loop:
    """The return of a zoom to its first picture.

    The camera's movement is known, so the place that the first picture must have in every frame is known, too: if it
    has this place, the movement carries it to the whole frame exactly at the end of the film. During the return, a
    growing share of the first picture is mixed into this place before the frame is dreamed. The dream goes on in the
    mixture, so that one picture turns into the other. Nothing of the earlier dream is left at the end.

    Args:
        first: First picture, 1×3×H×W in [0, 1], before it is dreamed.
        frames: Number of dreamed frames. The frame with this number is the first frame again.
        seconds: Length of the film.
        movement: Function that returns the camera's movement from the frame before to the frame of a number: a map from
            the pixels after the movement to the pixels before it.
    """

    def __init__(self, first: Tensor, frames: int, seconds: float, movement: Callable[[int], Matrix]) -> None:
        self._first, self._frames = first, frames
        longest = max(1, int(frames * min(RETURN_SHARE, RETURN_SECONDS / seconds)))
        place: Matrix = ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0))
        self._places = [place]
        for number in range(frames, frames - longest, -1):
            place = compose(place, invert(movement(number)))
            if not 1 / RETURN_MAGNIFICATION <= scale(place) <= RETURN_MAGNIFICATION:
                break
            self._places.append(place)

    def mix(self, picture: Tensor, number: int) -> Tensor:
        """Return the picture that a frame is dreamed from, with its share of the first picture.

        Args:
            picture: Frame before, after the camera's movement, 1×3×H×W in [0, 1].
            number: Number of the dreamed frame.
        """
        left = self._frames - number
        if number == 0 or left >= len(self._places):
            return picture
        # Of the old picture, the share `remaining` is left in a frame. Each frame reduces it from its value in the
        # frame before, so it does not depend on the number of frames per second.
        share = 1 - remaining(left / len(self._places)) / remaining((left + 1) / len(self._places))
        place = self._places[left]
        weight = share * coverage(place, (picture.shape[-2], picture.shape[-1]))
        return picture.lerp(seen_from(self._first, place), torch.from_numpy(weight).to(picture.device))

    def repeated(self, number: int) -> int:
        """Return the number of the dreamed frame that a frame repeats: 0 at the end of the film, or its own number."""
        return number % self._frames


def remaining(share: float) -> float:
    """Return the share of the old picture that is left when a share of the return is left."""
    return share * share * (3 - 2 * share)


def scale(matrix: Matrix) -> float:
    """Return the factor by which a map enlarges lengths."""
    (a, b, _), (c, d, _) = matrix
    return sqrt(abs(a * d - b * c))


def seen_from(picture: Tensor, place: Matrix) -> Tensor:
    """Return a picture at another place in the frame, mirrored at its borders, clipped to [0, 1].

    A picture that becomes smaller is first resized, so that no detail is finer than the pixels of the result.
    """
    factor = max(1.0, scale(place))
    height, width = picture.shape[-2:]
    size = max(1, round(height / factor)), max(1, round(width / factor))
    rows = []
    for row, length, before in zip(place, reversed(size), (width, height), strict=True):
        ratio = length / before
        # The center of the pixel at 0 is half a pixel inside the picture, before and after.
        rows.append((row[0] * ratio, row[1] * ratio, (row[2] + 0.5) * ratio - 0.5))
    return warp_by_camera(resize(picture, size), (rows[0], rows[1]), (height, width)).clamp_(0, 1)


def coverage(place: Matrix, size: tuple[int, int]) -> NDArray[np.float32]:
    """Return how much a picture at a place covers each pixel of the frame: H×W in [0, 1], with a soft border."""
    x, y = points(place, size)
    outside = [
        np.maximum(np.abs(at + 0.5 - side / 2) - side / 2, 0) for at, side in zip((x, y), reversed(size), strict=True)
    ]
    distance = np.minimum(np.hypot(*outside) / (SOFT_BORDER * min(size)), 1)
    return np.asarray(1 - distance * distance * (3 - 2 * distance), np.float32)
