"""Directions in channel space: read from a file, or computed from two folders of pictures."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, UnreadableFile, first_line, quote_path
from inceptionism.files import check_file, files_in, hash_file, hash_files, is_folder
from inceptionism.io import Photo, load_photo
from inceptionism.networks import Network
from inceptionism.objectives.masking import reference_tensor
from inceptionism.objectives.matrices import read_numbers

PROBE_RIDGE = 0.01
"""Weight of the penalty on the weights of a probe."""


def read_direction(path: Path) -> Tensor:
    """Return the row of numbers in a .npy file, as float32. Code in the file is never executed.

    Raises:
        InvalidSetting: If the file is missing, or does not hold one row of numbers.
    """
    if path.suffix.lower() == ".safetensors":
        raise InvalidSetting(f"{path} can hold several directions; add row=NUMBER to choose one")
    values = read_numbers(path, "a direction")
    if values.ndim != 1:
        raise InvalidSetting(
            f"{path} must hold one row of numbers to be used as a direction; for a row of several, add row=NUMBER"
        )
    return values


def direction_between(network: Network, layer: str, toward: Path, away: Path, *, probe: bool = False) -> Tensor:
    """Return the direction in a layer that leads from the pictures in one folder to those in another: C numbers.

    Without a probe, it is the difference between the mean activations, the simplest concept vector. With a probe, it is
    the concept activation vector of Kim et al. (2018): the weights of a linear classifier that tells the two folders
    apart. We depart from the paper: the classifier sees the mean activations of a picture over all positions, and not
    the activations of each position.

    Args:
        network: Network that evaluates the pictures.
        layer: Name of the layer.
        toward: Folder of the pictures that the direction leads to.
        away: Folder of the pictures that the direction leads away from.
        probe: Whether a classifier is trained.

    Raises:
        InvalidSetting: If a folder has no pictures.
        UnreadablePicture: If a file in a folder is not a picture.
    """
    means = [torch.stack(list(picture_means(network, layer, load_folder(folder)))) for folder in (toward, away)]
    return train_probe(*means) if probe else means[0].mean(0) - means[1].mean(0)


def train_probe(toward: Tensor, away: Tensor) -> Tensor:
    """Return the weights of a logistic regression that tells two sets of vectors apart: C numbers.

    The regression has an intercept, which is not returned, and a penalty of `PROBE_RIDGE / 2` times the squared norm of
    the weights. The vectors are first divided by their root mean square, so the penalty does not depend on the scale of
    the activations.

    Args:
        toward: The set that the weights lead to, M×C.
        away: The other set, N×C.
    """
    vectors = torch.cat([toward, away]).double()
    vectors = vectors / vectors.square().mean().sqrt().clamp_min(torch.finfo(vectors.dtype).tiny)
    labels = torch.cat([torch.ones(len(toward)), torch.zeros(len(away))]).double()
    with torch.inference_mode(False), torch.enable_grad():
        vectors = vectors.clone()
        weights = torch.zeros(vectors.shape[1] + 1, dtype=vectors.dtype, requires_grad=True)
        optimizer = torch.optim.LBFGS([weights], max_iter=500, tolerance_grad=1e-9, line_search_fn="strong_wolfe")

        def evaluate() -> Tensor:
            optimizer.zero_grad()
            logits = vectors @ weights[1:] + weights[0]
            error = torch.nn.functional.binary_cross_entropy_with_logits(logits, labels)
            error = error + PROBE_RIDGE / 2 * weights[1:].square().sum()
            error.backward()  # type: ignore[no-untyped-call]
            return error

        optimizer.step(evaluate)  # type: ignore[no-untyped-call]
    return weights[1:].detach().float()


def mean_activations(network: Network, layer: str, photos: Iterable[Photo]) -> Tensor:
    """Return the mean activation of each channel of a layer over pictures: C numbers.

    Args:
        network: Network that evaluates the pictures.
        layer: Name of the layer.
        photos: Pictures. Each has the same weight, whatever its size.

    Raises:
        UnknownName: If the network has no such layer.
    """
    return torch.stack(list(picture_means(network, layer, photos))).mean(0)


def picture_means(network: Network, layer: str, photos: Iterable[Photo]) -> Iterator[Tensor]:
    """Yield the mean activation of each channel of a layer for each picture: C numbers on the CPU."""
    for photo in photos:
        with torch.no_grad():
            values = network.activations(reference_tensor(photo, network), [layer])[layer]
        yield (values.flatten(2).mean((0, 2)) if values.ndim > 2 else values[0]).cpu()


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
