"""The page of the studio, with its tabs."""

from __future__ import annotations

import os
from typing import Any

import gradio as gr

from inceptionism.studio.address import REPLACE_ADDRESS, query_of, read_query, values_in
from inceptionism.studio.controls import PICTURES, Form
from inceptionism.studio.defaults import MAX_PIXELS
from inceptionism.studio.filling import Filling
from inceptionism.studio.film import film_tab
from inceptionism.studio.gallery import gallery_tab
from inceptionism.studio.live import live_tab
from inceptionism.studio.noise import CLASS, KINDS, NoiseTab, noise_tab
from inceptionism.studio.photograph import (
    NO_LOOK,
    PhotographTab,
    look_values,
    looks_here,
    photograph_query,
    photograph_tab,
)
from inceptionism.studio.workshop import Workshop

CACHE_SECONDS = 86_400
"""Age in seconds at which uploads and previews are deleted."""


def build(output: str | os.PathLike[str] | None = None, *, max_pixels: int = MAX_PIXELS) -> gr.Blocks:
    """Return the page, to mount it in your own application with `gradio.mount_gradio_app`.

    Your application decides who may use the page. `launch` has a password, and refuses requests from other websites.
    Give `allowed_paths=[output]` when you mount the page.

    Args:
        output: Folder of the pictures. By default, the folder "inceptionism" in the user's folder of pictures.
        max_pixels: Largest area of a photograph and of a result, in pixels.

    Raises:
        CannotWrite: If the folder cannot be made.
    """
    return draw_page(Workshop(output, max_pixels))


def draw_page(workshop: Workshop) -> gr.Blocks:
    """Return the page of a workshop."""
    page: gr.Blocks
    with gr.Blocks(
        title="inceptionism", analytics_enabled=False, delete_cache=(3600, CACHE_SECONDS), fill_width=False
    ) as page:
        gr.Markdown("# inceptionism\nSee what a neural network sees.")
        query = gr.Textbox(visible="hidden", elem_id="query")
        dropped = gr.File(visible="hidden", elem_id="dropped")
        query.change(None, query, None, js=REPLACE_ADDRESS)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Photograph", id="photograph"):
                photograph = photograph_tab(workshop, query)
            with gr.Tab("From noise", id="noise"):
                noise = noise_tab(workshop)
            with gr.Tab("Film", id="film") as film_place:
                film = film_tab(workshop, film_place)
            with gr.Tab("Live", id="live"):
                live_tab(workshop)
            with gr.Tab("Gallery", id="gallery") as tab:
                gallery = gallery_tab(workshop, tab)
        filling = Filling(workshop, tabs, photograph, noise, film, dropped)
        filling.connect_gallery(gallery)
        link_settings(page, query, tabs, photograph, noise)
        dropped.upload(
            filling.on_drop,
            dropped,
            [dropped, photograph.photograph, *filling.outputs],
            queue=False,
            show_progress="hidden",
        )
        photograph.photograph.upload(
            filling.on_upload, photograph.photograph, filling.outputs, queue=False, show_progress="hidden"
        )
    return page


def link_settings(
    page: gr.Blocks, query: gr.Textbox, tabs: gr.Tabs, photograph: PhotographTab, noise: NoiseTab
) -> None:
    """Write the settings of both forms into the address of the page, and fill the forms from it when the page loads."""
    quick: dict[str, Any] = {"queue": False, "show_progress": "hidden", "trigger_mode": "always_last"}
    form, other = photograph.form, noise.form
    controls, others = list(form.controls.values()), list(other.controls.values())

    def write_photograph(look: str, *values: Any) -> str:
        return photograph_query(form, look, values)

    def write_noise(kind: str, target: int | None, *values: Any) -> str:
        chosen = {"kind": "" if kind == CLASS else kind, "target": "" if target is None else str(target)}
        return query_of(other, values, other.updates({}), tab="noise", **chosen)

    # Only changes by the visitor count: while the page fills a form, the controls have old and new values.
    gr.on(edits(inputs_of(form)), write_photograph, [photograph.look, *controls], query, **quick)
    typed = [noise.kind, noise.target, *inputs_of(other)]
    gr.on(edits(typed), write_noise, [noise.kind, noise.target, *others], query, **quick)

    def fill(request: gr.Request) -> dict[Any, Any]:
        parts = read_query(str(request.query_params))
        if parts.get("tab") == ["noise"]:
            kind, target = parts.get("kind", [CLASS])[-1], parts.get("target", [""])[-1]
            values = values_in(other, parts, other.updates({}))
            return {
                tabs: gr.Tabs(selected="noise"),
                noise.kind: kind if kind in KINDS else CLASS,
                noise.target: int(target) if target in noise.targets else None,
                **dict(zip(others, values, strict=True)),
            }
        if not parts:
            return {photograph.look: gr.skip()}  # the visitor may have chosen a look by now
        look = parts.get("look", [NO_LOOK])[-1]
        look = look if look in looks_here() else NO_LOOK
        values = values_in(form, parts, look_values(form, look))
        return {photograph.look: look, **dict(zip(controls, values, strict=True))}

    outputs = [tabs, photograph.look, *controls, noise.kind, noise.target, *others]
    page.load(fill, None, outputs, queue=False, show_progress="hidden")


def inputs_of(form: Form) -> list[Any]:
    """Return the controls of a form whose values stand in the address."""
    return [control for name, control in form.controls.items() if name not in PICTURES]


def edits(controls: list[Any]) -> list[Any]:
    """Return the events in which a visitor changes one of the controls. A text is complete when its field is left."""
    return [one.blur if isinstance(one, gr.Textbox) else one.input for one in controls]
