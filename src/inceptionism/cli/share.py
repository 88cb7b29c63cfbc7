"""The command that makes a copy to post, `dream share`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inceptionism.cli.image_output import output_path
from inceptionism.cli.options import Debug, NoMetadata, Overwrite, Quiet
from inceptionism.cli.terminal import print_notes, print_result, reporting
from inceptionism.errors import InvalidSetting
from inceptionism.validation import MAX_SIDE, check_integer, parse_memory

LIMIT = "1MB"
SIDE = 2048
"""What most places take: how large a file may be, and the longer side of a picture in pixels."""


def share(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A picture that this program made.")],
    before: Annotated[
        Path | None,
        typer.Option(metavar="PHOTO", help="Show the photograph that it was made from beside it."),
    ] = None,
    loop: Annotated[
        bool, typer.Option("--loop", help="With --before, a short animation that fades from one to the other.")
    ] = False,
    side: Annotated[int, typer.Option(help="The longer side in pixels, at most.")] = SIDE,
    limit: Annotated[str, typer.Option(help="How large the file may be: 900KB, 5MB.")] = LIMIT,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="The file to write (.jpg, .webp, .gif or .png), or a folder."),
    ] = None,
    overwrite: Overwrite = False,
    no_metadata: NoMetadata = False,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make a copy that is ready to post; its path, an alternative text and a caption are a line each on the output."""
    with reporting(debug):
        check_integer("side", side, 1, MAX_SIDE)
        most = parse_memory(limit, "limit")
        if loop and before is None:
            raise InvalidSetting("a loop fades from the photograph to the picture: give it, --before PHOTO")
        path = output_path(output, f"{file.stem}-share", overwrite, ending=".webp" if loop else ".jpg")
        from PIL import Image

        from inceptionism.io import FORMATS, load_photo, load_recipe, sharing, write_atomically

        recipe = sharing.without_folders(load_recipe(file))
        inside = None if no_metadata else recipe
        format = FORMATS[path.suffix.lower()]
        picture = load_photo(file)
        image = Image.fromarray(picture.pixels)
        if picture.alpha is not None:
            image.putalpha(Image.fromarray(picture.alpha))
        text = sharing.alternative(recipe)
        if before is None:
            content = sharing.shared(image, inside, format, side=side, limit=most)
        else:
            photo = load_photo(before)
            known = (recipe.made_with.photo if recipe.made_with else None) or {}
            if known.get("sha256") not in (None, photo.sha256):
                print_notes([f"{before} is not the photograph that {file} was made from, or it was changed"], quiet)
            original = sharing.beside(photo, image)
            if loop:
                content = sharing.loop(original, image, inside, format, side=side, limit=most)
                text = f"An animation that fades between a photograph and its dream. {text}"
            else:
                both = sharing.pair(original, image)
                content = sharing.shared(both, inside, format, side=side, limit=most)
                text = f"A photograph, and what became of it. {text}"
        write_atomically(path, content, overwrite=overwrite)
        print_result(str(path))
        print_result(text)
        print_result(sharing.caption(recipe))
