"""An atlas of a layer's units: a picture of each channel or feature, a contact sheet of all pictures, and an index."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from inceptionism.atlas.picture_folder import PictureFolder
from inceptionism.files import text_of_name
from inceptionism.io import (
    LabeledImage,
    Photo,
    contact_sheet,
    flatten_alpha,
    open_image,
    save_or_rescue,
    write_atomically,
)
from inceptionism.networks import Network
from inceptionism.objectives import (
    Objective,
    channel,
    check_channel,
    feature,
    hash_source,
    mean_activations,
    read_dictionary,
    reference_tensor,
)
from inceptionism.recipes import ClassRecipe, choose_unit

INDEX_SCHEMA = 1
"""Version of the format of `index.json`."""

DEFAULT_SIZE = (128, 128)
"""Height and width of the pictures in pixels, for settings that do not give them."""


class ChannelAtlas(PictureFolder[int]):
    """Pictures of a layer's channels in a folder, or of the features of a dictionary.

    Pictures that already exist with the same settings are kept. The picture of a channel is the same as from
    `dream unit`. `finish` adds `sheet.png` and `index.json`. The index lists the file of each channel and its position
    on the sheet.

    Args:
        network: Network that has the layer.
        layer: Name of the layer.
        settings: Settings of every picture. The objective in them is replaced by that of the channel. Without a size,
            the pictures are small.
        folder: Folder for the files. It is created if its parent exists.
        channels: Indices of the channels or features. None means all of them.
        photo: If given, the channels that are most active on this photograph are shown instead of `channels`, the most
            active first.
        top: Number of channels that are shown if `photo` is given. None means all channels.
        dictionary: File of a dictionary (see `read_dictionary`), whose features are shown in place of the channels.
        overwrite: Whether existing pictures with other settings are replaced.

    Attributes:
        channels: Indices of the channels, in the order of the sheet.

    Raises:
        UnknownName: If the network has no such layer.
        InvalidSetting: If the layer has no such channel, or a setting is not valid.
        CannotWrite, NameTaken: As for `PictureFolder`.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        settings: ClassRecipe,
        folder: Path,
        channels: Sequence[int] | None = None,
        photo: Photo | None = None,
        top: int | None = None,
        *,
        dictionary: Path | None = None,
        overwrite: bool = False,
    ) -> None:
        layer = choose_unit(layer, network.layer_names, channel=False).name
        network.check_layer(layer)
        self.layer = layer
        self._source = None if dictionary is None else text_of_name(dictionary)
        self._dictionary = None if dictionary is None else read_dictionary(dictionary)
        self._files = () if dictionary is None else ((str(self._source), hash_source(dictionary)),)
        self.count = network.channels(layer)
        if self._dictionary is not None:
            self.count = len(self._dictionary)
        for index in channels or []:
            if self._dictionary is None:
                check_channel(layer, index, self.count)
            else:
                self._dictionary.check(index, network.channels(layer), layer, str(self._source))
        self.activations = None if photo is None else self._mean_activations(network, photo)
        if self.activations is not None:
            channels = self.activations.argsort(descending=True)[:top].tolist()
        dead = [] if self._dictionary is None else self._dictionary.dead
        alive = [index for index in range(self.count) if index not in {*dead}]
        if self._dictionary is not None:
            self._dictionary.check((alive or [0])[0], network.channels(layer), layer, str(self._source))
        self.channels = alive if channels is None else list(channels)
        self._digits = len(str(self.count - 1))
        settings = replace(settings, size=settings.size or network.fitting_size(DEFAULT_SIZE))
        super().__init__(network, settings, folder, self.channels, overwrite=overwrite)
        self.silent += dead if channels is None else []

    def path(self, key: int) -> Path:
        return self.folder / f"{key:0{self._digits}d}.png"

    @property
    def kind(self) -> str:
        """Kind of the units, in the plural: channels or features."""
        return "channels" if self._dictionary is None else "features"

    def objective(self, key: int) -> Objective:
        if self._dictionary is None:
            return channel(self.layer, key)
        return replace(feature(self.layer, self._dictionary, key, str(self._source)), files=self._files)

    def _mean_activations(self, network: Network, photo: Photo) -> Tensor:
        """Return the mean activation of each channel or feature on a photograph."""
        if self._dictionary is None:
            return mean_activations(network, self.layer, [photo])
        with torch.no_grad():
            values = network.activations(reference_tensor(photo, network), [self.layer])[self.layer]
            means = self._dictionary.mean_activations(values)[0].cpu()
            means[self._dictionary.dead] = -torch.inf
            return means

    def finish(self) -> Path:
        """Write the sheet and the index, and return the path of the sheet. The pictures of all channels must exist.

        Raises:
            CannotWrite: If the sheet cannot be written. It is saved elsewhere if possible, and the message names it.
        """
        pictures, entries = [], []
        for index in self.channels:
            with open_image(self.path(index)) as image:
                activation = "" if self.activations is None else f"{self.activations[index]:.3g}"
                pictures.append(LabeledImage(flatten_alpha(image).convert("RGB"), str(index), activation))
            entries.append({"channel": index, "file": self.path(index).name})
            if self.activations is not None:
                entries[-1]["activation"] = float(self.activations[index])
        kind = self.kind if self._source is None else f"features of {Path(self._source).name}"
        heading = f"{Path(self.network.name).name} · {self.layer} · {len(pictures)} of {self.count} {kind}"
        sheet, positions = contact_sheet(pictures, heading)
        for entry, (row, column) in zip(entries, positions, strict=True):
            entry |= {"row": row, "column": column}
        content = {
            "schema": INDEX_SCHEMA,
            "network": self.network.name,
            "weights": self.network.weights_hash,
            "layer": self.layer,
            **({} if self._source is None else {"dictionary": self._source}),
            "sheet": "sheet.png",
            "channels": entries,
        }
        path = self.folder / "sheet.png"
        save_or_rescue(sheet, path, overwrite=True)
        write_atomically(self.folder / "index.json", json.dumps(content, indent=1).encode(), overwrite=True)
        return path
