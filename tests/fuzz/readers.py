"""The readers of the program, each with small valid inputs and a function that reads one input."""

from __future__ import annotations

import io
import os
import shutil
import zipfile
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import numpy as np
from PIL import Image

import inceptionism as inc
from inceptionism.cli.networks import parse_numbers
from inceptionism.film import FilmSource, segments_folder
from inceptionism.io import alternative_text, caption, load_mask, without_folders
from inceptionism.io.xmp import read_packet
from inceptionism.networks.hub import Entry, open_entry
from inceptionism.networks.hub.open import read_labels
from inceptionism.networks.labels import imagenet_labels
from inceptionism.networks.loaders.caffe import read_mean
from inceptionism.networks.loaders.weights import read_state_dict
from inceptionism.objectives.directions import read_direction
from inceptionism.recipes import Keyframe, parse_channels, parse_place, parse_size, read_keyframes
from inceptionism.validation import parse_memory
from tests.fuzz import seeds
from tests.support import torchvision_operators  # noqa: F401  # makes torchvision importable
from tests.support.films import small_zoom
from tests.support.pictures import gradient

Read = Callable[[bytes], object]


class Reader(NamedTuple):
    """A reader to test.

    Attributes:
        name: Name of what is read.
        prepare: Function that takes an empty folder, and returns the seeds and the function that reads an input.
    """

    name: str
    prepare: Callable[[Path], tuple[Sequence[bytes], Read]]


READERS: dict[str, Reader] = {}
"""All readers by name."""


def reader(prepare: Callable[[Path], tuple[Sequence[bytes], Read]]) -> Callable[[Path], tuple[Sequence[bytes], Read]]:
    """Add a reader, whose name is the name of the function."""
    name = prepare.__name__.replace("_", "-")
    READERS[name] = Reader(name, prepare)
    return prepare


def written(path: Path, read: Callable[[Path], object]) -> Read:
    """Return a function that writes an input to `path`, and reads this file."""

    def write_and_read(content: bytes) -> object:
        path.write_bytes(content)
        return read(path)

    return write_and_read


def as_text(read: Callable[[str], object]) -> Read:
    """Return a function that reads an input as text. Bytes that are not UTF-8 stand for themselves, as in arguments."""
    return lambda content: read(content.decode("utf-8", "surrogateescape"))


def encoded(texts: Sequence[str]) -> list[bytes]:
    return [text.encode() for text in texts]


@reader
def pictures(folder: Path) -> tuple[Sequence[bytes], Read]:
    return seeds.pictures(), written(folder / "picture", inc.load_photo)


@reader
def masks(folder: Path) -> tuple[Sequence[bytes], Read]:
    return seeds.pictures(), written(folder / "mask.png", load_mask)


@reader
def recipes_in_files(folder: Path) -> tuple[Sequence[bytes], Read]:
    return seeds.results(folder), written(folder / "result", inc.load_recipe)


@reader
def xmp(_folder: Path) -> tuple[Sequence[bytes], Read]:
    def read(content: bytes) -> None:
        text = read_packet(content)
        if text:
            inc.Recipe.from_json(text)

    return seeds.packets(), read


@reader
def json(_folder: Path) -> tuple[Sequence[bytes], Read]:
    def read(text: str) -> None:
        recipe = without_folders(inc.Recipe.from_json(text))
        for words in (recipe.to_toml, recipe.to_json, recipe.described):
            words()
        for words_of in (caption, alternative_text):
            words_of(recipe)

    return seeds.recipe_json(), as_text(read)


@reader
def toml(folder: Path) -> tuple[Sequence[bytes], Read]:
    return encoded([seeds.TOML]), written(folder / "recipe.toml", inc.load_recipe)


@reader
def keyframes(folder: Path) -> tuple[Sequence[bytes], Read]:
    return encoded([seeds.KEYFRAMES]), written(folder / "keyframes.toml", read_keyframes)


