"""The detail that a dream adds to the frames of a film, carried along the optical flow from each frame to the next."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from inceptionism.film.optical_flow import estimate_motion
from inceptionism.film.stream import State, stored_array
from inceptionism.film.warp import as_array, as_tensor, warp_by_flow
from inceptionism.io import Array


class CarriedDetail:
    """The newest frame of a film, and the detail that the dream added to it. There is none before the first frame."""

    def __init__(self) -> None:
        self._before: Array | None = None
        self._detail: Tensor | None = None

    @property
    def is_empty(self) -> bool:
        """Whether there is no frame yet."""
        return self._before is None

    def carry(self, pixels: Array, picture: Tensor, blend: float) -> Tensor | None:
        """Return the next frame with the carried detail, 1×3×H×W in [0, 1].

        Objects that come into view start without detail. None means that the whole frame starts without detail: it is
        the first frame, or it starts a new scene, or it has another size.

        Args:
            pixels: The next frame, H×W×3 uint8.
            picture: The same frame, 1×3×H×W in [0, 1].
            blend: Share of the detail that is carried.
        """
        if self._before is None or self._detail is None or self._before.shape != pixels.shape:
            return None
        motion = estimate_motion(self._before, pixels)
        if motion.cut:
            return None
        weight = torch.from_numpy(motion.valid).to(picture.device) * blend
        return (picture + weight * warp_by_flow(self._detail, motion.flow)).clamp_(0, 1)

    def keep(self, pixels: Array, picture: Tensor, dreamed: Tensor) -> None:
        """Keep a frame and its detail for the next frame. The first two arguments are those of `carry`."""
        self._before, self._detail = pixels, dreamed - picture

    def state(self) -> State:
        """Return the arrays that `restore` takes."""
        assert self._before is not None
        assert self._detail is not None
        return {"before": self._before, "detail": as_array(self._detail)}

    def restore(self, state: State, size: tuple[int, int], device: torch.device) -> None:
        """Take over the arrays of `state`.

        Raises:
            LookupError, ValueError: As for `stored_array`. The frame must have the height and width `size`.
        """
        shape = (*size, 3)
        self._before = stored_array(state, "before", shape, np.uint8)
        self._detail = as_tensor(stored_array(state, "detail", shape, np.float32), device)
