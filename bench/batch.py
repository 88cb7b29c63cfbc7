"""Benchmark of batches: pictures a minute by a shell loop of `dream photo`, and by `dream batch` with several workers.

With --cluster, also by as many workers on a Ray cluster of this machine, which runs before the time is measured.

The photographs are parts of one photograph, with 640×360 pixels. Each way makes all pictures, one way after the other,
so the ratios are those of one run on one machine.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

DREAM = [sys.executable, "-m", "inceptionism"]

SIZE = (640, 360)
"""Width and height of the photographs, in pixels."""


def make_photographs(photo: Path, folder: Path, count: int) -> None:
    """Write parts of a photograph, each from another place, into a folder."""
    with Image.open(photo) as image:
        width, height = (max(side, 2 * least) for side, least in zip(image.size, SIZE, strict=True))
        large = image.convert("RGB").resize((width, height), Image.Resampling.LANCZOS)
    generator = np.random.default_rng(0)
    for index in range(count):
        left, top = (int(generator.integers(side - least)) for side, least in zip(large.size, SIZE, strict=True))
        large.crop((left, top, left + SIZE[0], top + SIZE[1])).save(folder / f"{index:03}.png")


def seconds_of(*commands: list[str]) -> float:
    """Return the time that commands take one after the other."""
    start = time.perf_counter()
    for command in commands:
        subprocess.run([*DREAM, *command], check=True, capture_output=True)
    return time.perf_counter() - start


def main() -> None:
    """Measure each way, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--count", type=int, default=60, help="number of photographs, 60 by default")
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2], help="numbers of workers, 1 and 2 by default")
    parser.add_argument("--cluster", action="store_true", help="also measure the last number of workers on Ray")
    arguments = parser.parse_args()
    table = Table("way", "pictures a minute", "times the shell loop")
    with TemporaryDirectory() as name, ExitStack() as stack:
        photos = Path(name) / "photos"
        photos.mkdir()
        make_photographs(arguments.photo, photos, arguments.count)
        loop = [["photo", str(path), "-o", f"{name}/{path.stem}.png"] for path in sorted(photos.iterdir())]
        ways = {"shell loop": loop}
        for count in arguments.workers:
            ways[f"dream batch --workers {count}"] = [
                ["batch", str(photos), "-o", f"{name}/{count}", "--workers", f"{count}"]
            ]
        if arguments.cluster:
            from ray.cluster_utils import Cluster

            count = arguments.workers[-1]
            cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": count, "include_dashboard": False})
            stack.callback(cluster.shutdown)
            ways[f"dream batch --cluster --workers {count}"] = [
                ["batch", str(photos), "-o", f"{name}/cluster", "--cluster", cluster.address, "--workers", f"{count}"]
            ]
        first = 0.0
        for way, commands in ways.items():
            seconds = seconds_of(*commands)
            first = first or seconds
            table.add_row(way, f"{60 * arguments.count / seconds:.1f}", f"{first / seconds:.2f}")
    Console().print(table)


if __name__ == "__main__":
    main()
