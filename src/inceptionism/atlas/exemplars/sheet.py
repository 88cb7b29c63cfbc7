"""Sheets of channels: their visualizations, and the photographs that excite them most and least."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from inceptionism.atlas.exemplars.counts import DEFAULT_COUNT
from inceptionism.atlas.exemplars.index import ExemplarIndex
from inceptionism.io import LabeledImage, check_output, contact_sheet, encode, write_atomically

CELL, GAP, MARGIN = 160, 6, 24
"""Side of the pictures, space between them, and space around the blocks, in pixels."""

PART, PART_GAP = 56, 2
"""Side of the exemplars on the sheet of many channels, and space between them, in pixels."""

HEADING_HEIGHT, TITLE_HEIGHT, SCORE_HEIGHT = 44, 26, 16
"""Heights of the lines of text, in pixels."""


def exemplar_sheet(
    index: ExemplarIndex, channel: int, count: int = DEFAULT_COUNT, picture: Image.Image | None = None
) -> Image.Image:
    """Return a sheet of a channel: its visualization, and the exemplars that excite it most and least, in blocks.

    Args:
        index: The index.
        channel: Index of the channel.
        count: Number of exemplars of each kind.
        picture: Visualization of the channel. None leaves it out.

    Raises:
        InvalidSetting: If the layer has no such channel.
        UnreadablePicture: If a photograph cannot be read any more.
    """
    most, least = index.top(channel, count), index.bottom(channel, count)
    columns = max(1, math.ceil(math.sqrt(max(len(most), len(least)))))
    rows = max(1, math.ceil(max(len(most), len(least)) / columns))
    width, height = columns * (CELL + GAP) - GAP, rows * (CELL + SCORE_HEIGHT + GAP) - GAP
    blocks = [("most active", most), ("least active", least)]
    side = min(width, height)
    left = MARGIN if picture is None else 2 * MARGIN + side
    size = left + len(blocks) * (width + MARGIN), HEADING_HEIGHT + TITLE_HEIGHT + height + MARGIN
    sheet = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(sheet)
    heading, title, small = (ImageFont.load_default(size) for size in (20, 15, 11))
    text = f"{index.network.name} · {index.layer}:{channel} · {index.photo_count:,} photographs"
    draw.text((MARGIN, 14), text, "black", heading)
    top = HEADING_HEIGHT + TITLE_HEIGHT
    if picture is not None:
        draw.text((MARGIN, HEADING_HEIGHT), "visualization", "black", title)
        sheet.paste(fitted(picture, side), (MARGIN, top))
    for name, exemplars in blocks:
        draw.text((left, HEADING_HEIGHT), name, "black", title)
        for number, one in enumerate(exemplars):
            row, column = divmod(number, columns)
            corner = left + column * (CELL + GAP), top + row * (CELL + SCORE_HEIGHT + GAP)
            sheet.paste(fitted(one.image(), CELL), corner)
            draw.text((corner[0], corner[1] + CELL + 2), f"{one.score:#.3g}", "dimgray", small)
        left += width + MARGIN
    return sheet


def layer_exemplar_sheet(
    index: ExemplarIndex, pictures: Iterable[tuple[int, Image.Image]], count: int = DEFAULT_COUNT
) -> Image.Image:
    """Return a sheet of many channels: each visualization beside the exemplars that excite its channel most.

    The number below is that of the channel, and the range is that of the activations of its exemplars.

    Args:
        index: The index.
        pictures: Indices of the channels, and their visualizations.
        count: Number of exemplars of each channel.

    Raises:
        InvalidSetting: If the layer has no such channel.
        UnreadablePicture: If a photograph cannot be read any more.
    """
    cells = []
    columns = math.ceil(math.sqrt(count))
    side = columns * (PART + PART_GAP) - PART_GAP
    for channel, picture in pictures:
        most = index.top(channel, count)
        cell = Image.new("RGB", (2 * side + PART_GAP, side), "white")
        cell.paste(fitted(picture, side))
        for number, one in enumerate(most):
            row, column = divmod(number, columns)
            corner = side + PART_GAP + column * (PART + PART_GAP), row * (PART + PART_GAP)
            cell.paste(fitted(one.image(PART), PART), corner)
        scores = f"{most[-1].score:#.3g} to {most[0].score:#.3g}"
        cells.append(LabeledImage(cell, str(channel), scores))
    heading = f"{index.network.name} · {index.layer} · {len(cells)} channels, {index.photo_count:,} photographs"
    return contact_sheet(cells, heading)[0]


def fitted(image: Image.Image, side: int) -> Image.Image:
    """Return a picture in the middle of a light square with a side in pixels."""
    return ImageOps.pad(image.convert("RGB"), (side, side), Image.Resampling.LANCZOS, color=(242, 242, 242))


def save_exemplars(
    index: ExemplarIndex,
    channel: int,
    path: Path,
    count: int = DEFAULT_COUNT,
    picture: Image.Image | None = None,
    *,
    overwrite: bool = False,
) -> list[Path]:
    """Write the sheet of a channel as PNG, and its exemplars as JSON next to it. Return both paths.

    Args:
        index: The index.
        channel: Index of the channel.
        path: Path of the sheet. It ends with .png.
        count: Number of exemplars of each kind.
        picture: Visualization of the channel. None leaves it out.
        overwrite: Whether to replace existing files.

    Raises:
        NameTaken: If a file exists and `overwrite` is false.
        CannotWrite: If a file cannot be written.
        InvalidSetting, UnreadablePicture: As for `exemplar_sheet`.
    """
    facts = {
        "network": index.network.name,
        "weights": index.network.weights_hash,
        "layer": index.layer,
        "channel": channel,
        "photographs": index.photo_count,
        "most": [one.facts() for one in index.top(channel, count)],
        "least": [one.facts() for one in index.bottom(channel, count)],
    }
    listing = path.with_suffix(".json")
    for one in (path, listing):
        check_output(one, overwrite=overwrite, endings=(".png", ".json"))
    content = encode(exemplar_sheet(index, channel, count, picture), "PNG")
    write_atomically(path, content, overwrite=overwrite)
    write_atomically(listing, (json.dumps(facts, indent=1) + "\n").encode(), overwrite=overwrite)
    return [path, listing]
