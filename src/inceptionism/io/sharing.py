"""Copies of results to post on websites, with an alternative text and a caption.

A copy may show the photograph next to the picture, or fade from the photograph to the picture.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import fields
from pathlib import PurePath

import numpy as np
from PIL import Image

from inceptionism.errors import CannotWrite, InvalidSetting, enumeration
from inceptionism.io.encoding import encode, encode_with_packet, flatten_alpha, limit_colors
from inceptionism.io.photos import Photo
from inceptionism.recipes import (
    ClassRecipe,
    PhotoRecipe,
    Recipe,
    Verdict,
    readable_value,
)

TAG = "#deepdream"
"""Hashtag that the notebook of 2015 suggests, so that others find the picture."""

MIN_SIDE = 64
"""Smallest value of a copy's longer side, in pixels."""

QUALITIES = {"JPEG": (92, 84, 76), "WEBP": (90, 80, 70), "AVIF": (90, 80, 70), "HEIF": (90, 80, 70)}
"""Qualities that are tried for a copy, best first, before the copy is made smaller."""

SHRINK_FACTOR = 0.9
"""If a copy is too large, the longer side of the next attempt is at most this share of its longer side."""

GAP = 12
"""Space between two pictures, in pixels."""

FADE_STEPS = 12
"""Number of steps in which a loop fades from one picture to the other."""

HOLD_TIME, FADE_TIME = 1000, 60
"""Duration of the two pictures of a loop, and of each frame between them, in milliseconds."""

LOOP_FORMATS = ("WEBP", "GIF")
"""Formats of loops."""

MAX_NAMED_CLASSES, MIN_NAMED_SHARE = 3, 0.05
"""Largest number of classes in an alternative text, and smallest probability of each class after the first."""

OTHER_SETTINGS = {
    "network",
    "layer",
    "objective",
    "target",
    "label",
    "device",
    "precision",
    "memory",
    "together",
    "number",
}
"""Settings that a caption does not list: its other parts contain them, or they say nothing about the picture."""


def encode_copy(image: Image.Image, recipe: Recipe | None, format: str, *, side: int, limit: int) -> bytes:
    """Return the bytes of a copy of a picture that fits into a limit.

    Args:
        image: Picture in mode RGB or RGBA.
        recipe: Recipe that is written inside the copy; None to write none.
        format: Format of the copy; one of the values of `FORMATS`.
        side: Largest value of the copy's longer side, in pixels.
        limit: Largest size of the copy, in bytes.

    Raises:
        InvalidSetting: If not even the smallest copy fits.
    """

    def encode_at(small: Image.Image, quality: int) -> bytes:
        return encode(small, format, recipe, quality=quality)

    return encode_within_limit(image, side, limit, format, encode_at)


def encode_loop(
    before: Image.Image, after: Image.Image, recipe: Recipe | None, format: str, *, side: int, limit: int
) -> bytes:
    """Return the bytes of an animation that fades from one picture to another and back, forever.

    Args:
        before: First picture.
        after: Second picture, of the same size.
        recipe: Recipe that is written inside the animation; None to write none.
        format: Format of the animation: "WEBP" or "GIF".
        side: Largest value of the animation's longer side, in pixels.
        limit: Largest size of the animation, in bytes.

    Raises:
        CannotWrite: If the format holds no animation.
        InvalidSetting: If not even the smallest animation fits.
    """
    if format not in LOOP_FORMATS:
        raise CannotWrite(f"a loop must be a .webp or .gif file; {format} holds no animation")

    def encode_at(small: Image.Image, quality: int) -> bytes:
        frames = fade_frames(flatten_alpha(before).resize(small.size, Image.Resampling.LANCZOS), small)
        return encode_animation(frames, recipe, format, quality)

    return encode_within_limit(flatten_alpha(after), side, limit, format, encode_at)


def encode_within_limit(
    image: Image.Image, side: int, limit: int, format: str, encode_at: Callable[[Image.Image, int], bytes]
) -> bytes:
    """Return the bytes of a picture, as large and as good as a limit allows.

    Args:
        image: The picture.
        side: Largest value of the longer side, in pixels.
        limit: Largest size of the result, in bytes.
        format: Format of the result; it decides which qualities are tried.
        encode_at: Function that encodes a picture at a quality from 1 to 100.

    Raises:
        InvalidSetting: If not even the smallest picture fits.
    """
    longer_side = min(side, max(image.size))
    while longer_side >= min(MIN_SIDE, side, max(image.size)):
        small = image.copy()
        small.thumbnail((longer_side, longer_side), Image.Resampling.LANCZOS)
        for quality in QUALITIES.get(format, (100,)):
            content = encode_at(small, quality)
            if len(content) <= limit:
                return content
        longer_side = int(longer_side * min(SHRINK_FACTOR, (limit / len(content)) ** 0.5))
    raise InvalidSetting(f"even the smallest copy of this picture has more than {limit} bytes; choose a larger --limit")


