"""The tab "Photograph": a photograph and a look become a dream."""

from __future__ import annotations

import random
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import gradio as gr

from inceptionism.errors import InceptionismError
from inceptionism.networks import Network, load_network, ready_networks
from inceptionism.recipes import PhotoRecipe, find_look, list_looks, with_look
from inceptionism.runs import PhotoRun, output_size
from inceptionism.studio.address import query_of
from inceptionism.studio.checks import form_problems, picture_problem
from inceptionism.studio.controls import Form, layer_choices
from inceptionism.studio.layers import follow_network, layer_dropdown, layers_gallery
from inceptionism.studio.offer import NetworkOffer
from inceptionism.studio.painting import Painting, ground, painted_parts, painting_control
from inceptionism.studio.panel import DECODING, ResultPanel, Work, work_buttons
from inceptionism.studio.progress import Progress, follow
from inceptionism.studio.upload import upload_control
from inceptionism.studio.worker import Job
from inceptionism.studio.workshop import Workshop, check_network, uploaded_only

NO_LOOK = "none"
"""Choice of the dropdown for the default settings."""

KEPT = ("size", "seed", "strength", "guide", "mask", "precision")
"""Settings that stay as they are when the visitor chooses a look."""

MAX_NEW_SEED = 10**6
"""Largest seed that the page chooses."""


class PhotographTab(NamedTuple):
    """Parts of the tab that other tabs fill in, and the events after which the form has other values.

    Attributes:
        photograph: The photograph.
        look: Choice of a look.
        thumbnails: Small pictures of the looks.
        pictured: Names of the looks with a small picture, in their order.
        note: Note about the photograph.
        form: The settings.
        offer: The offer of another network.
        changes: The events.
    """

    photograph: gr.Image
    look: gr.Dropdown
    thumbnails: gr.Gallery
    pictured: gr.State
    note: gr.HTML
    form: Form
    offer: NetworkOffer
    changes: Sequence[Any]


def looks_here() -> list[str]:
    """Return the names of the looks whose network is on this server."""
    networks = ready_networks()
    return [look.name for look in list_looks() if look.network in networks]


def looks_with_pictures() -> list[tuple[str, str]]:
    """Return the path of the small picture and the name of each look whose network is on this server."""
    return [(str(path), name) for name in looks_here() if (path := find_look(name).thumbnail)]


def photograph_tab(workshop: Workshop, query: gr.Textbox) -> PhotographTab:
    """Draw the tab.

    Args:
        workshop: The workshop.
        query: Hidden control with the settings in the address of the page.
    """
    form = Form(PhotoRecipe, "photograph")
    network = load_network(PhotoRecipe.network)
    choices: dict[str, Sequence[Any]] = {"network": ready_networks(), "layer": layer_choices(network)}
    pictures = looks_with_pictures()
    pictured = gr.State([name for _, name in pictures])
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            photograph = upload_control(
                label="Photograph", sources=["upload", "webcam", "clipboard"], height=280, elem_id="photograph"
            )
            note = gr.HTML(elem_id="photograph-note", padding=False)
            look = gr.Dropdown([NO_LOOK, *looks_here()], value=NO_LOOK, label="Look", elem_id="look")
            dream, stop = work_buttons("Dream", "dream", "photograph")
            thumbnails = gr.Gallery(
                value=pictures,
                label="Looks",
                columns=4,
                height=260,
                allow_preview=False,
                object_fit="cover",
                buttons=[],
                elem_id="looks",
            )
            offer = NetworkOffer(workshop)
            with gr.Accordion("Paint the part to dream", open=False, elem_id="paint"):
                gr.Markdown("Violet parts dream the chosen layers. Orange parts dream this layer:")
                second = gr.Dropdown(
                    choices["layer"], value=fine_layer(network), label="Layer of the orange brush", elem_id="orange"
                )
                painting = painting_control(label="Painting", height=380, elem_id="painting")
        with gr.Column(scale=3, min_width=300):
            panel = ResultPanel(workshop, "photograph")
            panel.stop_with(stop)
            with gr.Row():
                panel.draw_download("photograph")
                again = gr.Button("Again with another seed", scale=3, elem_id="again")
                use = gr.Button("Use as photograph", scale=3, elem_id="use")
            panel.draw_masks("photograph")
            panel.draw_comparison("photograph")
    with gr.Accordion("Advanced", open=False, elem_id="advanced") as advanced:
        first = form.draw(["network"], choices)
        offer.draw()
        first += form.draw(["layer"], choices)
        clicked = layers_gallery(workshop, form.controls["network"], form.controls["layer"])
        hidden = form.draw_rest(choices)
    controls = list(form.controls.values())

    def work(uploaded: str | None, painted: Painting, orange: str, *values: Any) -> Work:
        return dream_work(workshop, WantedDream(form, values, uploaded, painted, orange))

    def check(uploaded: str | None, _painted: Any, _orange: str, *values: Any) -> list[str]:
        problem = "Choose a photograph first." if uploaded is None else picture_problem(workshop, uploaded)
        return [problem, "", "", *form_problems(workshop, form, values)]

    inputs = [photograph, painting, second, *controls]
    boxes = {advanced: [*first, *hidden]}
    panel.connect(dream.click, work, inputs, check, boxes)

    def new_seed() -> int:
        return random.randrange(MAX_NEW_SEED)

    changed_seed = again.click(new_seed, None, form.controls["seed"], queue=False, show_progress="hidden")
    panel.connect(changed_seed.then, work, inputs, check, boxes)

    def use_result(files: list[str]) -> Any:
        return files[0] if files else gr.skip()

    use.click(use_result, panel.files, photograph, queue=False, show_progress="hidden")

    def prepare_painting(uploaded: str | None) -> dict[str, Any] | None:
        try:
            return None if uploaded is None else ground(workshop.load_upload(uploaded))
        except InceptionismError:  # the note says what is wrong with the file
            return None

    photograph.change(prepare_painting, photograph, painting, **DECODING)

    def take_look(name: str, *values: Any) -> list[Any]:
        new = values_with_look(form, name, values, KEPT)
        return [name, *new, photograph_query(form, name, new)]

    def take_thumbnail(event: gr.SelectData, names: list[str], *values: Any) -> list[Any]:
        return take_look(names[int(event.index)], *values)

    changed = [look, *controls, query]
    look.input(take_look, [look, *controls], changed, queue=False, show_progress="hidden")
    thumbnails.select(take_thumbnail, [pictured, *controls], changed, queue=False, show_progress="hidden")

    follow_network(
        workshop,
        form.controls["network"],
        {
            form.controls["layer"]: layer_dropdown,
            second: lambda chosen, _: gr.Dropdown(layer_choices(chosen), value=fine_layer(chosen)),
        },
    )
    return PhotographTab(photograph, look, thumbnails, pictured, note, form, offer, [clicked, changed_seed])


