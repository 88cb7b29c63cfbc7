"""What other networks see in pictures of classes: how many of twenty they recognize, and what a picture takes.

The list is fixed and was drawn at random; the defaults were tuned on others.
"""

from __future__ import annotations

import argparse
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
from rich.table import Table

import inceptionism as inc
from inceptionism.recipes.recipe import PRESETS
from inceptionism.tensors import to_picture

CLASSES = (
    "thimble", "abaya", "bib", "lens cap", "schooner", "seat belt", "great white shark", "Petri dish", "bow", "coyote",
    "pot", "Rottweiler", "iPod", "espresso", "wallaby", "plate", "sulphur butterfly", "tree frog", "bald eagle",
    "common newt",
)  # fmt: skip

Probabilities: TypeAlias = Callable[[Image.Image], NDArray[np.float32]]


class OpenCV:
    """A Caffe network, read and run by OpenCV: an implementation that shares nothing with ours."""

    def __init__(self, folder: Path) -> None:
        (prototxt,), (weights,) = folder.glob("*.prototxt"), folder.glob("*.caffemodel")
        self._network = cv2.dnn.readNetFromCaffe(str(prototxt), str(weights))

    def probabilities(self, image: Image.Image) -> NDArray[np.float32]:
        """Return the probability of each class."""
        rgb = np.asarray(image.resize((224, 224), Image.Resampling.BICUBIC))
        self._network.setInput(cv2.dnn.blobFromImage(rgb, 1, (224, 224), (123, 117, 104), swapRB=True))
        return np.asarray(self._network.forward(), np.float32).ravel()


def natural(image: Image.Image) -> tuple[float, float]:
    """Return the correlation of neighbouring pixels, and the slope of the power spectrum."""
    gray = np.asarray(image.convert("L"), np.float64)
    correlation = np.mean(
        [
            np.corrcoef(one.ravel(), other.ravel())[0, 1]
            for one, other in ((gray[:, 1:], gray[:, :-1]), (gray[1:], gray[:-1]))
        ]
    )
    height, width = gray.shape
    window = np.hanning(height)[:, None] * np.hanning(width)[None, :]
    power = np.abs(np.fft.fft2((gray - gray.mean()) * window)) ** 2
    cycles = (
        np.hypot(np.fft.fftfreq(height)[:, None] * height, np.fft.fftfreq(width)[None, :] * width).round().astype(int)
    )
    mean = np.bincount(cycles.ravel(), power.ravel()) / np.bincount(cycles.ravel())
    seen = np.arange(4, min(height, width) // 2)
    return float(correlation), float(np.polyfit(np.log(seen), np.log(mean[seen]), 1)[0])


def made(network: inc.Network, classes: Sequence[str], preset: str) -> tuple[list[Image.Image], float]:
    """Return a picture of each class, made one after the other, and the median of the seconds that one took."""
    images, seconds = [], []
    for name in classes:
        start = time.perf_counter()
        images.append(inc.visualize(name, network=network, preset=preset).image)
        seconds.append(time.perf_counter() - start)
    return images, statistics.median(seconds)


def places(images: Sequence[Image.Image], indices: Sequence[int], probabilities: Probabilities) -> str:
    """Return how many pictures' classes come first, and how many are among the first five."""
    found = [int((seen > seen[index]).sum()) for seen, index in zip(map(probabilities, images), indices, strict=True)]
    return f"{sum(place == 0 for place in found)}, {sum(place < 5 for place in found)}"


def lite(name: str) -> Probabilities:
    """Return what gives a registered network's probabilities."""
    network = inc.load_network(name)

    def probabilities(image: Image.Image) -> NDArray[np.float32]:
        picture = to_picture(np.array(image), network.device, network.size).clamp_(0, 1)
        with torch.no_grad():
            found: NDArray[np.float32] = network.activations(picture, ["logits"])["logits"][0].softmax(0).numpy()
        return found

    return probabilities


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--googlenet", type=Path, help="a folder with deploy.prototxt and bvlc_googlenet.caffemodel")
    parser.add_argument("--classes", nargs="*", default=list(CLASSES))
    parser.add_argument("--presets", nargs="*", default=list(PRESETS))
    parser.add_argument("--pictures", type=Path, help="a folder to keep them in")
    options = parser.parse_args()
    network = inc.load_network("efficientnet-lite0")
    indices = [network.class_index(name) for name in options.classes]
    judges = {name: lite(name) for name in ("efficientnet-lite1", "efficientnet-lite2")}
    if options.googlenet:
        judges["GoogLeNet, by OpenCV"] = OpenCV(options.googlenet).probabilities
    table = Table(
        title=f"{len(indices)} classes made on {network.name}: seen first, and among the first five, by others"
    )
    for heading in ("preset", "steps", "s a picture", *judges, "neighbours' correlation", "slope of the spectrum"):
        table.add_column(heading, justify="right")
    for preset in options.presets:
        images, seconds = made(network, options.classes, preset)
        if options.pictures:
            options.pictures.mkdir(exist_ok=True)
            for name, image in zip(options.classes, images, strict=True):
                image.save(options.pictures / f"{name}-{preset}.png")
        seen = [places(images, indices, probabilities) for probabilities in judges.values()]
        correlations, slopes = zip(*map(natural, images), strict=True)
        table.add_row(
            preset,
            str(PRESETS[preset].steps),
            f"{seconds:.1f}",
            *seen,
            f"{min(correlations):.3f} to {max(correlations):.3f}",
            f"{min(slopes):.2f} to {max(slopes):.2f}",
        )
    Console(width=140, highlight=False).print(table)


if __name__ == "__main__":
    main()
