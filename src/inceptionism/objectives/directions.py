"""Directions in channel space: read from a file, or computed from two folders of pictures."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import torch
from safetensors import SafetensorError
from safetensors.torch import load
from torch import Tensor

from inceptionism.errors import InvalidSetting, UnreadableFile, first_line, quote_path
from inceptionism.files import check_file, files_in, hash_file, hash_files, is_folder, read_limited
from inceptionism.io import NUMPY_ERRORS, Photo, load_photo
from inceptionism.networks import Network
from inceptionism.objectives.masking import reference_tensor

SAFETENSORS = ".safetensors"
"""Ending of a file of tensors."""

MAX_DIRECTION_BYTES = 2**24
"""Largest size of a file with a direction, in bytes."""


def read_direction(path: Path, row: int | None = None) -> Tensor:
    """Return a row of numbers in a .npy or .safetensors file, as float32. Code in the file is never executed.

    Args:
        path: Path of the file. A .safetensors file must hold one tensor.
        row: Index of the row in a file with several rows. None for a file with one row.

    Raises:
        InvalidSetting: If the file is missing, or does not hold such a row of numbers.
    """
    ending = SAFETENSORS if path.suffix.lower() == SAFETENSORS else ".npy"
    try:
        content = read_limited(path, MAX_DIRECTION_BYTES)
        values = single_tensor(content) if ending == SAFETENSORS else np.load(io.BytesIO(content), allow_pickle=False)
    except (UnreadableFile, SafetensorError, *NUMPY_ERRORS) as error:
        message = f"{path} cannot be read as a {ending} file with a direction: {first_line(error)}"
        raise InvalidSetting(message) from None
    if isinstance(values, np.ndarray) and values.dtype.kind in "fiu":
        if row is None and values.ndim == 1:
            return torch.from_numpy(values.astype(np.float32))
        if row is not None and values.ndim == 2:
            if row >= len(values):
                raise InvalidSetting(f"{path} has no row {row}; it has {len(values)} rows, counted from 0")
            return torch.from_numpy(values[row].astype(np.float32))
    wanted = "one row of numbers" if row is None else f"several rows of numbers, as row={row} needs,"
    raise InvalidSetting(f"{path} must hold {wanted} to be used as a direction")


def single_tensor(content: bytes) -> object:
    """Return the only tensor in a safetensors file, as an array. None if it has more, none, or complex numbers."""
    tensors = list(load(content).values())
    return tensors[0].float().numpy() if len(tensors) == 1 and not tensors[0].is_complex() else None


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
