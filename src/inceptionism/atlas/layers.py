"""A contact sheet of the layers of a network: one picture, dreamed by each layer."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from inceptionism.errors import InvalidSetting
from inceptionism.io import LabeledImage, Photo, contact_sheet
from inceptionism.networks import Network
from inceptionism.optimization import natural_noise
from inceptionism.recipes import LayerChoice, PhotoRecipe
from inceptionism.runs import PhotoRun

PICTURE_SIDE = 224
"""Longer side of a picture on the sheet, in pixels."""


def layer_runs(network: Network, photo: Photo | None = None, *, seed: int = 0) -> list[PhotoRun]:
    """Return a run for each recommended layer. Every run dreams a small version of the same picture.

    Args:
        network: Network that dreams.
        photo: Photograph to dream. None means noise with the colors of natural images, in which every layer detects
            something.
        seed: Seed of the random generator.

    Raises:
        InvalidSetting: If the network has no recommended layers.
    """
    if not network.recommended:
        raise InvalidSetting(f"network {network.name} has no recommended layers, so there is nothing to put on a sheet")
    photo = natural_noise((PICTURE_SIDE, PICTURE_SIDE), seed) if photo is None else photo
    return [
        PhotoRun(
            PhotoRecipe(
                network=network.name, layer=(LayerChoice(name),), size=PICTURE_SIDE, octaves=3, steps=12, seed=seed
            ),
            photo,
            network=network,
        )
        for name in network.recommended
    ]


def layer_sheet(network: Network, runs: Sequence[PhotoRun]) -> Image.Image:
    """Return a contact sheet of the runs of `layer_runs`.

    The text below each picture is the name, the level and the number of channels of its layer.
    """
    layers = {layer.name: layer for layer in network.layers(all=True)}
    pictures = []
    for run in runs:
        assert isinstance(run.recipe, PhotoRecipe)
        layer = layers[run.recipe.layer[0].name]
        pictures.append(LabeledImage(run.image(), layer.name, f"{layer.level}, {layer.channels} channels"))
    return contact_sheet(pictures)[0]
