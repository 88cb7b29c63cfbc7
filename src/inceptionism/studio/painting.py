"""Painting on the photograph: each of two brushes says which part of the picture dreams which layers."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import gradio as gr
import numpy as np
from gradio.components.image_editor import EditorData
from gradio.utils import get_upload_folder
from PIL import Image

from inceptionism.errors import InvalidSetting, UnreadablePicture
from inceptionism.io import PILLOW_ERRORS, Array, Photo, create_folder, save_picture
from inceptionism.networks import Network
from inceptionism.recipes import LayerChoice, PhotoRecipe, Term, join_terms
from inceptionism.runs import chosen_layers, output_size
from inceptionism.studio.defaults import CACHE_SECONDS
from inceptionism.studio.overridden import overridden
from inceptionism.studio.upload import is_upload

Painting: TypeAlias = Sequence[bytes]
"""Strokes of a visitor: PNG files with transparency, one above the other."""

BRUSHES = {"violet": "#7c3aed", "orange": "#ea580c"}
"""Colors of the brushes. Both are far from each other in brightness, too."""

SIDE = 640
"""Longer side of the picture that the visitor paints on, in pixels. A mask needs no finer detail."""

BRUSH_SIZE = 40
"""Radius of the brushes at first, in pixels of this picture."""

MAX_SIDE, MAX_BYTES, MAX_LAYERS = 1280, 4 * 2**20, 4
"""Largest side of a painting in pixels, largest size of a layer in bytes, and largest number of layers."""


def painting_control(**arguments: Any) -> Any:
    """Return a control to paint on a picture with the brushes. Its value is a `Painting`."""
    colors: list[str | tuple[str, float]] = list(BRUSHES.values())
    # gradio would decode the files itself, without a limit of the pixels.
    editor = overridden(gr.ImageEditor, preprocess=staticmethod(sent_painting))
    return editor(
        brush=gr.Brush(colors=colors, default_color=colors[0], color_mode="fixed", default_size=BRUSH_SIZE),
        eraser=gr.Eraser(default_size=BRUSH_SIZE),
        layers=False,
        transforms=[],
        sources=[],
        buttons=["fullscreen"],
        interactive=True,
        **arguments,
    )


def sent_painting(payload: EditorData | None) -> Painting:
    """Return the painting that a browser has sent. Empty if nothing is painted, or if it is too large to be one."""
    paths = [Path(layer.path) for layer in payload.layers[:MAX_LAYERS] if is_upload(layer.path)] if payload else []
    return [path.read_bytes() for path in paths if path.stat().st_size <= MAX_BYTES]


def ground(photo: Photo) -> dict[str, Any]:
    """Return the value of the control for a photograph: a copy of `SIDE` pixels, with nothing painted on it."""
    height, width = output_size(photo, SIDE)
    picture = Image.fromarray(photo.pixels).resize((width, height), Image.Resampling.BICUBIC)
    return {"background": picture, "layers": [], "composite": None}


def read_painting(painting: Painting) -> list[Array]:
    """Return the strength of each brush at each pixel, H×W uint8. It is 0 everywhere for a brush that was not used.

    Raises:
        UnreadablePicture: If the painting is not a picture, or has a side of more than `MAX_SIDE` pixels.
    """
    strengths: list[Array] = []
    for data in painting:
        pixels = read_layer(data)
        colors = np.array([to_rgb(color) for color in BRUSHES.values()], np.int32)
        distances = ((pixels[..., None, :3].astype(np.int32) - colors) ** 2).sum(-1)
        nearest = distances.argmin(-1)
        layer = [np.where(nearest == index, pixels[..., 3], 0).astype(np.uint8) for index in range(len(BRUSHES))]
        if strengths and strengths[0].shape != layer[0].shape:
            raise UnreadablePicture("the layers of the painting have different sizes; paint it again")
        strengths = [np.maximum(one, two) for one, two in zip(strengths, layer, strict=True)] if strengths else layer
    return strengths


def read_layer(data: bytes) -> Array:
    """Return a layer of a painting, H×W×4 uint8."""
    try:
        with Image.open(io.BytesIO(data), formats=["PNG", "WEBP"]) as image:
            if max(image.size) > MAX_SIDE:
                raise UnreadablePicture(f"a painting can have sides of {MAX_SIDE} pixels, not {max(image.size)}")
            return np.array(image.convert("RGBA"))
    except (*PILLOW_ERRORS, Image.DecompressionBombError):
        raise UnreadablePicture("the painting cannot be read; paint it again") from None


def to_rgb(color: str) -> tuple[int, ...]:
    """Return the red, green and blue of a color such as #7c3aed."""
    return tuple(bytes.fromhex(color[1:]))


@dataclass(frozen=True)
class PaintedParts:
    """The parts of a photograph that a visitor has painted, as settings of a recipe.

    Attributes:
        settings: The settings.
        files: Masks, by their names in the settings.
    """

    settings: Mapping[str, Any]
    files: Mapping[str, Path]


def painted_parts(painting: Painting, recipe: PhotoRecipe, network: Network, orange: str) -> PaintedParts:
    """Return the settings for a painting.

    Args:
        painting: The painting.
        recipe: All other settings.
        network: Network of the recipe.
        orange: Layer that the second brush dreams.

    Raises:
        UnreadablePicture: If the painting cannot be read.
        InvalidSetting: If another setting excludes a painting.
        UnknownName: If the network has no such layer.
    """
    masks = read_painting(painting)
    used = [index for index, mask in enumerate(masks) if mask.any()]
    if not used:
        return PaintedParts({}, {})
    if recipe.mask:
        raise InvalidSetting("the photograph has a painted part and a mask; erase the painting, or take the mask away")
    files = {name: masks_folder() / name for name in [mask_name(masks[index]) for index in used]}
    for index, path in zip(used, files.values(), strict=True):
        save_picture(Image.fromarray(masks[index]).convert("RGB"), path)
    if used == [0]:
        return PaintedParts({"mask": next(iter(files))}, files)
    if recipe.objective or recipe.guide:
        raise InvalidSetting(
            "the orange brush dreams a layer, so it cannot be used with an objective or a guide; "
            "leave them out, or paint with the violet brush only"
        )
    network.check_layer(orange)
    second = LayerChoice(orange)
    if used == [1]:
        return PaintedParts({"mask": next(iter(files)), "layer": (second,)}, files)
    violet_mask, orange_mask = files
    terms = [layer_term(choice, violet_mask) for choice in chosen_layers(recipe, network)]
    return PaintedParts({"layer": (), "objective": join_terms([*terms, layer_term(second, orange_mask)])}, files)


def masks_folder() -> Path:
    """Return the folder of the painted masks, after deleting old ones."""
    folder = Path(get_upload_folder()) / "masks"
    create_folder(folder, exist_ok=True)
    for mask in folder.iterdir():
        with suppress(OSError):  # another visitor's dream may have deleted it
            if time.time() - mask.stat().st_mtime > CACHE_SECONDS:
                mask.unlink()
    return folder


def mask_name(mask: Array) -> str:
    """Return the name of a mask in a recipe. Masks with different pixels have different names."""
    return f"mask-{hashlib.sha256(repr(mask.shape).encode() + mask.tobytes()).hexdigest()[:8]}.png"


def layer_term(choice: LayerChoice, mask: str) -> str:
    """Return the text of the objective that amplifies a layer, or one of its channels, inside a mask."""
    if choice.channel is None:
        return str(Term("layer", (choice.name,), {"where": mask}, choice.weight))
    return str(Term("channel", (choice.weighted(1.0).quoted,), {"where": mask}, choice.weight))
