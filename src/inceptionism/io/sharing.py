"""Copies to post: small enough for the web, beside the photograph or fading from it, and what to say of them."""

from __future__ import annotations

import io
from collections.abc import Callable, Container, Sequence
from dataclasses import fields, replace
from pathlib import PurePath
from typing import Any

import numpy as np
from PIL import Image

from inceptionism.errors import CannotWrite, InvalidSetting
from inceptionism.io.outputs import encode, flatten_alpha, of_few_colors
from inceptionism.io.photos import Photo, file_name
from inceptionism.io.xmp import write_packet
from inceptionism.io.xmp_containers import with_gif_packet
from inceptionism.recipes import ClassRecipe, PhotoRecipe, Recipe, ZoomRecipe, join_terms, parse_terms, readable_value

TAG = "#deepdream"
"""Asked for by the notebook of 2015, so that others find what was made."""

SMALLEST = 64
"""The longer side in pixels that a copy has at least."""

QUALITIES = {"JPEG": (92, 84, 76), "WEBP": (90, 80, 70)}
SHRINKING = 0.9
"""How a picture that is too large is tried again: at these qualities first, then smaller at least by this."""

GAP = 12
"""Between two pictures, in pixels."""

STEPS = 12
HOLD, FADE = 1000, 60
"""How many pictures a loop has on each way, and for how many milliseconds the ends and the others are shown."""

ANIMATED = ("WEBP", "GIF")
"""The formats of loops."""


def fitted(
    image: Image.Image, side: int, limit: int, format: str, encoded: Callable[[Image.Image, int], bytes]
) -> bytes:
    """Return the bytes of a picture that are no more than `limit`, as large and as good as that allows.

    Args:
        image: The picture.
        side: The longer side in pixels, at most.
        limit: In bytes.
        format: In which it is encoded.
        encoded: Encodes a picture, at a quality from 1 to 100.

    Raises:
        InvalidSetting: it does not fit even where it is tiny.
    """
    longer = min(side, max(image.size))
    while longer >= min(SMALLEST, side, max(image.size)):
        small = image.copy()
        small.thumbnail((longer, longer), Image.Resampling.LANCZOS)
        for quality in QUALITIES.get(format, (100,)):
            content = encoded(small, quality)
            if len(content) <= limit:
                return content
        longer = int(longer * min(SHRINKING, (limit / len(content)) ** 0.5))
    raise InvalidSetting(f"no copy of this picture is smaller than {limit} bytes; allow more by --limit")


def shared(image: Image.Image, recipe: Recipe | None, format: str, *, side: int, limit: int) -> bytes:
    """Return the bytes of a copy of a picture, with its recipe if one is given; see `fitted`."""
    return fitted(image, side, limit, format, lambda small, quality: encode(small, format, recipe, quality=quality))


def pair(before: Image.Image, after: Image.Image) -> Image.Image:
    """Return two pictures of one size side by side, wide ones one above the other."""
    width, height = after.size
    wide = width > 1.2 * height
    place = (0, height + GAP) if wide else (width + GAP, 0)
    both = Image.new("RGB", (width + place[0], height + place[1]), "white")
    both.paste(flatten_alpha(before), (0, 0))
    both.paste(flatten_alpha(after), place)
    return both


def loop(
    before: Image.Image, after: Image.Image, recipe: Recipe | None, format: str, *, side: int, limit: int
) -> bytes:
    """Return the bytes of an animation that fades from one picture to another of its size and back, forever.

    Raises:
        CannotWrite: the format holds no animation.
        InvalidSetting: it does not fit into `limit` bytes even where it is tiny.
    """
    if format not in ANIMATED:
        raise CannotWrite(f"a loop is written as .webp or .gif, not as {format}")

    def encoded(small: Image.Image, quality: int) -> bytes:
        frames = fading(flatten_alpha(before).resize(small.size, Image.Resampling.LANCZOS), small)
        return animation(frames, recipe, format, quality)

    return fitted(flatten_alpha(after), side, limit, format, encoded)


def fading(before: Image.Image, after: Image.Image) -> list[Image.Image]:
    """Return the pictures of a loop: from one to the other and back, smoothly at both ends."""
    shares = [(1 - np.cos(np.pi * step / STEPS)) / 2 for step in range(STEPS + 1)]
    there = [Image.blend(before, after, share) for share in shares]
    return there + there[-2:0:-1]


