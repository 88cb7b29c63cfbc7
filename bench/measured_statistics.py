"""Recognition of classes made on a network without batch norms: without statistics, and with those of photographs."""

from __future__ import annotations

import argparse
from functools import partial
from pathlib import Path

import numpy as np

import inceptionism as inc
from bench.report import Report, machine_facts
from bench.transfer import CLASSES, count_recognized, load_judge, make_pictures

JUDGE = "efficientnet-lite2"
"""The network that judges the pictures, and knows the names of the classes."""

PRIOR = "fourier(contrast=1) + crops(noise=0.06, count=2)"
"""The prior of the preset `fast`, without `skip`, which affects only residual blocks, and without statistics."""


def main() -> None:
    """Make the pictures under each prior, ask Lite2, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("network", help="network that makes the pictures: its name or path")
    parser.add_argument("statistics", type=Path, help="file that `dream networks measure --output` has made")
    parser.add_argument("--classes", nargs="*", default=list(CLASSES[:10]), help="classes, by default ten of the list")
    parser.add_argument("--strengths", nargs="*", type=float, default=[16.0], help="strengths of the statistics")
    parser.add_argument("--depth", type=float, default=1.0, help="depth of the statistics with mean and variance")
    parser.add_argument("--prior", default=PRIOR, help="the prior without statistics, by default that of `fast`")
    parser.add_argument("--steps", type=int, default=72, help="steps of each picture")
    parser.add_argument("--pictures", type=Path, help="folder in which the pictures are saved")
    options = parser.parse_args()
    network, judge = inc.load_network(options.network), load_judge(JUDGE)
    indices = [inc.load_network(JUDGE).class_index(name) for name in options.classes]
    priors = {"without statistics": options.prior}
    for strength in options.strengths:
        term = f"{strength:g}*statistics({options.statistics}"
        priors[f"mean and variance, {strength:g}"] = f"{options.prior} + {term}, depth={options.depth:g})"
        priors[f"sorted activations, {strength:g}"] = f"{options.prior} + {term}, quantiles=1)"
    report = Report(machine_facts())
    for title, prior in priors.items():
        make = partial(inc.visualize, network=network, prior=prior, steps=options.steps)
        images, durations = make_pictures(lambda name, make=make: make(name).image, list(map(str, indices)))  # type: ignore[misc]
        if options.pictures:
            options.pictures.mkdir(exist_ok=True)
            for name, image in zip(options.classes, images, strict=True):
                image.save(options.pictures / f"{name}-{title}.png")
        shares = [judge(image)[index] for image, index in zip(images, indices, strict=True)]
        figures: dict[str, float | str] = {
            "Lite2: first, first five": count_recognized(images, indices, judge),
            "mean logarithm of the probability": float(np.log(shares).mean()),
            "s per picture": float(np.median(durations)),
        }
        report.add("statistics", f"{len(indices)} classes, {title}", figures)
    report.print_table()


if __name__ == "__main__":
    main()
