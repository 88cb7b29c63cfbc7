"""Pictures of classes by torch-lucent, the successor of Lucid for torch, at its default settings.

torch-lucent is not installed with this project: `pip install torch-lucent`. It needs torchvision.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from PIL import Image

from bench.engine import Case


class Lucent:
    """Maker of pictures of classes.

    Args:
        case: Network whose module makes the pictures. Its last layer has the logits.
        layer: Name of the layer with the logits, in torch-lucent's notation.

    Raises:
        ImportError: If torch-lucent or torchvision is not installed.
    """

    steps = 128
    """Number of steps that torch-lucent's tutorials take, for pictures of 128 to 224 pixels."""

    def __init__(self, case: Case, layer: str) -> None:
        # The tests declare the operators that torchvision misses beside a torch without them.
        importlib.import_module("tests.support.torchvision_operators")
        self._render = importlib.import_module("lucent.optvis.render").render_vis
        self._image = importlib.import_module("lucent.optvis.param").image
        self._transforms: Sequence[Callable[..., Any]] = importlib.import_module(
            "lucent.optvis.transform"
        ).standard_transforms
        self._case, self._layer = case, layer

    def picture(self, index: int, size: int = 224) -> Image.Image:
        """Return a square picture of the class with this index."""
        images = self._render(
            self._case.module,
            f"{self._layer}:{index}",
            lambda: self._image(size),
            transforms=[*self._transforms, self._case.prepare],
            thresholds=(self.steps,),
            preprocess=False,
            progress=False,
            show_image=False,
        )
        return Image.fromarray((255 * np.clip(images[-1][0], 0, 1)).round().astype(np.uint8))
