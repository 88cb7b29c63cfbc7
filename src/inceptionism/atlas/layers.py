"""A contact sheet of the layers of a network: one picture, dreamed by each layer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from PIL import Image

from inceptionism.errors import InvalidSetting
from inceptionism.io import LabeledImage, Photo, contact_sheet
from inceptionism.networks import Network
from inceptionism.optimization import natural_noise
from inceptionism.recipes import ClassRecipe, LayerChoice, PhotoRecipe, Term
from inceptionism.runs import ClassRun, PhotoRun, Run

PICTURE_SIDE = 224
"""Longer side of a picture on the sheet, in pixels."""

NOISE_PRESET = "draft"
"""Preset of the pictures from noise of a network that sees other channels than colors."""


def layer_runs(network: Network, photo: Photo | None = None, *, seed: int = 0) -> dict[str, Run]:
    """Return a run for each recommended layer, by the name of the layer. Every run starts from the same picture.

    Args:
        network: Network that dreams.
        photo: Photograph to dream. None means noise with the colors of natural images, in which every layer detects
            something. A network that sees other channels than colors makes pictures from noise of all its channels.
        seed: Seed of the random generator.

    Raises:
        InvalidSetting: If the network has no recommended layers, or if it sees a channel that a photograph lacks.
    """
    if not network.recommended:
        raise InvalidSetting(f"network {network.name} has no recommended layers, so there is nothing to put on a sheet")
    if photo is None and not network.input_channels.are_of_colors:
        size = network.fitting_size((PICTURE_SIDE, PICTURE_SIDE))
        shared: dict[str, Any] = {"network": network.name, "size": size, "preset": NOISE_PRESET, "seed": seed}
        return {
            name: ClassRun(ClassRecipe(objective=str(Term("layer", (name,))), **shared), network=network)
            for name in network.recommended
        }
    photo = natural_noise((PICTURE_SIDE, PICTURE_SIDE), seed) if photo is None else photo
    return {
        name: PhotoRun(
            PhotoRecipe(
                network=network.name, layer=(LayerChoice(name),), size=PICTURE_SIDE, octaves=3, steps=12, seed=seed
            ),
            photo,
            network=network,
        )
        for name in network.recommended
    }


def layer_sheet(network: Network, runs: Mapping[str, Run]) -> Image.Image:
    """Return a contact sheet of the runs of `layer_runs`.

    The text below each picture is the name, the level and the number of channels of its layer.
    """
    layers = {layer.name: layer for layer in network.layers(all=True)}
    pictures = []
    for name, run in runs.items():
        layer = layers[name]
        pictures.append(LabeledImage(run.image(), name, f"{layer.level}, {layer.channels} channels"))
    return contact_sheet(pictures)[0]