def animation(frames: Sequence[Image.Image], recipe: Recipe | None, format: str, quality: int) -> bytes:
    """Return the bytes of a loop, whose first and middle pictures are held."""
    packet = write_packet(recipe.to_json(), recipe.title) if recipe else b""
    durations = [HOLD if index in (0, STEPS) else FADE for index in range(len(frames))]
    options: dict[str, object] = {"save_all": True, "duration": durations, "loop": 0}
    if format == "WEBP":
        options |= {"quality": quality, "xmp": packet}
    else:
        frames = [of_few_colors(frame) for frame in frames]
    first, *others = frames
    buffer = io.BytesIO()
    first.save(buffer, format, append_images=others, **options)
    content = buffer.getvalue()
    return with_gif_packet(content, packet) if format == "GIF" and packet else content


def beside(photo: Photo, after: Image.Image) -> Image.Image:
    """Return a photograph at the size of what was made of it.

    Raises:
        InvalidSetting: it has another shape.
    """
    height, width = photo.pixels.shape[:2]
    if abs(width * after.height / (height * after.width) - 1) > 0.02:
        raise InvalidSetting(
            f"the photograph has {height}×{width} pixels and the picture {after.height}×{after.width}: "
            "that is another shape, so they are not before and after"
        )
    image = Image.fromarray(photo.pixels)
    if photo.alpha is not None:
        image.putalpha(Image.fromarray(photo.alpha))
    return image.resize(after.size, Image.Resampling.LANCZOS)


def alternative(recipe: Recipe) -> str:
    """Return what to say of a picture to those who do not see it, as far as its recipe knows."""
    if isinstance(recipe, PhotoRecipe):
        known = (recipe.made_with.photo if recipe.made_with else None) or {}
        photo = f'The photograph "{PurePath(known["name"]).stem}"' if known.get("name") else "A photograph"
        what = ", ".join(map(str, recipe.layer)) or recipe.objective or "a layer"
        toward = ", drawn toward another picture" if recipe.guide else ""
        return f"{photo} as a neural network dreams it, full of what excites {what} of {recipe.network}{toward}."
    if isinstance(recipe, ClassRecipe):
        if recipe.objective is None:
            return f'A picture made from noise: what the neural network {recipe.network} takes for "{recipe.title}".'
        return f"A picture made from noise: what excites {recipe.title} of the neural network {recipe.network}."
    return f"What a neural network, {recipe.network}, dreams: {recipe.title}."


def without_folders(recipe: Recipe) -> Recipe:
    """Return a recipe that calls the pictures it names by their files' names alone, without saying where they are.

    `dream replay` finds those that are passed by these names.
    """
    made_with = recipe.made_with
    pictures = (made_with.pictures if made_with else None) or {}
    if made_with and pictures:
        made_with = replace(made_with, pictures={file_name(name): digest for name, digest in pictures.items()})
    changes: dict[str, Any] = {}
    for name in ("guide", "mask", "objective", "prior"):
        value = getattr(recipe, name, None)
        if value in (None, "none"):
            continue
        changes[name] = file_name(value) if name in ("guide", "mask") else renamed(value, name, pictures)
    if isinstance(recipe, ZoomRecipe):
        changes["keyframes"] = tuple(
            one if one.objective is None else replace(one, objective=renamed(one.objective, "objective", pictures))
            for one in recipe.keyframes
        )
    if recipe.network.startswith(("/", "~", ".")):
        changes["network"] = file_name(recipe.network)
    return replace(recipe, made_with=made_with, **changes)


def renamed(text: str, kind: str, pictures: Container[str]) -> str:
    """Return an objective or a prior in which files are called by their names alone."""
    try:
        terms = parse_terms(text, kind)
    except InvalidSetting:
        return text  # a program made it, and says of itself what it likes
    said = []
    for term in terms:
        first = {"direction": 1, "phase": 0}.get(term.name, len(term.arguments))
        arguments = tuple(
            file_name(one) if index >= first or one in pictures else one for index, one in enumerate(term.arguments)
        )
        named = {key: file_name(one) if one in pictures else one for key, one in term.named.items()}
        said.append(str(replace(term, arguments=arguments, named=named)))
    return join_terms(said)


SAID = {"network", "layer", "objective", "target", "label", "device", "precision", "memory", "together", "number"}
"""What a caption says otherwise, or not at all."""


def caption(recipe: Recipe) -> str:
    """Return a line that says how a picture was made: what of, by what, and which settings are not the usual ones."""
    usual = {one.name: one.default for one in fields(recipe) if one.name not in SAID}
    unusual = [
        f"{name.replace('_', ' ')} {readable_value(value)}"
        for name, value in recipe.settings().items()
        if name in usual and getattr(recipe, name) != usual[name]
    ]
    return " · ".join([recipe.title, recipe.network, *filter(None, [", ".join(unusual)]), f"inceptionism {TAG}"])
