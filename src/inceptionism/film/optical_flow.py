"""What moved where between two frames of a film: optical flow, what it does not explain, and cuts."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from inceptionism.io import Array

Flow = NDArray[np.float32]
"""H×W×2: how far to the right, and down, in pixels."""

SLACK = 0.01
CLOSE = 0.5
"""There and back, a flow must meet itself: up to this share of its length, squared, and this many squared pixels."""

DIFFERENT = 20.0
"""The gray levels by which a place must differ from where it came from to be taken for something else."""

CUT = 0.5
"""The share of a frame that comes from nowhere, from which on it is another scene."""


class Motion(NamedTuple):
    """How a frame came from the one before.

    Attributes:
        flow: From each of its pixels to where that was.
        known: H×W, in [0, 1]: how far that was to be seen; 0 where something came into view.
        cut: Whether it is another scene.
    """

    flow: Flow
    known: NDArray[np.float32]
    cut: bool


def motion(before: Array, now: Array) -> Motion:
    """Return how the frame `now` came from `before`, both H×W×3.

    The flow is OpenCV's dense inverse search (Kroeger et al., 2016). A place is known if the flow there leads back to
    it (as of Sundaram et al., 2010), and if it looks as it did.
    """
    first, second = (cv2.cvtColor(one, cv2.COLOR_RGB2GRAY) for one in (before, now))
    search = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    back, forth = (np.zeros((*first.shape, 2), np.float32) for _ in range(2))
    if min(first.shape) >= SMALLEST:
        search.calc(second, first, back)
        search.calc(first, second, forth)
    returned = back + at(forth, back)
    length = (back**2).sum(-1) + (at(forth, back) ** 2).sum(-1)
    met = (returned**2).sum(-1) <= SLACK * length + CLOSE
    same = np.abs(at(first.astype(np.float32), back) - second) <= DIFFERENT
    rows, columns = np.mgrid[: first.shape[0], : first.shape[1]].astype(np.float32)
    x, y = columns + back[..., 0], rows + back[..., 1]
    inside = (x >= -0.5) & (y >= -0.5) & (x <= first.shape[1] - 0.5) & (y <= first.shape[0] - 0.5)
    known = (met & same & inside).astype(np.float32)
    cut = bool(1 - known.mean() > CUT)
    return Motion(back, cv2.GaussianBlur(known, (0, 0), SOFT), cut)


SMALLEST = 16
"""The pixels on a side that the search needs; smaller frames are taken to stand still."""

SOFT = 1.5
"""The standard deviation, in pixels, of the border between what is known and what is not."""


def at(values: NDArray[np.float32], flow: Flow) -> NDArray[np.float32]:
    """Return `values`, H×W or H×W×C, where the flow leads to."""
    rows, columns = np.mgrid[: flow.shape[0], : flow.shape[1]].astype(np.float32)
    x, y = columns + flow[..., 0], rows + flow[..., 1]
    return np.asarray(cv2.remap(values, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.float32)
