"""Random activations of many photographs: a few vectors of each, read one photograph after the other."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from inceptionism.atlas.photo_index import IndexedPhoto, OnPhoto, add_photos, is_outdated, photo_activations
from inceptionism.errors import NameTaken, UnreadableFile, first_line, quote_path
from inceptionism.files import hash_text, is_file
from inceptionism.io import write_atomically
from inceptionism.networks import TENSOR_FILE_ERRORS, Network, read_tensors
from inceptionism.recipes import MAX_SEED
from inceptionism.validation import check_integer

TENSORS = ("values", "photo_numbers", "rows", "columns")
"""Names of the tensors with one row for each sample."""


@dataclass
class ActivationSamples:
    """Activation vectors of random places of photographs.

    The seed and the name of a photograph decide its places, so they do not depend on the other photographs.

    Attributes:
        network: The network.
        layer: Name of the layer.
        count: Number of places in each photograph. A map with fewer positions gives all of them.
        seed: Seed of the places.
        photos: The photographs, in the order in which they were added.
        values: Activations, samples × channels, float32.
        photo_numbers: Index of the photograph of each sample.
        rows: Row of each sample in the feature map.
        columns: Column of each sample in the feature map.
        places: Places of the samples in the plane, samples × 2, x and y in [0, 1]. None if they are not known.
    """

    network: Network
    layer: str
    count: int
    seed: int
    photos: list[IndexedPhoto] = field(default_factory=list)
    values: Tensor = field(init=False)
    photo_numbers: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    rows: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    columns: Tensor = field(default_factory=lambda: torch.zeros(0, dtype=torch.int64))
    places: Tensor | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        check_integer("samples", self.count, 1)
        check_integer("seed", self.seed, 0, MAX_SEED)
        self.values = torch.zeros(0, self.network.channels(self.layer))
        self._parts: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        self._known = {one.path: one for one in self.photos}

    @property
    def photo_count(self) -> int:
        """Number of photographs."""
        return len(self.photos)

    def find(self, path: Path) -> IndexedPhoto | None:
        """Return a photograph. None if it has no samples."""
        return self._known.get(str(path))

    def add(self, path: Path) -> None:
        """Add a photograph. `join` makes its samples available.

        Raises:
            UnreadablePicture: If the photograph cannot be read.
        """
        photo, values = photo_activations(self.network, self.layer, path)
        map_width = values.shape[-1] if values.ndim == 3 else 1
        vectors = values.reshape(len(values), -1).T  # positions × channels
        seed = int(hash_text(f"{self.seed} {path.name}")[:12], 16)
        order = torch.randperm(len(vectors), generator=torch.Generator().manual_seed(seed))
        places = order[: self.count].sort().values
        numbers = torch.full_like(places, len(self.photos))
        self._parts.append((vectors[places].clone(), numbers, places // map_width, places % map_width))
        self.places = None
        self.photos.append(photo)
        self._known[photo.path] = photo

    def join(self) -> None:
        """Put the samples of the photographs that were added into the tensors."""
        for place, name in enumerate(TENSORS):
            setattr(self, name, torch.cat([getattr(self, name), *(part[place] for part in self._parts)]))
        self._parts = []

    def facts(self) -> dict[str, str]:
        """Return everything that the samples depend on, besides the photographs."""
        return {
            "network": self.network.key,
            "layer": self.layer,
            "count": str(self.count),
            "seed": str(self.seed),
        }

    def save(self, path: Path) -> None:
        """Write the samples to a safetensors file, whole or not at all.

        Raises:
            CannotWrite: If the file cannot be written.
        """
        self.join()
        facts = {**self.facts(), "photos": json.dumps([vars(one) for one in self.photos])}
        tensors = {name: getattr(self, name) for name in TENSORS}
        if self.places is not None:
            tensors["places"] = self.places
        write_atomically(path, save(tensors, facts), overwrite=True)

    def load(self, path: Path) -> bool:
        """Take the samples from a file. Return whether they are those of this network, layer, count and seed.

        Raises:
            UnreadableFile: If the file is damaged, or has no samples.
        """
        try:
            tensors, facts = read_tensors(path)
            if {name: facts[name] for name in self.facts()} != self.facts():
                return False
            self.photos = [IndexedPhoto(**one) for one in json.loads(facts["photos"])]
            self._known = {one.path: one for one in self.photos}
            for name in TENSORS:
                setattr(self, name, tensors[name])
            self.places = tensors.get("places")
        except (*TENSOR_FILE_ERRORS, KeyError, TypeError, ValueError) as error:
            raise UnreadableFile(
                f"{quote_path(path)} is damaged, or has no samples of activations: {first_line(error)}; delete it, or "
                "choose another folder"
            ) from error
        return True


def sample_activations(
    network: Network,
    layer: str,
    photos: Sequence[Path],
    path: Path,
    *,
    count: int,
    seed: int,
    on_photo: OnPhoto | None = None,
    overwrite: bool = False,
) -> ActivationSamples:
    """Return activation vectors of random places of photographs. Photographs in the file are not read again.

    The photographs pass one after the other, and only their samples are kept. If a photograph has changed or is no
    longer in the list, the samples are taken again.

    Args:
        network: The network.
        layer: Name of the layer.
        photos: Absolute paths of the photographs.
        path: File of the samples. It is written from time to time and at the end, also after an interruption.
        count: Number of places in each photograph.
        seed: Seed of the places.
        on_photo: Called with the number of photographs so far, after each of them, and with the error if this one
            cannot be read. Without it, the error is raised.
        overwrite: Whether to replace a file with samples of another network, layer, count or seed.

    Raises:
        InvalidSetting: If the count or the seed is not valid.
        UnreadableFile: If the file is damaged.
        UnreadablePicture: If a photograph cannot be read.
        NameTaken: If the file has other samples, and `overwrite` is false.
        CannotWrite: If the file cannot be written.
    """
    samples = ActivationSamples(network, layer, count, seed)
    if is_file(path) and not samples.load(path) and not overwrite:
        raise NameTaken(
            f"{quote_path(path)} has samples of another network, layer, number or seed; "
            "choose another folder, or replace it with --overwrite (in Python, overwrite=True)"
        )
    if is_outdated(samples, photos):
        samples = ActivationSamples(network, layer, count, seed)
    add_photos(samples, photos, lambda: samples.save(path), on_photo)
    samples.join()
    return samples
