"""Statistics of activations that were measured on photographs, and the file that holds them.

A network without batch norms has no statistics of natural pictures in its weights. Any network can measure them on a
folder of photographs.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from safetensors.torch import save
from torch import Tensor

from inceptionism.errors import InvalidSetting, UnreadableFile, first_line, quote_path
from inceptionism.files import cache_folder, check_file, is_file
from inceptionism.networks.statistics import QUANTILES, Statistics, resample_quantiles
from inceptionism.networks.tensor_files import TENSOR_FILE_ERRORS, read_tensors

if TYPE_CHECKING:
    from inceptionism.networks.network import Network

PRIOR_PICTURES = 30
"""Number of pictures as which the mean variance of a layer counts in the variance of a channel."""

LEAST_VARIATION = 1e-5
"""Largest standard deviation of a layer, relative to its largest mean, that is taken for a rounding error."""

MEAN, STD, QUANTILE = "mean", "std", "quantiles"
"""Ends of the names of the tensors in a file. The name of the layer comes before them."""


def statistics_path(key: str, target: int | None = None) -> Path:
    """Return the path in the user's cache for the statistics of the network with this key, or of one of its classes."""
    return cache_folder("statistics") / (
        f"{key}.safetensors" if target is None else f"{key}-class-{target}.safetensors"
    )


@dataclass
class StatisticsMeter:
    """Mean, variance and quantiles of the channels of layers over any number of pictures, in constant memory.

    The mean and the variance of each picture are added with the formula of Chan, Golub & LeVeque (1979), in float64.
    The quantiles are the mean of the sorted activations of each picture, as in VITAL (Gorgun et al., 2025). Maps of
    different sizes are resampled to `QUANTILES` numbers.

    Attributes:
        pictures: Number of pictures so far.
    """

    pictures: int = 0
    _counts: dict[str, int] = field(default_factory=dict)
    _means: dict[str, Tensor] = field(default_factory=dict)
    _squares: dict[str, Tensor] = field(default_factory=dict)
    _quantiles: dict[str, Tensor] = field(default_factory=dict)

    def add(self, activations: Mapping[str, Tensor]) -> None:
        """Add the activations of one or more pictures.

        Args:
            activations: Feature maps by layer name, N×C×H×W.

        Raises:
            InvalidSetting: If an activation is not finite.
        """
        for layer, maps in activations.items():
            values = maps.detach().cpu().double().movedim(1, 0).flatten(1)  # channels × positions
            count, mean = values.shape[1], values.mean(1)
            if not torch.isfinite(mean).all():
                raise InvalidSetting(
                    f"layer {layer} has activations that are not finite, so its statistics cannot be measured; check "
                    "the network's mean and std"
                )
            squares = (values - mean[:, None]).square().sum(1)
            before = self._counts.get(layer, 0)
            total = before + count
            if before:
                offset = mean - self._means[layer]
                squares += self._squares[layer] + offset.square() * (before * count / total)
                mean = self._means[layer] + offset * (count / total)
            self._counts[layer], self._means[layer], self._squares[layer] = total, mean, squares
            sorted_values = maps.detach().flatten(2).sort(-1).values.double()
            quantiles = resample_quantiles(sorted_values, QUANTILES).sum(0).cpu()
            self._quantiles[layer] = quantiles + self._quantiles.get(layer, 0)
        self.pictures += len(next(iter(activations.values())))

    def statistics(self) -> dict[str, Statistics]:
        """Return the statistics of each channel: mean and standard deviation over all positions of all pictures."""
        return {
            layer: Statistics(
                self._means[layer].float(),
                (self._squares[layer] / count).sqrt().float(),
                (self._quantiles[layer] / self.pictures).float(),
            )
            for layer, count in self._counts.items()
        }


def measure(network: Network, pictures: Iterable[Tensor], layers: Sequence[str] | None = None) -> NaturalStatistics:
    """Return the mean, standard deviation and quantiles of each channel over natural pictures, by layer name.

    The pictures pass one after the other, so there can be any number of them. The result is not stored.

    Args:
        network: The network.
        pictures: Pictures, each N×C×H×W in [0, 1]. Their sizes may differ.
        layers: Layers to measure. The default is `network.recommended`: a few layers of all levels.

    Raises:
        UnknownName: If the network has no such layer.
        InvalidSetting: If there are no pictures, if the network cannot process one of them, or if a layer has the same
            activations everywhere.
    """
    meter, names = StatisticsMeter(), network.recommended if layers is None else layers
    for picture in pictures:
        with torch.no_grad():
            activations = network.activations(picture.to(network.device), names)
        flat = [layer for layer, maps in activations.items() if maps.ndim != 4]
        if flat:
            raise InvalidSetting(f"{flat[0]} has no feature map, so its statistics cannot be measured; leave it out")
        meter.add(activations)
    if not meter.pictures:
        raise InvalidSetting("there are no pictures; statistics need at least one")
    measured = meter.statistics()
    for layer, one in measured.items():
        check_variation(one, f"layer {layer} has the same activations everywhere in the pictures")
    return NaturalStatistics(measured)


