"""The options that several commands have, and how their texts are read."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.recipes import DEVICES, PRECISIONS, PRESETS, PRIOR_FORMS, ClassRecipe, Place
from inceptionism.validation import checked_size

NetworkName = Annotated[
    str, typer.Option("--network", "-n", help="The network that looks: a name (`dream networks`) or a path.")
]
Seed = Annotated[int, typer.Option(help="Of every random choice: the same seed gives the same picture.")]
Device = Annotated[str, typer.Option(help=f"Where to run: {', '.join(DEVICES)}.")]
Precision = Annotated[
    str, typer.Option(help=f"Of the network's numbers: {', '.join(PRECISIONS)}; auto takes bf16 where it is faster.")
]
Memory = Annotated[
    str | None,
    typer.Option(help="How much the program may take, 2GB say; by default half of what the machine has."),
]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        help="The file to write (.png, .jpg, .webp or .gif), or a folder; by default one that is free, here.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Replace the output if it exists.")]
NoMetadata = Annotated[
    bool, typer.Option("--no-metadata", help="Write neither the recipe nor the photograph's EXIF into the file.")
]
Position = Annotated[
    bool,
    typer.Option("--keep-position", help="Let the file tell where the photograph was taken, as its EXIF does."),
]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress and no notes.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]

Layers = Annotated[
    list[str] | None,
    typer.Option(
        "--layer",
        "-l",
        help="What to amplify: NAME, NAME:CHANNEL, or NAME=WEIGHT; may be given several times. "
        "By default the network's own choice.",
    ),
]
Objective = Annotated[
    str | None,
    typer.Option(
        help="What to maximize, written as a sum: '0.5*layer(blocks.4) + class(banana, where=mask.png)'. "
        "docs/objectives.md lists what there is."
    ),
]
Guide = Annotated[
    str | None,
    typer.Option(metavar="PICTURE", help="Move what the layer sees toward what it sees in this picture."),
]
Mask = Annotated[
    str | None,
    typer.Option(metavar="PICTURE", help="Dream only where this picture is white, not where it is black."),
]
Octaves = Annotated[int, typer.Option(help="How many sizes the dream goes through.")]
OctaveScale = Annotated[float, typer.Option(help="The size of an octave over that of the one before.")]
StepSize = Annotated[float, typer.Option(help="The mean change of a pixel in a step, in gray levels of 255.")]
Jitter = Annotated[int, typer.Option(help="The largest random shift at a step, in pixels.")]
Prior = Annotated[
    str | None,
    typer.Option(help=f"What keeps the picture natural: {', '.join(PRIOR_FORMS)}, joined by +, or none."),
]
Size = Annotated[str, typer.Option(help="In pixels: one number, or HEIGHTxWIDTH.")]
Steps = Annotated[int | None, typer.Option(help="Steps of the ascent; by default the preset's.")]
PresetName = Annotated[
    str,
    typer.Option(
        "--preset", help=f"Prior and steps, where not given: {', '.join(PRESETS)}; fast takes a third of the time."
    ),
]
Verify = Annotated[
    list[str] | None,
    typer.Option(
        "--verify",
        help="Say what another network sees in the result, and note it in the recipe; may be given several times.",
    ),
]

SIZE = "x".join(map(str, ClassRecipe.size))
"""How the default size of a picture from noise is written."""


def parse_size(text: str) -> tuple[int, int]:
    """Read "512" or "360x640", height first."""
    match = re.fullmatch(r"([0-9]{1,9})(?:[x×]([0-9]{1,9}))?", text.strip())
    if not match:
        raise InvalidSetting(f"size must be a number of pixels or HEIGHTxWIDTH, not {quote_value(text)}")
    return checked_size((int(match[1]), int(match[2] or match[1])))


def parse_channels(text: str) -> list[int]:
    """Read "0-63,70": numbers and ranges, each channel once, in order."""
    found: dict[int, None] = {}
    for one in text.split(","):
        match = re.fullmatch(r"([0-9]{1,6})(?:-([0-9]{1,6}))?", one.strip())
        if not match or (match[2] and int(match[2]) < int(match[1])):
            raise InvalidSetting(f"channels are numbers and ranges such as 0-63,70, not {quote_value(text)}")
        found.update(dict.fromkeys(range(int(match[1]), int(match[2] or match[1]) + 1)))
    return list(found)


def parse_place(name: str, text: str) -> Place:
    """Read "0.5,0.25"."""
    parts = text.split(",")
    try:
        down, across = map(float, parts)
    except ValueError:
        raise InvalidSetting(f"{name} must be two numbers, DOWN,ACROSS, not {quote_value(text)}") from None
    return down, across
