"""Initialization of a picture from noise: its parameterization, its optimizer and its schedule."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.optim.lr_scheduler import ConstantLR, CosineAnnealingLR, LRScheduler

from inceptionism.errors import InvalidSetting
from inceptionism.io import FileResolver, Photo, named_source
from inceptionism.networks import Network
from inceptionism.objectives import hash_source, load_folder, picture_files
from inceptionism.optimization.optimizers import Adam, NormalizedAscent
from inceptionism.optimization.parameterizations import Parameterization, Pixels
from inceptionism.optimization.spectral import Fourier, Phase, Spectral
from inceptionism.recipes import DEFAULT_SIZE, PARAMETERIZATIONS, Term, begins_with_picture, prior_numbers
from inceptionism.tensors import NO_WRAP, Wrap, center_crop, to_picture

FOURIER_STEP_SIZE = 0.2
"""Initial step size of Adam: the approximate change of each number of a spectrum in one step."""

PHASE_STEP_SIZE = 0.1
"""Initial step size of Adam: the approximate change of each phase in one step, in radians."""

PIXELS_STEP_SIZE = 1.5 / 255
"""Mean absolute change of a pixel in one step, as in the 2015 notebook. Pixels are in [0, 1]."""

MAX_PROPORTION = 8
"""Largest proportion of the sides of a picture that a prior begins with, and whose proportions the result gets."""

NATURAL_NOISE_STD = 0.25
"""Standard deviation of the spectrum of natural noise. The low contrast lets the dream stand out."""


class Initialization(NamedTuple):
    """The start of an ascent from noise.

    Attributes:
        parameterization: Parameters that are optimized, and the picture that they stand for.
        optimizer: Updates the parameters. It maximizes.
        schedule: Changes the step size of the optimizer from step to step.
    """

    parameterization: Parameterization
    optimizer: torch.optim.Optimizer
    schedule: LRScheduler


def initialize(
    terms: Mapping[str, Term],
    size: tuple[int, int],
    steps: int,
    generator: torch.Generator,
    network: Network,
    find_file: FileResolver = named_source,
    wrap: Wrap = NO_WRAP,
    *,
    smaller: Initialization | None = None,
    first_step: int = 0,
    relative_step_size: float = 1.0,
) -> Initialization:
    """Return the initialization for a prior. Without a parameterization in the prior, the pixels are optimized.

    For a spectrum or its phases, the step size shrinks to zero along a cosine, so that the picture settles. For pixels,
    the step size is constant.

    Args:
        terms: Terms of the prior by name.
        size: Height and width of the picture in pixels.
        steps: Number of steps in which the step size shrinks to zero.
        generator: Source of the noise.
        network: Network that sees the picture.
        find_file: Function that finds the files that a term names.
        wrap: Directions in which the picture continues at its opposite edge. The picture of a spectrum always does.
        smaller: Initialization of the octave before, with the same prior. Its picture is enlarged. None for the first
            octave.
        first_step: Number of these steps that earlier octaves have taken.
        relative_step_size: Factor of the step size.

    Raises:
        InvalidSetting: If a term names a folder without pictures.
        UnreadablePicture: If a term names a file that is not a picture.
    """
    device, channels = network.device, network.input_channels
    term = next((terms[name] for name in PARAMETERIZATIONS if name in terms), Term("pixels"))
    if term.name == "pixels":
        pixels = Pixels.noise(*size, generator, device, wrap, channels)
        if smaller is not None:
            pixels.enlarge(smaller.parameterization)
        ascent = NormalizedAscent(pixels.parameters, PIXELS_STEP_SIZE * relative_step_size)
        return Initialization(pixels, ascent, ConstantLR(ascent, factor=1))
    parameterization: Fourier | Phase
    photos = load_natural_photos(Path(find_file(term.arguments[0])), size, network) if term.arguments else None
    if term.name == "fourier":
        parameterization = Fourier(*size, generator, device, start=photos, channels=channels, **prior_numbers(term))
        step_size = FOURIER_STEP_SIZE
    else:
        start = begins_with_picture(term)
        parameterization = Phase(*size, generator, device, photos=photos, start=start, channels=channels)
        step_size = PHASE_STEP_SIZE
    adam = Adam(parameterization.parameters, lr=step_size * relative_step_size, maximize=True, fused=True)
    adam.param_groups[0]["initial_lr"] = adam.defaults["lr"]  # torch needs it for a schedule that has already begun
    schedule = CosineAnnealingLR(adam, steps, last_epoch=first_step - 1)
    if smaller is not None:
        parameterization.enlarge(smaller.parameterization)
        continue_adam(adam, smaller)
    return Initialization(parameterization, adam, schedule)


def continue_adam(adam: Adam, smaller: Initialization) -> None:
    """Give the optimizer of a spectrum the mean gradients of that of a smaller spectrum.

    The frequencies that the smaller spectrum lacks have mean gradients of zero. Adam takes them for known, so it lets
    these frequencies grow faster at first.

    Args:
        adam: Optimizer of the larger spectrum. It has taken no steps.
        smaller: Initialization of the smaller spectrum. Its optimizer has taken steps.
    """
    spectrum = smaller.parameterization
    assert isinstance(spectrum, Spectral)
    (parameter,), (old,) = adam.param_groups[0]["params"], smaller.optimizer.state.values()
    state = {"step": old["step"].clone()}
    for name in "exp_avg", "exp_avg_sq":
        state[name] = torch.zeros_like(parameter)
        spectrum.copy_frequencies(old[name], state[name])
    adam.state[parameter] = state


def load_natural_photos(source: Path, size: tuple[int, int], network: Network) -> Tensor:
    """Return a picture, or all pictures of a folder, cropped and resized to a height and width: N×C×H×W in [0, 1].

    Raises:
        InvalidSetting: If the folder has no pictures, or if the network sees a channel that photographs do not have.
        UnreadablePicture: If a file is not a picture.
    """
    cpu = torch.device("cpu")
    colors = torch.cat([to_picture(center_crop(photo.pixels, size), cpu, size) for photo in load_folder(source)])
    return network.input_channels.of_colors(colors, network.name)


def natural_size(terms: Mapping[str, Term], find_file: FileResolver) -> tuple[int, int] | None:
    """Return the default size in the proportions of the picture that a prior begins with, as height and width.

    None if there is no such picture, or if it is longer than `MAX_PROPORTION` allows.

    Raises:
        InvalidSetting, UnreadablePicture: As for `initialize`.
    """
    named = [term.arguments[0] for term in terms.values() if begins_with_picture(term)]
    if not named:
        return None
    height, width = next(load_folder(Path(find_file(named[0])))).pixels.shape[:2]
    if max(height, width) > MAX_PROPORTION * min(height, width):
        return None
    scale = (math.prod(DEFAULT_SIZE) / (height * width)) ** 0.5
    return max(1, round(height * scale)), max(1, round(width * scale))


def hash_sources(terms: Mapping[str, Term], find_file: FileResolver) -> dict[str, str]:
    """Return the SHA-256 of each picture or folder that a prior names, by its name in the prior.

    Raises:
        InvalidSetting: If a folder has no pictures, or several ones, of which the picture of a spectrum would begin
            with one.
        UnreadableFile: If a file cannot be read.
    """
    for source in terms["fourier"].arguments[:1] if "fourier" in terms else ():
        count = len(picture_files(Path(find_file(source))))
        if count > 1:
            raise InvalidSetting(f"prior fourier begins with one picture, but {source} has {count}")
    return {name: hash_source(Path(find_file(name))) for term in terms.values() for name in term.arguments}


def natural_noise(size: tuple[int, int], seed: int) -> Photo:
    """Return noise at a height and width. Its colors and frequencies are those of natural pictures."""
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        picture = Fourier(*size, generator, torch.device("cpu"), std=NATURAL_NOISE_STD).picture()
    pixels = (picture[0].permute(1, 2, 0) * 255).round().to(torch.uint8)
    return Photo(np.ascontiguousarray(pixels.numpy()), name="clouds")
