"""Opening of networks: makes a `Network` from its files and from the entry that describes them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.files import check_file, files_in, path_exists
from inceptionism.networks.hub.entries import Entry
from inceptionism.networks.hub.label_files import labels_of
from inceptionism.networks.hub.store import DESCRIPTION, folder_of, read_entry, write_entry
from inceptionism.networks.input_channels import read_channels
from inceptionism.networks.loaders import efficientnet_lite, import_library
from inceptionism.networks.network import Network

WEIGHTS = (".pth", ".pt", ".safetensors", ".bin", ".ckpt", ".pkl")
"""Suffixes of files that contain weights but not the architecture."""

LABELS = ("labels.txt", "synset_words.txt", "synsets.txt", "classes.txt", "categories.txt")
"""Usual names of the file that has one class in each line, in the folder of a network."""


def open_entry(entry: Entry, paths: Sequence[Path], name: str | None = None) -> Network:
    """Return the network that an entry describes.

    Args:
        entry: Description of the network.
        paths: Paths of its files.
        name: Name of the network in recipes. None means the name of the entry.

    Raises:
        UnreadableFile: If a file cannot be read.
        InvalidSetting: If the files are damaged or do not belong together, or if the mean of the input is not known.
        UnknownName: If the library or the package of the architecture does not have the network.
    """
    family, _, model = entry.architecture.partition("/")
    given = entry.input
    if (labels := labels_of(entry, paths)) is not None:
        given["labels"] = labels
    if family == "efficientnet-lite":
        return efficientnet_lite.load(entry.name, **given)
    if family == "caffe":
        caffe = import_library("inceptionism.networks.loaders.caffe.load")
        module, declared = caffe.read(
            find_only(paths, ".prototxt", entry), find_only(paths, (".caffemodel", ".safetensors"), entry)
        )
        defaults = {"range": 255.0, "channels": "BGR", "layers": module.blobs, **declared.settings(given)}
        means = [path for path in paths if path.suffix == ".binaryproto"]
        if means and entry.mean is None:
            defaults["mean"] = caffe.read_mean(means[0])
    elif family == "onnx":
        onnx = import_library("inceptionism.networks.loaders.onnx", "networks")
        names = read_channels(given.get("channels", "RGB"))[0].names
        module, declared = onnx.read(find_only(paths, ".onnx", entry), len(names))
        defaults = declared.settings(given)
    else:
        weights = find_only(paths, WEIGHTS, entry) if paths else None
        library = import_library(f"inceptionism.networks.loaders.{family}", "networks")
        network: Network = library.load(f"{family}/{model}", weights, **given)
        network.name = name or entry.name
        return network
    settings = defaults | given
    if "mean" not in settings:
        count = read_channels(settings.get("channels", "RGB"))[0].count
        example = "104,117,123" if count == 3 else ",".join(["0.5"] * count)
        raise InvalidSetting(
            f"the mean of the input of {name or entry.name} is not known; add the network with its mean: "
            f"dream networks add NAME {' '.join(map(str, paths))} --mean {example} "
            f"({','.join('0' * count)} subtracts nothing; the units are those of --range, 255 or 1, and the order is "
            "that of --channels, BGR, RGB or names)"
        )
    return Network(module, name=name or entry.name, **settings)


def fetch_from_library(entry: Entry) -> Path:
    """Download the weights that a library keeps in its own cache, if they are missing, and return their path.

    A description in the store marks the network as ready.

    Raises:
        CannotDownload: If the weights cannot be downloaded.
        InvalidSetting: If the library is not installed.
        UnknownName: If the library does not have the network.
        CannotWrite: If the store cannot be written to.
    """
    library = import_library(f"inceptionism.networks.loaders.{entry.library}", "networks")
    path: Path = library.fetch(entry.architecture)
    write_entry(folder_of(entry.name), entry)
    return path


def open_path(path: Path) -> Network:
    """Return the network in a folder, or in a file and the files that belong to it. The network's name is the path.

    Raises:
        UnreadableFile: If a file of the network cannot be read.
        InvalidSetting: If there is no network, or if the mean of its input is not known.
        UnknownName: If the path does not exist.
    """
    return open_entry(*entry_of_path(path), str(path))


def entry_of_path(path: Path) -> tuple[Entry, list[Path]]:
    """Return the entry that describes the network at a path, and the files of the network.

    Raises:
        UnreadableFile, InvalidSetting, UnknownName: As for `open_path`.
    """
    if not path_exists(path):
        check_file(path, UnknownName)
    if path.is_dir() and (path / DESCRIPTION).is_file():
        entry = read_entry(path)
        return entry, [path / file.name for file in entry.files]
    folder = path if path.is_dir() else path.parent
    files = files_in(folder)
    same_stem = files if path.is_dir() else [file for file in files if file.stem == path.stem]
    suffixes = {file.suffix for file in files} if path.is_dir() else {path.suffix}
    if suffixes & {".prototxt", ".caffemodel"}:
        paths = [choose_file(same_stem, files, suffix, path) for suffix in (".prototxt", ".caffemodel")]
        paths += [file for file in files if file.suffix == ".binaryproto"][:1]
        architecture = "caffe"
    elif ".onnx" in suffixes:
        paths, architecture = [choose_file(same_stem, files, ".onnx", path)], "onnx"
    elif suffixes & set(WEIGHTS):
        raise InvalidSetting(
            f"{path} contains weights but not their architecture; add the network with its architecture: "
            "dream networks add NAME FILE --architecture torchvision/NAME (or timm/NAME or open_clip/NAME), "
            "or wrap your module in Python: inceptionism.Network(module, mean=..., std=...)"
        )
    else:
        raise InvalidSetting(
            f"{path} is not a network; give a .prototxt with its .caffemodel, an .onnx file, or a folder with either"
        )
    labels = [file for file in files if file.name in LABELS][:1]
    return Entry("network", architecture, labels=labels[0].name if labels else None), [*paths, *labels]


def files_of_path(path: Path) -> list[Path]:
    """Return all files that a copy of the network at a path needs.

    Raises:
        UnreadableFile, InvalidSetting, UnknownName: As for `open_path`.
    """
    _, files = entry_of_path(path)
    described = [path / DESCRIPTION] if (path / DESCRIPTION).is_file() else []
    # ONNX keeps large weights in files beside its own, which have the same beginning.
    stems = {file.stem for file in files if file.suffix == ".onnx"}
    weights = [one for file in files for one in files_in(file.parent) if one.name.startswith(tuple(stems))]
    return list(dict.fromkeys([*files, *described, *weights]))


def choose_file(same_stem: Sequence[Path], files: Sequence[Path], suffix: str, path: Path) -> Path:
    """Return the file with a suffix that belongs to the network at `path`.

    Args:
        same_stem: Files that are preferred, because they have the same name before the suffix.
        files: All files in the folder.
        suffix: Suffix of the file.
        path: Path of the network, for error messages.

    Raises:
        InvalidSetting: If there is no such file, or if there are several.
    """
    for candidates in (same_stem, files):
        matches = [file for file in candidates if file.suffix == suffix]
        if len(matches) == 1:
            return matches[0]
    problem = f"are several {suffix} files; give one of them" if matches else f"is no {suffix} file"
    raise InvalidSetting(f"next to {path} there {problem}" if path.is_file() else f"in {path} there {problem}")


def find_only(paths: Sequence[Path], suffix: str | tuple[str, ...], entry: Entry) -> Path:
    """Return the only path that ends with a suffix; raise `InvalidSetting` if there is not exactly one."""
    matches = [path for path in paths if path.name.endswith(suffix)]
    if len(matches) != 1:
        suffixes = suffix if isinstance(suffix, str) else " or ".join(suffix)
        raise InvalidSetting(f"network {entry.name} needs one {suffixes} file, but has {len(matches)}")
    return matches[0]
