"""Contact sheets: what each layer of a network dreams, side by side."""

from __future__ import annotations

from collections.abc import Sequence

from PIL import Image

from inceptionism.errors import InvalidSetting
from inceptionism.io import LabeledImage, Photo, contact_sheet
from inceptionism.networks import Network
from inceptionism.optimization import natural_noise
from inceptionism.recipes import PhotoRecipe, parse_layers
from inceptionism.runs import PhotoRun

TILE = 224
"""The longer side of a picture on a sheet, in pixels."""


def layer_runs(network: Network, photo: Photo | None = None, *, seed: int = 0) -> list[PhotoRun]:
    """Return a run for each recommended layer, which dreams it small.

    Args:
        network: What looks.
        photo: What is dreamed; by default clouds of natural colors, in which every layer finds its own.
        seed: Of every random choice.

    Raises:
        InvalidSetting: the network has no layer to recommend.
    """
    if not network.recommended:
        raise InvalidSetting(f"network {network.name} has no layer that could be dreamed")
    photo = natural_noise((TILE, TILE), seed) if photo is None else photo
    return [
        PhotoRun(
            PhotoRecipe(network=network.name, layer=parse_layers([name]), size=TILE, octaves=3, steps=12, seed=seed),
            photo,
            network=network,
        )
        for name in network.recommended
    ]


def layer_sheet(network: Network, runs: Sequence[PhotoRun]) -> Image.Image:
    """Return a contact sheet of the runs of `layer_runs`, each with its layer, what that sees, and its channels."""
    layers = {layer.name: layer for layer in network.layers(all=True)}
    pictures = []
    for run in runs:
        assert isinstance(run.recipe, PhotoRecipe)
        layer = layers[run.recipe.layer[0].name]
        pictures.append(LabeledImage(run.image(), layer.name, f"{layer.level}, {layer.channels} channels"))
    return contact_sheet(pictures)[0]
