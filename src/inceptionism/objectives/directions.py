"""Directions in channel space: read from a file, or computed from two folders of pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, UnreadableFile, first_line, quote_path
from inceptionism.files import check_file, files_in, hash_file, hash_files, is_folder, read_limited
from inceptionism.io import NUMPY_ERRORS, Photo, load_photo
from inceptionism.networks import Network
from inceptionism.objectives.masking import reference_tensor

MAX_DIRECTION_BYTES = 2**24
"""Largest size of a file with a direction, in bytes."""


def read_direction(path: Path) -> Tensor:
    """Return the row of numbers in a .npy file, as float32. Code in the file is never executed.

    Raises:
        InvalidSetting: If the file is missing, or does not hold one row of numbers.
    """
    try:
        values = np.load(io.BytesIO(read_limited(path, MAX_DIRECTION_BYTES)), allow_pickle=False)
    except (UnreadableFile, *NUMPY_ERRORS) as error:
        raise InvalidSetting(f"{path} cannot be read as a .npy file with a direction: {first_line(error)}") from None
    if not isinstance(values, np.ndarray) or values.ndim != 1 or values.dtype.kind not in "fiu":
        raise InvalidSetting(f"{path} must hold one row of numbers to be used as a direction")
    return torch.from_numpy(values.astype(np.float32))


def direction_between(network: Network, layer: str, toward: Path, away: Path) -> Tensor:
    """Return the difference between a layer's mean activations for two folders of pictures: C numbers.

    This is the simplest concept vector. Kim et al. (2018) train a classifier between the two sets of pictures instead.

    Args:
        network: Network that evaluates the pictures.
        layer: Name of the layer.
        toward: Folder of the pictures that the direction leads to.
        away: Folder of the pictures that the direction leads away from.

    Raises:
        InvalidSetting: If a folder has no pictures.
        UnreadablePicture: If a file in a folder is not a picture.
    """
    return mean_activations(network, layer, load_folder(toward)) - mean_activations(network, layer, load_folder(away))


def mean_activations(network: Network, layer: str, photos: Iterable[Photo]) -> Tensor:
    """Return the mean activation of each channel of a layer over pictures: C numbers.

    Args:
        network: Network that evaluates the pictures.
        layer: Name of the layer.
        photos: Pictures. Each has the same weight, whatever its size.

    Raises:
        UnknownName: If the network has no such layer.
    """
    means = []
    for photo in photos:
        with torch.no_grad():
            values = network.activations(reference_tensor(photo, network.device), [layer])[layer]
        means.append(values.flatten(2).mean((0, 2)) if values.ndim > 2 else values[0])
    return torch.stack(means).mean(0).cpu()


def load_folder(folder: Path) -> Iterator[Photo]:
    """Read the pictures in a folder one after the other, sorted by name. If `folder` is a file, read that picture only.

    Hidden files are left out.

    Raises:
        InvalidSetting: If the folder has no pictures.
        UnreadablePicture: If a file is not a picture.
    """
    yield from map(load_photo, picture_files(folder))


def picture_files(folder: Path) -> list[Path]:
    """Return the paths of the pictures that `load_folder` returns."""
    if not is_folder(folder):
        return [folder]
    files = files_in(folder)
    if not files:
        raise InvalidSetting(f"folder {folder} has no pictures")
    return files


def hash_source(source: Path) -> str:
    """Return the SHA-256 of a file, or of the SHA-256s of all pictures in a folder, in hexadecimal digits.

    Raises:
        InvalidSetting: If the folder has no pictures.
        UnreadableFile: If a file cannot be read.
    """
    paths = picture_files(source)
    for path in paths:
        check_file(path)
    try:
        return hash_files(paths) if is_folder(source) else hash_file(source)
    except OSError as error:
        raise UnreadableFile(f"{quote_path(error.filename or source)} cannot be read: {first_line(error)}") from None
