"""What a picture from noise begins as: what is optimized, and with which steps."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler

from inceptionism.io import FileResolver, Photo
from inceptionism.objectives import load_folder
from inceptionism.optimization.ascent import NormalizedAscent
from inceptionism.optimization.parameterizations import Fourier, Parameterization, Phase, Pixels
from inceptionism.optimization.priors import numbers
from inceptionism.recipes import PARAMETERIZATIONS, PhotoRecipe, Term
from inceptionism.tensors import covering, to_picture


class Initialization(NamedTuple):
    """What is optimized, what moves it, and how its steps change on the way."""

    canvas: Parameterization
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler


FOURIER_STEP = 0.2
PHASE_STEP = 0.1
"""Of Adam at the beginning: about how much each number of a spectrum, and each phase in radians, changes in a step."""


def initialize(
    terms: Mapping[str, Term],
    size: tuple[int, int],
    steps: int,
    generator: torch.Generator,
    device: torch.device,
    find_file: FileResolver = Path,
) -> Initialization:
    """Return what the terms of a prior say is optimized; the pixels where they do not.

    Args:
        terms: The prior's, by name.
        size: The height and width of the picture.
        steps: How many there will be.
        generator: Draws the noise.
        device: Where it is.
        find: Finds the pictures that a term names.

    In a spectrum, steps shrink to nothing along a cosine, so that the picture settles. Pixels are moved by the steps
    of a photograph's dream, always of one size.
    """
    term = next((terms[name] for name in PARAMETERIZATIONS if name in terms), Term("pixels"))
    if term.name == "pixels":
        pixels = Pixels.noise(*size, generator, device)
        ascent = NormalizedAscent(pixels.parameters, PhotoRecipe.step_size / 255)
        return Initialization(pixels, ascent, ConstantLR(ascent, factor=1))
    canvas: Fourier | Phase
    if term.name == "fourier":
        canvas, step = Fourier(*size, generator, device, **numbers(term)), FOURIER_STEP
    else:
        photos = natural(find_file(term.arguments[0]), size) if term.arguments else None
        canvas, step = Phase(*size, generator, device, photos=photos), PHASE_STEP
    adam = torch.optim.Adam(canvas.parameters, lr=step, maximize=True, fused=True)
    return Initialization(canvas, adam, CosineAnnealingLR(adam, steps))


def natural(source: Path, size: tuple[int, int]) -> Tensor:
    """Return a picture, or those of a folder, at a height and width which they cover, N×3×H×W.

    Raises:
        InvalidSetting: the folder has no pictures.
        UnreadablePicture: one of its files is none.
    """
    return torch.cat(
        [to_picture(covering(photo.pixels, size), torch.device("cpu"), size) for photo in load_folder(source)]
    )


def natural_noise(size: tuple[int, int], seed: int) -> Photo:
    """Return noise of a height and width whose colors and scales are those of natural pictures."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        picture = Fourier(*size, generator, torch.device("cpu"), std=CLOUDINESS).picture()
    pixels = (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8)
    return Photo(np.ascontiguousarray(pixels.numpy()), name="clouds")


CLOUDINESS = 0.25
"""The standard deviation of the clouds' spectrum: soft, so that what is dreamed stands out."""
