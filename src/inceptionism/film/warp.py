"""Pictures moved: turned, enlarged, carried along a flow; sampled so well that many times in a row leave them sharp."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inceptionism.recipes import Matrix


def moved(picture: Tensor, matrix: Matrix) -> Tensor:
    """Return a 1×3×H×W picture as it is seen through a camera that moved; beyond its edge it is mirrored.

    Sampled by Lanczos' kernel of eight pixels, where a cubic one changes what is fine a little each time, and a hundred
    frames later has made another picture of it. Lanczos' own half percent is taken out by `EVEN`.
    """
    height, width = picture.shape[-2:]
    even = cv2.sepFilter2D(as_array(picture), -1, EVEN, EVEN, borderType=cv2.BORDER_REFLECT_101)
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(even, np.array(matrix), (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101)
    return as_tensor(np.asarray(pixels, np.float32), picture.device)


HALF = np.array([0.99969, 0.00045, 0.00168, -0.00287, -0.00015, 0.00104], np.float32)
EVEN = np.concatenate([HALF[:0:-1], HALF]) / (2 * HALF.sum() - HALF[0])
"""A filter after which Lanczos' kernel lets through all frequencies up to 0.3 of a pixel alike.

By itself it takes 0.5% of those around 0.18, and adds 1% to those around 0.3, on the mean of all places between pixels:
a hundred times in a row, a third of the power is left of the former, and seven times as much of the latter. These are
the eleven numbers with the smallest deviation, 0.04%, that hardly amplify anything (a linear program).
"""


def carried(picture: Tensor, flow: NDArray[np.float32]) -> Tensor:
    """Return a 1×3×H×W picture whose pixel at (x, y) is what was at (x, y) + flow; `flow` is H×W×2, x first."""
    height, width = picture.shape[-2:]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    pixels = cv2.remap(
        as_array(picture),
        columns + flow[..., 0],
        rows + flow[..., 1],
        cv2.INTER_LANCZOS4,
        borderMode=cv2.BORDER_REFLECT_101,
    )
    return as_tensor(np.asarray(pixels, np.float32), picture.device)


def as_array(picture: Tensor) -> NDArray[np.float32]:
    """Return a 1×3×H×W picture as H×W×3."""
    return np.ascontiguousarray(picture[0].permute(1, 2, 0).cpu().numpy())


def as_tensor(pixels: NDArray[np.float32], device: torch.device) -> Tensor:
    """Return H×W×3 as a 1×3×H×W picture."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous().to(device)
