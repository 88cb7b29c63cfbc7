"""Importance of the parts of a picture: the gradient that each pixel had, added up over the steps."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from inceptionism.tensors import NO_WRAP, Wrap, gaussian_blur, resize

OPAQUE_PERCENTILE = 80
"""Share of the pixels, in percent, that are less than opaque, as in the figures of MACO."""

BLUR_SHARE = 0.01
"""Standard deviation of the blur of the importance, relative to the longer side of the picture."""


class Importance:
    """Sum of the absolute gradients of a picture over the steps (MACO: Fel et al., 2023).

    Attributes:
        total: The sum so far, H×W.
    """

    def __init__(
        self, size: tuple[int, int], device: torch.device, smaller: Importance | None = None, wrap: Wrap = NO_WRAP
    ) -> None:
        """Start at 0, or with the importance of a smaller octave, enlarged. `wrap` is as for `resize`."""
        self.wrap = wrap
        self.total = torch.zeros(size, device=device)
        if smaller is not None:
            self.total += resize(smaller.total[None, None], size, wrap)[0, 0].clamp_min(0)

    def watched(self, picture: Tensor) -> Tensor:
        """Return a picture, 1×C×H×W, whose gradient is added in the backward pass."""
        view = picture.view_as(picture)
        view.register_hook(self._add)  # type: ignore[no-untyped-call]
        return view

    def _add(self, gradient: Tensor) -> None:
        self.total += gradient.detach().abs().mean((0, 1))

    def opacity(self, size: tuple[int, int]) -> NDArray[np.uint8]:
        """Return the opacity of each pixel at a height and width, H×W: 255 for the most important fifth of the picture.

        We depart from MACO in one place: the importance is blurred, because the gradients of neighboring pixels differ.
        """
        total = resize(self.total[None, None], size, self.wrap).clamp_min(0)
        importance = gaussian_blur(total, BLUR_SHARE * max(size), self.wrap)[0, 0].cpu().numpy()
        largest = float(np.percentile(importance, OPAQUE_PERCENTILE))
        if largest <= 0:
            return np.full(size, 255, np.uint8)
        return np.round(255 * np.clip(importance / largest, 0, 1)).astype(np.uint8)
