"""From the files of a network, and what is known of it, to the network."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from inceptionism.errors import InvalidSetting, UnknownName, quote_value
from inceptionism.networks.hub.entries import Entry
from inceptionism.networks.hub.store import DESCRIPTION, entry_in
from inceptionism.networks.labels import Labels, imagenet_labels
from inceptionism.networks.loaders import efficientnet_lite, import_library
from inceptionism.networks.network import Network

WEIGHTS = (".pth", ".pt", ".safetensors", ".bin", ".ckpt", ".pkl")
"""How files end that hold weights without what they are the weights of."""

LABELS = ("labels.txt", "synset_words.txt", "synsets.txt", "classes.txt", "categories.txt")
"""What files are called, beside a network, that name its classes line by line."""

LARGEST_LABELS = 2**24


def open_entry(entry: Entry, paths: Sequence[Path], name: str | None = None) -> Network:
    """Return the network that the files of an entry hold.

    Args:
        entry: What is known of it.
        paths: Where its files are.
        name: What recipes call it, if not by the name of the entry.

    Raises:
        InvalidSetting: they cannot be read, do not belong together, or it is not known what the pictures must be.
        UnknownName: a library or a package that it needs has none of that name.
    """
    family, _, model = entry.architecture.partition("/")
    given = entry.input
    if (labels := labels_of(entry, paths)) is not None:
        given["labels"] = labels
    if family == "efficientnet-lite":
        return efficientnet_lite.load(entry.name, **given)
    if family == "caffe":
        caffe = import_library("inceptionism.networks.loaders.caffe", family)
        module, size = caffe.read(only(paths, ".prototxt", entry), only(paths, ".caffemodel", entry))
        known = {"range": 255.0, "channels": "BGR", "size": size, "layers": module.blobs}
        means = [path for path in paths if path.suffix == ".binaryproto"]
        if means and entry.mean is None:
            known["mean"] = caffe.read_mean(means[0])
    elif family == "onnx":
        module, size = import_library("inceptionism.networks.loaders.onnx", family).read(only(paths, ".onnx", entry))
        known = {"size": size} if size else {}
    else:
        weights = only(paths, WEIGHTS, entry) if paths else None
        found: Network = import_library(f"inceptionism.networks.loaders.{family}", family).load(
            f"{family}/{model}", weights, **given
        )
        found.name = name or entry.name
        return found
    settings = known | given
    if "mean" not in settings:
        raise InvalidSetting(
            f"what must be subtracted from the pictures for {name or entry.name} is not known; say it once: "
            f"dream networks add NAME {' '.join(map(str, paths))} --mean 104,117,123 "
            "(0,0,0 for nothing; in the units of --range, 255 or 1, and the order of --channels, BGR or RGB)"
        )
    return Network(module, name=name or entry.name, **settings)


def labels_of(entry: Entry, paths: Sequence[Path]) -> Labels | None:
    """Return the classes of a network: ImageNet's, or those that a file of it names."""
    if entry.labels == "imagenet":
        return imagenet_labels()
    return None if entry.labels is None else read_labels(only(paths, entry.labels, entry))


def read_labels(path: Path) -> Labels:
    """Read the names of classes, one in each line, which may begin with WordNet's identifier.

    Raises:
        InvalidSetting: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            lines = file.read(LARGEST_LABELS).decode("utf-8").splitlines()
    except (OSError, ValueError) as error:
        raise InvalidSetting(f"{path} cannot be read as the names of classes: {error}") from error
    first = [line.split(" ", 1) for line in lines]
    if lines and all(len(one) == 2 and one[0][:1] == "n" and one[0][1:].isdigit() for one in first):
        return Labels([name for _, name in first], [identifier for identifier, _ in first])
    return Labels(lines)


def open_path(path: Path) -> Network:
    """Return the network in a folder, or in a file and those that belong to it; recipes call it by the path.

    Raises:
        InvalidSetting: there is none, or it is not known what the pictures must be.
        UnknownName: there is no such file.
    """
    if not path.exists():
        raise UnknownName(f"there is no file {quote_value(str(path))}")
    if path.is_dir() and (path / DESCRIPTION).is_file():
        entry = entry_in(path)
        return open_entry(entry, [path / one.name for one in entry.files], str(path))
    folder = path if path.is_dir() else path.parent
    there = sorted(one for one in folder.iterdir() if one.is_file())
    beside = there if path.is_dir() else [one for one in there if one.stem == path.stem]
    kinds = {one.suffix for one in there} if path.is_dir() else {path.suffix}
    if kinds & {".prototxt", ".caffemodel"}:
        paths = [one_of(beside, there, suffix, path) for suffix in (".prototxt", ".caffemodel")]
        paths += [one for one in there if one.suffix == ".binaryproto"][:1]
        architecture = "caffe"
    elif ".onnx" in kinds:
        paths, architecture = [one_of(beside, there, ".onnx", path)], "onnx"
    elif kinds & set(WEIGHTS):
        raise InvalidSetting(
            f"{path} holds weights, but not what they are the weights of; say it once: "
            "dream networks add NAME FILE --architecture torchvision/NAME (or timm/NAME), "
            "or wrap your module in Python: inceptionism.Network(module, mean=..., std=...)"
        )
    else:
        raise InvalidSetting(
            f"{path} is no network: that is a .prototxt with its .caffemodel, an .onnx file, or a folder with either"
        )
    labels = [one for one in there if one.name in LABELS][:1]
    entry = Entry("network", architecture, labels=labels[0].name if labels else None)
    return open_entry(entry, [*paths, *labels], str(path))


def one_of(beside: Sequence[Path], there: Sequence[Path], suffix: str, path: Path) -> Path:
    """Return the file with this suffix that belongs to `path`: the one of its name, or else the only one there is."""
    for among in (beside, there):
        found = [one for one in among if one.suffix == suffix]
        if len(found) == 1:
            return found[0]
    what = f"several {suffix} files; give the one you mean" if found else f"no {suffix} file"
    raise InvalidSetting(f"beside {path} there is {what}" if path.is_file() else f"in {path} there is {what}")


def only(paths: Sequence[Path], suffix: str | tuple[str, ...], entry: Entry) -> Path:
    """Return the one path that ends so."""
    found = [path for path in paths if path.name.endswith(suffix)]
    if len(found) != 1:
        wanted = suffix if isinstance(suffix, str) else " or ".join(suffix)
        raise InvalidSetting(f"network {entry.name} needs one {wanted} file, and has {len(found)}")
    return found[0]
