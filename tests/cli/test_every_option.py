"""Every option of every command changes something that a user can see, or is refused.

The options are found in the program itself, so a new option without a case here fails a test. A case names the
observation that its option changes. By default, this is the pixels, because the recipe inside a file repeats every
setting, also an ignored one.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import wave
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
import typer.main
from PIL import Image

import inceptionism as inc
from inceptionism.cli.app import app
from inceptionism.io import read_recipe
from inceptionism.jobs.report import LOCK
from tests.fuzz import seeds
from tests.support.command import DREAM, commands, dream, refused
from tests.support.films import pan, saved_frames, write
from tests.support.pictures import DISPLAY_P3
from tests.support.plugins import write_package

COMMANDS = dict(commands())

Options = Mapping[str, "str | bool | None"]
"""Options with their values: True for a flag, None for an option that is left out."""


class Outcome(NamedTuple):
    """Outcome of a command in a folder: its exit status, its output, and the files that it made or changed."""

    folder: Path
    status: int
    printed: str
    noted: str
    files: tuple[Path, ...]


def pixels(outcome: Outcome) -> list[np.ndarray]:
    """Return all pictures and frames that were made."""
    arrays = []
    for path in outcome.files:
        if path.suffix in (".mp4", ".webp", ".gif"):
            arrays += saved_frames(path)
        elif path.suffix in (".png", ".jpg"):
            with Image.open(path) as image:
                arrays.append(np.asarray(image))
    assert arrays, outcome
    return arrays


def names(outcome: Outcome) -> list[str]:
    return [str(path.relative_to(outcome.folder)) for path in outcome.files]


def status(outcome: Outcome) -> int:
    return outcome.status


def printed(outcome: Outcome) -> str:
    return outcome.printed


def noted(outcome: Outcome) -> str:
    return outcome.noted


def depths(outcome: Outcome) -> list[Any]:
    """Return the size of the picture's samples. Pillow reads a PNG of 16 bits with 8."""
    return [path.read_bytes()[24] for path in outcome.files if path.suffix == ".png"]


def has_recipe(path: Path) -> bool:
    """Return whether a file is one that may have a recipe inside, and not a report, a lock, data or a page."""
    return not path.suffix.startswith((".json", ".safetensors", ".html")) and path.name != LOCK


def metadata(outcome: Outcome) -> list[str | None]:
    return [read_recipe(path) for path in outcome.files if has_recipe(path)]


def verdicts(outcome: Outcome) -> list[Any]:
    return [json.loads(text)["verdicts"] for text in metadata(outcome) if text and "verdicts" in text]


def seconds(outcome: Outcome) -> list[Any]:
    return [json.loads(text).get("seconds") for text in metadata(outcome) if text]


def position(outcome: Outcome) -> list[Any]:
    places = []
    for path in outcome.files:
        if has_recipe(path):
            with Image.open(path) as image:
                places.append(dict(image.getexif().get_ifd(0x8825)))
    return places


def description(outcome: Outcome) -> list[str]:
    return [path.read_text() for path in outcome.files if path.name == "network.json"]


def measured(outcome: Outcome) -> list[bytes]:
    return [path.read_bytes() for path in outcome.files if path.suffix == ".safetensors"]


def listed(outcome: Outcome) -> list[str]:
    return [path.read_text() for path in outcome.files if path.name.endswith("-exemplars.json")]


class Case(NamedTuple):
    """A value of an option, and the observation that it changes.

    Attributes:
        value: Value of the option.
        changes: Function that returns the part of an outcome that differs with and without the option.
        base: Options of both commands, which replace those of the command's baseline.
        arguments: Arguments of both commands, in place of those of the baseline.
        refused: A part of the message with which the option is refused in place of changing something.
        run: Function that runs the command.
    """

    value: str | bool = True
    changes: Callable[[Outcome], Any] = pixels
    base: Options = MappingProxyType({})
    arguments: tuple[str, ...] | None = None
    refused: str = ""
    run: Callable[..., Any] = dream


