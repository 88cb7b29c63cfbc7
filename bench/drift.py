"""Benchmark of long zooms: fringes, clipped values and seams over time, for the default and for the first zooms.

Fine detail is the difference from a blur of 2 pixels. Its color is the standard deviation of red, green and blue around
their mean, relative to the standard deviation of this mean. A value is clipped if it is black or white. A seam is a
row or a column at which the frame breaks: the largest mean difference of two neighboring rows or columns, relative to
the median of all. Each number is the mean over one second.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Table

import inceptionism as inc
from inceptionism.io.contact_sheet import LabeledImage, contact_sheet
from inceptionism.recipes.recipe import EARLIER_DEFAULTS

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "first zooms": {**EARLIER_DEFAULTS[1]["zoom"], "layer": "blocks.10"},
}

BLUR = 2.0
"""Standard deviation of the blur in pixels."""


class FineDetail(NamedTuple):
    """Fine detail of a picture, in gray levels: its lightness, H×W, and its color, H×W×3."""

    lightness: NDArray[np.float64]
    color: NDArray[np.float64]


class Quality(NamedTuple):
    """Quality of a frame: color of its fine detail relative to its lightness, share of clipped values, and seam."""

    color: float
    clipped: float
    seam: float


def fine_detail(pixels: NDArray[np.float64]) -> FineDetail:
    """Return the fine detail of H×W×3 pixels."""
    lightness = pixels.mean(2)
    color = pixels - lightness[..., None]
    return FineDetail(*(values - cv2.GaussianBlur(values, (0, 0), BLUR) for values in (lightness, color)))


def clipped_share(pixels: NDArray[np.float64]) -> float:
    """Return the share of the values of pixels that are black or white."""
    return float(((pixels <= 1) | (pixels >= 254)).mean())


def quality(image: Image.Image) -> Quality:
    """Return the quality of a frame."""
    pixels = np.asarray(image.convert("RGB"), np.float64)
    detail = fine_detail(pixels)
    differences = [np.abs(np.diff(pixels, axis=axis)).mean((1 - axis, 2)) for axis in (0, 1)]
    seam = float(max(values.max() / np.median(values) for values in differences))
    return Quality(float(detail.color.std() / detail.lightness.std()), clipped_share(pixels), seam)


def measure(photo: Path, size: int, seconds: list[float], table: Table) -> list[LabeledImage]:
    """Make both zooms into a photograph, add their rows to the table, and return a frame of each second.

    Args:
        photo: The photograph.
        size: Longer side of the frames in pixels.
        seconds: Beginnings of the seconds that are measured, in ascending order.
        table: Table for the result.
    """
    pictures = []
    for name, settings in SETTINGS.items():
        run = inc.zoom(photo, size=size, seconds=seconds[-1] + 1, **settings)
        measured: dict[float, list[Quality]] = {start: [] for start in seconds}
        for frame in run:
            for start in seconds:
                if start <= float(frame.time) < start + 1:
                    if not measured[start]:
                        pictures.append(LabeledImage(frame.image, photo.stem, f"{name}, {start:g} s"))
                    measured[start].append(quality(frame.image))
        means = [Quality(*np.mean(values, 0)) for values in measured.values()]
        table.add_row(
            photo.stem, name, *(f"{mean.color:.2f}, {100 * mean.clipped:.0f} %, {mean.seam:.1f}" for mean in means)
        )
    return pictures


def main() -> None:
    """Print the table, and write the frames if a sheet is given."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+", help="photographs in which the zooms start")
    parser.add_argument("--size", type=int, default=320, help="longer side of the frames in pixels, 320 by default")
    parser.add_argument("--seconds", type=float, nargs="+", default=[0.0, 20.0, 59.0], help="seconds to measure")
    parser.add_argument("--sheet", type=Path, help="contact sheet of the frames to write")
    options = parser.parse_args()
    table = Table("photograph", "zoom", *(f"{start:g} s" for start in options.seconds))
    pictures: list[LabeledImage] = []
    for photo in options.photos:
        pictures += measure(photo, options.size, sorted(options.seconds), table)
    Console(width=140, highlight=False).print(table)
    if options.sheet:
        contact_sheet(pictures)[0].save(options.sheet, quality=90)


if __name__ == "__main__":
    main()
