"""An index on disk: for each channel of a layer, the photographs with its largest and its smallest activations."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from functools import cached_property
from pathlib import Path

from torch import nn

from inceptionism.atlas.exemplars.counts import DEFAULT_COUNT, KEPT
from inceptionism.atlas.exemplars.database import ExemplarDatabase
from inceptionism.atlas.exemplars.exemplar import Exemplar
from inceptionism.atlas.exemplars.extremes import Extremes
from inceptionism.atlas.exemplars.receptive_field import ReceptiveField, receptive_box, receptive_field
from inceptionism.atlas.photo_index import (
    FolderPhotos,
    IndexedPhoto,
    OnPhoto,
    add_photos,
    is_outdated,
    listed_photos,
    photo_activations,
)
from inceptionism.errors import CannotWrite, InvalidSetting, UnreadableFile, quote_path
from inceptionism.files import cache_folder, check_file, hash_text
from inceptionism.interruption import postponed
from inceptionism.io import create_folders
from inceptionism.networks import Network, load_network
from inceptionism.objectives import check_channel
from inceptionism.runs import TrainingView
from inceptionism.validation import check_number

SCHEMA = "1"
"""Version of the tables of an index."""

LARGEST, SMALLEST = 1, -1
"""Signs of the activations. The smallest activations are the largest negative ones."""


class ExemplarIndex:
    """The photographs with the largest and the smallest activations of each channel of a layer.

    The index is an SQLite database. A query of one channel reads only the rows of this channel.

    Args:
        network: The network.
        layer: Name of the layer.
        path: File of the index. None keeps it in memory.

    Attributes:
        network: The network.
        layer: Name of the layer.
        notes: Notes for the user, each in one sentence.

    Raises:
        UnreadableFile: If the file is damaged or not an index.
        InvalidSetting: If it is the index of another network or layer.
        CannotWrite: If the file cannot be created.
    """

    def __init__(self, network: Network, layer: str, path: Path | None = None) -> None:
        self.network, self.layer, self.notes = network, layer, list[str]()
        self._database = ExemplarDatabase(path)
        self._extremes: dict[int, Extremes] = {}
        self._added = -1
        facts = self._database.facts()
        if path is not None and facts:
            if facts.get("schema") != SCHEMA:
                raise UnreadableFile(
                    f"{quote_path(path)} is an index of another version of inceptionism; delete it, or choose another "
                    "file"
                )
            if (facts.get("network"), facts.get("layer")) != (network.key, layer):
                raise InvalidSetting(
                    f"{quote_path(path)} is the index of layer {facts.get('layer')}, maybe of another network, and not "
                    f"of layer {layer} of {network.name}; choose another file"
                )

    @property
    def photo_count(self) -> int:
        """Number of photographs."""
        return self._database.photo_count()

    def find(self, path: Path) -> IndexedPhoto | None:
        """Return a photograph. None if the index does not have it."""
        return self._database.find(path)

    def clear(self) -> None:
        """Begin a new index, without photographs."""
        field = receptive_field(self.network, self.layer)
        facts = {
            "schema": SCHEMA,
            "network": self.network.key,
            "layer": self.layer,
            "receptive field": json.dumps(field),
        }
        self._database.begin()
        self._database.clear(facts)
        self._added = -1

    def add(self, path: Path) -> None:
        """Add a photograph. `save` writes it to the file.

        Raises:
            UnreadablePicture: If the photograph cannot be read.
            CannotWrite: If the file cannot be written, or if another program is writing it.
        """
        self._database.begin()
        number = self.photo_count
        if number != self._added:  # the file has photographs of an earlier run, or of another program
            channels = self.network.channels(self.layer)
            self._extremes = {sign: self._database.all_extremes(sign, channels, KEPT) for sign in (LARGEST, SMALLEST)}
        if self.find(path) is not None:
            return  # another program has added it before the transaction
        photo, activations = photo_activations(self.network, self.layer, path)
        values = activations if activations.ndim == 3 else activations[:, None, None]
        with postponed():
            for sign, extremes in self._extremes.items():
                extremes.add(sign * values, number)
            self._database.add_photo(number, photo)
            self._added = number + 1

    def save(self) -> None:
        """Write the photographs that were added, with their extremes.

        Raises:
            CannotWrite: If the file cannot be written.
        """
        with postponed():
            for sign, extremes in self._extremes.items():
                self._database.set_extremes(sign, extremes)
            self._database.commit()

    def discard(self) -> None:
        """Undo all changes that are not saved, so that other programs can write the file."""
        self._database.rollback()
        self._added = -1

    def top(self, channel: int, count: int = DEFAULT_COUNT) -> list[Exemplar]:
        """Return the exemplars with the largest activations of a channel, the largest first.

        Args:
            channel: Index of the channel.
            count: Number of exemplars, at most `KEPT`. There are fewer if there are fewer photographs.

        Raises:
            InvalidSetting: If the layer has no such channel.
            UnreadableFile: If the file is damaged.
        """
        return self._exemplars(LARGEST, channel, count)

    def bottom(self, channel: int, count: int = DEFAULT_COUNT) -> list[Exemplar]:
        """Return the exemplars with the smallest activations of a channel, the smallest first.

        Each is the place with the smallest activation in its photograph. The arguments and errors are those of `top`.
        """
        return self._exemplars(SMALLEST, channel, count)

    def _exemplars(self, sign: int, channel: int, count: int) -> list[Exemplar]:
        check_channel(self.layer, channel, self.network.channels(self.layer))
        check_number("count", count, minimum=1)
        try:
            return [
                Exemplar(
                    Path(one.photo.path), one.score, one.row, one.column, self._box(one.photo, one.row, one.column)
                )
                for one in self._database.extremes(sign, channel, count)
            ]
        except (ArithmeticError, KeyError, TypeError, ValueError) as error:
            raise self._database.damaged(error) from error

    @cached_property
    def _field(self) -> ReceptiveField | None:
        field = json.loads(self._database.facts()["receptive field"])
        return None if field is None else ReceptiveField(*map(tuple, field))

    def _box(self, photo: IndexedPhoto, row: int, column: int) -> tuple[int, int, int, int]:
        """Return the receptive field of a neuron in pixels of a photograph. It is moved to lie inside."""
        view = TrainingView.of((photo.height, photo.width), self.network)
        return receptive_box(self._field, view, row, column)


def exemplars(
    network: str | nn.Module | Network,
    layer: str,
    photos: str | os.PathLike[str] | Iterable[str | os.PathLike[str]] | None = None,
    *,
    recursive: bool = False,
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
        photos: Folder of photographs, or the paths of photographs. None means those that `index` has, without a look at
            their files.
        recursive: Whether to take the photographs in the folders inside the folder, too.
        index: File of the index, an SQLite database. It is written every few seconds and at the end, also after an
            interruption. The default is a file in the user's cache for this network, layer and folder.
        on_photo: Called with the number of photographs so far, after each of them, and with the error if this one
            cannot be read. Without it, the error is raised.

    Raises:
        UnknownName: If the network has no such layer.
        InvalidSetting: If there are no photographs, or if the file is the index of another network or layer.
        UnreadableFile: If the file is not an index.
        UnreadablePicture: If a photograph cannot be read.
        CannotWrite: If the file cannot be written, or if another program is writing it.
    """
    network = load_network(network)
    network.check_layer(layer)
    if photos is None:
        if index is None:
            raise InvalidSetting("there are no photographs; give a folder of photographs, or the file of an index")
        check_file(Path(index))
        found = ExemplarIndex(network, layer, Path(index))
        if not found.photo_count:
            raise InvalidSetting(f"{quote_path(Path(index))} has no photographs; give a folder of photographs")
        return found
    wanted = FolderPhotos(Path(photos), recursive) if isinstance(photos, (str, os.PathLike)) else listed_photos(photos)
    found = ExemplarIndex(network, layer, Path(index)) if index else cached_index(network, layer, wanted)
    if not found.photo_count or is_outdated(found, wanted):
        found.clear()
    try:
        add_photos(found, wanted, found.save, on_photo)
    finally:
        found.discard()
    return found


def cached_index(network: Network, layer: str, photos: Iterable[Path]) -> ExemplarIndex:
    """Return the index in the user's cache, or one in memory with a note if there can be no file."""
    path = default_path(network, layer, photos)
    try:
        create_folders(path.parent)
        return ExemplarIndex(network, layer, path)
    except CannotWrite as error:
        found = ExemplarIndex(network, layer)
        found.notes.append(f"the index is not kept for the next time: {error}")
        return found


def default_path(network: Network, layer: str, photos: Iterable[Path]) -> Path:
    """Return the file in the user's cache for the index of a network, a layer and the folders of photographs."""
    folders = sorted({os.fsencode(photo.parent) for photo in photos})
    return cache_folder("exemplars") / f"{hash_text(repr((network.key, layer, folders)))}.sqlite"
