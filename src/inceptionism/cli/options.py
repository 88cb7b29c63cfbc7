"""The options that several commands share: where results go, and what is shown during the run."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from inceptionism.cli.completion import complete_network
from inceptionism.errors import InvalidSetting
from inceptionism.recipes import GROUPS, Keyframe

WHAT, HOW, OUTPUT, MACHINE = GROUPS.values()


@dataclass(frozen=True)
class Saving:
    """The shared options of a command: where results go, and what is shown during the run.

    Attributes:
        output: File or folder to write; None for a free name in the current folder. "-" is standard output.
        format: Format of the file, for example "jpg", if its name does not have the ending. None means png.
        overwrite: Whether an existing file may be replaced.
        metadata: Whether files contain the recipe and the photograph's EXIF.
        position: Whether the EXIF contains the place where the photograph was taken.
        verify: Names of independent networks that are asked what they see in the result.
        preview: File for a small picture of a film's last frame. None writes no preview.
        resume: Whether an unfinished film is continued.
        quiet: Whether there is no progress bar and no note.
    """

    output: Path | None = None
    format: str | None = None
    overwrite: bool = False
    metadata: bool = True
    position: bool = False
    verify: tuple[str, ...] = ()
    preview: Path | None = None
    resume: bool = False
    quiet: bool = False


def option(*flags: str, group: str = OUTPUT, **facts: Any) -> Any:
    """Return a typer option that the help lists in a group."""
    return typer.Option(*flags, rich_help_panel=group, **facts)


Output = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="PATH",
        help="File to write (.png, .jpg, .webp, .gif, .tif, .avif or .heic), a folder, or - for standard output. By "
        "default a free name in this folder.",
    ),
]
FilmOutput = Annotated[
    Path | None,
    option(
        "--output",
        "-o",
        metavar="PATH",
        help="Film to write: .mp4, .webm, .gif or .webp. A name without an ending is a folder of PNGs. "
        "By default an .mp4 in this folder.",
    ),
]

Recursive = Annotated[
    bool, option("--recursive", group=WHAT, help="Also take the pictures in the folders inside the folder.")
]
Count = Annotated[
    int,
    option("--count", group=HOW, metavar="NUMBER", help="Number of pictures of each, from different noise.", min=1),
]

SHARED: dict[str, tuple[Any, Any]] = {
    "verify": (
        Annotated[
            list[str] | None,
            option(
                "--verify",
                metavar="NETWORK",
                autocompletion=complete_network,
                help="Ask an independent network what it sees in the result, and note the answer in the recipe. "
                "You can give this option several times.",
            ),
        ],
        None,
    ),
    "preview": (
        Annotated[
            Path | None,
            option("--preview", metavar="PATH", help="Write a small picture of the last frame every second."),
        ],
        None,
    ),
    "output": (Output, None),
    "format": (
        Annotated[
            str | None,
            option(
                "--format",
                metavar="FORMAT",
                help="Format of the file, for example jpg, if --output has no name with an ending. By default png.",
            ),
        ],
        None,
    ),
    "overwrite": (Annotated[bool, option("--overwrite", help="Replace the output if it exists.")], False),
    "resume": (
        Annotated[bool, option("--resume", help="Continue an unfinished film of the same command, if there is one.")],
        False,
    ),
    "no_metadata": (
        Annotated[bool, option("--no-metadata", help="Write neither the recipe nor the photograph's EXIF.")],
        False,
    ),
    "position": (
        Annotated[bool, option("--keep-position", help="Keep in the EXIF the place where the photograph was taken.")],
        False,
    ),
    "quiet": (Annotated[bool, option("--quiet", "-q", group=MACHINE, help="Show no progress and no notes.")], False),
}
"""The shared options by name: annotation and default."""

PICTURE = ("verify", "output", "format", "overwrite", "no_metadata", "quiet")
PHOTO = (*PICTURE, "position")
FILM = ("preview", "output", "overwrite", "resume", "no_metadata", "quiet")

Debug = Annotated[bool, option("--debug", group=MACHINE, help="Show the traceback of an error.")]


def saving_of(choices: Mapping[str, Any]) -> Saving:
    """Return the shared options as one value.

    Raises:
        InvalidSetting: If one option makes another one meaningless.
    """
    given = dict(choices)
    if "no_metadata" in given:
        given["metadata"] = not given.pop("no_metadata")
    given["verify"] = tuple(given.pop("verify", None) or ())
    saving = Saving(**given)
    if saving.resume and saving.overwrite:
        raise InvalidSetting("--resume continues a film, and --overwrite starts it again; give one of them")
    if saving.position and not saving.metadata:
        raise InvalidSetting("--keep-position needs the EXIF, which --no-metadata leaves out; give one of them")
    if saving.verify and saving.quiet and not saving.metadata:
        raise InvalidSetting(
            "--verify prints its answer and notes it in the recipe; leave out either --quiet or --no-metadata"
        )
    return saving


def check_settings_used(given: Collection[str], keyframes: Sequence[Keyframe] = ()) -> None:
    """Raise `InvalidSetting` if a setting is given that has no effect.

    Args:
        given: Names of the settings that are given.
        keyframes: Keyframes of the film, in the order of their times.
    """
    if {"preset", "prior", "steps"} <= set(given):
        raise InvalidSetting("--preset sets only the prior and the steps; leave out --preset, --prior or --steps")
    first = keyframes[0].settings() if keyframes else {"at": math.inf}
    for name in given:
        others = ("layer", "objective") if name in ("layer", "objective") else (name,)
        if first["at"] == 0 and any(other in first for other in others):
            raise InvalidSetting(
                f"{name} has no effect, because the keyframe at 0 seconds replaces it; leave one of them out"
            )
