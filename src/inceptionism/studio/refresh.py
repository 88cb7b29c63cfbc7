"""The choices of networks and looks, which change when the server gets another network."""

from __future__ import annotations

from typing import Any

import gradio as gr

from inceptionism.networks import ready_networks
from inceptionism.studio.film import FilmTab
from inceptionism.studio.live import LiveTab
from inceptionism.studio.noise import NoiseTab
from inceptionism.studio.photograph import NO_LOOK, PhotographTab, looks_here, looks_with_pictures


class Refresh:
    """The controls whose choices are the networks and the looks of the server.

    Attributes:
        controls: The controls.
    """

    def __init__(self, photograph: PhotographTab, noise: NoiseTab, film: FilmTab, live: LiveTab) -> None:
        forms = (photograph.form, noise.form, film.zoom, film.video, live.form)
        self._networks = [form.controls["network"] for form in forms]
        self._looks = [photograph.look, live.look]
        self._photograph = photograph
        self._drawn = ready_networks()
        self.controls = [
            *self._networks,
            *self._looks,
            photograph.thumbnails,
            photograph.pictured,
            photograph.offer.hint,
            photograph.offer.box,
        ]

    def all(self) -> dict[Any, Any]:
        """Return the present content of all controls."""
        networks, looks, pictures = ready_networks(), [NO_LOOK, *looks_here()], looks_with_pictures()
        offer = self._photograph.offer
        return {
            **{control: gr.Dropdown(networks) for control in self._networks},
            **{control: gr.Dropdown(looks) for control in self._looks},
            self._photograph.thumbnails: gr.Gallery(pictures),
            self._photograph.pictured: [name for _, name in pictures],
            offer.hint: gr.HTML(visible=offer.is_open),
            offer.box: gr.Column(visible=offer.is_open),
        }

    def changes(self) -> Any:
        """Return the present content of the controls, or nothing if the networks are still those of the start."""
        return gr.skip() if ready_networks() == self._drawn else self.all()
