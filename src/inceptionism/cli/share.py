"""The command that makes a copy to post: `dream share`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from inceptionism.cli.command import command
from inceptionism.cli.image_output import output_path
from inceptionism.cli.options import HOW, WHAT, Saving, option
from inceptionism.cli.standard_output import STANDARD_OUTPUT, picture_ending, source_stem
from inceptionism.cli.terminal import loading, print_notes, print_path, print_result, write_bytes
from inceptionism.errors import InvalidSetting, quote_path
from inceptionism.recipes import Recipe
from inceptionism.validation import MAX_SIDE, check_integer, parse_memory

if TYPE_CHECKING:
    from PIL import Image

    from inceptionism.recipes import Verdict

MAX_BYTES = "1MB"
"""Largest file that most websites accept."""

MAX_POSTED_SIDE = 2048
"""Longest side of a picture that most websites accept, in pixels."""


def add_share_command(app: typer.Typer) -> None:
    """Add `dream share` to the program."""
    command(
        app,
        shared=["output", "format", "overwrite", "no_metadata", "quiet"],
        examples=[
            "dream share dream.png",
            "dream share dream.png --before photo.jpg -o both.jpg",
            "dream share dream.png --before photo.jpg --loop --side 200 -o loop.webp",
        ],
    )(share)


def share(
    file: Annotated[
        str,
        typer.Argument(
            metavar="FILE", help="Picture that this program made: a file, a web address, or - for standard input."
        ),
    ],
    saving: Saving,
    before: Annotated[
        str | None,
        option("--before", group=WHAT, metavar="PHOTO", help="Show the original photograph next to the picture."),
    ] = None,
    loop: Annotated[
        bool,
        option("--loop", group=WHAT, help="With --before, make a short animation that fades between the two."),
    ] = False,
    side: Annotated[
        int, option("--side", group=HOW, metavar="NUMBER", help="Largest length of the copy's longer side, in pixels.")
    ] = MAX_POSTED_SIDE,
    limit: Annotated[
        str, option("--limit", group=HOW, metavar="TEXT", help="Largest size of the file, for example 900KB or 5MB.")
    ] = MAX_BYTES,
) -> None:
    """Make a copy that is ready to post.

    The output has three lines: the path of the copy, a text for people who cannot see the picture, and a caption. With
    -o -, the copy itself is the output, and the text and the caption are notes.
    """
    check_integer("side", side, 1, MAX_SIDE)
    max_bytes = parse_memory(limit, "limit")
    if loop and before is None:
        raise InvalidSetting("--loop fades from the photograph to the picture, so it needs --before PHOTO")
    default = ".webp" if loop else ".jpg"
    path = output_path(saving, f"{source_stem(file)}-share", ending=default)
    from inceptionism.io import (
        FORMATS,
        alternative_text,
        caption,
        encode_copy,
        encode_loop,
        load_photo,
        load_recipe,
        resize_photo,
        side_by_side,
        without_folders,
        write_atomically,
    )

    recipe = without_folders(load_recipe(file))
    inside = recipe if saving.metadata else None
    format = FORMATS[picture_ending(path, saving, default)]
    image = load_photo(file).to_image()
    with loading(recipe.network, saving.quiet):
        text = alternative_text(recipe, find_verdict(recipe, image))
    if before is None:
        content = encode_copy(image, inside, format, side=side, limit=max_bytes)
    else:
        photo = load_photo(before)
        facts = (recipe.made_with.photo if recipe.made_with else None) or {}
        if facts.get("sha256") not in (None, photo.sha256):
            note = (
                f"{quote_path(before)} is not the photograph that {quote_path(file)} was made from, or it was changed"
            )
            print_notes([note], saving.quiet)
        original = resize_photo(photo, image)
        if loop:
            content = encode_loop(original, image, inside, format, side=side, limit=max_bytes)
            text = f"An animation that fades between a photograph and its dream. {text}"
        else:
            both = side_by_side(original, image)
            content = encode_copy(both, inside, format, side=side, limit=max_bytes)
            text = f"A photograph, and the dream made from it. {text}"
    if path == STANDARD_OUTPUT:
        write_bytes(content)
        print_notes([text, caption(recipe)], saving.quiet)
        return
    write_atomically(path, content, overwrite=saving.overwrite)
    print_path(path)
    print_result(text)
    print_result(caption(recipe))


def find_verdict(recipe: Recipe, image: Image.Image) -> Verdict | None:
    """Return the classes that a network sees in a picture. None if no network is ready that knows names of classes.

    A verdict that the recipe has already is preferred, then one of the recipe's own network, then one of the default
    network. The recipe may come from anyone, so a network that it names by a path is not opened.
    """
    from inceptionism.networks import load_network
    from inceptionism.networks.hub import find_entry
    from inceptionism.runs import judge

    if recipe.verdicts:
        return recipe.verdicts[0]
    for name in dict.fromkeys([recipe.network, Recipe.network]):
        try:
            network = load_network(name) if find_entry(name) else None
            if network is not None and network.labels:
                return judge(image, network)
        except InvalidSetting:  # it is not downloaded, or it is not a classifier
            continue
    return None
