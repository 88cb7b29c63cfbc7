"""Output of a picture to a file or to standard output, in the format that the user chose."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from inceptionism.cli.options import Saving
from inceptionism.cli.terminal import print_path, write_bytes
from inceptionism.errors import CannotWrite, InvalidSetting, enumeration, quote_path, quote_value

if TYPE_CHECKING:
    from PIL import Image

    from inceptionism.io import DeepImage
    from inceptionism.recipes import Recipe

STANDARD_OUTPUT = Path("-")
"""The path that stands for standard output."""


def check_standard_output(ending: str) -> None:
    """Raise `CannotWrite` if a picture with the format of an ending cannot be written to standard output."""
    from inceptionism.io import FORMATS, check_writable

    check_writable(FORMATS[ending])
    if sys.stdout.isatty():
        raise CannotWrite(
            "standard output is a terminal, which cannot show the bytes of a picture; send it to a file with > or to a "
            "program with |, or give the name of a file as --output"
        )
    if getattr(sys.stdout, "name", None) == os.devnull:  # see `open_closed_streams`
        raise CannotWrite("standard output is closed; give the name of a file as --output")


def picture_ending(path: Path, saving: Saving, default: str = ".png") -> str:
    """Return the ending of file names that stands for the format of a picture.

    Args:
        path: Path of the picture.
        saving: The shared options.
        default: Ending for a picture without a file name, if the user gave no format.
    """
    return path.suffix.lower() or chosen_ending(saving) or default


def chosen_ending(saving: Saving) -> str | None:
    """Return the ending of file names of the format that the user chose. None if the user chose none.

    Raises:
        InvalidSetting: If there is no such format.
    """
    if saving.format is None:
        return None
    from inceptionism.io import FORMATS

    ending = f".{saving.format.lower().removeprefix('.')}"
    if ending not in FORMATS:
        known = enumeration([one.removeprefix(".") for one in FORMATS], "or")
        raise InvalidSetting(f"--format must be {known}, not {quote_value(saving.format)}")
    return ending


def check_same_format(path: Path, saving: Saving) -> None:
    """Raise `InvalidSetting` if the user chose a format that is not that of the file's name."""
    from inceptionism.io import FORMATS

    ending = chosen_ending(saving)
    if ending is not None and FORMATS[ending] != FORMATS[path.suffix.lower()]:
        raise InvalidSetting(
            f"--output {quote_path(path)} and --format {saving.format} are different formats; leave one of them out"
        )


def write_picture(
    image: Image.Image | DeepImage, path: Path, recipe: Recipe | None, saving: Saving, *, numbered: bool = False
) -> Path:
    """Write a picture to a file or to standard output, and return its path.

    If that fails, the picture is saved in the system's temporary folder, and the message names that file.

    Args:
        image: Picture in mode RGB or RGBA.
        path: Path of the file, or `STANDARD_OUTPUT`.
        recipe: Recipe that is written inside the file; None to write none.
        saving: The shared options.
        numbered: Whether to choose the next free name if the file exists.

    Raises:
        CannotWrite: If the picture could not be written.
    """
    from inceptionism.io import FORMATS, encode, rescue_picture, save_or_rescue

    if path != STANDARD_OUTPUT:
        return save_or_rescue(
            image,
            path,
            recipe,
            overwrite=saving.overwrite,
            numbered=numbered and not saving.overwrite,
            metadata=saving.metadata,
        )
    try:
        write_bytes(encode(image, FORMATS[picture_ending(path, saving)], recipe, metadata=saving.metadata))
    except CannotWrite as error:
        rescue_picture(error, image, "picture", recipe, metadata=saving.metadata)
    return path


def print_written(path: Path) -> None:
    """Print the path of a picture that was written, unless the picture itself is on standard output."""
    if path != STANDARD_OUTPUT:
        print_path(path)


def source_stem(source: str) -> str:
    """Return the name of a picture's file without its ending. A picture without a name is called "picture".

    Args:
        source: Path, web address, or "-" for standard input.
    """
    from inceptionism.io import STANDARD_STREAM, is_address, source_name

    if not is_address(source) and source != STANDARD_STREAM:
        return Path(source).stem  # unchanged, also if it is not Unicode
    return Path(source_name(source) or "picture").stem