def side_by_side(before: Image.Image, after: Image.Image) -> Image.Image:
    """Return two pictures of the same size next to each other; wide pictures are placed one above the other."""
    width, height = after.size
    is_wide = width > 1.2 * height
    place = (0, height + GAP) if is_wide else (width + GAP, 0)
    both = Image.new("RGB", (width + place[0], height + place[1]), "white")
    both.paste(flatten_alpha(before), (0, 0))
    both.paste(flatten_alpha(after), place)
    return both


def fade_frames(before: Image.Image, after: Image.Image) -> list[Image.Image]:
    """Return the frames of a loop: from one picture to the other and back, slowly at both ends."""
    shares = [(1 - np.cos(np.pi * step / FADE_STEPS)) / 2 for step in range(FADE_STEPS + 1)]
    frames = [Image.blend(before, after, share) for share in shares]
    return frames + frames[-2:0:-1]


def encode_animation(frames: Sequence[Image.Image], recipe: Recipe | None, format: str, quality: int) -> bytes:
    """Return the bytes of a loop. Its first and its middle frame are shown longer than the others."""
    durations = [HOLD_TIME if index in (0, FADE_STEPS) else FADE_TIME for index in range(len(frames))]
    options: dict[str, object] = {"save_all": True, "duration": durations, "loop": 0}
    if format == "WEBP":
        options["quality"] = quality
    else:
        frames = [limit_colors(frame) for frame in frames]
    first, *others = frames
    return encode_with_packet(first, format, recipe, append_images=others, **options)


def resize_photo(photo: Photo, picture: Image.Image) -> Image.Image:
    """Return a photograph at the size of the picture that was made from it.

    Raises:
        InvalidSetting: If the two differ in aspect ratio by more than 2%.
    """
    height, width = photo.pixels.shape[:2]
    if abs(width * picture.height / (height * picture.width) - 1) > 0.02:
        raise InvalidSetting(
            f"the photograph has {height}×{width} pixels and the picture {picture.height}×{picture.width}: "
            "their shapes differ, so they cannot be shown as before and after"
        )
    return photo.to_image().resize(picture.size, Image.Resampling.LANCZOS)


def alternative_text(recipe: Recipe, verdict: Verdict | None = None) -> str:
    """Return a description of a picture for people who cannot see it.

    Args:
        recipe: Recipe of the picture.
        verdict: Classes that a network sees in the picture. None if no network was asked.
    """
    seen = f" The network {verdict.network} sees {likely_classes(verdict)} in it." if verdict else ""
    if isinstance(recipe, PhotoRecipe):
        facts = (recipe.made_with.photo if recipe.made_with else None) or {}
        photo = f'The photograph "{PurePath(facts["name"]).stem}"' if facts.get("name") else "A photograph"
        guide = ", with shapes of another picture" if recipe.guide else ""
        if seen:
            return f"{photo} as a neural network dreams it{guide}.{seen}"
        layers = ", ".join(map(str, recipe.layer)) or recipe.objective or "a layer"
        return f"{photo} as a neural network dreams it, full of shapes that excite {layers} of {recipe.network}{guide}."
    if isinstance(recipe, ClassRecipe):
        if recipe.objective is None:
            return f'A picture of "{recipe.title}" that the neural network {recipe.network} made from noise.'
        return f"A picture made from noise that excites {recipe.title} of the neural network {recipe.network}.{seen}"
    return f"A dream of the neural network {recipe.network}: {recipe.title}.{seen}"


def likely_classes(verdict: Verdict) -> str:
    """Return the most likely class of a verdict in words, and up to two others that are not unlikely."""
    first, *others = verdict.seen[:MAX_NAMED_CLASSES]
    return enumeration([first[0], *(name for name, share in others if share >= MIN_NAMED_SHARE)], "and")


def caption(recipe: Recipe) -> str:
    """Return a line with the title of a picture, its network, the settings that differ from the default, and a tag."""
    defaults = {field.name: field.default for field in fields(recipe) if field.name not in OTHER_SETTINGS}
    changed = [
        f"{name.replace('_', ' ')} {readable_value(value)}"
        for name, value in recipe.settings().items()
        if name in defaults and getattr(recipe, name) != defaults[name]
    ]
    return " · ".join([recipe.title, recipe.network, *filter(None, [", ".join(changed)]), f"inceptionism {TAG}"])
