"""Pictures moved: turned, enlarged, carried along a flow; sampled so well that many times in a row leave them sharp."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inceptionism.camera import Matrix


def moved(picture: Tensor, matrix: Matrix) -> Tensor:
    """Return a 1×3×H×W picture as it is seen through a camera that moved; beyond its edge it is mirrored.

    Sampled by Lanczos' kernel of eight pixels, whose response is flat almost up to the finest detail: a cubic one takes
    away a little of it each time, and after a hundred frames there is none left.
    """
    height, width = picture.shape[-2:]
    flags = cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    pixels = cv2.warpAffine(
        as_array(picture), np.array(matrix), (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT_101
    )
    return as_tensor(pixels, picture.device)


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
    return as_tensor(pixels, picture.device)


def as_array(picture: Tensor) -> NDArray[np.float32]:
    """Return a 1×3×H×W picture as H×W×3."""
    return np.ascontiguousarray(picture[0].permute(1, 2, 0).cpu().numpy())


def as_tensor(pixels: NDArray[np.float32], device: torch.device) -> Tensor:
    """Return H×W×3 as a 1×3×H×W picture."""
    return torch.from_numpy(pixels).permute(2, 0, 1)[None].contiguous().to(device)
