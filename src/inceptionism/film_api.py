"""The two functions that make films: streams of frames, which can be written to files."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeAlias

from torch import nn

from inceptionism.api import title_of
from inceptionism.film import FilmSource, VideoRun, ZoomRun
from inceptionism.io import Photo, PhotoSource, load_mask, load_photo
from inceptionism.networks import Network, network_name
from inceptionism.objectives import Objective
from inceptionism.recipes import Keyframe, LayerSetting, Place, VideoRecipe, ZoomRecipe, parse_layers, read_keyframes

Keyframes: TypeAlias = "str | os.PathLike[str] | Sequence[Keyframe | Mapping[str, Any]]"


def zoom(
    photo: PhotoSource = "noise",
    *,
    network: str | nn.Module | Network = ZoomRecipe.network,
    layer: LayerSetting | None = None,
    objective: Objective | str | None = None,
    guide: PhotoSource | None = None,
    mask: PhotoSource | None = None,
    seconds: float | None = ZoomRecipe.seconds,
    fps: float = ZoomRecipe.fps,
    zoom: float = ZoomRecipe.zoom,
    rotation: float = ZoomRecipe.rotation,
    toward: Place = ZoomRecipe.toward,
    drift: Place = ZoomRecipe.drift,
    keyframes: Keyframes = (),
    octaves: int = ZoomRecipe.octaves,
    octave_scale: float = ZoomRecipe.octave_scale,
    steps: int = ZoomRecipe.steps,
    step_size: float = ZoomRecipe.step_size,
    jitter: int = ZoomRecipe.jitter,
    keep: float = ZoomRecipe.keep,
    size: int | tuple[int, int] | None = ZoomRecipe.size,
    prior: str = ZoomRecipe.prior,
    seed: int = ZoomRecipe.seed,
    device: str = ZoomRecipe.device,
    precision: str = ZoomRecipe.precision,
    memory: str | None = ZoomRecipe.memory,
) -> ZoomRun:
    """Fly into a picture that is dreamed on the way: dream, zoom, dream again.

        for frame in inc.zoom("sky.jpg", seconds=2):
            show(frame.image)
        inc.zoom("sky.jpg").save("zoom.mp4")

    Args:
        photo: Where it begins: a path, a PIL image, or an H×W×3 uint8 array; "noise" for clouds of natural colors.
        network: A name, a `Network`, or a module that takes N×3×H×W pixels in [0, 1].
        layer: What is amplified, as of `dream`.
        objective: What is maximized instead, as of `dream`.
        guide: A picture whose activations those of the layer are moved toward.
        mask: A picture that is white where the frames are to be dreamed.
        seconds: How long; none for endless.
        fps: Frames a second.
        zoom: How many times as large what is in view gets in a second; below 1 the camera moves away.
        rotation: By how many degrees the picture turns in a second, counterclockwise.
        toward: The point that the camera flies to and turns about, down and across, in parts of height and width.
        drift: How far the camera moves sideways in a second, down and across, in parts of height and width.
        keyframes: What changes over time: the path of a TOML file, or `Keyframe`s, or mappings like them.
        octaves: How many sizes each frame is dreamed at, the last one being its own.
        octave_scale: The ratio of one octave's size to the one before it.
        steps: In each octave of a frame.
        step_size: The mean change of a pixel in one step, in 8-bit gray levels.
        jitter: The largest random shift of the picture at each step, in pixels.
        keep: How much of the first frame's brightness and contrast is restored in a frame, from 0 to 1.
        size: The longer side of the frames in pixels, or their height and width, to which the photograph is cut.
        prior: What keeps the picture natural, as of `dream`.
        seed: Of every random choice.
        device: auto, cpu, cuda or mps; auto takes a GPU where there is one.
        precision: auto, fp32, bf16 or fp16, of the network's numbers; auto takes bf16 where it is known to be faster.
        memory: How much the program may take, "2GB" say; by default half of the machine's.

    Raises:
        UnreadablePicture: the photograph cannot be read.
        UnknownName: there is no such network or layer; the sentence offers near names.
        InvalidSetting: a setting is of the wrong kind or out of range.
    """
    recipe = ZoomRecipe(
        network=network_name(network),
        layer=parse_layers(layer),
        objective=None if objective is None else str(objective),
        guide=None if guide is None else title_of(guide),
        mask=None if mask is None else title_of(mask),
        seconds=seconds,
        fps=fps,
        zoom=zoom,
        rotation=rotation,
        toward=toward,
        drift=drift,
        keyframes=read_keyframes(keyframes) if isinstance(keyframes, (str, os.PathLike)) else keyframes,  # type: ignore[arg-type]
        octaves=octaves,
        octave_scale=octave_scale,
        steps=steps,
        step_size=step_size,
        jitter=jitter,
        keep=keep,
        size=size if isinstance(size, int) else None,
        shape=None if isinstance(size, int) else size,
        prior=prior,
        seed=seed,
        device=device,
        precision=precision,
        memory=memory,
    )
    return ZoomRun(
        recipe,
        None if isinstance(photo, str) and photo == "noise" else load_photo(photo),
        network=network,
        objective=None if isinstance(objective, str) else objective,
        guide=guide_photo(guide),
        mask=None if mask is None else load_mask(mask),
    )


def video(
    film: str | os.PathLike[str],
    *,
    network: str | nn.Module | Network = VideoRecipe.network,
    layer: LayerSetting | None = None,
    objective: Objective | str | None = None,
    guide: PhotoSource | None = None,
    mask: PhotoSource | None = None,
    blend: float = VideoRecipe.blend,
    octaves: int = VideoRecipe.octaves,
    octave_scale: float = VideoRecipe.octave_scale,
    steps: int = VideoRecipe.steps,
    first_steps: int = VideoRecipe.first_steps,
    step_size: float = VideoRecipe.step_size,
    jitter: int = VideoRecipe.jitter,
    size: int | None = VideoRecipe.size,
    prior: str = VideoRecipe.prior,
    seed: int = VideoRecipe.seed,
    device: str = VideoRecipe.device,
    precision: str = VideoRecipe.precision,
    memory: str | None = VideoRecipe.memory,
) -> VideoRun:
    """Dream a film frame by frame, each frame going on from the dream of the one before.

        inc.video("cat.mp4", layer="blocks.4").save("cat-dream.mp4")

    Args:
        film: The path of a film.
        network: A name, a `Network`, or a module that takes N×3×H×W pixels in [0, 1].
        layer: What is amplified, as of `dream`.
        objective: What is maximized instead, as of `dream`.
        guide: A picture whose activations those of the layer are moved toward.
        mask: A picture that is white where the frames are to be dreamed.
        blend: How much of what the dream added to the frame before is carried along, from 0 to 1: the more, the less it
            flickers.
        octaves: How many sizes each frame is dreamed at, the last one being its own.
        octave_scale: The ratio of one octave's size to the one before it.
        steps: In each octave of a frame that goes on from another.
        first_steps: In each octave of the first frame, and after a cut.
        step_size: The mean change of a pixel in one step, in 8-bit gray levels: how strong the dream is.
        jitter: The largest random shift of the picture at each step, in pixels.
        size: The longer side of the frames in pixels; by default the film's own.
        prior: What keeps the picture natural, as of `dream`.
        seed: Of every random choice.
        device: auto, cpu, cuda or mps; auto takes a GPU where there is one.
        precision: auto, fp32, bf16 or fp16, of the network's numbers; auto takes bf16 where it is known to be faster.
        memory: How much the program may take, "2GB" say; by default half of the machine's.

    Raises:
        UnreadablePicture: the film cannot be read.
        UnknownName: there is no such network or layer; the sentence offers near names.
        InvalidSetting: a setting is of the wrong kind or out of range.
    """
    recipe = VideoRecipe(
        network=network_name(network),
        layer=parse_layers(layer),
        objective=None if objective is None else str(objective),
        guide=None if guide is None else title_of(guide),
        mask=None if mask is None else title_of(mask),
        blend=blend,
        octaves=octaves,
        octave_scale=octave_scale,
        steps=steps,
        first_steps=first_steps,
        step_size=step_size,
        jitter=jitter,
        size=size,
        prior=prior,
        seed=seed,
        device=device,
        precision=precision,
        memory=memory,
    )
    return VideoRun(
        recipe,
        FilmSource(Path(film)),
        network=network,
        objective=None if isinstance(objective, str) else objective,
        guide=guide_photo(guide),
        mask=None if mask is None else load_mask(mask),
    )


def guide_photo(guide: PhotoSource | None) -> Photo | None:
    """Return a guide under the name that recipes give it."""
    return None if guide is None else replace(load_photo(guide), name=title_of(guide))
