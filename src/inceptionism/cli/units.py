"""The commands for the units of a layer: `dream unit` and `dream atlas`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inceptionism.atlas.exemplars import DEFAULT_COUNT, KEPT
from inceptionism.cli.command import command
from inceptionism.cli.completion import complete_layer
from inceptionism.cli.image_output import execute_visualizations, file_name
from inceptionism.cli.options import HOW, PICTURE, WHAT, Count, Saving, option
from inceptionism.cli.picture_folders import AGAIN, make_pictures
from inceptionism.cli.progress import photo_progress
from inceptionism.cli.standard_output import STANDARD_OUTPUT
from inceptionism.cli.terminal import exit_interrupted, loading, print_notes, print_path
from inceptionism.errors import CannotWrite, InvalidSetting, quote_path
from inceptionism.files import is_folder
from inceptionism.recipes import ClassRecipe, Term, join_terms, parse_channels, parse_side_or_size

if TYPE_CHECKING:
    from collections.abc import Iterator

    from PIL.Image import Image

    from inceptionism.atlas import ChannelAtlas
    from inceptionism.atlas.exemplars import ExemplarIndex

Layer = Annotated[
    str, typer.Argument(metavar="LAYER", help="Layer: `dream layers` lists them.", autocompletion=complete_layer)
]

RecursivePhotos = Annotated[
    bool, option("--recursive", group=WHAT, help="With --photos, also take the pictures in the folders inside it.")
]

TOP = 36
"""Number of channels that `dream atlas --photo` shows by default."""

NO_TARGET = ("target", "objective")
"""Settings that follow from the layer and the channel."""


def add_unit_commands(app: typer.Typer) -> None:
    """Add `dream unit` and `dream atlas` to the program."""
    command(
        app,
        ClassRecipe,
        shared=PICTURE,
        leave_out=NO_TARGET,
        examples=[
            "dream unit blocks.10 24 --preset draft",
            "dream unit blocks.4 7 8 9 --neuron --steps 32 --size 128",
            "dream unit blocks.10 24 --count 3 --diversity 2 --steps 32 --size 128",
        ],
    )(unit)
    command(
        app,
        ClassRecipe,
        shared=["overwrite", "quiet"],
        leave_out=(*NO_TARGET, "depth"),
        defaults={"preset": "fast"},
        examples=[
            "dream atlas blocks.10 --channels 0-5 --steps 16",
            "dream atlas blocks.10 --photo photo.jpg --top 4 --steps 16 -o active",
        ],
    )(atlas)


def unit(
    layer: Layer,
    channels: Annotated[
        list[int],
        typer.Argument(metavar="CHANNEL", help="Channels of the layer. Each gets its own picture.", min=0),
    ],
    settings: dict[str, Any],
    saving: Saving,
    neuron: Annotated[
        bool,
        option("--neuron", group=WHAT, help="Maximize the neuron in the middle of the map, not the whole channel."),
    ] = False,
    count: Count = 1,
    diversity: Annotated[
        float,
        option(
            "--diversity",
            group=HOW,
            metavar="NUMBER",
            help="Weight of the difference between pictures in the objective. With 0, only their noise differs.",
        ),
    ] = 0.0,
    photos: Annotated[
        Path | None,
        option(
            "--photos",
            group=WHAT,
            metavar="FOLDER",
            help="Folder of photographs. A sheet next to each picture shows the parts of them that excite the channel "
            "most and least.",
        ),
    ] = None,
    recursive: RecursivePhotos = False,
    top: Annotated[
        int | None,
        option(
            "--top",
            group=WHAT,
            metavar="NUMBER",
            help=f"With --photos, number of parts of each kind, at most {KEPT}. By default {DEFAULT_COUNT}.",
            min=1,
        ),
    ] = None,
) -> None:
    """Generate pictures that excite channels of a layer, one channel in each picture."""
    if photos is None and (top is not None or recursive):
        raise InvalidSetting("--top and --recursive belong to the photographs; add --photos FOLDER")
    if top is not None and top > KEPT:
        raise InvalidSetting(f"--top {top} is too many, because the index keeps {KEPT} parts of each kind")
    if photos is not None and saving.output == STANDARD_OUTPUT:
        raise CannotWrite("the exemplars of a channel are files, so they cannot be written to standard output")
    if diversity and count < 2:
        raise InvalidSetting("--diversity needs several pictures of each channel: give a larger --count")
    recipes = [
        ClassRecipe(**settings, objective=unit_objective(layer, channel, neuron=neuron, diversity=diversity))
        for channel in channels
    ]
    total = 0 if photos is None else count_photos(photos, recursive=recursive)
    pictures = execute_visualizations(recipes, saving, count)
    if photos is not None:
        index = index_photos(recipes[0], layer, photos, saving, total, recursive=recursive)
        for number, picture in enumerate(pictures):
            write_exemplars(index, channels[number // count], picture, top or DEFAULT_COUNT, overwrite=saving.overwrite)


def count_photos(folder: Path, *, recursive: bool) -> int:
    """Return the number of photographs in a folder."""
    from inceptionism.io import picture_paths

    return sum(1 for _ in picture_paths(folder, recursive=recursive))


def write_exemplars(index: ExemplarIndex, channel: int, picture: Path, count: int, *, overwrite: bool) -> None:
    """Write the sheet and the list of the exemplars of a channel next to its picture."""
    from inceptionism.atlas.exemplars import save_exemplars
    from inceptionism.io import free_name, open_image

    sheet = free_name(picture.with_name(f"{picture.stem}-exemplars.png"), overwrite=overwrite)
    with open_image(picture) as image:
        written = save_exemplars(index, channel, sheet, count, image, overwrite=overwrite)
    for path in written:
        print_path(path)


def write_layer_exemplars(index: ExemplarIndex, atlas: ChannelAtlas) -> None:
    """Write a sheet with the visualization and the exemplars of each channel of an atlas."""
    from inceptionism.atlas.exemplars import layer_exemplar_sheet
    from inceptionism.io import open_image, save_or_rescue

    def pictures() -> Iterator[tuple[int, Image]]:
        for channel in atlas.channels:
            with open_image(atlas.path(channel)) as image:
                yield channel, image

    path = atlas.folder / "exemplars.png"
    save_or_rescue(layer_exemplar_sheet(index, pictures()), path, overwrite=True)
    print_path(path)


def index_photos(
    recipe: ClassRecipe, layer: str, folder: Path, saving: Saving, total: int, *, recursive: bool
) -> ExemplarIndex:
    """Return the index of photographs, with a progress bar. It is kept for the next time."""
    with loading(recipe.network, saving.quiet):
        from inceptionism.atlas.exemplars import exemplars
        from inceptionism.networks import load_network

        network = load_network(recipe.network, recipe.device)
    with photo_progress(saving.quiet, total) as on_photo:
        try:
            index = exemplars(network, layer, folder, recursive=recursive, on_photo=on_photo)
        except KeyboardInterrupt as interruption:
            exit_interrupted(interruption, f"interrupted; the index has the photographs so far; {AGAIN}")
    print_notes(index.notes, saving.quiet)
    return index


def unit_objective(layer: str, channel: int, *, neuron: bool = False, diversity: float = 0) -> str:
    """Return the text of the objective of a unit."""
    terms = [Term("neuron" if neuron else "channel", (f"{layer}:{channel}",))]
    if diversity:
        terms.append(Term("diversity", (layer,), weight=diversity))
    return join_terms([str(term) for term in terms])


def atlas(
    layer: Layer,
    settings: dict[str, Any],
    saving: Saving,
    channels: Annotated[
        str | None,
        option(
            "--channels",
            group=WHAT,
            metavar="NUMBERS",
            help="Channels: numbers and ranges, for example 0-63,70. By default all channels of the layer.",
        ),
    ] = None,
    photo: Annotated[
        str | None,
        option("--photo", group=WHAT, metavar="PHOTO", help="Show the channels that respond most to this photograph."),
    ] = None,
    photos: Annotated[
        Path | None,
        option(
            "--photos",
            group=WHAT,
            metavar="FOLDER",
            help="Folder of photographs. A sheet for each channel shows the parts of them that excite it most.",
        ),
    ] = None,
    recursive: RecursivePhotos = False,
    dictionary: Annotated[
        Path | None,
        option(
            "--dictionary",
            group=WHAT,
            metavar="FILE",
            help="Show the features of a dictionary in place of the channels: of a sparse autoencoder, a transcoder, "
            "NMF or PCA. --channels then chooses features.",
        ),
    ] = None,
    top: Annotated[
        int | None,
        option(
            "--top",
            group=WHAT,
            metavar="NUMBER",
            help=f"Number of channels to show with --photo. By default {TOP}.",
            min=1,
        ),
    ] = None,
    size: Annotated[
        str | None,
        option(
            "--size",
            group=HOW,
            metavar="HEIGHTxWIDTH",
            help="Height and width of each picture, in pixels; one number means both. By default 128x128, or the size "
            "of the network if it accepts no other.",
        ),
    ] = None,
    output: Annotated[
        Path | None,
        option("--output", "-o", metavar="FOLDER", help="Folder for the pictures, sheet and index. It may exist."),
    ] = None,
) -> None:
    """Draw a contact sheet with a picture of each channel of a layer, or of each feature of a dictionary.

    If the command is interrupted, repeat it to continue. For an atlas of a folder of photographs, use
    dream activation-atlas.
    """
    if output == STANDARD_OUTPUT:
        raise CannotWrite("an atlas is a folder of several files, so it cannot be written to standard output")
    wanted = None if channels is None else parse_channels(channels)
    if wanted is not None and photo is not None:
        raise InvalidSetting("give either --channels or --photo")
    if top is not None and photo is None:
        raise InvalidSetting(f"--top {top} chooses the channels that respond to a photograph; add --photo PHOTO")
    if recursive and photos is None:
        raise InvalidSetting("--recursive belongs to the photographs; add --photos FOLDER")
    if photos is not None and dictionary is not None:
        raise InvalidSetting("--photos finds photographs for channels, not for features; leave out --dictionary")
    settings["size"] = None if size is None else parse_side_or_size(size)
    recipe = ClassRecipe(**settings, objective=unit_objective(layer, 0))
    total = 0 if photos is None else count_photos(photos, recursive=recursive)
    with loading(recipe.network, saving.quiet):
        from inceptionism.atlas import ChannelAtlas
        from inceptionism.io import load_photo
        from inceptionism.networks import load_network

        network = load_network(recipe.network, recipe.device)
        if layer not in network.layer_names and is_folder(layer):
            raise InvalidSetting(
                f"{quote_path(Path(layer))} is a folder, and dream atlas takes a layer; for an atlas of the "
                "photographs in a folder, use dream activation-atlas"
            )
        source = None if photo is None else load_photo(photo)
        folder = output or Path(f"{file_name(f'{network.name}-{layer}')}-atlas")
        sheet = ChannelAtlas(
            network,
            layer,
            recipe,
            folder,
            wanted,
            source,
            top or TOP,
            dictionary=dictionary,
            overwrite=saving.overwrite,
        )
    path = make_pictures(sheet, layer, sheet.finish, saving)
    if sheet.silent:
        print_notes([f"no picture excited the {sheet.kind} {', '.join(map(str, sheet.silent))}"], saving.quiet)
    print_path(path)
    if photos is not None:
        index = index_photos(recipe, sheet.layer, photos, saving, total, recursive=recursive)
        for channel in sheet.channels:
            write_exemplars(index, channel, sheet.path(channel), DEFAULT_COUNT, overwrite=True)
        write_layer_exemplars(index, sheet)
