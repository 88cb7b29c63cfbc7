"""Benchmark of recognition: the number of pictures that other networks recognize, and the time per picture.

The pictures show twenty classes. The list of classes is fixed. It was drawn at random, and the default settings were
tuned on other classes.
"""

from __future__ import annotations

import argparse
import itertools
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from rich.console import Console
from rich.table import Column, Table

import inceptionism as inc
from inceptionism.recipes import DEFAULT_SIZE, PRESETS
from inceptionism.tensors import to_picture

CLASSES = (
    "thimble", "abaya", "bib", "lens cap", "schooner", "seat belt", "great white shark", "Petri dish", "bow", "coyote",
    "pot", "Rottweiler", "iPod", "espresso", "wallaby", "plate", "sulphur butterfly", "tree frog", "bald eagle",
    "common newt",
)  # fmt: skip

Probabilities: TypeAlias = Callable[[Image.Image], NDArray[np.float32]]
"""A judge: takes a picture, and returns the probability of each class."""


class OpenCVNetwork:
    """A Caffe network that OpenCV reads and runs. This implementation shares no code with inceptionism.

    Args:
        folder: Folder with one .prototxt and one .caffemodel.
    """

    def __init__(self, folder: Path) -> None:
        (prototxt,), (weights,) = folder.glob("*.prototxt"), folder.glob("*.caffemodel")
        self._network = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))

    def probabilities(self, image: Image.Image) -> NDArray[np.float32]:
        """Return the probability of each class in a picture."""
        rgb = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC))
        self._network.setInput(cv2.dnn.blobFromImage(rgb, 1, (224, 224), (123, 117, 104), swapRB=True))
        return np.asarray(self._network.forward(), np.float32).ravel()


def natural_statistics(image: Image.Image) -> tuple[float, float]:
    """Return the correlation of neighboring pixels, and the slope of the power spectrum with logarithmic axes."""
    gray = np.asarray(image.convert("L"), np.float64)
    neighbors = (gray[:, 1:], gray[:, :-1]), (gray[1:], gray[:-1])
    correlation = np.mean([np.corrcoef(one.ravel(), other.ravel())[0, 1] for one, other in neighbors])
    height, width = gray.shape
    window = np.hanning(height)[:, None] * np.hanning(width)[None, :]
    power = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    rows, columns = np.fft.fftfreq(height)[:, None] * height, np.fft.fftfreq(width)[None, :] * width
    cycles = np.hypot(rows, columns).round().astype(int)
    mean = np.bincount(cycles.ravel(), power.ravel()) / np.bincount(cycles.ravel())
    band = np.arange(4, min(height, width) // 2)
    return float(correlation), float(np.polyfit(np.log(band), np.log(mean[band]), 1)[0])


def make_pictures(
    network: inc.Network, classes: Sequence[str], preset: str, size: int
) -> tuple[list[Image.Image], float]:
    """Return a square picture of each class, made one after the other, and the median of their durations in seconds."""
    images, durations = [], []
    for name in classes:
        start = time.perf_counter()
        images.append(inc.visualize(name, network=network, preset=preset, size=size).image)
        durations.append(time.perf_counter() - start)
    return images, statistics.median(durations)


def count_recognized(images: Sequence[Image.Image], indices: Sequence[int], probabilities: Probabilities) -> str:
    """Return two numbers as text: how many pictures have the right class first, and among the first five classes.

    Args:
        images: The pictures.
        indices: Index of the right class of each picture.
        probabilities: The judge.
    """
    judged = zip(map(probabilities, images), indices, strict=True)
    ranks = [int((shares > shares[index]).sum()) for shares, index in judged]
    return f"{sum(rank == 0 for rank in ranks)}, {sum(rank < 5 for rank in ranks)}"


def load_judge(name: str) -> Probabilities:
    """Return the judge that uses a registered network."""
    network = inc.load_network(name)

    def probabilities(image: Image.Image) -> NDArray[np.float32]:
        picture = to_picture(np.array(image), network.device, network.size).clamp_(0, 1)
        with torch.no_grad():
            logits = network.activations(picture, ["logits"])["logits"][0]
        shares: NDArray[np.float32] = logits.softmax(0).numpy()
        return shares

    return probabilities


def load_two_judges(googlenet: Path | None) -> dict[str, Probabilities]:
    """Return the judge Lite2 and, if there is a folder with its files, GoogLeNet."""
    judges = {"Lite2": load_judge("efficientnet-lite2")}
    if googlenet:
        judges["GoogLeNet"] = OpenCVNetwork(googlenet).probabilities
    return judges


def main() -> None:
    """Make the pictures of each preset, ask the judges, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--googlenet", type=Path, help="folder with deploy.prototxt and bvlc_googlenet.caffemodel")
    parser.add_argument("--classes", nargs="*", default=list(CLASSES), help="classes, by default the fixed list")
    parser.add_argument("--presets", nargs="*", default=list(PRESETS), help="presets, by default all")
    parser.add_argument(
        "--sizes", nargs="*", type=int, default=[DEFAULT_SIZE[0]], help="sides of the pictures in pixels"
    )
    parser.add_argument("--pictures", type=Path, help="folder in which the pictures are saved")
    options = parser.parse_args()
    network = inc.load_network("efficientnet-lite0")
    indices = [network.class_index(name) for name in options.classes]
    judges = {name: load_judge(name) for name in ("efficientnet-lite1", "efficientnet-lite2")}
    if options.googlenet:
        judges["GoogLeNet, by OpenCV"] = OpenCVNetwork(options.googlenet).probabilities
    headings = "preset", "size", "steps", "s per picture", *judges, "correlation of neighbors", "slope of the spectrum"
    table = Table(
        *(Column(heading, justify="right") for heading in headings),
        title=f"{len(indices)} classes made with {network.name}. The columns of the judges have two numbers: "
        "pictures with the right class first, and among the first five",
    )
    for preset, size in itertools.product(options.presets, options.sizes):
        images, seconds = make_pictures(network, options.classes, preset, size)
        if options.pictures:
            options.pictures.mkdir(exist_ok=True)
            for name, image in zip(options.classes, images, strict=True):
                image.save(options.pictures / f"{name}-{preset}-{size}.png")
        counts = [count_recognized(images, indices, probabilities) for probabilities in judges.values()]
        correlations, slopes = zip(*map(natural_statistics, images), strict=True)
        table.add_row(
            preset,
            str(size),
            str(PRESETS[preset].steps),
            f"{seconds:.1f}",
            *counts,
            f"{min(correlations):.3f} to {max(correlations):.3f}",
            f"{min(slopes):.2f} to {max(slopes):.2f}",
        )
    Console(width=140, highlight=False).print(table)


if __name__ == "__main__":
    main()
