"""The commands for the activations of photographs: `dream activation-grid` and `dream activation-atlas`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from inceptionism.atlas.activations import (
    DEFAULT_COSINE,
    DEFAULT_LEAST,
    DEFAULT_PRESET,
    DEFAULT_SAMPLES,
    DEFAULT_SIDE,
    MAX_ATLAS_CELLS,
    MAX_GRID_CELLS,
)
from inceptionism.cli.command import command
from inceptionism.cli.image_output import file_name
from inceptionism.cli.options import HOW, WHAT, Recursive, Saving, option
from inceptionism.cli.picture_folders import AGAIN, make_pictures
from inceptionism.cli.progress import photo_progress
from inceptionism.cli.standard_output import STANDARD_OUTPUT, source_stem
from inceptionism.cli.terminal import exit_interrupted, loading, print_notes, print_path
from inceptionism.errors import CannotWrite
from inceptionism.recipes import ClassRecipe, Term, parse_side_or_size

LayerOption = Annotated[
    str | None,
    option(
        "--layer",
        "-l",
        group=WHAT,
        metavar="LAYER",
        help="Layer: `dream layers` lists them. By default the default layer of the network.",
    ),
]
Cosine = Annotated[
    float,
    option(
        "--cosine",
        group=HOW,
        metavar="POWER",
        help="Power of the cosine in the objectives. A larger number makes pictures that agree more with the direction "
        "of their cell, and less with other strong activations.",
        min=0,
    ),
]
Size = Annotated[
    str | None,
    option(
        "--size",
        group=HOW,
        metavar="HEIGHTxWIDTH",
        help=f"Height and width of each picture, in pixels; one number means both. By default {DEFAULT_SIDE}x"
        f"{DEFAULT_SIDE}, or the size of the network if it accepts no other.",
    ),
]
Folder = Annotated[
    Path | None,
    option("--output", "-o", metavar="FOLDER", help="Folder for the pictures, sheet and index. It may exist."),
]

NO_SETTINGS = ("target", "objective", "depth")
"""Settings that follow from the cell, or that small pictures do not need."""


def add_activation_commands(app: typer.Typer) -> None:
    """Add `dream activation-grid` and `dream activation-atlas` to the program."""
    command(
        app,
        ClassRecipe,
        name="activation-grid",
        shared=["overwrite", "quiet"],
        leave_out=NO_SETTINGS,
        defaults={"preset": DEFAULT_PRESET},
        examples=[
            "dream activation-grid photo.jpg --layer blocks.10 --cells 3 --preset draft",
            "dream activation-grid photo.jpg --cells 2 --scaled --steps 16 -o grid",
        ],
    )(activation_grid)
    command(
        app,
        ClassRecipe,
        name="activation-atlas",
        shared=["overwrite", "quiet"],
        leave_out=NO_SETTINGS,
        defaults={"preset": DEFAULT_PRESET},
        examples=["dream activation-atlas photos --layer blocks.10 --samples 20 --cells 3 --steps 16"],
    )(activation_atlas)


def activation_grid(
    photo: Annotated[
        str, typer.Argument(metavar="PHOTO", help="Photograph: a file, a web address, or - for standard input.")
    ],
    settings: dict[str, Any],
    saving: Saving,
    layer: LayerOption = None,
    cells: Annotated[
        int,
        option(
            "--cells",
            group=WHAT,
            metavar="NUMBER",
            help="Largest number of cells in a row or a column. In a larger map, neighboring activations are averaged.",
            min=1,
        ),
    ] = MAX_GRID_CELLS,
    scaled: Annotated[
        bool,
        option(
            "--scaled", group=WHAT, help="Make the area of each cell proportional to the strength of its activation."
        ),
    ] = False,
    cosine: Cosine = DEFAULT_COSINE,
    size: Size = None,
    output: Folder = None,
) -> None:
    """Show what each place of a photograph means to a layer, as a grid of pictures beside the photograph.

    If the command is interrupted, repeat it to continue.
    """
    recipe = checked_recipe(settings, layer, size, output)
    with loading(recipe.network, saving.quiet):
        from inceptionism.atlas.activations import ActivationGrid
        from inceptionism.io import load_photo
        from inceptionism.networks import load_network

        network = load_network(recipe.network, recipe.device)
        name = layer or network.default_layer
        folder = output or Path(f"{file_name(f'{source_stem(photo)}-{name}')}-grid")
        grid = ActivationGrid(
            network,
            name,
            load_photo(photo),
            recipe,
            folder,
            cells=cells,
            cosine=cosine,
            overwrite=saving.overwrite,
        )
    path = make_pictures(grid, name, lambda: grid.finish(scaled=scaled), saving)
    print_path(path)


def activation_atlas(
    photos: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of photographs.")],
    settings: dict[str, Any],
    saving: Saving,
    layer: LayerOption = None,
    recursive: Recursive = False,
    samples: Annotated[
        int,
        option(
            "--samples",
            group=WHAT,
            metavar="NUMBER",
            help="Number of random places in each photograph whose activations are taken.",
            min=1,
        ),
    ] = DEFAULT_SAMPLES,
    cells: Annotated[
        int | None,
        option(
            "--cells",
            group=WHAT,
            metavar="NUMBER",
            help="Number of cells in each row and each column. By default as many as the activations fill, at most "
            f"{MAX_ATLAS_CELLS}.",
            min=1,
        ),
    ] = None,
    least: Annotated[
        int,
        option(
            "--least",
            group=WHAT,
            metavar="NUMBER",
            help="Smallest number of activations of a cell that is shown.",
            min=1,
        ),
    ] = DEFAULT_LEAST,
    whiten: Annotated[
        bool,
        option("--whiten", group=HOW, help="Show how each cell differs from the others, rather than all that it has."),
    ] = False,
    cosine: Cosine = DEFAULT_COSINE,
    size: Size = None,
    output: Folder = None,
) -> None:
    """Show what a layer detects in the photographs of a folder, as an atlas in which similar things are near.

    The folder gets a sheet, a page atlas.html to zoom and move in the browser, and the data. If the command is
    interrupted, repeat it to continue.
    """
    recipe = checked_recipe(settings, layer, size, output)
    with loading(recipe.network, saving.quiet):
        from inceptionism.atlas import listed_photos
        from inceptionism.atlas.activations import ActivationAtlas
        from inceptionism.io import picture_paths
        from inceptionism.networks import load_network

        paths = listed_photos(list(picture_paths(photos, recursive=recursive)))
        network = load_network(recipe.network, recipe.device)
        name = layer or network.default_layer
    folder = output or Path(f"{file_name(f'{network.name}-{name}')}-activation-atlas")
    with photo_progress(saving.quiet, len(paths)) as on_photo:
        try:
            atlas = ActivationAtlas(
                network,
                name,
                paths,
                recipe,
                folder,
                samples=samples,
                cells=cells,
                least=least,
                whiten=whiten,
                cosine=cosine,
                on_photo=on_photo,
                overwrite=saving.overwrite,
            )
        except KeyboardInterrupt as interruption:
            exit_interrupted(interruption, f"interrupted; the photographs so far are in {folder}; {AGAIN}")
    path = make_pictures(atlas, name, atlas.finish, saving)
    if atlas.silent:
        cells_without = ", ".join(f"{row}-{column}" for row, column in atlas.silent)
        print_notes([f"no picture excited the cells {cells_without}"], saving.quiet)
    print_path(path)
    print_path(path.with_name("atlas.html"))


def checked_recipe(settings: dict[str, Any], layer: str | None, size: str | None, output: Path | None) -> ClassRecipe:
    """Return the settings of the pictures of cells. Their objective is replaced by that of each cell."""
    if output == STANDARD_OUTPUT:
        raise CannotWrite("a grid or an atlas is a folder of several files, so it cannot be written to standard output")
    objective = str(Term("layer", (layer or "any",)))
    return ClassRecipe(**{**settings, "size": None if size is None else parse_side_or_size(size)}, objective=objective)
