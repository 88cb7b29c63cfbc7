"""An atlas of the units of a layer: a picture of each channel, a sheet of them all, and an index."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from PIL import Image

from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken, NoGradient, UnreadablePicture
from inceptionism.io import LabeledImage, Photo, contact_sheet, read_recipe, save_picture, write_atomically
from inceptionism.networks import Network
from inceptionism.objectives import channel, check_channel, mean_activations
from inceptionism.recipes import ClassRecipe
from inceptionism.runs import ClassRun, Step, make_batches, run_batch

INDEX_SCHEMA = 1


class ChannelAtlas:
    """The pictures of a layer's channels in a folder; what is there already is not made again.

    Each is a PNG with its recipe inside, as `dream unit` makes it. Beside them come to stand `sheet.png` and
    `index.json`, which says for each channel its file and its place on the sheet.

    Args:
        network: Whose units they are.
        layer: The layer.
        settings: Of each picture; its objective is put in.
        folder: Where they go; it is made if only it is missing.
        channels: Which; by default all of the layer's.
        photo: Show those that are most active on this photograph, these first.
        top: How many of these.
        overwrite: Replace pictures with other settings that are there.

    Attributes:
        channels: Which channels, in the order of the sheet.
        done: Those whose pictures are there.
        silent: Those that nothing excited, of the pictures that were made just now.

    Raises:
        UnknownName: there is no such layer.
        InvalidSetting: the layer has no such channel.
        CannotWrite: the folder cannot be made.
        NameTaken: it holds pictures with other settings, or something else under their names.
    """

    def __init__(
        self,
        network: Network,
        layer: str,
        settings: ClassRecipe,
        folder: Path,
        channels: Sequence[int] | None = None,
        photo: Photo | None = None,
        top: int = 36,
        *,
        overwrite: bool = False,
    ) -> None:
        network.check_layer(layer)
        self.network, self.layer, self.folder = network, layer, folder
        count = network.channels(layer)
        for one in channels or []:
            check_channel(layer, one, count)
        self.activations = None if photo is None else mean_activations(network, layer, [photo])
        if self.activations is not None:
            channels = self.activations.argsort(descending=True)[:top].tolist()
        self.channels = list(range(count)) if channels is None else list(channels)
        self._digits = len(str(count - 1))
        self._settings = settings
        try:
            folder.mkdir(exist_ok=True)
        except OSError as error:
            raise CannotWrite(f"{folder} cannot be made as a folder: {error.strerror}") from error
        self.done: list[int] = []
        self.silent: list[int] = []
        for one in self.channels:
            path = self.path(one)
            if path.exists() and recipe_in(path) == self.run(one).recipe.to_json():
                self.done.append(one)
            elif path.exists() and not overwrite:
                raise NameTaken(
                    f"{path} is there with other settings; give another folder, or --overwrite to replace it"
                )

    def path(self, channel: int) -> Path:
        """Return where the picture of a channel is."""
        return self.folder / f"{channel:0{self._digits}d}.png"

    def run(self, index: int) -> ClassRun:
        """Return what makes the picture of a channel."""
        objective = channel(self.layer, index)
        recipe = replace(self._settings, objective=str(objective))
        return ClassRun(recipe, network=self.network, objective=objective)

    def make_batches(self) -> Iterator[Iterator[list[Step]]]:
        """Yield, for each batch of pictures that are not there, its steps; its pictures are written after the last."""
        missing = [one for one in self.channels if one not in set(self.done)]
        for batch in make_batches(self.run(one) for one in missing):
            some, missing = missing[: len(batch)], missing[len(batch) :]
            yield self._steps(some, batch)
            for one, run in zip(some, batch, strict=True):
                if len(run.scores) < run.steps:
                    raise InvalidSetting("take all steps of a batch before the next")
                result = run.result()
                save_picture(result.image, self.path(one), result.recipe)
                self.done.append(one)

    def _steps(self, channels: Sequence[int], batch: Sequence[ClassRun]) -> Iterator[list[Step]]:
        """Take the steps of a batch; a channel that nothing excites gets what the prior makes of noise."""
        try:
            yield from run_batch(batch)
        except NoGradient:
            self.silent += [one for one, run in zip(channels, batch, strict=True) if not any(run.scores)]

    def finish(self) -> Path:
        """Write the sheet and the index of all channels, whose pictures are there, and return the sheet's path."""
        pictures, entries = [], []
        for one in self.channels:
            with Image.open(self.path(one)) as image:
                active = "" if self.activations is None else f"{self.activations[one]:.3g}"
                pictures.append(LabeledImage(image.convert("RGB"), str(one), active))
            entries.append({"channel": one, "file": self.path(one).name})
            if self.activations is not None:
                entries[-1]["activation"] = float(self.activations[one])
        count = self.network.channels(self.layer)
        heading = f"{Path(self.network.name).name} · {self.layer} · {len(pictures)} of {count} channels"
        sheet, places = contact_sheet(pictures, heading)
        for entry, (row, column) in zip(entries, places, strict=True):
            entry |= {"row": row, "column": column}
        index = {
            "schema": INDEX_SCHEMA,
            "network": self.network.name,
            "weights": self.network.weights_hash,
            "layer": self.layer,
            "sheet": "sheet.png",
            "channels": entries,
        }
        path = self.folder / "sheet.png"
        save_picture(sheet, path)
        write_atomically(self.folder / "index.json", json.dumps(index, indent=1).encode(), overwrite=True)
        return path


def recipe_in(path: Path) -> str | None:
    """Return the recipe that a picture carries, or nothing where it is none, or carries none."""
    try:
        return read_recipe(path)
    except UnreadablePicture:
        return None
