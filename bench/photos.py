"""Benchmark of dreamed photographs: colored fringes, clipped values, spectrum and recognition.

The default is compared with the first default, which was the algorithm of 2015. Fringes are measured where the
photograph was smooth: the standard deviation of the color of the fine detail, in gray levels. Recognition is the number
of photographs whose class is still among the five most likely ones after the dream. The class is the one that the judge
finds most likely in the photograph itself.
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
from bench.drift import clipped_share, fine_detail
from bench.transfer import Probabilities, load_two_judges, natural_statistics
from inceptionism.recipes.recipe import EARLIER_DEFAULTS

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "first default": {**EARLIER_DEFAULTS[1]["photo"], "layer": "blocks.10"},
}

SMOOTH = 2.0
"""Largest standard deviation of the lightness around a pixel, in gray levels, where a photograph counts as smooth."""

NEIGHBORHOOD = 4.0
"""Standard deviation of the weights of the pixels around a pixel, in pixels."""


class Measures(NamedTuple):
    """Measures of a picture.

    Attributes:
        fringes: Color of the fine detail on smooth ground, in gray levels. NaN without smooth ground.
        clipped: Share of the values that are black or white.
        slope: Slope of the power spectrum, with both axes logarithmic.
    """

    fringes: float
    clipped: float
    slope: float


def smooth_ground(photo: Image.Image) -> NDArray[np.bool_]:
    """Return the pixels around which a photograph is smooth: H×W."""
    lightness = np.asarray(photo, float).mean(2)
    mean = cv2.GaussianBlur(lightness, (0, 0), NEIGHBORHOOD)
    variance = cv2.GaussianBlur(lightness**2, (0, 0), NEIGHBORHOOD) - mean**2
    return np.asarray(variance < SMOOTH**2)


def measure(image: Image.Image, smooth: NDArray[np.bool_]) -> Measures:
    """Return the measures of a picture.

    Args:
        image: The picture.
        smooth: Pixels at which the photograph was smooth.
    """
    pixels = np.asarray(image, float)
    color = fine_detail(pixels).color[smooth]
    fringes = float(color.std()) if color.size else float("nan")
    return Measures(fringes, clipped_share(pixels), natural_statistics(image)[1])


def keeps_class(photo: Image.Image, image: Image.Image, probabilities: Probabilities) -> bool:
    """Return whether the most likely class of a photograph is among the first five of its dream."""
    shares = probabilities(image)
    return bool((shares > shares[probabilities(photo).argmax()]).sum() < 5)


def main() -> None:
    """Dream all photographs with both settings, and print the means of the measures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, nargs="+", help="photographs to dream")
    parser.add_argument("--size", type=int, default=480, help="longer side in pixels, 480 by default")
    parser.add_argument("--googlenet", type=Path, help="folder with deploy.prototxt and bvlc_googlenet.caffemodel")
    options = parser.parse_args()
    judges = load_two_judges(options.googlenet)
    photos = []
    for path in options.photos:
        with Image.open(path) as file:
            photo = file.convert("RGB")
        photo.thumbnail((options.size, options.size), Image.Resampling.LANCZOS)
        photos.append(photo)
    ground = [smooth_ground(photo) for photo in photos]
    title = f"{len(photos)} photographs, at most {options.size} pixels wide or high"
    table = Table("pictures", "fringes", "clipped", "slope of the spectrum", *judges, title=title)
    for name in ("photographs", *SETTINGS):
        images = photos if name == "photographs" else [inc.dream(photo, **SETTINGS[name]).image for photo in photos]
        measured = [measure(image, smooth) for image, smooth in zip(images, ground, strict=True)]
        fringes, clipped, slopes = zip(*measured, strict=True)
        kept = [
            sum(keeps_class(photo, image, judge) for photo, image in zip(photos, images, strict=True))
            for judge in judges.values()
        ]
        table.add_row(
            name,
            f"{np.nanmean(fringes):.2f}",
            f"{100 * np.mean(clipped):.1f} %",
            f"{min(slopes):.2f} to {max(slopes):.2f}",
            *map(str, kept),
        )
    Console(width=140, highlight=False).print(table)


if __name__ == "__main__":
    main()
