"""Measurement of a network's statistics of natural pictures, on any number of photographs."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

from torch import Tensor, nn

from inceptionism.errors import CannotWrite, InvalidSetting, UnreadablePicture, quote_path
from inceptionism.io import PhotoSource, check_output, create_folders, load_photo, picture_paths, write_atomically
from inceptionism.networks import Network, load_network, statistics_bytes, statistics_path
from inceptionism.runs.training_view import TrainingView

ENDING = ".safetensors"
"""End of the names of files with statistics."""


def measure_statistics(
    network: str | nn.Module | Network,
    photos: str | os.PathLike[str] | Iterable[PhotoSource],
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
        network: A `Network`, a module, or the name or path of a network.
        photos: Folder of photographs; or a list of paths, web addresses, PIL images, arrays or tensors.
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
    if isinstance(photos, (str, os.PathLike)):
        photos = picture_paths(Path(photos))
    if output is None and network.statistics and network.statistics.path is None:
        raise InvalidSetting(
            f"network {network.name} has batch norms, which already hold the statistics of its training pictures; give "
            "an output file to measure other pictures, for the prior statistics(FILE)"
        )
    path = statistics_path(network.key) if output is None else Path(output)
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
    write_atomically(path, statistics_bytes(statistics, facts), overwrite=overwrite)
    if output is None:
        network.forget_statistics()
    return path
