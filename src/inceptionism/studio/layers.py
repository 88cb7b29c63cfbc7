"""The layers of the chosen network: their names in the forms, and small pictures of their dreams.

The pictures are made once for each network, and kept in the user's cache.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import gradio as gr
from PIL import Image

from inceptionism.errors import CannotWrite, InceptionismError
from inceptionism.files import cache_folder, hash_text
from inceptionism.io import PILLOW_ERRORS, create_folders, save_picture
from inceptionism.networks import Network, load_network
from inceptionism.optimization import natural_noise
from inceptionism.recipes import LayerChoice, PhotoRecipe
from inceptionism.runs import PhotoRun
from inceptionism.studio.checks import checked, network_problem
from inceptionism.studio.controls import layer_choices
from inceptionism.studio.panel import ONE_AT_A_TIME
from inceptionism.studio.worker import Job
from inceptionism.studio.workshop import Workshop

SIDE = 128
"""Side of a picture, in pixels."""

OCTAVES, STEPS = 3, 20

HASH_DIGITS = 16
"""Number of digits of the hash of a network's weights in the name of its folder."""


def follow_network(
    workshop: Workshop, network: gr.Dropdown, controls: Mapping[gr.Dropdown, Callable[[Network, Any], gr.Dropdown]]
) -> None:
    """Change controls when the visitor chooses another network.

    Args:
        workshop: The workshop.
        network: Control of the network.
        controls: Functions that return the new content of each control, for a network and the value of the control.
    """

    def change(name: str, *values: Any) -> list[gr.Dropdown]:
        chosen = load_network(name)
        return [content(chosen, value) for content, value in zip(controls.values(), values, strict=True)]

    def check(name: str, *values: Any) -> list[Any]:
        return checked([network_problem(workshop, name), *[""] * len(values)])

    network.change(change, [network, *controls], list(controls), validator=check, show_progress="hidden")


def layer_dropdown(network: Network, _value: Any) -> gr.Dropdown:
    """Return the new content of a dropdown of layers for a network. The chosen layers stay."""
    return gr.Dropdown(layer_choices(network))


def layers_gallery(workshop: Workshop, network: gr.Dropdown, layer: gr.Dropdown) -> Any:
    """Draw a closed box with a picture of each layer. It is filled when it opens. A click adds or removes a layer.

    Returns:
        The event of the click.

    Args:
        workshop: The workshop.
        network: Control of the network.
        layer: Control of the layers.
    """
    with gr.Accordion("Dreams of the layers", open=False, elem_id="layer-box") as box:
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
    is_open, shown_layers = gr.State(False), gr.State(("", []))

    def show(request: gr.Request, name: str, wanted: bool) -> Iterator[tuple[Any, tuple[str, list[str]]]]:
        if not wanted or network_problem(workshop, name):  # the sentence stands beside the control of the network
            return
        names = [one for _, one in layer_choices(load_network(name))]
        for shown in workshop.worker.watch(str(request.session_hash), lambda job: make_pictures(name, job)):
            yield shown, (name, names)

    outputs = [pictures, shown_layers]
    opened = box.expand(lambda: True, None, is_open, queue=False, show_progress="hidden").then(
        show, [network, is_open], outputs, **ONE_AT_A_TIME
    )
    box.collapse(lambda: False, None, is_open, queue=False, show_progress="hidden")
    network.change(lambda: ([], ("", [])), None, outputs, cancels=[opened], queue=False, show_progress="hidden").then(
        show, [network, is_open], outputs, **ONE_AT_A_TIME
    )

    def toggle(event: gr.SelectData, shown: tuple[str, list[str]], name: str, chosen: list[str]) -> Any:
        if shown[0] != name:  # the pictures are still those of another network
            return gr.skip()
        clicked = shown[1][int(event.index)]
        return [one for one in chosen if one != clicked] if clicked in chosen else [*chosen, clicked]

    return pictures.select(toggle, [shown_layers, network, layer], layer, queue=False, show_progress="hidden")


def make_pictures(name: str, job: Job[list[tuple[Image.Image, str]]]) -> list[tuple[Image.Image, str]]:
    """Return the picture of each layer of a network, with its name and level. Show the list after each picture."""
    network = load_network(name)
    folder = cache_folder("layers") / network.key[:HASH_DIGITS]
    shown: list[tuple[Image.Image, str]] = []
    for text, layer in layer_choices(network):
        if job.stopped:
            break
        try:
            picture = layer_picture(network, layer, folder)
        except InceptionismError:  # some layers have no gradient, and some networks accept no other size
            picture = Image.new("RGB", (SIDE, SIDE), "gray")
        shown.append((picture, text))
        job.show(list(shown))
    return shown


def layer_picture(network: Network, layer: str, folder: Path) -> Image.Image:
    """Return the dream of a layer, which starts from noise. If the folder can be written to, the picture is kept there.

    Raises:
        InceptionismError: If the layer cannot be dreamed.
    """
    recipe = PhotoRecipe(network=network.name, layer=(LayerChoice(layer),), octaves=OCTAVES, steps=STEPS)
    path = folder / f"{hash_text(recipe.to_json())[:HASH_DIGITS]}.jpg"
    with suppress(*PILLOW_ERRORS), Image.open(path) as image:  # without a file, or with a damaged one, it is made
        return image.copy()
    run = PhotoRun(recipe, natural_noise((SIDE, SIDE), seed=0), network=network)
    for _ in run:
        pass
    picture = run.result().image
    with suppress(CannotWrite):
        create_folders(folder)
        save_picture(picture, path, metadata=False)
    return picture