@reader
def films(folder: Path) -> tuple[Sequence[bytes], Read]:
    def read(path: Path) -> None:
        for _frame in islice(FilmSource(path), 5):
            pass

    return seeds.films(folder), written(folder / "film", read)


@reader
def resume_state(folder: Path) -> tuple[Sequence[bytes], Read]:
    """The state of an unfinished film, and in it the description and an array."""
    film, pristine = folder / "film.mp4", folder / "pristine"
    photo, network = gradient(44, 58), seeds.tiny()

    def stop(frame: inc.Frame) -> None:
        if frame.number == 2:
            raise StopIteration

    def run() -> inc.ZoomRun:
        return small_zoom(photo, network, seconds=0.8)

    run().save(film, on_frame=stop)
    parts = segments_folder(film)
    parts.rename(pristine)
    state = (pristine / "state.npz").read_bytes()
    with np.load(pristine / "state.npz") as arrays:
        members = {name: seeds.npy(arrays[name]) for name in arrays.files}
        about = arrays["about"].tobytes()
        others = [seeds.npy(arrays[name]) for name in arrays.files if name != "about"]

    def read(content: bytes) -> None:
        shutil.rmtree(parts, ignore_errors=True)
        shutil.copytree(pristine, parts)
        if content[:2] != b"PK":
            changed = dict(members)
            if content[:1] == b"\x93":
                changed[next(name for name in members if name != "about")] = content
            else:
                changed["about"] = seeds.npy(np.frombuffer(content, np.uint8))
            content = zipped({f"{name}.npy": member for name, member in changed.items()})
        (parts / "state.npz").write_bytes(content)
        run().save(film, resume=True)

    return [state, about, *others], read


@reader
def prototxt(folder: Path) -> tuple[Sequence[bytes], Read]:
    path = folder / "net.prototxt"
    shared = seeds.shared_files("networks/mtcnn/det1.prototxt")
    (folder / "net.caffemodel").write_bytes(
        seeds.caffemodel() + b"".join(seeds.shared_files("networks/mtcnn/det1.caffemodel"))
    )
    return [seeds.PROTOTXT.encode(), *shared], written(path, lambda _: caffe_layers(folder))


@reader
def caffemodel(folder: Path) -> tuple[Sequence[bytes], Read]:
    (folder / "net.prototxt").write_text(seeds.PROTOTXT)
    shared = seeds.shared_files("networks/mtcnn/det1.caffemodel")
    # protobuf merges two messages that follow each other in a file.
    both = [seeds.caffemodel() + content for content in shared]
    return [seeds.caffemodel(), *both], written(folder / "net.caffemodel", lambda _: caffe_layers(folder))


def caffe_layers(folder: Path) -> object:
    """Return the layers of the Caffe network in a folder."""
    entry = Entry("seed", "caffe", mean=(104.0, 117.0, 123.0))
    return open_entry(entry, [folder / "net.prototxt", folder / "net.caffemodel"]).layers()


@reader
def mean(folder: Path) -> tuple[Sequence[bytes], Read]:
    return [seeds.mean_picture()], written(folder / "mean.binaryproto", read_mean)


@reader
def onnx(folder: Path) -> tuple[Sequence[bytes], Read]:
    entry = Entry("seed", "onnx", mean=(0.5, 0.5, 0.5))
    return [seeds.onnx_model()], written(folder / "net.onnx", lambda path: open_entry(entry, [path]).layers())


@reader
def weights(folder: Path) -> tuple[Sequence[bytes], Read]:
    return seeds.weights(), written(folder / "weights.pth", read_state_dict)


@reader
def pickles(folder: Path) -> tuple[Sequence[bytes], Read]:
    """The pickle inside a file of weights, without the checksum that protects it."""
    file = zipfile.ZipFile(io.BytesIO(seeds.weights()[0]))
    members = {name: file.read(name) for name in file.namelist()}
    (place,) = (name for name in members if name.endswith("data.pkl"))
    path = folder / "weights.pth"
    return [members[place], *seeds.pickles()], lambda content: written(path, read_state_dict)(
        zipped({**members, place: content})
    )


