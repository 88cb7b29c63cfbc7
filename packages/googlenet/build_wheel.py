"""Build the wheel with the weights of GoogLeNet from the published files, and check it. Nothing is uploaded."""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageOps
from safetensors.torch import save_file
from torch import Tensor
from torch.nn.functional import cosine_similarity

from inceptionism.errors import InceptionismError
from inceptionism.files import hash_file
from inceptionism.io import load_photo, picture_paths
from inceptionism.networks import Network
from inceptionism.networks.hub import known_entries, open_entry, store
from inceptionism.networks.loaders.caffe.description import read_description
from inceptionism.networks.loaders.caffe.weights import read_weights

SOURCES = Path(__file__).resolve().parent

MODULE = "inceptionism_googlenet"

WEIGHTS = "googlenet.safetensors"

MIN_COSINE = 0.9999
"""Smallest cosine similarity between the activations of a layer before and after the rounding."""

LARGEST = 2.0**-11
"""Largest relative rounding error of a 16-bit number (IEEE 754 binary16)."""

SMALLEST = 2.0**-25
"""Largest absolute rounding error of a 16-bit number near 0."""


class NotRight(Exception):
    """A file or the rounded network is not as expected. The message says what is wrong."""


def main() -> int:
    """Build the wheel, and return the exit status: 0 if every check has passed, 1 otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photographs", type=Path, help="folder of photographs, or one photograph, for the comparison")
    parser.add_argument(
        "--files",
        type=Path,
        default=store.folder_of("googlenet"),
        help="folder of deploy.prototxt and bvlc_googlenet.caffemodel; by default, the one in your cache",
    )
    parser.add_argument(
        "--sha256",
        action="append",
        default=[],
        metavar="DIGITS",
        help="accept a file with this SHA-256, although it is not the published file; repeat it for the other file",
    )
    parser.add_argument("--outdir", type=Path, default=SOURCES / "dist", help="folder of the wheel")
    given = parser.parse_args()
    try:
        wheel = build(given.files, given.photographs, given.outdir, given.sha256)
    except (InceptionismError, NotRight, OSError) as error:
        print(f"build_wheel: {error}", file=sys.stderr)
        return 1
    print(f"{wheel}: {wheel.stat().st_size} bytes, SHA-256 {hash_file(wheel)}")
    return 0


def build(files: Path, photographs: Path, outdir: Path, accepted: Sequence[str]) -> Path:
    """Build and check the wheel, and return its path.

    Args:
        files: Folder of the two files of the network.
        photographs: Folder of photographs, or one photograph.
        outdir: Folder of the wheel.
        accepted: SHA-256s of files that are accepted although they are not the published ones.

    Raises:
        NotRight: If a file has another checksum, or if the rounded network differs too much.
    """
    entry = known_entries()["googlenet"]
    prototxt, caffemodel = (files / one.name for one in entry.files)
    for path, one in zip((prototxt, caffemodel), entry.files, strict=True):
        digest = hash_file(path)
        if one.checksum != f"sha256:{digest}" and digest not in accepted:
            raise NotRight(f"{path} has the SHA-256 {digest}, but the published file is {one}")
    with tempfile.TemporaryDirectory() as temporary:
        package = Path(temporary) / MODULE
        shutil.copytree(SOURCES / MODULE, package, ignore=shutil.ignore_patterns("__pycache__"))
        for name in ("pyproject.toml", "README.md", "LICENSE"):
            shutil.copy(SOURCES / name, temporary)
        shutil.copy(prototxt, package / prototxt.name)
        save_file(rounded_weights(prototxt, caffemodel), package / WEIGHTS)
        paths = [package / prototxt.name, package / WEIGHTS]
        described = replace(entry, files=tuple(map(store.local_file, paths)))
        store.write_entry(package, described)
        original = open_entry(entry, [prototxt, caffemodel])
        compare(original, open_entry(described, paths), list(read_photographs(photographs, original)))
        command = [
            sys.executable,
            "-m",
            "hatchling",
            "build",
            "--target",
            "wheel",
            "--directory",
            str(outdir.resolve()),
        ]
        subprocess.run(command, cwd=temporary, check=True)
    return outdir / f"{MODULE}-{version()}-py3-none-any.whl"


def rounded_weights(prototxt: Path, caffemodel: Path) -> dict[str, Tensor]:
    """Return the weights of the layers in the prototxt as float16, under the names LAYER.0 and LAYER.1.

    The caffemodel also has the weights of the auxiliary heads of the training, which the prototxt leaves out.

    Raises:
        NotRight: If a rounded number differs by more than the rounding, for example because it is too large.
    """
    needed = {layer.name for layer in read_description(prototxt).layers}
    rounded: dict[str, Tensor] = {}
    for layer, tensors in read_weights(caffemodel).items():
        for index, values in enumerate(tensors if layer in needed else ()):
            half = values.half()
            if not ((half.double() - values).abs() <= (values.abs() * LARGEST).clamp(min=SMALLEST)).all():
                raise NotRight(f"the weights of layer {layer} cannot be stored as 16-bit numbers")
            rounded[f"{layer}.{index}"] = half
    return rounded


def read_photographs(photographs: Path, network: Network) -> Iterator[Tensor]:
    """Yield each photograph, cropped to the shape of the pictures in training: 1×3×H×W in [0, 1]."""
    height, width = network.size or (224, 224)
    for path in picture_paths(photographs):
        cropped = ImageOps.fit(Image.fromarray(load_photo(path).pixels), (width, height), Image.Resampling.BICUBIC)
        yield torch.from_numpy(np.array(cropped)).permute(2, 0, 1)[None] / 255


def compare(original: Network, rounded: Network, photographs: Sequence[Tensor]) -> None:
    """Compare the classes and the activations of two networks for photographs, and print the results.

    Raises:
        NotRight: If a class differs, or if the activations of a layer differ too much.
    """
    layers = [layer.name for layer in original.layers(all=True)]
    lowest: dict[str, float] = dict.fromkeys([*layers, "logits"], 1.0)
    for number, picture in enumerate(photographs, 1):
        with torch.no_grad():
            before, after = (network.activations(picture, lowest) for network in (original, rounded))
        first, second = (maps["logits"].argmax().item() for maps in (before, after))
        if first != second:
            raise NotRight(f"photograph {number} is class {first}, but class {second} after the rounding")
        for name in lowest:
            similarity = cosine_similarity(before[name].flatten().double(), after[name].flatten().double(), dim=0)
            lowest[name] = min(lowest[name], similarity.item())
    worst = min(lowest, key=lambda name: lowest[name])
    print(f"{len(photographs)} photographs have the same class before and after the rounding")
    print(f"lowest cosine similarity of {len(lowest)} layers: {lowest[worst]:.7f}, of {worst}")
    if not lowest[worst] >= MIN_COSINE:
        raise NotRight(f"the activations of {worst} have a cosine similarity below {MIN_COSINE}")


def version() -> str:
    """Return the version of the package."""
    lines = (SOURCES / "pyproject.toml").read_text("utf-8").splitlines()
    return next(line.split('"')[1] for line in lines if line.startswith("version = "))


if __name__ == "__main__":
    sys.exit(main())
