"""One class under each prior, side by side: what others see in it, and how natural its statistics are."""

from __future__ import annotations

import argparse
from pathlib import Path

from rich.console import Console
from rich.table import Table
from transfer import OpenCV, lite, natural

import inceptionism as inc
from inceptionism.io.contact_sheet import LabeledImage, contact_sheet
from inceptionism.recipes.recipe import PRESETS

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
    PRESETS["fine"].prior,
    "phase",
    "phase + views",
    "phase + views + 16*statistics",
    "fourier + views + 16*statistics + 0.5*tv",
)


def main() -> None:
    """Print the table, and draw the sheet."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("sheet", type=Path, help="the picture to write")
    parser.add_argument("--target", default="goldfinch")
    parser.add_argument("--steps", type=int, default=PRESETS["fine"].steps)
    parser.add_argument("--googlenet", type=Path, help="a folder with deploy.prototxt and bvlc_googlenet.caffemodel")
    options = parser.parse_args()
    network = inc.load_network("efficientnet-lite0")
    index = network.class_index(options.target)
    judges = {"Lite2": lite("efficientnet-lite2")}
    if options.googlenet:
        judges["GoogLeNet"] = OpenCV(options.googlenet).probabilities
    table = Table()
    for heading in ("prior", *judges, "correlation", "slope"):
        table.add_column(heading)
    pictures = []
    for prior in PRIORS:
        image = inc.visualize(options.target, network=network, prior=prior, steps=options.steps).image
        seen = [f"{100 * probabilities(image)[index]:.0f} %" for probabilities in judges.values()]
        correlation, slope = natural(image)
        table.add_row(prior, *seen, f"{correlation:.3f}", f"{slope:.2f}")
        pictures.append(LabeledImage(image, prior, ", ".join(map(" ".join, zip(judges, seen, strict=True)))))
    Console(width=140, highlight=False).print(table)
    contact_sheet(pictures)[0].save(options.sheet, quality=90)


if __name__ == "__main__":
    main()
