"""Comparison of priors: pictures of one class under each prior, the judgment of other networks, and statistics."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table

import inceptionism as inc
from bench.transfer import load_two_judges, natural_statistics
from inceptionism.io.contact_sheet import LabeledImage, contact_sheet
from inceptionism.recipes import PRESETS

PRIORS = (
    "none",
    "pixels + tv",
    "pixels + norm",
    "pixels + 0.5*blur",
    "pixels + laplacian",
    "pixels + views",
    "pixels + 16*statistics",
    "fourier",
    "fourier + views",
    "fourier + 16*statistics",
    "fourier + views + 16*statistics",
    PRESETS["fine"].prior,
    "phase",
    "phase + views",
    "phase + views + 16*statistics",
    "fourier + views + 16*statistics + 0.5*tv",
)


def main() -> None:
    """Make a picture with each prior, print the table, and write the contact sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sheet", type=Path, help="contact sheet to write")
    parser.add_argument("--target", default="goldfinch", help="class, goldfinch by default")
    parser.add_argument("--steps", type=int, default=PRESETS["fine"].steps, help="steps of each picture")
    parser.add_argument("--googlenet", type=Path, help="folder with deploy.prototxt and bvlc_googlenet.caffemodel")
    options = parser.parse_args()
    network = inc.load_network("efficientnet-lite0")
    index = network.class_index(options.target)
    judges = load_two_judges(options.googlenet)
    table = Table("prior", *judges, "correlation", "slope")
    pictures = []
    for prior in PRIORS:
        image = inc.visualize(options.target, network=network, prior=prior, steps=options.steps, size=224).image
        shares = [f"{100 * probabilities(image)[index]:.0f} %" for probabilities in judges.values()]
        correlation, slope = natural_statistics(image)
        table.add_row(prior, *shares, f"{correlation:.3f}", f"{slope:.2f}")
        pictures.append(LabeledImage(image, prior, ", ".join(map(" ".join, zip(judges, shares, strict=True)))))
    Console(width=140, highlight=False).print(table)
    contact_sheet(pictures)[0].save(options.sheet, quality=90)


if __name__ == "__main__":
    main()
