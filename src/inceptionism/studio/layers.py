"""The layers of the chosen network: their names in the forms, and small pictures of what each of them dreams.

The pictures are made once for each network, and kept in the user's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image
from platformdirs import user_cache_path

from inceptionism.io import create_folders, save_picture
from inceptionism.networks import Network, load_network
from inceptionism.optimization import natural_noise
from inceptionism.recipes import LayerChoice, PhotoRecipe
from inceptionism.runs import PhotoRun
from inceptionism.studio.controls import layer_choices
from inceptionism.studio.panel import ONE_AT_A_TIME
from inceptionism.studio.worker import Job
from inceptionism.studio.workshop import Workshop, check_network

SIDE = 128
"""Side of a picture, in pixels."""

OCTAVES, STEPS = 3, 20

HASH_DIGITS = 16
"""Number of digits of the hash of a network's weights in the name of its folder."""


def follow_network(
    workshop: Workshop, network: gr.Dropdown, controls: Mapping[gr.Dropdown, Callable[[Network], gr.Dropdown]]
) -> None:
    """Change controls when the visitor chooses another network.

    Args:
        workshop: The workshop.
        network: Control of the network.
        controls: Functions that return the new content of each control for a network.
    """

    def change(name: str) -> list[gr.Dropdown]:
        check_network(name)
        return workshop.worker.do(lambda: [content(load_network(name)) for content in controls.values()])

    network.change(change, network, list(controls))


def layer_dropdown(network: Network) -> gr.Dropdown:
    """Return the new content of a dropdown of layers for a network."""
    return gr.Dropdown(layer_choices(network))


def layers_gallery(workshop: Workshop, network: gr.Dropdown, layer: gr.Dropdown) -> None:
    """Draw a closed box with a picture of each layer. It is filled when it opens. A click adds or removes a layer.

    Args:
        workshop: The workshop.
        network: Control of the network.
        layer: Control of the layers.
    """
    with gr.Accordion("What each layer dreams", open=False, elem_id="layer-box") as box:
        pictures = gr.Gallery(
            label="Layers. Click one to add it or to remove it.",
            show_label=False,
            columns=6,
            height="auto",
            allow_preview=False,
            object_fit="cover",
            buttons=[],
            elem_id="layers",
        )
    names = gr.State([])

    def show(request: gr.Request, name: str) -> Iterator[tuple[Any, list[str]]]:
        check_network(name)
        for shown in workshop.worker.watch(str(request.session_hash), lambda job: make_pictures(name, job)):
            yield shown, [layer for _, layer in layer_choices(load_network(name))]

    box.expand(show, network, [pictures, names], **ONE_AT_A_TIME)
    network.change(lambda: ([], []), None, [pictures, names], queue=False, show_progress="hidden")

    def toggle(event: gr.SelectData, listed: list[str], chosen: list[str]) -> list[str]:
        name = listed[int(event.index)]
        return [one for one in chosen if one != name] if name in chosen else [*chosen, name]

    pictures.select(toggle, [names, layer], layer, queue=False, show_progress="hidden")


def make_pictures(name: str, job: Job[list[tuple[Image.Image, str]]]) -> list[tuple[Image.Image, str]]:
    """Return the picture of each layer of a network, with its name and level; show those so far after each."""
    network = load_network(name)
    folder = user_cache_path("inceptionism", appauthor=False) / "layers" / network.weights_hash[:HASH_DIGITS]
    shown: list[tuple[Image.Image, str]] = []
    for index, (text, layer) in enumerate(layer_choices(network)):
        if job.stopped:
            break
        shown.append((layer_picture(network, layer, folder / f"{index}.jpg"), text))
        job.show(list(shown))
    return shown


def layer_picture(network: Network, layer: str, path: Path) -> Image.Image:
    """Return the dream of a layer, which starts from noise. It is kept in a file.

    Raises:
        CannotWrite: If the file cannot be written.
    """
    if not path.exists():
        recipe = PhotoRecipe(network=network.name, layer=(LayerChoice(layer),), octaves=OCTAVES, steps=STEPS)
        run = PhotoRun(recipe, natural_noise((SIDE, SIDE), seed=0), network=network)
        for _ in run:
            pass
        create_folders(path.parent)
        save_picture(run.result().image, path, metadata=False)
    with Image.open(path) as image:
        return image.copy()
