"""The page of the studio, with its tabs."""

from __future__ import annotations

import os

import gradio as gr

from inceptionism.studio.address import REPLACE_ADDRESS
from inceptionism.studio.defaults import CACHE_SECONDS, MAX_PIXELS
from inceptionism.studio.filling import Filling
from inceptionism.studio.film import film_tab
from inceptionism.studio.gallery import gallery_tab
from inceptionism.studio.links import link_settings
from inceptionism.studio.live import live_tab
from inceptionism.studio.noise import noise_tab
from inceptionism.studio.panel import DECODING
from inceptionism.studio.photograph import photograph_tab
from inceptionism.studio.refresh import Refresh
from inceptionism.studio.upload import file_control
from inceptionism.studio.workshop import Workshop


def build(output: str | os.PathLike[str] | None = None, *, max_pixels: int = MAX_PIXELS) -> gr.Blocks:
    """Return the page, to mount it in your own application with `gradio.mount_gradio_app`.

    Your application decides who may use the page. `launch` has a password, and refuses requests from other websites.
    Give `allowed_paths=[output]`, `blocked_paths` and `run_history=False` when you mount it, as in docs/studio.md.
    Without the blocked paths, visitors can see the photographs of others.

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
        dropped = file_control(visible="hidden", elem_id="dropped")
        query.change(None, query, None, js=REPLACE_ADDRESS)
        with gr.Tabs(elem_id="tabs") as tabs:
            with gr.Tab("Photograph", id="photograph"):
                photograph = photograph_tab(workshop, query)
            with gr.Tab("From noise", id="noise"):
                noise = noise_tab(workshop)
            with gr.Tab("Film", id="film") as film_place:
                film = film_tab(workshop, film_place)
            with gr.Tab("Live", id="live"):
                live = live_tab(workshop)
            with gr.Tab("Gallery", id="gallery") as tab:
                gallery = gallery_tab(workshop, tab)
        filling = Filling(workshop, tabs, photograph, noise, film, dropped, query)
        filling.connect_gallery(gallery)
        refresh = Refresh(photograph, noise, film, live)
        photograph.offer.connect(photograph.form.controls["network"], refresh.all, refresh.controls)
        # The server may have other networks than at its start.
        loaded = page.load(refresh.changes, None, refresh.controls, queue=False, show_progress="hidden")
        link_settings(loaded.then, query, tabs, photograph, noise, film)
        dropped.upload(
            filling.on_drop,
            dropped,
            [dropped, photograph.photograph, *filling.outputs],
            **DECODING,
        )
        photograph.photograph.upload(filling.on_upload, photograph.photograph, filling.outputs, **DECODING)
    return page
