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
from functools import partial
from pathlib import Path
from typing import TypeAlias

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

import inceptionism as inc
from bench.engine import efficientnet_lite0, seconds
from bench.lucent_pictures import Lucent
from bench.report import Report, machine_facts, speedups
from inceptionism.recipes import DEFAULT_SIZE, PRESETS
from inceptionism.tensors import to_picture

CLASSES = (
    "thimble", "abaya", "bib", "lens cap", "schooner", "seat belt", "great white shark", "Petri dish", "bow", "coyote",
    "pot", "Rottweiler", "iPod", "espresso", "wallaby", "plate", "sulphur butterfly", "tree frog", "bald eagle",
    "common newt",
)  # fmt: skip

LUCENT = f"torch-lucent, {Lucent.steps} steps, 224×224"
"""Title of the pictures of torch-lucent."""

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


def make_pictures(make: Callable[[str], Image.Image], classes: Sequence[str]) -> tuple[list[Image.Image], list[float]]:
    """Return a picture of each class, made one after the other, and their durations in seconds."""
    images, durations = [], []
    for name in classes:
        start = time.perf_counter()
        images.append(make(name))
        durations.append(time.perf_counter() - start)
    return images, durations


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


def measure_steps(report: Report, rounds: int) -> None:
    """Compare a step of a class at 224×224 pixels with a step of torch-lucent, in turns."""
    case = efficientnet_lite0()
    with report.attempt("torch-lucent", ImportError, RuntimeError):
        lucent = Lucent(case, "classifier")
        priors = {"default prior": PRESETS["fine"].prior, "without statistics": "fourier + views"}
        settings = {"network": case.network, "size": 224, "steps": Lucent.steps}
        makers = {"torch-lucent": lambda: lucent.picture(954)} | {
            name: partial(inc.visualize, "banana", prior=prior, **settings) for name, prior in priors.items()
        }
        times: dict[str, list[float]] = {name: [] for name in makers}
        for _ in range(rounds):
            for name, make in makers.items():
                times[name].append(seconds(make))
        for name, durations in times.items():
            compared = ("torch-lucent", speedups(times["torch-lucent"], durations)) if name in priors else ()
            step = 1000 * statistics.median(durations) / Lucent.steps
            report.add("class", f"a class, 224×224, {Lucent.steps} steps, {name}", {"ms per step": step}, *compared)


def measure_presets(
    report: Report,
    googlenet: Path | None,
    classes: Sequence[str] = CLASSES,
    presets: Sequence[str] = tuple(PRESETS),
    sizes: Sequence[int] = (DEFAULT_SIZE[0],),
    pictures: Path | None = None,
) -> None:
    """Make the pictures of each preset and of torch-lucent, and ask the judges.

    Args:
        report: Report for the results.
        googlenet: Folder with GoogLeNet's files, for a third judge. None means no such judge.
        classes: Names of the classes.
        presets: Names of the presets.
        sizes: Sides of the square pictures in pixels.
        pictures: Folder in which the pictures are saved. None means that they are not saved.
    """
    case = efficientnet_lite0()
    network = case.network
    indices = [network.class_index(name) for name in classes]
    judges = {name.title(): load_judge(f"efficientnet-{name}") for name in ("lite1", "lite2")}
    if googlenet:
        judges["GoogLeNet"] = OpenCVNetwork(googlenet).probabilities
    makers: dict[str, Callable[[str], Image.Image]] = {}
    with report.attempt("torch-lucent", ImportError, RuntimeError):
        lucent = Lucent(case, "classifier")
        makers[LUCENT] = lambda name: lucent.picture(network.class_index(name))
    for preset, size in itertools.product(presets, sizes):
        makers[f"`{preset}`, {PRESETS[preset].steps} steps, {size}×{size}"] = (
            lambda name, preset=preset, size=size: inc.visualize(name, network=network, preset=preset, size=size).image  # type: ignore[misc]
        )
    lucent_times: list[float] = []
    for title, make in makers.items():
        images, durations = make_pictures(make, classes)
        lucent_times = durations if title == LUCENT else lucent_times
        if pictures:
            pictures.mkdir(exist_ok=True)
            for name, image in zip(classes, images, strict=True):
                image.save(pictures / f"{name}-{title.replace('`', '').split(',')[0]}.png")
        correlations, slopes = zip(*map(natural_statistics, images), strict=True)
        recognized = {
            f"{judge}: first, first five": count_recognized(images, indices, ask) for judge, ask in judges.items()
        }
        figures: dict[str, float | str] = {
            "s per picture": statistics.median(durations),
            **recognized,
            "correlation of neighbors": f"{min(correlations):.3f} to {max(correlations):.3f}",
            "slope of the spectrum": f"{min(slopes):.2f} to {max(slopes):.2f}",
        }
        compared = (LUCENT, speedups(lucent_times, durations)) if lucent_times and title != LUCENT else ()
        report.add("recognition", f"{len(indices)} classes, {title}", figures, *compared)


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
    report = Report(machine_facts())
    measure_presets(report, options.googlenet, options.classes, options.presets, options.sizes, options.pictures)
    report.print_table()


if __name__ == "__main__":
    main()