def zipped(members: dict[str, bytes]) -> bytes:
    """Return a ZIP archive without compression."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as file:
        for name, member in members.items():
            file.writestr(name, member)
    return content.getvalue()


@reader
def safetensors(folder: Path) -> tuple[Sequence[bytes], Read]:
    return [seeds.safetensors()], written(folder / "weights.safetensors", read_state_dict)


@reader
def labels(folder: Path) -> tuple[Sequence[bytes], Read]:
    shared = [content[:2000] for content in seeds.shared_files("networks/synset_words.txt")]
    plain = b"ash\nelm\nfir, silver fir\n"
    return [seeds.LABELS.encode(), plain, *shared], written(folder / "labels.txt", read_labels)


@reader
def store(folder: Path) -> tuple[Sequence[bytes], Read]:
    """The description of a network in the store, which is then opened."""
    os.environ["XDG_CACHE_HOME"] = str(folder)
    home = folder / "inceptionism" / "networks" / "mine"
    home.mkdir(parents=True)
    files = {"net.onnx": seeds.onnx_model(), "labels.txt": b"a\nb\nc\nd\ne\n"}
    for name, content in files.items():
        (home / name).write_bytes(content)
    return [seeds.store_description(files)], written(
        home / "network.json", lambda _: inc.load_network("mine", "cpu").layers()
    )


@reader
def directions(folder: Path) -> tuple[Sequence[bytes], Read]:
    return [seeds.direction()], written(folder / "direction.npy", read_direction)


@reader
def tables_of_directions(folder: Path) -> tuple[Sequence[bytes], Read]:
    return [seeds.directions()], written(folder / "directions.safetensors", lambda path: read_direction(path, 1))


@reader
def objectives(folder: Path) -> tuple[Sequence[bytes], Read]:
    network = seeds.tiny()
    Image.fromarray(gradient()).save(folder / "photo.png")
    (folder / "direction.npy").write_bytes(seeds.direction())
    os.chdir(folder)
    return encoded(seeds.EXPRESSIONS), as_text(
        lambda text: inc.visualize(text, network=network, prior="none", size=(31, 34), steps=1)
    )


@reader
def priors(_folder: Path) -> tuple[Sequence[bytes], Read]:
    network = seeds.tiny()
    return encoded(seeds.PRIORS), as_text(
        lambda text: inc.visualize("ash", network=network, prior=text, size=(31, 34), steps=1)
    )


@reader
def layers(_folder: Path) -> tuple[Sequence[bytes], Read]:
    network, photo = seeds.tiny(), gradient(24, 31)
    return encoded(["first", "second:3=0.5", "first:0=-2"]), as_text(
        lambda text: inc.dream(photo, layer=text, network=network, octaves=1, steps=1)
    )


@reader
def class_names(_folder: Path) -> tuple[Sequence[bytes], Read]:
    network = seeds.tiny()

    def read(text: str) -> None:
        try:
            imagenet_labels().index(text)
        except inc.InceptionismError:
            network.class_index(text)

    return encoded(["ash", "king's tree", "banana", "king of beasts", "n01440764", "291"]), as_text(read)


@reader
def amounts(_folder: Path) -> tuple[Sequence[bytes], Read]:
    """The texts of options: amounts of memory, sizes, places, channels and lists of numbers."""

    def read(text: str) -> None:
        kind, _, value = text.partition(" ")
        {
            "memory": parse_memory,
            "size": parse_size,
            "place": lambda value: Keyframe(at=1, toward=parse_place("toward", value)),
            "channels": parse_channels,
        }.get(kind, lambda value: parse_numbers("mean", value))(value)

    return encoded(
        ["memory 1.5GiB", "size 360x640", "place 0.5,0.25", "channels 0-63,70", "mean 104,117,123"]
    ), as_text(read)