def in_terminal(*arguments: object, cwd: Path) -> Any:
    """Run `dream` as in a terminal, which shows progress."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TTY_COMPATIBLE", "1")
        return dream(*arguments, cwd=cwd)


def into_full_disk(*arguments: object, cwd: Path) -> Any:
    """Run `dream` in a new process whose standard output is a full disk."""
    with open("/dev/full", "w") as full:  # noqa: PTH123  # the file of a device
        return subprocess.run([*DREAM, *map(str, arguments)], stdout=full, stderr=subprocess.PIPE, text=True, cwd=cwd)


def until_ctrl_c(*arguments: object, cwd: Path) -> Any:
    """Run `dream` and press Ctrl-C as soon as a film has a first segment."""
    over = threading.Event()

    def press() -> None:
        while not over.wait(0.01):
            if list(cwd.glob("*.parts/state.npz")):
                os.kill(os.getpid(), signal.SIGINT)
                return

    thread = threading.Thread(target=press)
    thread.start()
    try:
        return dream(*arguments, cwd=cwd)
    finally:
        over.set()
        thread.join()


MISSING = ("missing.jpg",)
"""Argument that makes a command fail, so that it shows an error."""

DEVICE = Case("cpu", metadata) if torch.cuda.is_available() else Case("cuda", refused="no device 'cuda'")

SETTINGS = {
    "--layer": Case("blocks.0"),
    "--guide": Case("guide.jpg"),
    "--mask": Case("mask.png"),
    "--network": Case("efficientnet-lite1"),
    "--objective": Case("channel(blocks.1:3)", base={"--layer": None}),
    "--octaves": Case("2", base={"--octaves": "1"}),
    "--smallest-octave": Case("20", base={"--octaves": None}),
    "--octave-scale": Case("2", base={"--octaves": "2"}),
    "--steps": Case("3"),
    "--step-size": Case("9"),
    "--jitter": Case("0"),
    "--size": Case("30"),
    "--prior": Case("laplacian"),
    "--tileable": Case("both", base={"--prior": "pixels"}),
    "--seed": Case("5"),
    "--strength": Case("0.3", base={"--step-size": "20"}),
    "--colors": Case("guide.jpg"),
    "--contrast": Case("2"),
    "--saturation": Case("3"),
    "--look": Case("look.toml", base={"--layer": None}),
    "--class": Case("lion"),
    "--preset": Case("fast", base={"--steps": "2", "--prior": None}),
    "--subjects": Case("scene", base={"--prior": "fourier + crops"}),
    "--transparent": Case(),
    "--depth": Case("16", depths),
    "--color-space": Case("srgb", arguments=("wide.png",)),
    "--fps": Case("9"),
    "--zoom": Case("9"),
    "--rotation": Case("200"),
    "--toward": Case("0,0", base={"--zoom": "9"}),
    "--drift": Case("2,0"),
    "--wander": Case("0.5", base={"--zoom": "9"}),
    "--keyframes": Case("keys.toml"),
    "--speed": Case("0.5"),
    "--loop": Case(),
    "--reverse": Case(),
    "--audio": Case("a.wav"),
    "--reaction": Case("step_size(all, 9, 9)", base={"--audio": "a.wav"}),
    "--keep": Case("1"),
    "--first-steps": Case("1"),
    "--blend": Case("0"),
    "--device": DEVICE,
    "--precision": Case("bf16", base={"--precision": "fp32"}),
    "--memory": Case("1MB", refused="but the limit is"),
}
"""A case for each setting that several commands have."""

PICTURE = {
    "--verify": Case("efficientnet-lite1", verdicts),
    "--output": Case("other.png", names, base={"--output": None}),
    "--format": Case("jpg", names, base={"--output": None}),
    "--overwrite": Case(changes=status, base={"--output": "there.png"}),
    "--no-metadata": Case(changes=metadata),
    "--quiet": Case(changes=noted, base={"--verify": "efficientnet-lite1"}),
}
FILM = {
    "--preview": Case("preview.jpg", names),
    "--output": Case("other.webp", names, base={"--output": None, "--size": "24"}),
    "--overwrite": Case(changes=status, base={"--output": "there.webp"}),
    "--resume": Case(changes=status, base={"--output": "unfinished.webp"}),
    "--no-metadata": Case(changes=metadata),
    "--quiet": Case(changes=noted, base={"--octaves": "9"}),
}

BASELINES: dict[str, tuple[tuple[str, ...], Options]] = {
    "photo": (("cup.jpg",), {"--layer": "blocks.1", "--octaves": "2", "--steps": "1", "--output": "out.png"}),
    "class": (("banana",), {"--steps": "2", "--size": "32x40", "--prior": "fourier + views", "--output": "out.png"}),
    "unit": (("blocks.1", "3"), {"--steps": "2", "--size": "32", "--prior": "fourier + views", "--output": "out.png"}),
    "atlas": (
        ("blocks.1",),
        {"--channels": "0-1", "--steps": "2", "--size": "24", "--prior": "fourier + views", "--output": "made"},
    ),
    "activation-grid": (
        ("cup.jpg",),
        {
            "--layer": "blocks.1",
            "--cells": "2",
            "--steps": "2",
            "--size": "24",
            "--prior": "fourier + views",
            "--output": "made",
        },
    ),
    "activation-atlas": (
        ("pictures",),
        {
            "--layer": "blocks.1",
            "--samples": "12",
            "--cells": "2",
            "--steps": "2",
            "--size": "24",
            "--prior": "fourier + views",
            "--output": "made",
        },
    ),
    "zoom": (
        ("cup.jpg",),
        {
            "--layer": "blocks.1",
            "--octaves": "1",
            "--jitter": "4",
            "--size": "32x40",
            "--frames": "2",
            "--fps": "5",
            "--output": "out.webp",
        },
    ),
    "video": (("film.mp4", "out.webp"), {"--layer": "blocks.1", "--octaves": "1", "--steps": "1", "--jitter": "4"}),
    "batch": (
        ("cup.jpg",),
        {"--layer": "blocks.1", "--octaves": "2", "--steps": "1", "--output": "made", "--workers": "0"},
    ),
    "layers": (("seed",), {}),
    "classes": ((), {}),
    "looks": ((), {}),
    "show": (("photo.png",), {}),
    "share": (("photo.png",), {"--output": "out.jpg"}),
    "doctor": ((), {}),
    "networks": ((), {}),
    "networks get": (("seed",), {}),
    "networks show": (("seed",), {}),
    "networks add": (("mine", "net.prototxt", "net.caffemodel"), {"--mean": "1,2,3"}),
    "networks measure": (("seed", "photos"), {"--output": "measured.safetensors"}),
    "features learn": (("blocks.10",), {"--photos": "photos", "--count": "2", "--output": "measured.safetensors"}),
}
"""The arguments and options of each command to which an option is added."""

OF_NOISE: Options = {
    "--layer": None,
    "--octaves": None,
    "--steps": "2",
    "--size": "32x40",
    "--prior": "fourier + views",
}
"""Options of a batch of pictures from noise."""

CLUSTER = {"--cluster": Case("nowhere", status), "--transfer": Case("paths", status)}
"""Options of the commands that can work on a cluster. tests/jobs/test_cluster.py tests their effect."""

CELLS = {
    "--cells": Case("3"),
    "--cosine": Case("0"),
    "--preset": Case("fine", base={"--prior": None}),
    "--prior": Case("pixels"),
    "--output": Case("other", names, base={"--output": None}),
    "--overwrite": Case(changes=status, base={"--output": "grid", "--seed": "7"}),
    "--debug": Case(changes=noted, arguments=MISSING),
}
"""Options of grids and atlases of activations."""

CASES: dict[str, dict[str, Case]] = {
    "photo": {**PICTURE, "--keep-position": Case(changes=position), "--debug": Case(changes=noted, arguments=MISSING)},
    "class": {
        **PICTURE,
        "--count": Case("2", names, base={"--output": "folder"}),
        "--objective": Case("channel(blocks.1:3)", status, arguments=()),
        "--prior": Case("pixels"),
        "--debug": Case(changes=noted, arguments=("nothing",)),
    },
    "unit": {
        **PICTURE,
        "--neuron": Case(),
        "--count": Case("2", names, base={"--output": "folder"}),
        "--diversity": Case("5", base={"--count": "2", "--output": "folder"}),
        "--photos": Case("photos", names),
        "--recursive": Case(changes=listed, base={"--photos": "photos"}),
        "--top": Case("1", listed, base={"--photos": "photos", "--recursive": True}),
        "--prior": Case("pixels"),
        "--debug": Case(changes=noted, arguments=("nothing", "3")),
    },
    "atlas": {
        "--channels": Case("2,5"),
        "--photos": Case("photos", names),
        "--recursive": Case(changes=listed, base={"--photos": "photos"}),
        "--dictionary": Case("rows.npy", names),
        "--photo": Case("cup.jpg", base={"--channels": None}),
        "--top": Case("2", base={"--channels": None, "--photo": "cup.jpg"}),
        "--preset": Case("fine", base={"--prior": None}),
        "--prior": Case("pixels"),
        "--output": Case("other", names, base={"--output": None}),
        "--overwrite": Case(changes=status, base={"--output": "sheet", "--seed": "7"}),
        "--quiet": Case(changes=noted, base={"--output": "sheet"}),
        "--debug": Case(changes=noted, arguments=("nothing",)),
    },
    "activation-grid": {
        **CELLS,
        "--scaled": Case(),
        "--quiet": Case(changes=noted, base={"--output": "grid"}),
    },
    "activation-atlas": {
        **CELLS,
        "--recursive": Case(),
        "--samples": Case("20"),
        "--least": Case("1000", refused="no cell has 1000 activations or more"),
        "--whiten": Case(),
        "--quiet": Case(changes=noted, run=in_terminal),
    },
    "zoom": {
        **FILM,
        "--seconds": Case("6.6", base={"--frames": None, "--fps": "0.3"}),
        "--frames": Case("3"),
        "--endless": Case(changes=seconds, base={"--frames": None, "--fps": "0.3"}, run=until_ctrl_c),
        "--debug": Case(changes=noted, arguments=MISSING),
    },
    "video": {
        **CLUSTER,
        "--workers": Case("2", status),
        **{option: case._replace(base={}) for option, case in FILM.items() if option != "--output"},
        "--overwrite": Case(changes=status, arguments=("film.mp4", "there.webp")),
        "--resume": Case(changes=status, arguments=("film.mp4", "unfinished.webp")),
        "--fps": Case("3", refused="film.mp4 has its own rate"),
        "--keyframes": Case("sizes.toml"),
        "--quiet": FILM["--quiet"],
        "--debug": Case(changes=noted, arguments=MISSING),
    },
    "batch": {
        **{option: case for option, case in PICTURE.items() if option != "--output"},
        "--output": Case("other", names),
        "--overwrite": Case(changes=status, base={"--output": "folder", "--name": "there"}),
        "--format": Case("jpg", names),
        "--keep-position": Case(changes=position),
        "--recursive": Case(changes=names, arguments=("photos",)),
        "--recipe": Case("plain.toml", base={"--layer": None, "--octaves": None, "--steps": None}),
        "--sweep": Case("seed=3,4", names),
        "--name": Case("x", names),
        "--workers": Case("1", noted, run=in_terminal),
        **CLUSTER,
        "--retry": Case(changes=status, base={"--output": "tried"}),
        "--device": Case("cuda", status),
        "--memory": Case("1MB", status),
        "--class": Case("lion", base={**OF_NOISE, "--class": "banana"}, arguments=()),
        "--preset": Case("fast", base={**OF_NOISE, "--class": "banana", "--prior": None}, arguments=()),
        "--subjects": Case("scene", base={**OF_NOISE, "--class": "banana", "--prior": "fourier + crops"}, arguments=()),
        "--transparent": Case(base={**OF_NOISE, "--class": "banana"}, arguments=()),
        "--debug": Case(changes=noted, arguments=("*.gif",)),
    },
    "layers": {
        "--size": Case("48", printed),
        "--all": Case(changes=printed),
        "--atlas": Case(changes=names),
        "--photo": Case("cup.jpg", base={"--atlas": True}),
        "--output": Case("other.png", names, base={"--atlas": True}),
        "--format": Case("webp", names, base={"--atlas": True}),
        "--overwrite": Case(changes=status, base={"--atlas": True, "--output": "there.png"}),
        "--quiet": Case(changes=noted, run=in_terminal),
        "--debug": Case(changes=noted, arguments=("nothing",)),
    },
    "looks": {"--quiet": Case(changes=noted), "--debug": Case(changes=noted, arguments=("nothing",))},
    "classes": {
        "--network": Case("seed", printed),
        "--quiet": Case(changes=noted, run=in_terminal),
        "--debug": Case(changes=noted, base={"--network": "nothing"}),
    },
    "show": {
        "--json": Case(changes=printed),
        "--toml": Case(changes=printed),
        "--debug": Case(changes=noted, arguments=MISSING),
    },
    "share": {
        "--before": Case("cup.jpg"),
        "--loop": Case(base={"--before": "cup.jpg", "--output": "out.webp"}),
        "--side": Case("20"),
        "--limit": Case("2.2KB", base={"--no-metadata": True}),
        "--output": Case("other.png", names, base={"--output": None}),
        "--format": Case("png", names, base={"--output": None}),
        "--overwrite": Case(changes=status, base={"--output": "there.png"}),
        "--no-metadata": Case(changes=metadata),
        "--quiet": Case(changes=noted, base={"--before": "guide.jpg"}),
        "--debug": Case(changes=noted, arguments=MISSING),
    },
    "doctor": {"--debug": Case(changes=noted, run=into_full_disk)},
    "networks": {"--debug": Case(changes=noted, run=into_full_disk)},
    "networks show": {"--debug": Case(changes=noted, arguments=("nothing",))},
    "networks get": {
        "--unverified": Case(changes=noted, arguments=("unchecked",)),
        "--quiet": Case(changes=noted, run=in_terminal),
        "--debug": Case(changes=noted, arguments=("nothing",)),
    },
    "networks add": {
        "--architecture": Case("onnx", refused="needs one .onnx file"),
        "--labels": Case("labels.txt", description),
        "--mean": Case("3,2,1", description),
        "--std": Case("3,2,1", description),
        "--range": Case("1", description),
        "--channels": Case("RGB", description),
        "--license": Case("MIT", description),
        "--origin": Case("a friend", description),
        "--overwrite": Case(changes=status, arguments=("seed", "net.prototxt", "net.caffemodel")),
        "--quiet": Case(changes=noted, run=in_terminal),
        "--debug": Case(changes=noted, arguments=("mine", "missing.onnx")),
    },
    "networks measure": {
        "--class": Case("3", measured),
        "--recursive": Case(changes=measured),
        "--layer": Case("conv", measured),
        "--output": Case("other.safetensors", printed),
        "--overwrite": Case(changes=status, base={"--output": "old.safetensors"}),
        "--quiet": Case(changes=noted, run=in_terminal),
        "--debug": Case(changes=noted, arguments=("seed", "missing.jpg")),
    },
    "features learn": {
        "--photos": Case("cup.jpg", measured),
        "--network": Case("efficientnet-lite1", measured),
        "--count": Case("3", measured),
        "--method": Case("nmf", refused="layer blocks.10 has negative activations, which NMF cannot describe"),
        "--samples": Case("40", measured),
        "--seed": Case("4", measured),
        "--recursive": Case(changes=measured),
        "--output": Case("other.safetensors", printed),
        "--overwrite": Case(changes=status, base={"--output": "old.safetensors"}),
        "--quiet": Case(changes=noted, run=in_terminal),
        "--debug": Case(changes=noted, base={"--photos": "missing.jpg"}),
    },
}
"""The cases of each command, besides those in `SETTINGS`. `replay` and `run` have their own below."""

REPLAYS: dict[str, tuple[tuple[str, ...], Options]] = {
    "photo": (("photo.png", "cup.jpg"), {"--output": "out.png"}),
    "class": (("class.png",), {"--output": "out.png"}),
    "zoom": (("zoom.webp", "cup.jpg"), {"--output": "out.webp"}),
    "video": (("video.webp", "film.mp4"), {"--output": "out.webp"}),
}
"""The arguments and options of `dream replay` for each kind of recipe."""

OF_REPLAYS: dict[str, Case] = {
    **PICTURE,
    "--preview": FILM["--preview"],
    "--resume": Case(changes=status, base={"--output": "unfinished.webp"}),
    "--keep-position": Case(changes=position),
    "--color-space": Case("srgb", arguments=("plain.toml", "wide.png")),
    "--seconds": Case("0.2"),
    "--picture": Case("guide.jpg=cup.jpg", arguments=("guided.toml", "cup.jpg")),
    "--force": Case(changes=noted, base={"--memory": "1MB", "--output": None}, arguments=("huge.toml", "cup.jpg")),
    "--debug": Case(changes=noted, arguments=MISSING),
}
"""Cases of the options of `dream replay` that are no settings, or that differ from those in `SETTINGS`."""


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A folder with the files that the cases name."""
    from skimage.data import astronaut, coffee

    folder = tmp_path_factory.mktemp("workplace")
    cup, exif = Image.fromarray(coffee()[100:283:3, 150:291:3]), Image.Exif()
    exif.get_ifd(0x8825)[1] = "N"
    cup.save(folder / "cup.jpg", exif=exif)
    Image.fromarray(astronaut()[:188:4, 100:300:4]).save(folder / "wide.png", icc_profile=DISPLAY_P3)
    Image.fromarray(astronaut()[:188:4, 100:300:4]).save(folder / "guide.jpg")
    Image.fromarray(np.tile(np.linspace(255, 0, 31).astype(np.uint8), (47, 1))).save(folder / "mask.png")
    Image.new("RGB", (4, 4)).save(folder / "there.png")
    (folder / "there.webp").write_bytes(b"another film")
    (folder / "old.safetensors").write_bytes(b"another file")
    np.save(folder / "rows.npy", np.random.default_rng(0).normal(size=(7, 24)))
    (folder / "folder").mkdir()
    (folder / "unfinished.webp.parts").mkdir()
    with wave.open(str(folder / "a.wav"), "wb") as sound:
        sound.setparams((1, 1, 8000, 0, "NONE", ""))
        sound.writeframes(bytes(128 + 100 * (index // 40 % 2) for index in range(8000)))
    (folder / "sizes.toml").write_text("[[keyframe]]\nat = 0\nstep_size = 9\n")
    (folder / "look.toml").write_text('kind = "photo"\nlayer = "blocks.2"\n')
    (folder / "keys.toml").write_text("[[keyframe]]\nat = 0\nzoom = 1\n[[keyframe]]\nat = 1\nrotation = 300\n")
    (folder / "layer.toml").write_text("[[keyframe]]\nat = 0\nlayer = 'blocks.0'\n")
    write(folder / "film.mp4", pan(coffee()[::4, ::4], 3, 40, 54))
    small: Any = {"layer": "blocks.1", "octaves": 1, "jitter": 4}
    inc.dream(folder / "cup.jpg", **{**small, "octaves": 2}, steps=1).save(folder / "photo.png")
    inc.visualize("banana", size=(32, 40), steps=2, prior="fourier + views").save(folder / "class.png")
    inc.zoom(folder / "cup.jpg", **small, size=(32, 40), fps=5, seconds=0.4).save(folder / "zoom.webp")
    inc.video(folder / "film.mp4", **small, steps=1).save(folder / "video.webp")
    (folder / "guided.toml").write_text('kind = "photo"\nlayer = "blocks.1"\nguide = "guide.jpg"\nsteps = 1\n')
    (folder / "plain.toml").write_text('kind = "photo"\nlayer = "blocks.1"\noctaves = 1\nsteps = 1\n')
    (folder / "huge.toml").write_text('kind = "zoom"\nlayer = "stem"\nshape = [6000, 6000]\n')
    settings = [part for pair in {**BASELINES["atlas"][1], "--output": "sheet"}.items() for part in pair]
    assert dream("atlas", "blocks.1", *settings, cwd=folder).returncode == 0
    settings = [part for pair in {**BASELINES["activation-grid"][1], "--output": "grid"}.items() for part in pair]
    assert dream("activation-grid", "cup.jpg", *settings, cwd=folder).returncode == 0
    (folder / "pictures" / "deep").mkdir(parents=True)
    for name, place in (("cup.jpg", "."), ("guide.jpg", "."), ("wide.png", "deep")):
        shutil.copy(folder / name, folder / "pictures" / place)
    (folder / "photos" / "deep").mkdir(parents=True)
    for place in ("photos", "photos/deep", "folder"):
        shutil.copy(folder / "there.png", folder / place)
    settings = [part for pair in {**BASELINES["batch"][1], "--output": "tried"}.items() for part in pair]
    assert dream("batch", "cup.jpg", *settings, cwd=folder).returncode == 0
    report = folder / "tried" / "report.jsonl"
    report.write_text(report.read_text().replace('"done"', '"failed"'))
    network = {"net.prototxt": seeds.PROTOTXT.encode(), "net.caffemodel": seeds.caffemodel()}
    for name, content in network.items():
        (folder / name).write_bytes(content)
    (folder / "labels.txt").write_text("a\nb\nc\nd\ne\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        facts = ["--mean", "1,2,3", "--labels", "labels.txt"]
        assert dream("networks", "add", "seed", *network, *facts, cwd=folder).returncode == 0
        add_package(folder / "site", network)
        patch.syspath_prepend(str(folder / "site"))
        yield folder


def add_package(site: Path, network: Mapping[str, bytes]) -> None:
    """Write a package that describes the network `seed` and one without checksums, so that `get` knows them."""
    files = [
        {"name": name, "checksum": f"sha256:{hashlib.sha256(content).hexdigest()}", "urls": ["http://127.0.0.1:9/x"]}
        for name, content in network.items()
    ]
    entry = {"name": "seed", "architecture": "caffe", "mean": [1, 2, 3], "files": files}
    unchecked = {**entry, "name": "unchecked", "files": [{**file, "checksum": None} for file in files]}
    entry_point, code = {"seed": "seed_network:entries"}, {"seed_network": f"entries = {[entry, unchecked]!r}\n"}
    write_package(site, "inceptionism.networks", entry_point, code)


def outcome(
    workplace: Path, run: Callable[..., Any], command: str, arguments: tuple[str, ...], options: Options
) -> Outcome:
    """Run a command in a copy of the workplace."""
    folder = Path(tempfile.mkdtemp(dir=workplace.parent))
    shutil.copytree(workplace, folder, dirs_exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()}
    flags = [part for name, value in options.items() if value for part in ([name] if value is True else [name, value])]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(folder / "cache"))
        done = run(*command.split(), *arguments, *flags, cwd=folder)
    after = sorted(path for path in folder.rglob("*") if path.is_file() and ".parts" not in str(path))
    changed = tuple(path for path in after if path.stat().st_mtime_ns != before.get(path))
    printed, noted = (text.replace(str(folder), "") if text else "" for text in (done.stdout, done.stderr))
    return Outcome(folder, done.returncode, printed, noted, changed)


KNOWN: dict[tuple[object, ...], Outcome] = {}


def known_outcome(workplace: Path, case: Case, command: str, arguments: tuple[str, ...], options: Options) -> Outcome:
    """Run a command as `outcome` does, but only once for the same options."""
    key = (workplace, case.run, command, arguments, *sorted(options.items()))
    if key not in KNOWN:
        KNOWN[key] = outcome(workplace, case.run, command, arguments, options)
    return KNOWN[key]


def differs(one: Any, other: Any) -> bool:
    """Return whether two observations differ."""
    return len(one) != len(other) or not all(map(np.array_equal, one, other)) if isinstance(one, list) else one != other


def check(
    workplace: Path, command: str, baseline: tuple[tuple[str, ...], Options], option: str, case: Case, *, refused: bool
) -> bool:
    """Check that an option changes something, or is refused.

    Args:
        workplace: Folder with the files that the case names.
        command: Name of the command.
        baseline: Arguments and options to which the option is added.
        option: The option.
        case: Its case.
        refused: Whether the option may be refused although the case does not say so.

    Returns:
        Whether it changes something.
    """
    arguments = baseline[0] if case.arguments is None else case.arguments
    base = {**baseline[1], **case.base}
    changed = outcome(workplace, case.run, command, arguments, {**base, option: case.value})
    if case.refused or (refused and changed.status == 2 and case.changes is not noted):
        assert changed.status == 2
        assert case.refused in changed.noted
        assert changed.noted.count("\n") == 1
        return False
    plain = known_outcome(workplace, case, command, arguments, base)
    assert differs(case.changes(plain), case.changes(changed)), (plain, changed)
    return True


def options_of(command: Any) -> list[str]:
    """Return the options of a command, by their longest names."""
    return [max(one.opts, key=len) for one in command.params if one.opts[0].startswith("-")]


DIRECT = [
    (name, option)
    for name in [*(one for one in COMMANDS if one != "studio"), "networks"]  # tests/studio has those of the studio
    if name not in ("replay", "run")
    for option in options_of(typer.main.get_command(app).commands["networks"] if name == "networks" else COMMANDS[name])
]


def test_the_program_itself_has_only_options_that_show_something(tmp_path) -> None:
    # The two options for completion in shells come from typer.
    assert options_of(typer.main.get_command(app)) == ["--version", "--install-completion", "--show-completion"]
    assert dream("--version", cwd=tmp_path).stdout.startswith("inceptionism ")


@pytest.mark.parametrize(("command", "option"), DIRECT, ids=map(" ".join, DIRECT))
def test_an_option_changes_the_result_or_is_refused(command, option, workplace, request) -> None:
    if command == "activation-atlas":
        request.getfixturevalue("quick_umap")
    case = CASES[command].get(option) or SETTINGS[option]
    changes = check(workplace, command, BASELINES[command], option, case, refused=False)
    assert changes == (not case.refused)


def case_of_replay(kind: str, option: str) -> Case:
    """Return the case of an option of `dream replay` for a kind of recipe."""
    return {**SETTINGS, **OF_REPLAYS, **(FILM if kind in ("zoom", "video") else {})}[option]


@pytest.mark.parametrize("option", options_of(COMMANDS["replay"]))
def test_an_option_of_a_replay_changes_the_result_or_is_refused(option, workplace) -> None:
    """An option must change something for one kind of recipe at least, unless its case says that it is refused."""
    changes = []
    for kind, baseline in REPLAYS.items():
        case = case_of_replay(kind, option)
        if kind == "photo" or case.arguments is None:
            changes.append(check(workplace, "replay", baseline, option, case, refused=True))
    assert any(changes) or case.refused


def test_run_has_the_options_of_replay_and_they_reach_the_recipe(workplace) -> None:
    assert options_of(COMMANDS["run"]) == options_of(COMMANDS["replay"])
    for option in ("--seed", "--steps", "--guide"):
        assert check(
            workplace,
            "run",
            (("plain.toml", "cup.jpg"), {"--output": "out.png"}),
            option,
            SETTINGS[option],
            refused=False,
        )


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("photo cup.jpg --layer stem --objective layer(stem)", "either a layer or an objective"),
        ("photo cup.jpg --guide guide.jpg --objective layer(stem)", "either a guide or an objective"),
        ("photo cup.jpg --keep-position --no-metadata", "give one of them"),
        ("photo cup.jpg --verify efficientnet-lite1 --quiet --no-metadata", "leave out either"),
        ("class banana --objective layer(stem)", "either classes or --objective"),
        ("class banana --preset fast --prior none --steps 3", "leave out --preset, --prior or --steps"),
        ("unit stem 3 --preset fast --prior none --steps 3", "leave out --preset, --prior or --steps"),
        ("unit stem 3 --diversity 1", "give a larger --count"),
        ("atlas stem --preset fine --prior none --steps 3", "leave out --preset, --prior or --steps"),
        ("atlas stem --channels 1 --photo cup.jpg", "either --channels or --photo"),
        ("atlas stem --top 3", "add --photo PHOTO"),
        ("zoom cup.jpg --seconds 1 --frames 2", "give one of --seconds, --frames and --endless"),
        ("zoom cup.jpg --frames 2 --endless", "give one of --seconds, --frames and --endless"),
        ("zoom cup.jpg --resume --overwrite", "give one of them"),
        ("zoom cup.jpg --zoom 3 --keyframes keys.toml", "the keyframe at 0 seconds replaces it"),
        ("zoom cup.jpg --layer stem --keyframes layer.toml", "the keyframe at 0 seconds replaces it"),
        ("video film.mp4 --resume --overwrite", "give one of them"),
        ("layers --all --atlas", "leave --size and --all out"),
        ("layers --size 64 --atlas", "leave --size and --all out"),
        ("layers --photo cup.jpg", "add --atlas"),
        ("layers --output sheet.png", "add --atlas"),
        ("layers --overwrite", "add --atlas"),
        ("show photo.png --json --toml", "either --json or --toml"),
        ("share photo.png --loop", "needs --before PHOTO"),
        ("replay photo.png cup.jpg --preview preview.jpg", "are for films"),
        ("replay photo.png cup.jpg --resume", "are for films"),
        ("replay photo.png cup.jpg --picture guide.jpg", "the recipe names no file 'guide.jpg'; it names no file"),
        ("replay class.png cup.jpg", "leave the photograph out"),
        ("replay class.png --keep-position", "give it with a recipe and its photograph"),
        ("replay class.png --preset fast --prior none --steps 3", "leave out --preset, --prior or --steps"),
        ("replay zoom.webp cup.jpg --verify efficientnet-lite1", "are for pictures, not for films"),
        ("replay zoom.webp cup.jpg --keep-position", "are for pictures, not for films"),
        ("replay zoom.webp cup.jpg --keyframes keys.toml --zoom 3", "the keyframe at 0 seconds replaces it"),
        ("run guided.toml cup.jpg --picture mask.png", "names no file 'mask.png'; it names 'guide.jpg'"),
        ("networks --debug get seed", "belongs after the command: dream networks get --debug"),
    ],
)
def test_an_option_that_another_one_makes_meaningless_is_refused(line, reason, workplace) -> None:
    before = {path: path.stat().st_mtime_ns for path in workplace.rglob("*")}
    refused(dream(*line.split(), cwd=workplace), reason, 2)
    assert {path: path.stat().st_mtime_ns for path in workplace.rglob("*")} == before
