"""The start of a program: a first photograph in a new process, beside the import of torch alone."""

from __future__ import annotations

import statistics
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

from PIL import Image

from bench.engine import seconds
from bench.report import Report

SIZE = 512, 288
"""Width and height of the photograph, in pixels."""


def measure_start(report: Report, photo: Path, rounds: int) -> None:
    """Time `dream photo` on a small photograph and the import of torch, each in a new process, in turns."""
    with TemporaryDirectory() as folder:
        small = Path(folder) / "small.png"
        with Image.open(photo) as image:
            image.convert("RGB").resize(SIZE).save(small)
        dream = [sys.executable, "-m", "inceptionism", "photo", str(small), "-o", f"{folder}/dream.png", "--overwrite"]
        imports = [sys.executable, "-c", "import torch"]
        times: dict[str, list[float]] = {"dream": [], "import": []}
        for _ in range(rounds + 1):
            for name, command in (("dream", dream), ("import", imports)):
                times[name].append(seconds(lambda command=command: run_quietly(command)))  # type: ignore[misc]
    dreams, loads = times["dream"][1:], times["import"][1:]  # the first round reads the files from the disk
    beyond = [one - other for one, other in zip(dreams, loads, strict=True)]
    medians = {"s": dreams, "s for the import of torch": loads, "s beyond the import": beyond}
    figures = {name: statistics.median(one) for name, one in medians.items()}
    report.add("cold", f"`dream photo`, {SIZE[0]}×{SIZE[1]}, in a new process", figures)


def run_quietly(command: list[str]) -> None:
    """Run a command without its output."""
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
