"""The tab "Live": the visitor's camera, dreamed frame by frame."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Sequence
from typing import Any

import gradio as gr
from PIL import Image

from inceptionism.errors import InceptionismError
from inceptionism.film import LiveRun
from inceptionism.networks import load_network, ready_networks
from inceptionism.recipes import PhotoRecipe, VideoRecipe
from inceptionism.studio.camera import camera_control, decode_frame, frame_display
from inceptionism.studio.controls import Form, layer_choices
from inceptionism.studio.layers import follow_network, layer_dropdown
from inceptionism.studio.photograph import NO_LOOK, look_values, looks_here
from inceptionism.studio.progress import problem_html
from inceptionism.studio.workshop import Workshop, check_network, uploaded_only

FAST = {"size": 320, "octaves": 2, "steps": 1, "step_size": 2.0}
"""Settings that differ from those of a video, so that two cores dream several frames in a second."""

SHOWN = ("layer", "step_size", "blend", "size", "octaves", "steps", "prior", "strength", "colors", "network")
"""Settings with a control."""

SEND_SECONDS = 0.1
"""Time between two frames that the browser sends. The server takes only the newest one when it is ready."""

IDLE_SECONDS = 60
"""Time without a frame after which the memory of a visitor's dream is freed."""

MAX_CAMERAS = 8
"""Largest number of cameras at the same time. Others wait."""

RATE_FRAMES = 10
"""Number of frames over which the rate is measured."""


class Camera:
    """A visitor's camera: its run, and the times of its newest frames."""

    def __init__(self) -> None:
        self.run = LiveRun(find_file=uploaded_only({}))
        self._times: deque[float] = deque(maxlen=RATE_FRAMES)

    def dream(self, frame: str, form: Form, values: Sequence[Any]) -> Image.Image:
        """Return the dream of a frame.

        Raises:
            InceptionismError: If the frame or a setting is not valid.
        """
        recipe = form.recipe(values)
        assert isinstance(recipe, VideoRecipe)
        check_network(recipe.network)
        return self.run.dream(decode_frame(frame), recipe)

    def rate(self) -> float:
        """Return the number of frames in a second, up to now. 0 for the first frame."""
        self._times.append(time.monotonic())
        seconds = self._times[-1] - self._times[0]
        return (len(self._times) - 1) / seconds if seconds else 0.0


def live_tab(workshop: Workshop) -> Form:
    """Draw the tab, and return its form."""
    form = Form(VideoRecipe, "live", defaults=FAST)
    network = load_network(PhotoRecipe.network)
    choices: dict[str, Sequence[Any]] = {"network": ready_networks(), "layer": layer_choices(network)}
    with gr.Row():
        with gr.Column(scale=2, min_width=300):
            camera = camera_control(label="Camera", height=280, elem_id="camera")
            look = gr.Dropdown([NO_LOOK, *looks_here()], value=NO_LOOK, label="Look", elem_id="live-look")
            problem = gr.HTML(elem_id="live-problem", padding=False)
        with gr.Column(scale=3, min_width=300):
            dreamed = frame_display(label="Dream", height=440, buttons=["fullscreen"], elem_id="live-result")
            state = gr.HTML(rate_html("start the camera, and then press its round button"), elem_id="live-state")
    with gr.Accordion("Advanced", open=False), gr.Row():
        form.draw(SHOWN, choices)
    follow_network(workshop, form.controls["network"], {form.controls["layer"]: layer_dropdown})

    def take_look(name: str) -> list[Any]:
        return look_values(form, name)

    look.input(take_look, look, list(form.controls.values()), queue=False, show_progress="hidden")
    memory = gr.State(None, time_to_live=IDLE_SECONDS)

    def dream_frame(frame: str | None, before: Camera | None, *values: Any) -> dict[Any, Any]:
        if frame is None:
            return {problem: ""}
        visitor = before or Camera()
        try:
            picture = workshop.worker.do(lambda: visitor.dream(frame, form, values))
        except InceptionismError as error:
            return {problem: problem_html(str(error)), memory: visitor}
        rate = visitor.rate()
        words = f"{rate:.1f} frames a second" if rate else "first frame"
        return {dreamed: picture, state: rate_html(words), problem: "", memory: visitor}

    camera.stream(
        dream_frame,
        [camera, memory, *form.controls.values()],
        [dreamed, state, problem, memory],
        stream_every=SEND_SECONDS,
        concurrency_id="live",
        concurrency_limit=MAX_CAMERAS,
        show_progress="hidden",
    )
    return form


def rate_html(text: str) -> str:
    """Return a text as HTML that screen readers do not read at every change."""
    return f'<p class="rate" aria-live="off">{text}</p>'