def fine_layer(network: Network) -> str:
    """Return a layer whose dream has finer forms than that of the default layer: the last one with patterns."""
    patterns = [layer.name for layer in network.layers() if layer.level == "patterns"]
    return patterns[-1] if patterns else network.default_layer


def look_values(form: Form, name: str) -> list[Any]:
    """Return the values of the controls for a look; those of the default settings for `NO_LOOK`."""
    assert issubclass(form.kind, PhotoRecipe)
    return form.updates({} if name == NO_LOOK else with_look(name, {}, (), form.kind))


def values_with_look(form: Form, name: str, values: Sequence[Any], kept: Collection[str]) -> list[Any]:
    """Return the values of the controls for a look, with the visitor's values of the settings in `kept`."""
    shown = zip(form.controls, values, look_values(form, name), strict=True)
    return [own if setting in kept else value for setting, own, value in shown]


def photograph_query(form: Form, look: str, values: Sequence[Any]) -> str:
    """Return the query of the page's address for the values of the form: the look, and the changed settings."""
    return query_of(form, values, look_values(form, look), look="" if look == NO_LOOK else look)


class WantedDream(NamedTuple):
    """A dream that a visitor wants.

    Attributes:
        form: The form.
        values: Values of its controls.
        uploaded: Path of the photograph. None if there is none.
        painted: Strokes of the visitor on it.
        orange: Layer of the second brush.
    """

    form: Form
    values: Sequence[Any]
    uploaded: str | None
    painted: Painting
    orange: str


def dream_work(workshop: Workshop, wanted: WantedDream) -> Work:
    """Return the work that dreams a photograph."""

    def work(job: Job[Progress]) -> Progress:
        uploaded = wanted.uploaded
        assert uploaded is not None  # the page checks this first
        recipe = wanted.form.recipe(wanted.values)
        assert isinstance(recipe, PhotoRecipe)
        check_network(recipe.network)
        photo = workshop.load_upload(uploaded)
        workshop.check_area(*output_size(photo, recipe.size), "the result")
        parts = painted_parts(wanted.painted, recipe, load_network(recipe.network), wanted.orange)
        files = {**wanted.form.uploads(wanted.values), **parts.files}
        workshop.keep_photograph(photo, uploaded)
        run = PhotoRun(replace(recipe, **parts.settings), photo, find_file=uploaded_only(files))
        workshop.keep_pictures(run.made_with().pictures, files)
        shown = follow([run], job, lambda result: workshop.save(result, f"{Path(uploaded).stem}-dream"))
        return replace(shown, masks=tuple(parts.files.values()), before=Path(uploaded))

    return work
