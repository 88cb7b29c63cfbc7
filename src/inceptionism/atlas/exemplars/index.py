"""An index on disk: for each channel of a layer, the photographs with its largest and its smallest activations."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from safetensors.torch import save
from torch import nn

from inceptionism.atlas.exemplars.counts import DEFAULT_COUNT, KEPT
from inceptionism.atlas.exemplars.exemplar import Exemplar
from inceptionism.atlas.exemplars.extremes import NO_PHOTO, Extremes
from inceptionism.atlas.exemplars.receptive_field import ReceptiveField, receptive_box, receptive_field
from inceptionism.atlas.photo_index import (
    IndexedPhoto,
    OnPhoto,
    add_photos,
    is_outdated,
    listed_photos,
    photo_activations,
)
from inceptionism.errors import InvalidSetting, UnreadableFile, first_line, quote_path
from inceptionism.files import cache_folder, hash_text, is_file
from inceptionism.io import create_folders, write_atomically
from inceptionism.networks import TENSOR_FILE_ERRORS, Network, load_network, read_tensors
from inceptionism.objectives import check_channel
from inceptionism.runs import TrainingView
from inceptionism.validation import check_number

LARGEST, SMALLEST = "largest", "smallest"
"""Beginnings of the names of the tensors in the file."""


@dataclass
class ExemplarIndex:
    """The photographs with the largest and the smallest activations of each channel of a layer.

    Attributes:
        network: The network.
        layer: Name of the layer.
        photos: The photographs, in the order in which they were added.
        largest: Largest activations of each channel.
        smallest: Largest negative activations of each channel. The sign is reversed.
        notes: Notes for the user, each in one sentence.
    """

    network: Network
    layer: str
    photos: list[IndexedPhoto] = field(default_factory=list)
    largest: Extremes = field(init=False)
    smallest: Extremes = field(init=False)
    notes: list[str] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        channels = self.network.channels(self.layer)
        self.largest, self.smallest = (Extremes.empty(channels, KEPT) for _ in range(2))

    def add(self, path: Path) -> None:
        """Add a photograph.

        Raises:
            UnreadablePicture: If the photograph cannot be read.
        """
        photo, activations = photo_activations(self.network, self.layer, path)
        values = activations if activations.ndim == 3 else activations[:, None, None]
        self.largest.add(values, len(self.photos))
        self.smallest.add(-values, len(self.photos))
        self.photos.append(photo)

    def top(self, channel: int, count: int = DEFAULT_COUNT) -> list[Exemplar]:
        """Return the exemplars with the largest activations of a channel, the largest first.

        Args:
            channel: Index of the channel.
            count: Number of exemplars, at most `KEPT`. There are fewer if there are fewer photographs.

        Raises:
            InvalidSetting: If the layer has no such channel.
        """
        return self._exemplars(self.largest, channel, count, 1)

    def bottom(self, channel: int, count: int = DEFAULT_COUNT) -> list[Exemplar]:
        """Return the exemplars with the smallest activations of a channel, the smallest first.

        Each is the place with the smallest activation in its photograph. The arguments and errors are those of `top`.
        """
        return self._exemplars(self.smallest, channel, count, -1)

    def _exemplars(self, extremes: Extremes, channel: int, count: int, sign: int) -> list[Exemplar]:
        check_channel(self.layer, channel, len(extremes.values))
        check_number("count", count, minimum=1)
        columns = (extremes.values, extremes.photos, extremes.rows, extremes.columns)
        exemplars = []
        for value, number, row, column in zip(*(one[channel, :count].tolist() for one in columns), strict=True):
            if number != NO_PHOTO:
                photo = self.photos[number]
                exemplars.append(Exemplar(Path(photo.path), sign * value, row, column, self._box(photo, row, column)))
        return exemplars

    @cached_property
    def _field(self) -> ReceptiveField | None:
        return receptive_field(self.network, self.layer)

    def _box(self, photo: IndexedPhoto, row: int, column: int) -> tuple[int, int, int, int]:
        """Return the receptive field of a neuron in pixels of a photograph. It is moved to lie inside."""
        view = TrainingView.of((photo.height, photo.width), self.network)
        return receptive_box(self._field, view, row, column)

    def save(self, path: Path) -> None:
        """Write the index to a safetensors file, whole or not at all.

        Raises:
            CannotWrite: If the file cannot be written.
        """
        facts = {
            "layer": self.layer,
            "network": self.network.key,
            "photos": json.dumps([vars(one) for one in self.photos]),
        }
        tensors = {**self.largest.tensors(LARGEST), **self.smallest.tensors(SMALLEST)}
        create_folders(path.parent)
        write_atomically(path, save(tensors, facts), overwrite=True)

    @classmethod
    def load(cls, path: Path, network: Network, layer: str) -> ExemplarIndex:
        """Return the index in a file.

        Raises:
            UnreadableFile: If the file is damaged or not an index.
            InvalidSetting: If it is the index of another network or layer.
        """
        try:
            tensors, facts = read_tensors(path)
            index = cls(network, layer, [IndexedPhoto(**one) for one in json.loads(facts["photos"])])
            index.largest, index.smallest = (Extremes.of_tensors(tensors, one) for one in (LARGEST, SMALLEST))
            owner = facts["network"], facts["layer"]
        except (*TENSOR_FILE_ERRORS, KeyError, TypeError, ValueError) as error:
            raise UnreadableFile(
                f"{quote_path(path)} is damaged, or no index of exemplars: {first_line(error)}; delete it, or choose "
                "another file"
            ) from error
        if owner != (network.key, layer):
            raise InvalidSetting(
                f"{quote_path(path)} is the index of layer {owner[1]}, maybe of another network, and not of layer "
                f"{layer} of {network.name}; choose another file"
            )
        return index


def exemplars(
    network: str | nn.Module | Network,
    layer: str,
    photos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    *,
    index: str | os.PathLike[str] | None = None,
    on_photo: OnPhoto | None = None,
) -> ExemplarIndex:
    """Return an index of photographs. Photographs that an earlier run has indexed are not read again.

    The photographs pass one after the other, and only the extremes of each channel are kept, so there can be any number
    of them. If an indexed photograph has changed or is no longer in the list, the index begins again. Natural exemplars
    help people to predict a unit better than synthetic pictures alone (Borowski et al., 2021).

    Args:
        network: A `Network`, a module, or the name or path of a network.
        layer: Name of the layer.
        photos: Folder of photographs, or the paths of photographs.
        index: File of the index. It is written every 30 seconds and at the end, also after an interruption. The default
            is a file in the user's cache for this network, layer and folder.
        on_photo: Called with the number of photographs so far, after each of them, and with the error if this one
            cannot be read. Without it, the error is raised.

    Raises:
        UnknownName: If the network has no such layer.
        InvalidSetting: If there are no photographs, or if the file is the index of another network or layer.
        UnreadableFile: If the file is not an index.
        UnreadablePicture: If a photograph cannot be read.
        CannotWrite: If the file cannot be written.
    """
    network = load_network(network)
    network.check_layer(layer)
    wanted = listed_photos(photos)
    path = default_path(network, layer, wanted) if index is None else Path(index)
    found = ExemplarIndex.load(path, network, layer) if is_file(path) else ExemplarIndex(network, layer)
    if is_outdated(found.photos, wanted):
        found = ExemplarIndex(network, layer)
    add_photos(found, wanted, path, on_photo, required=index is not None)
    return found


def default_path(network: Network, layer: str, photos: Iterable[Path]) -> Path:
    """Return the file in the user's cache for the index of a network, a layer and the folders of photographs."""
    folders = sorted({os.fsencode(photo.parent) for photo in photos})
    return cache_folder("exemplars") / f"{hash_text(repr((network.key, layer, folders)))}.safetensors"
