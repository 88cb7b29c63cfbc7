"""The commands `dream features`: learn features of a layer from photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inceptionism.atlas import LEARNED_FEATURES, PLACES_PER_PHOTO
from inceptionism.cli.command import command
from inceptionism.cli.completion import complete_layer, complete_network
from inceptionism.cli.image_output import file_name
from inceptionism.cli.options import HOW, OUTPUT, WHAT, Recursive, Saving, option
from inceptionism.cli.progress import photo_progress
from inceptionism.cli.terminal import loading, print_path
from inceptionism.cli.typer_internals import PlainGroup
from inceptionism.recipes import PhotoRecipe

ABOUT = "Learn features of a layer from photographs."

features = typer.Typer(
    cls=PlainGroup,
    help=ABOUT,
    epilog="Examples:\n\ndream features learn blocks.10 --photos photos",
)


@features.callback(help=ABOUT)
def overview() -> None:
    """Do nothing: the group has only its commands."""


@command(
    features,
    shared=["quiet"],
    examples=[
        "dream features learn blocks.10 --photos photos",
        "dream features learn blocks.10 --photos photos --count 5 --method pca -o five.safetensors",
    ],
)
def learn(
    layer: Annotated[
        str, typer.Argument(metavar="LAYER", help="Layer: `dream layers` lists them.", autocompletion=complete_layer)
    ],
    saving: Saving,
    photos: Annotated[Path, option("--photos", group=WHAT, metavar="FOLDER", help="Folder of photographs.")],
    network: Annotated[
        str,
        option(
            "--network",
            group=HOW,
            metavar="TEXT",
            help="Network: a name that `dream networks` lists, or a path.",
            autocompletion=complete_network,
        ),
    ] = PhotoRecipe.network,
    count: Annotated[int, option("--count", group=WHAT, metavar="NUMBER", help="Number of features.", min=1)] = (
        LEARNED_FEATURES
    ),
    method: Annotated[
        str | None,
        option(
            "--method",
            group=HOW,
            metavar="TEXT",
            help="Method: nmf, whose features are only added, or pca. By default nmf if no activation is negative.",
        ),
    ] = None,
    samples: Annotated[
        int,
        option("--samples", group=HOW, metavar="NUMBER", help="Number of random places of each photograph.", min=1),
    ] = PLACES_PER_PHOTO,
    seed: Annotated[int, option("--seed", group=HOW, metavar="NUMBER", help="Random seed of the places.", min=0)] = 0,
    recursive: Recursive = False,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            group=OUTPUT,
            metavar="FILE",
            help="File (.safetensors) of the features. By default it has the names of the network and the layer.",
        ),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", group=OUTPUT, help="Replace an existing file.")] = False,
) -> None:
    """Learn features of a layer, for feature(LAYER, FILE, ROW) and dream atlas --dictionary."""
    from inceptionism.io import picture_paths

    paths = list(picture_paths(photos, recursive=recursive))
    with loading(network, saving.quiet):
        from inceptionism.atlas import learn_features
        from inceptionism.networks import load_network

        loaded = load_network(network)
    path = output or Path(f"{file_name(f'{loaded.name}-{layer}')}-features.safetensors")
    with photo_progress(saving.quiet, len(paths)) as on_photo:
        learned = learn_features(
            loaded,
            layer,
            paths,
            path,
            count=count,
            method=method,
            samples=samples,
            seed=seed,
            on_photo=on_photo,
            overwrite=overwrite,
        )
    print_path(learned)
