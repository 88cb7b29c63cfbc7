"""Optical flow between two frames of a film, detection of the pixels for which it is valid, and detection of cuts."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inceptionism.io import Array

Flow = NDArray[np.float32]
"""Displacement of each pixel, H×W×2: to the right and down, in pixels."""

RELATIVE_TOLERANCE = 0.01
"""Tolerance of the forward-backward check for long flows: a share of the squared lengths of both flows."""

ABSOLUTE_TOLERANCE = 0.5
"""Tolerance of the forward-backward check for flows of any length, in squared pixels."""

MAX_DIFFERENCE = 20.0
"""Largest difference, in gray levels, between a pixel and its origin in the frame before."""

CUT_SHARE = 0.5
"""Largest share of pixels without an origin in the frame before. With a larger share, the frame starts a new scene."""

MIN_SIDE = 16
"""Smallest side of a frame, in pixels, for which the flow is computed. Smaller frames count as motionless."""

VALID_BLUR = 1.5
"""Standard deviation, in pixels, of the blur that softens the border of the valid pixels."""


class Motion(NamedTuple):
    """Motion from one frame to the next.

    Attributes:
        flow: Displacement from each pixel of the second frame to its origin in the first frame.
        valid: Weight of each pixel, H×W in [0, 1]. It is 0 where the pixel has no origin, because something came into
            view.
        cut: Whether the second frame starts a new scene.
    """

    flow: Flow
    valid: NDArray[np.float32]
    cut: bool


def estimate_motion(before: Array, now: Array) -> Motion:
    """Return the motion from the frame `before` to the frame `now`, both H×W×3 uint8.

    The flow is OpenCV's dense inverse search (Kroeger et al., 2016). A pixel is valid if the forward flow leads back to
    it (the check of Sundaram et al., 2010), if its gray level is similar to that of its origin, and if the origin lies
    inside the frame.
    """
    first, second = (cv2.cvtColor(frame, cv2.COLOR_RGB2GRAY) for frame in (before, now))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    backward, forward = (np.zeros((*first.shape, 2), np.float32) for _ in range(2))
    if min(first.shape) >= MIN_SIDE:
        search.calc(second, first, backward)
        search.calc(first, second, forward)
    forward_at_origin = sample_along(forward, backward)
    round_trip = backward + forward_at_origin
    squared_lengths = (backward**2).sum(-1) + (forward_at_origin**2).sum(-1)
    consistent = (round_trip**2).sum(-1) <= RELATIVE_TOLERANCE * squared_lengths + ABSOLUTE_TOLERANCE
    similar = np.abs(sample_along(first.astype(np.float32), backward) - second) <= MAX_DIFFERENCE
    x, y = origins(backward)
    inside = (x >= -0.5) & (y >= -0.5) & (x <= first.shape[1] - 0.5) & (y <= first.shape[0] - 0.5)
    valid = (consistent & similar & inside).astype(np.float32)
    cut = bool(1 - valid.mean() > CUT_SHARE)
    return Motion(backward, cv2.GaussianBlur(valid, (0, 0), VALID_BLUR), cut)


def sample_along(values: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """Return `values`, H×W or H×W×C, at the points to which the flow leads, with bilinear interpolation."""
    x, y = origins(flow)
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)


def origins(flow: Flow) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the columns and rows, each H×W, of the points to which the flow leads."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    return columns + flow[..., 0], rows + flow[..., 1]
