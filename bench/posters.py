"""Benchmark of posters: the forms of a large dream beside those of a small one, with processor time and memory.

The detail of a dream is its difference from the photograph. It is reduced to 160 pixels by averaging, and compared with
that of the smallest picture. Run it as `python bench/posters.py PHOTO`; each size has a process of its own.
"""

from __future__ import annotations

import argparse
import resource
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

import inceptionism as inc
from inceptionism.io.photos import Array

SIDES = (640, 1280, 2560, 5120)
"""Longer sides of the pictures, in pixels."""

COMPARED = 160
"""Longer side at which the detail is compared, in pixels."""

OCTAVES: dict[str, dict[str, Any]] = {"default octaves": {}, "octaves of 2015": {"octaves": 4, "octave_scale": 1.4}}


def measure(photo: Path, side: int, settings: dict[str, Any]) -> tuple[Array, float, float]:
    """Dream a photograph of a size with one thread; return its reduced detail, seconds of the processor, and MiB."""
    torch.set_num_threads(1)
    with Image.open(photo) as image:
        original = image.convert("RGB")
    factor = side / max(original.size)
    original = original.resize((round(original.width * factor), round(original.height * factor)))
    start = time.process_time()
    result = inc.dream(original, size=side, **settings)
    seconds = time.process_time() - start
    detail = np.asarray(result.image.convert("RGB"), np.float32) - np.asarray(original, np.float32)
    size = (round(original.width * COMPARED / side), round(original.height * COMPARED / side))
    small = [np.asarray(Image.fromarray(one).resize(size, Image.Resampling.BOX)) for one in np.moveaxis(detail, -1, 0)]
    return np.stack(small), seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def in_new_process(photo: Path, side: int, settings: dict[str, Any]) -> tuple[Array, float, float]:
    """Return the result of `measure` in a new process, so that the memory is that of this picture alone."""
    with ProcessPoolExecutor(1, get_context("spawn")) as pool:
        return pool.submit(measure, photo, side, settings).result()


def main() -> None:
    """Measure all sizes with the default octaves and with those of 2015, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--sides", type=int, nargs="+", default=SIDES)
    arguments = parser.parse_args()
    console = Console()
    for title, settings in OCTAVES.items():
        table = Table("longer side", "correlation", "processor time", "peak memory, MiB", title=title)
        first: tuple[Array, float, float] | None = None
        for side in arguments.sides:
            found = in_new_process(arguments.photo, side, settings)
            first = first or found
            correlation = np.corrcoef(first[0].ravel(), found[0].ravel())[0, 1]
            table.add_row(str(side), f"{correlation:.2f}", f"{found[1] / first[1]:.1f}", f"{found[2]:.0f}")
        console.print(table)


if __name__ == "__main__":
    main()
