"""Measurement of a network's statistics of natural pictures, on any number of photographs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from torch import Tensor

from inceptionism.errors import InvalidSetting, NameTaken, UnreadablePicture, quote_path
from inceptionism.files import is_file
from inceptionism.io import PhotoSource, create_folders, load_photo, write_atomically
from inceptionism.networks import Network, statistics_bytes, statistics_path
from inceptionism.runs.training_view import TrainingView


def measure_statistics(
    network: Network,
    photos: Iterable[PhotoSource],
    *,
    layers: Sequence[str] | None = None,
    output: str | os.PathLike[str] | None = None,
    overwrite: bool = False,
    on_photo: Callable[[int, UnreadablePicture | None], object] | None = None,
) -> Path:
    """Measure the mean and standard deviation of each channel over photographs, and write them to a file.

    The prior `statistics` then keeps pictures of a network without batch norms natural, too. With photographs of one
    subject, it makes pictures that are typical of this subject. The idea is that of VITAL (Gorgun et al., 2025), which
    also matches the distribution of the activations; here, only the mean and the standard deviation are matched, as
    in DeepInversion (Yin et al., 2020).

    The photographs pass one after the other, so there can be any number of them. The shorter side of each is resized to
    that of the network's training pictures.

    Args:
        network: The network.
        photos: Photographs: paths, web addresses, PIL images, arrays or tensors.
        layers: Layers to measure. The default is the layers that `network.layers()` lists.
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
    if output is None and network.statistics and network.statistics.path is None:
        raise InvalidSetting(
            f"network {network.name} has batch norms, which already hold the statistics of its training pictures; give "
            "an output file to measure other pictures, for the prior statistics(FILE)"
        )
    path = statistics_path(network.weights_hash) if output is None else Path(output)
    if is_file(path) and not overwrite:
        raise NameTaken(f"{quote_path(path)} exists; --overwrite (in Python, overwrite=True) replaces it")
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
                yield TrainingView.of(photo.pixels.shape[:2], network).picture(photo)
            if on_photo is not None:
                on_photo(count, error)

    statistics = network.measure_statistics(pictures(), layers)
    facts = {"network": network.name, "weights": network.weights_hash, "pictures": str(count)}
    create_folders(path.parent)
    write_atomically(path, statistics_bytes(statistics, facts), overwrite=overwrite)
    if output is None:
        network.forget_statistics()
    return path
