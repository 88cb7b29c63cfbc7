"""The commands that write, with small inputs."""

from __future__ import annotations

from typing import NamedTuple


class Command(NamedTuple):
    """A command of the rounds. All paths are relative to the folder of a round.

    Attributes:
        name: Name in the table.
        arguments: Arguments of `dream`.
        repeated: Options that are added when the same command runs again.
        earlier: Arguments of a command that ran before, so its files exist. Empty for none.
        unfinished: Whether the earlier command was interrupted.
        folder: Folder in which the command writes its files.
        downloads: Whether the command downloads files.
        is_batch: Whether the command is a batch. A batch prints a table. When it is repeated, it makes those pictures
            again that it could not write.
    """

    name: str
    arguments: str
    repeated: str = ""
    earlier: str = ""
    unfinished: bool = False
    folder: str = "out"
    downloads: bool = False
    is_batch: bool = False


STORE = "cache/inceptionism/networks"
PHOTO = "photo in/photo.png -n tiny -l first --octaves 2 --steps 2 --jitter 4"
CLASS = "class ash elm fir -n tiny --prior none --size 33x41 --steps 3"
ZOOM = "zoom in/photo.png -n tiny -l first --size 46x60 --octaves 1 --steps 2 --jitter 4 --fps 4 --frames 9"
VIDEO = "video in/film.mp4 {} -n tiny -l first --octaves 1 --steps 1 --first-steps 2 --jitter 4"
ATLAS = "atlas second -n tiny --channels 0-3 --prior none --size 32x32 --steps 2 -o out/atlas"
BATCH = "batch in/photo.png --sweep seed=0..2 -n tiny -l first --octaves 2 --steps 2 --jitter 4 --workers {} -o out"
NETWORK = "in/deploy.prototxt in/net.caffemodel --mean 104,117,123 --labels in/labels.txt"


def replacing(name: str, arguments: str) -> Command:
    """Return a command that replaces the files of the same command with another seed."""
    return Command(name, f"{arguments} --overwrite", earlier=f"{arguments} --seed 9")


COMMANDS = [
    *(
        Command(f"photo {end}", f"{PHOTO} -o out/dream{end}", "--overwrite")
        for end in (".png", ".jpg", ".webp", ".gif")
    ),
    replacing("photo --overwrite", f"{PHOTO} -o out/dream.png"),
    Command("photo in a folder", f"{PHOTO} -o out", "--overwrite"),
    Command("class", f"{CLASS} -o out", "--overwrite"),
    replacing("class --overwrite", f"{CLASS} -o out"),
    Command("unit", "unit second 0 1 -n tiny --prior none --size 33x41 --steps 3 -o out", "--overwrite"),
    Command("atlas", ATLAS),
    replacing("atlas --overwrite", ATLAS),
    *(Command(f"batch --workers {count}", BATCH.format(count), is_batch=True) for count in (0, 1)),
    replacing("batch --overwrite", BATCH.format(0))._replace(is_batch=True),
    Command("layers --atlas", "layers tiny --atlas --photo in/photo.png -o out/layers.png", "--overwrite"),
    *(Command(f"zoom {end}", f"{ZOOM} -o out/zoom{end}", "--resume") for end in (".mp4", ".webm", ".gif", ".webp")),
    Command("zoom of pictures", f"{ZOOM} -o out/zoom", "--resume"),
    replacing("zoom --overwrite", f"{ZOOM} -o out/zoom.mp4"),
    Command("zoom --resume", f"{ZOOM} -o out/zoom.mp4 --resume", earlier=f"{ZOOM} -o out/zoom.mp4", unfinished=True),
    Command("video", VIDEO.format("out/film.mp4"), "--resume"),
    replacing("video --overwrite", VIDEO.format("out/film.webm")),
    Command("replay", "replay in/dream.png in/photo.png -o out/again.png", "--overwrite"),
    Command("replay of a film", "replay in/zoom.mp4 in/photo.png -o out/again.mp4", "--resume"),
    Command("run", "run in/recipe.toml in/photo.png -o out/run.png", "--overwrite"),
    Command("share", "share in/dream.png -o out/share.jpg", "--overwrite"),
    Command("share --loop", "share in/dream.png --before in/photo.png --loop -o out/share.webp", "--overwrite"),
    Command("networks add", f"networks add mine {NETWORK}", "--overwrite", folder=STORE),
    Command(
        "networks add --overwrite",
        f"networks add mine {NETWORK} --overwrite",
        earlier=f"networks add mine {NETWORK} --license old",
        folder=STORE,
    ),
    Command("networks get", "networks get served", folder=STORE, downloads=True),
    Command("show --toml", "show in/dream.png --toml"),
]
"""The commands of the rounds."""

PREPARED = [f"networks add tiny {NETWORK}", f"{PHOTO} -o in/dream.png", f"{ZOOM} -o in/zoom.mp4"]
"""Commands that make inputs of other commands. The network comes first, because the others need it."""
