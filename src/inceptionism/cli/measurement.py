"""The command `dream networks measure`: statistics of natural pictures for a network, or for one of its classes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inceptionism.cli.completion import complete_layer, complete_network
from inceptionism.cli.options import HOW, WHAT, Recursive, Saving, option
from inceptionism.cli.progress import photo_progress
from inceptionism.cli.terminal import loading, print_path


def measure(
    network: Annotated[
        str,
        typer.Argument(metavar="NETWORK", help="Network: its name or path.", autocompletion=complete_network),
    ],
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of photographs, or one photograph.")],
    saving: Saving,
    target: Annotated[
        str | None,
        option(
            "--class",
            group=WHAT,
            metavar="NAME",
            help="Class that the photographs show: its name, WordNet identifier or index. If FOLDER has a folder named "
            "like this, only the photographs in it are taken. `dream class NAME` then uses these statistics.",
        ),
    ] = None,
    recursive: Recursive = False,
    layer: Annotated[
        list[str] | None,
        option(
            "--layer",
            "-l",
            group=HOW,
            metavar="TEXT",
            help="Layer to measure. Repeat it for several layers.",
            autocompletion=complete_layer,
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option(
            "--output",
            "-o",
            metavar="FILE",
            help="File (.safetensors) for the prior statistics(FILE). By default, the result is kept in your cache, "
            "and the prior statistics of this network uses it.",
        ),
    ] = None,
    overwrite: Annotated[bool, option("--overwrite", help="Replace an earlier measurement.")] = False,
) -> None:
    """Measure the statistics of natural pictures that keep the pictures of a network natural."""
    from inceptionism.io import picture_paths
    from inceptionism.runs import class_folder, measure_statistics

    with loading(network, saving.quiet):
        from inceptionism.networks import load_network

        loaded = load_network(network)
    if target is not None:
        folder = class_folder(folder, loaded, loaded.class_index(target))
    total = sum(1 for _ in picture_paths(folder, recursive=recursive))
    with photo_progress(saving.quiet, total) as on_photo:
        path = measure_statistics(
            loaded,
            picture_paths(folder, recursive=recursive),
            target=target,
            layers=layer,
            output=output,
            overwrite=overwrite,
            on_photo=on_photo,
        )
    print_path(path)