class NaturalStatistics(dict[str, Statistics]):
    """Statistics of natural pictures by layer name.

    Attributes:
        path: File in which they were measured. None if they are from batch norms, or if there are none.
    """

    path: Path | None = None


def stored_statistics(key: str, target: int | None = None) -> NaturalStatistics:
    """Return the statistics in the user's cache of the network with this key, or of one of its classes. May be empty.

    Raises:
        UnreadableFile, InvalidSetting: If the file is damaged.
    """
    path = statistics_path(key, target)
    statistics = NaturalStatistics(read_statistics(path) if is_file(path) else {})
    statistics.path = path if statistics else None
    return statistics


def statistics_for(network: Network, target: int | None = None) -> NaturalStatistics:
    """Return the statistics that were measured for a class of a network, or else those of the network.

    Args:
        network: The network.
        target: Index of the class. None means no class.

    Raises:
        UnreadableFile, InvalidSetting: If a file is damaged.
    """
    of_class = None if target is None else stored_statistics(network.key, target)
    return of_class or network.statistics


def statistics_bytes(statistics: Mapping[str, Statistics], facts: Mapping[str, str]) -> bytes:
    """Return statistics as the content of a safetensors file.

    Args:
        statistics: Statistics by layer name.
        facts: Facts about the measurement, which are kept in the file.
    """
    tensors = {}
    for layer, one in statistics.items():
        tensors[f"{layer}:{MEAN}"], tensors[f"{layer}:{STD}"] = one.mean.cpu(), one.std.cpu()
        if one.quantiles is not None:
            tensors[f"{layer}:{QUANTILE}"] = one.quantiles.cpu()
    return save(tensors, dict(facts))


def read_statistics(path: Path) -> dict[str, Statistics]:
    """Return the statistics in a file, by layer name. Those of few pictures are `shrunk`.

    Raises:
        UnreadableFile: If the file is missing, damaged or not a safetensors file.
        InvalidSetting: If the file has other content, or numbers that are not finite.
    """
    check_file(path)
    try:
        tensors, facts = read_tensors(path)
        pictures = int(facts["pictures"]) if "pictures" in facts else None
    except (*TENSOR_FILE_ERRORS, ValueError) as error:
        raise UnreadableFile(f"{quote_path(path)} is damaged, or no safetensors file: {first_line(error)}") from error
    # A file without tensors has the same error as a file with a tensor without a layer.
    layers = dict.fromkeys(name.rpartition(":")[0] for name in tensors) or {"": None}
    statistics = {}
    for layer in layers:
        pair = tensors.get(f"{layer}:{MEAN}"), tensors.get(f"{layer}:{STD}")
        if not layer or not all(is_row(one) for one in pair) or pair[0].shape != pair[1].shape:  # type: ignore[union-attr]
            raise InvalidSetting(
                f"{quote_path(path)} has no mean and standard deviation of each channel of a layer; "
                "`dream networks measure` makes such a file"
            )
        mean, std = (one.float() for one in pair if one is not None)
        check_variation(
            Statistics(mean, std), f"{quote_path(path)} has no standard deviations above 0 of layer {layer}"
        )
        quantiles = tensors.get(f"{layer}:{QUANTILE}")
        if quantiles is not None and not (quantiles.ndim == 2 and len(quantiles) == len(mean) and is_finite(quantiles)):
            raise InvalidSetting(
                f"{quote_path(path)} has no row of quantiles for each channel of layer {layer}; "
                "`dream networks measure` makes such a file"
            )
        statistics[layer] = shrunk(Statistics(mean, std, None if quantiles is None else quantiles.float()), pictures)
    return statistics


def check_variation(measured: Statistics, problem: str) -> None:
    """Raise `InvalidSetting`, which begins with `problem`, if the activations of a layer are constant."""
    if float(measured.std.max()) <= LEAST_VARIATION * float(measured.mean.abs().max()):
        raise InvalidSetting(f"{problem}; measure more photographs that differ, or other layers")


def shrunk(measured: Statistics, pictures: int | None) -> Statistics:
    """Return statistics of few pictures whose variances are mixed with the mean variance of the layer.

    A channel that responds to one subject does not respond to a few other photographs, so its measured variance is
    almost 0. Without the mixture, the prior would suppress exactly the channels of a class. The mean variance counts as
    `PRIOR_PICTURES` pictures, as in an estimate by James & Stein (1961).

    Args:
        measured: Statistics of a layer.
        pictures: Number of pictures. None means very many.
    """
    if pictures is None:
        return measured
    variance = measured.std.square()
    mixed = (pictures * variance + PRIOR_PICTURES * variance.mean()) / (pictures + PRIOR_PICTURES)
    return measured._replace(std=mixed.sqrt())


def is_row(tensor: Tensor | None) -> bool:
    """Return whether a tensor is a row of finite numbers."""
    return tensor is not None and tensor.ndim == 1 and is_finite(tensor)


def is_finite(tensor: Tensor) -> bool:
    """Return whether a tensor has only finite numbers, and at least one."""
    return tensor.numel() > 0 and bool(torch.isfinite(tensor.float()).all())
