"""The two functions that most programs want."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import replace
from typing import TypeAlias

from torch import nn

from inceptionism.io import PhotoSource, load_mask, load_photo
from inceptionism.networks import Network, network_name
from inceptionism.objectives import Objective, is_expression
from inceptionism.recipes import ClassRecipe, LayerSetting, PhotoRecipe, parse_layers
from inceptionism.runs import ClassRun, PhotoRun, Result, Step
from inceptionism.validation import checked_size

OnStep: TypeAlias = Callable[[Step], object]


def dream(
    photo: PhotoSource,
    *,
    network: str | nn.Module | Network = PhotoRecipe.network,
    layer: LayerSetting | None = None,
    objective: Objective | str | None = None,
    guide: PhotoSource | None = None,
    mask: PhotoSource | None = None,
    octaves: int = PhotoRecipe.octaves,
    octave_scale: float = PhotoRecipe.octave_scale,
    steps: int = PhotoRecipe.steps,
    step_size: float = PhotoRecipe.step_size,
    jitter: int = PhotoRecipe.jitter,
    size: int | None = PhotoRecipe.size,
    prior: str = PhotoRecipe.prior,
    seed: int = PhotoRecipe.seed,
    device: str = PhotoRecipe.device,
    precision: str = PhotoRecipe.precision,
    memory: str | None = PhotoRecipe.memory,
    on_step: OnStep | None = None,
) -> Result:
    """Amplify what a layer of the network sees in a photograph.

    Args:
        photo: A path, a PIL image, or an H×W×3 uint8 array.
        network: A name, a `Network`, or a module that takes N×3×H×W pixels in [0, 1].
        layer: A name from `network.layers()`, a list of names, or a mapping from name to weight;
            `"name:17"` means channel 17 of a layer. By default the network's default layer.
        objective: What to maximize instead of half the squared L2 norm of the layer's activations: an `Objective`,
            or how one is written, "0.5*layer(blocks.4) + class(banana)".
        guide: A picture whose activations those of the layer are moved toward, place by place to what matches best.
        mask: A picture that is white where the photograph is to be dreamed and black where not; or H×W of uint8.
        octaves: How many sizes the dream goes through, the last one being the output's.
        octave_scale: The ratio of one octave's size to the one before it.
        steps: In each octave.
        step_size: The mean change of a pixel in one step, in 8-bit gray levels.
        jitter: The largest random shift of the picture at each step, in pixels.
        size: The longer side of the output in pixels; by default the photograph's own.
        prior: What keeps the picture natural: any of "tv", "norm", "blur", "laplacian", "views", "statistics",
            joined by +; or "none".
        seed: Of every random choice.
        device: auto, cpu, cuda or mps; auto takes a GPU where there is one.
        precision: auto, fp32, bf16 or fp16, of the network's numbers; auto takes bf16 where it is known to be faster.
        memory: How much the program may take, "2GB" say; by default half of the machine's. Larger pictures are
            seen in tiles.
        on_step: Called with each `Step`; where it raises StopIteration, the picture so far is the result.

    Raises:
        UnreadablePicture: the photograph cannot be read.
        UnknownName: there is no such network or layer; the sentence offers near names.
        InvalidSetting: a setting is of the wrong kind or out of range.
        NoGradient: nothing in the picture excites what was chosen.

    The algorithm is that of the 2015 notebook (Mordvintsev, Olah & Tyka); `PhotoRun` says where it departs.
    """
    recipe = PhotoRecipe(
        network=network_name(network),
        layer=parse_layers(layer),
        objective=None if objective is None else str(objective),
        octaves=octaves,
        octave_scale=octave_scale,
        steps=steps,
        step_size=step_size,
        jitter=jitter,
        size=size,
        prior=prior,
        guide=None if guide is None else title_of(guide),
        mask=None if mask is None else title_of(mask),
        seed=seed,
        device=device,
        precision=precision,
        memory=memory,
    )
    run = PhotoRun(
        recipe,
        load_photo(photo),
        network=network,
        objective=None if isinstance(objective, str) else objective,
        guide=None if guide is None else replace(load_photo(guide), name=title_of(guide)),
        mask=None if mask is None else load_mask(mask),
    )
    return run.finish(on_step)


def title_of(source: PhotoSource) -> str:
    """Return what a recipe calls a picture: its path, where it has one."""
    return str(source) if isinstance(source, (str, os.PathLike)) else "picture"


def visualize(
    target: str | int | Objective,
    *,
    network: str | nn.Module | Network = ClassRecipe.network,
    preset: str = ClassRecipe.preset,
    prior: str | None = ClassRecipe.prior,
    size: int | tuple[int, int] = ClassRecipe.size,
    steps: int | None = ClassRecipe.steps,
    seed: int = ClassRecipe.seed,
    device: str = ClassRecipe.device,
    precision: str = ClassRecipe.precision,
    memory: str | None = ClassRecipe.memory,
    on_step: OnStep | None = None,
) -> Result:
    """Make a picture, from noise, of what the network takes for a class, or of what excites an objective.

    Args:
        target: The name of a class, a synonym, its index, an `Objective`, or how one is written:
            "channel(blocks.10:17)".
        network: A name, a `Network`, or a module that takes N×3×H×W pixels in [0, 1].
        preset: "fine" for the best pictures, "fast" for good ones in a third of the time.
        prior: What keeps the picture natural: "fourier" (Olah et al., 2017), "phase" (Fel et al., 2023) or "pixels",
            and any of "views", "statistics", "tv", "norm", "blur" and "laplacian", joined by +, with strengths:
            "fourier + views + 0.2*tv". "none" is plain ascent on the pixels. By default the preset's.
        size: The height and width in pixels; one number stands for both.
        steps: Of the ascent; by default the preset's.
        seed: Of every random choice.
        device: auto, cpu, cuda or mps; auto takes a GPU where there is one.
        precision: auto, fp32, bf16 or fp16, of the network's numbers; auto takes bf16 where it is known to be faster.
        memory: How much the program may take, "2GB" say; by default half of the machine's. Larger pictures are
            seen in tiles.
        on_step: Called with each `Step`; where it raises StopIteration, the picture so far is the result.

    Raises:
        UnknownName: there is no such network, class or layer; the sentence offers near names.
        InvalidSetting: a setting is of the wrong kind or out of range, or a name is that of several classes.
        NoGradient: the objective does not change with the picture.
    """
    written = target if isinstance(target, Objective) or (isinstance(target, str) and is_expression(target)) else None
    recipe = ClassRecipe(
        network=network_name(network),
        target=None if written is not None or isinstance(target, Objective) else target,
        objective=None if written is None else str(written),
        preset=preset,
        prior=prior,
        size=checked_size(size),
        steps=steps,
        seed=seed,
        device=device,
        precision=precision,
        memory=memory,
    )
    objective = target if isinstance(target, Objective) else None
    return ClassRun(recipe, network=network, objective=objective).finish(on_step)
