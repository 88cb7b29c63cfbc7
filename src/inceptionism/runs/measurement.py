"""Measurement of a network's statistics of natural pictures, on any number of photographs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from torch import Tensor, nn

from inceptionism.errors import CannotWrite, InvalidSetting, UnknownName, UnreadablePicture, quote_path
from inceptionism.files import is_folder
from inceptionism.io import PhotoSource, check_output, create_folders, load_photo, picture_paths, write_atomically
from inceptionism.networks import Network, load_network, statistics_bytes, statistics_path
from inceptionism.runs.training_view import TrainingView

ENDING = ".safetensors"
"""End of the names of files with statistics."""


def measure_statistics(
    network: str | nn.Module | Network,
    photos: str | os.PathLike[str] | Iterable[PhotoSource],
    *,
    target: str | int | None = None,
    recursive: bool = False,
    layers: Sequence[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    on_photo: Callable[[int, UnreadablePicture | None], object] | None = None,
) -> Path:
    """Measure the mean, standard deviation and quantiles of each channel over photographs, and write them to a file.

    The prior `statistics` then keeps pictures of a network without batch norms natural, too. By default, it matches the
    mean and the variance, as in DeepInversion (Yin et al., 2020). With `statistics(quantiles=1)`, it matches the
    quantiles: the mean of the sorted activations, as in VITAL (Gorgun et al., 2025). The statistics of photographs of
    one class, also from VITAL, make pictures that are typical of this class.

    The photographs pass one after the other, so there can be any number of them. The shorter side of each is resized to
    that of the network's training pictures.

    Args:
        network: A `Network`, a module, or the name or path of a network.
        photos: Folder of photographs; or a list of paths, web addresses, PIL images, arrays or tensors.
        target: Name, identifier or index of a class. The statistics are then those of this class, and the prior
            `statistics` uses them for pictures of this class. If the folder has a folder for this class inside, named
            like the class, its WordNet identifier or its index, only the photographs in it are measured. Otherwise, all
            photographs show this class.
        recursive: Whether to take the photographs in the folders inside the folder, too.
        layers: Layers to measure. The default is `network.recommended`.
        output: File to write, for the prior `statistics(FILE)`. The default is a file in your cache, which the prior
            `statistics` of this network uses from then on.
        overwrite: Whether to replace a file at `output`.
        on_photo: Called with the number of photographs so far, after each of them, and with the error if this one
            cannot be read. Without it, the error is raised.

    Returns:
        Path of the file.

    Raises:
        InvalidSetting: If there are no photographs, or if the network has batch norms and no `output` is given.
        NameTaken: If the file exists and `overwrite` is false.
        UnknownName: If the network has no such layer.
        UnreadablePicture: If a photograph cannot be read.
        CannotWrite: If the file cannot be written.
    """
    network = load_network(network)
    index = None if target is None else network.class_index(target)
    if isinstance(photos, (str, os.PathLike)):
        folder = Path(photos) if index is None else class_folder(Path(photos), network, index)
        photos = picture_paths(folder, recursive=recursive)
    if output is None and index is None and network.statistics and network.statistics.path is None:
        raise InvalidSetting(
            f"network {network.name} has batch norms, which already hold the statistics of its training pictures; give "
            "an output file to measure other pictures, for the prior statistics(FILE), or a class"
        )
    path = statistics_path(network.key, index) if output is None else Path(output)
    if path.suffix != ENDING:
        raise CannotWrite(f"statistics are written to a file that ends with {ENDING}, not to {quote_path(path)}")
    create_folders(path.parent)
    check_output(path, overwrite=overwrite, endings=(ENDING,))
    count = 0

    def pictures() -> Iterator[Tensor]:
        nonlocal count
        for source in photos:
            error = None
            try:
                photo = load_photo(source)
            except UnreadablePicture as failure:
                if on_photo is None:
                    raise
                error = failure
            else:
                count += 1
                yield TrainingView.of(photo.pixels.shape[:2], network).picture(photo, network)
            if on_photo is not None:
                on_photo(count, error)

    statistics = network.measure_statistics(pictures(), layers)
    facts = {"network": network.name, "weights": network.weights_hash, "pictures": str(count)}
    if index is not None:
        facts["class"] = network.labels[index] if network.labels else str(index)
    write_atomically(path, statistics_bytes(statistics, facts), overwrite=overwrite)
    if output is None:
        network.forget_statistics()
    return path


def class_folder(folder: Path, network: Network, index: int) -> Path:
    """Return the folder of a class inside a folder, or the folder itself if it has no folders of classes.

    A folder of a class has the name, the WordNet identifier or the index of the class as its name, as in ImageNet.

    Args:
        folder: The folder.
        network: The network, which knows the names of the classes.
        index: Index of the class.

    Raises:
        InvalidSetting: If there are only folders of other classes.
    """
    others = 0
    for inner in sorted(folder.iterdir()) if is_folder(folder) else ():
        if inner.is_dir():
            with suppress(InvalidSetting, UnknownName):  # a folder that is not named like a class
                if network.class_index(inner.name) == index:
                    return inner
                others += 1
    if others:
        raise InvalidSetting(
            f"{quote_path(folder)} has folders of other classes, but none of class "
            f"{network.labels[index] if network.labels else index}; give the folder with the photographs of this class"
        )
    return folder
