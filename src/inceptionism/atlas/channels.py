"""An atlas of a layer's channels: a picture of each channel, a contact sheet of all pictures, and an index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from inceptionism.errors import (
    CannotWrite,
    InceptionismError,
    InvalidSetting,
    NameTaken,
    NoGradient,
    NotFinite,
    UnreadableFile,
    quote_path,
)
from inceptionism.files import path_exists
from inceptionism.interruption import postponed
from inceptionism.io import (
    LabeledImage,
    Photo,
    contact_sheet,
    create_folder,
    open_image,
    read_recipe,
    save_or_rescue,
    write_atomically,
)
from inceptionism.networks import Network
from inceptionism.objectives import channel, check_channel, mean_activations
from inceptionism.recipes import ClassRecipe, Recipe, choose_unit
from inceptionism.runs import ClassRun, Step, make_batches, run_batch

INDEX_SCHEMA = 1
"""Version of the format of `index.json`."""

DEFAULT_SIZE = (128, 128)
"""Height and width of the pictures in pixels, for settings that do not give them."""


class ChannelAtlas:
    """Pictures of a layer's channels in a folder. Pictures that already exist with the same settings are kept.

    Each picture is a PNG with its recipe inside, the same as from `dream unit`. `finish` adds `sheet.png` and
    `index.json`. The index lists the file of each channel and its position on the sheet.

    Args:
        network: Network that has the layer.
        layer: Name of the layer.
        settings: Settings of every picture. The objective in them is replaced by that of the channel. Without a size,
            the pictures are small.
        folder: Folder for the files. It is created if its parent exists.
        channels: Indices of the channels. None means all channels of the layer.
        photo: If given, the channels that are most active on this photograph are shown instead of `channels`, the most
            active first.
        top: Number of channels that are shown if `photo` is given. None means all channels.
        overwrite: Whether existing pictures with other settings are replaced.

    Attributes:
        channels: Indices of the channels, in the order of the sheet.
        done: Channels whose pictures exist.
        silent: Channels whose objectives had no gradient, among the pictures that this object has made.

    Raises:
        UnknownName: If the network has no such layer.
        InvalidSetting: If the layer has no such channel, or a setting is not valid.
        CannotWrite: If the folder cannot be created.
        NameTaken: If the folder has pictures with other settings, or other files with the names of the pictures.
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
        overwrite: bool = False,
    ) -> None:
        layer = choose_unit(layer, network.layer_names, channel=False).name
        network.check_layer(layer)
        self.network, self.layer, self.folder = network, layer, folder
        count = network.channels(layer)
        for index in channels or []:
            check_channel(layer, index, count)
        self.activations = None if photo is None else mean_activations(network, layer, [photo])
        if self.activations is not None:
            channels = self.activations.argsort(descending=True)[:top].tolist()
        self.channels = list(range(count)) if channels is None else list(channels)
        self._digits = len(str(count - 1))
        self._settings = replace(settings, size=settings.size or network.fitting_size(DEFAULT_SIZE))
        for index in self.channels[:1]:
            self.run(index)  # settings that are not valid are refused before the folder is created
        create_folder(folder, exist_ok=True)
        self.done: list[int] = []
        self.silent: list[int] = []
        for index in self.channels:
            path = self.path(index)
            if not path_exists(path):
                continue
            if embedded_recipe(path) == self.run(index).recipe:
                self.done.append(index)
            elif not overwrite:
                raise NameTaken(
                    f"{quote_path(path)} already exists with other settings; "
                    "choose another folder, or replace it with --overwrite (in Python, overwrite=True)"
                )

    def path(self, index: int) -> Path:
        """Return the path of the picture of a channel."""
        return self.folder / f"{index:0{self._digits}d}.png"

    def run(self, index: int) -> ClassRun:
        """Return the run that makes the picture of a channel."""
        objective = channel(self.layer, index)
        recipe = replace(self._settings, objective=str(objective))
        return ClassRun(recipe, network=self.network, objective=objective)

    def make_batches(self) -> Iterator[Iterator[list[Step]]]:
        """Yield the steps of each batch of missing pictures. The pictures are written after the last step of a batch.

        Raises:
            InvalidSetting: If the next batch is requested before all steps of the last batch were taken.
            CannotWrite: If a picture cannot be written. All pictures of its batch are saved elsewhere if possible, and
                the message names their files.
            NotFinite: If a gradient is not finite, after the other pictures of the batch were written.
        """
        missing = [index for index in self.channels if index not in set(self.done)]
        for batch in make_batches(self.run(index) for index in missing):
            indices, missing = missing[: len(batch)], missing[len(batch) :]
            yield self._steps(indices, batch)
            failures: list[InceptionismError] = [run.failure for run in batch if isinstance(run.failure, NotFinite)]
            with postponed():
                for index, run in zip(indices, batch, strict=True):
                    if run.failure in failures:
                        continue
                    if len(run.scores) < sum(run.octave_steps):
                        raise InvalidSetting("take all steps of a batch before you request the next batch")
                    result = run.result()
                    try:
                        save_or_rescue(result.image, self.path(index), result.recipe, overwrite=True)
                        self.done.append(index)
                    except CannotWrite as error:
                        failures.append(error)
            if len(failures) == 1:
                raise failures[0]
            if failures:
                raise CannotWrite("; ".join(map(str, failures)))

    def _steps(self, indices: Sequence[int], batch: Sequence[ClassRun]) -> Iterator[list[Step]]:
        """Yield the steps of a batch. The picture of a silent channel shows only the effect of the prior on noise."""
        with suppress(NoGradient, NotFinite):  # the runs keep them
            yield from run_batch(batch)
        self.silent += [index for index, run in zip(indices, batch, strict=True) if isinstance(run.failure, NoGradient)]

    def finish(self) -> Path:
        """Write the sheet and the index, and return the path of the sheet. The pictures of all channels must exist.

        Raises:
            CannotWrite: If the sheet cannot be written. It is saved elsewhere if possible, and the message names it.
        """
        pictures, entries = [], []
        for index in self.channels:
            with open_image(self.path(index)) as image:
                activation = "" if self.activations is None else f"{self.activations[index]:.3g}"
                pictures.append(LabeledImage(image.convert("RGB"), str(index), activation))
            entries.append({"channel": index, "file": self.path(index).name})
            if self.activations is not None:
                entries[-1]["activation"] = float(self.activations[index])
        count = self.network.channels(self.layer)
        heading = f"{Path(self.network.name).name} · {self.layer} · {len(pictures)} of {count} channels"
        sheet, positions = contact_sheet(pictures, heading)
        for entry, (row, column) in zip(entries, positions, strict=True):
            entry |= {"row": row, "column": column}
        content = {
            "schema": INDEX_SCHEMA,
            "network": self.network.name,
            "weights": self.network.weights_hash,
            "layer": self.layer,
            "sheet": "sheet.png",
            "channels": entries,
        }
        path = self.folder / "sheet.png"
        save_or_rescue(sheet, path, overwrite=True)
        write_atomically(self.folder / "index.json", json.dumps(content, indent=1).encode(), overwrite=True)
        return path


def embedded_recipe(path: Path) -> Recipe | None:
    """Return the recipe inside a picture. None if the file has no valid recipe or is not a picture."""
    try:
        text = read_recipe(path)
        return None if text is None else Recipe.from_json(text)
    except (UnreadableFile, InvalidSetting):
        return None
