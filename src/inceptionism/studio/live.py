"""The tab "Live": the visitor's camera, dreamed frame by frame."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Sequence
from typing import Any, NamedTuple

import gradio as gr
from PIL import Image

from inceptionism.errors import InvalidSetting
from inceptionism.film import LiveRun
from inceptionism.io import Photo
from inceptionism.networks import load_network, ready_networks
from inceptionism.recipes import PhotoRecipe, VideoRecipe
from inceptionism.runs import output_size
from inceptionism.studio.controls import Form, layer_choices
from inceptionism.studio.frames import camera_control, decode_frame, frame_display
from inceptionism.studio.layers import follow_network, layer_dropdown
from inceptionism.studio.photograph import NO_LOOK, looks_here, values_with_look
from inceptionism.studio.workshop import Workshop, check_network, uploaded_only

FAST = {"size": 320, "octaves": 2, "steps": 1, "step_size": 2.0}
"""Settings that differ from those of a video, so that two cores dream several frames in a second."""

KEPT = (*FAST, "blend", "strength")
"""Settings that stay as they are when the visitor chooses a look."""

SHOWN = ("layer", "step_size", "blend", "size", "octaves", "steps", "prior", "strength")
COLORS = ("colors", "contrast", "saturation", "network")
"""Settings with a control, in two rows."""

MAX_AREA = 640 * 480
"""Largest area of a dreamed frame, in pixels."""

MAX_STEPS, MOST_OCTAVES = 24, 6
"""Largest number of steps in all octaves of a frame, and the number of octaves if the visitor gives none."""

SEND_SECONDS = 0.1
"""Time between two frames that the browser sends. The server takes only the newest one when it is ready."""

IDLE_SECONDS = 60
"""Time without a frame after which a visitor's dream is forgotten."""

MAX_CAMERAS = 8
"""Largest number of cameras at the same time. Others wait."""

RATE_FRAMES = 10
"""Number of frames over which the rate is measured."""


class Camera:
    """A visitor's camera: its run, and the times of its newest frames."""

    def __init__(self) -> None:
        self.run = LiveRun(find_file=uploaded_only({}))
        self.times: deque[float] = deque([time.monotonic()], RATE_FRAMES)

    def dream(self, frame: str, recipe: VideoRecipe) -> Image.Image:
        """Return the dream of a frame.

        Raises:
            InceptionismError: If the frame or a setting is not valid, or if the dream takes too long.
        """
        pixels = decode_frame(frame)
        height, width = output_size(Photo(pixels), recipe.size)
        if height * width > MAX_AREA:
            raise InvalidSetting(
                f"a frame has {height}×{width} pixels, and {MAX_AREA:,} is the most; use a smaller size"
            )
        steps = recipe.steps * (recipe.octaves or MOST_OCTAVES)
        if steps > MAX_STEPS:
            raise InvalidSetting(
                f"a frame has {steps} steps in all octaves, and {MAX_STEPS} is the most; use fewer steps or octaves"
            )
        dreamed = self.run.dream(pixels, recipe)
        self.times.append(time.monotonic())
        return dreamed

    @property
    def rate(self) -> float:
        """The number of frames in a second."""
        return (len(self.times) - 1) / max(self.times[-1] - self.times[0], 1e-6)


class Cameras:
    """The cameras of all visitors. Those without new frames are forgotten, so that memory is bounded."""

    def __init__(self) -> None:
        self._cameras: dict[str, Camera] = {}
        self._lock = threading.Lock()

    def of(self, visitor: str) -> Camera:
        """Return the camera of a visitor, a new one if there is none."""
        with self._lock:
            now = time.monotonic()
            camera = self._cameras.pop(visitor, None) or Camera()
            kept = [one for one in self._cameras.items() if now - one[1].times[-1] < IDLE_SECONDS]
            self._cameras = dict([*kept[1 - MAX_CAMERAS :], (visitor, camera)])
            return camera


class LiveTab(NamedTuple):
    """Parts of the tab that change when the server has another network."""

    form: Form
    look: gr.Dropdown


def live_tab(workshop: Workshop) -> LiveTab:
    """Draw the tab."""
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
    with gr.Accordion("Advanced", open=False):
        for names in (SHOWN, COLORS):
            with gr.Row():
                form.draw(names, choices)
    follow_network(workshop, form.controls["network"], {form.controls["layer"]: layer_dropdown})
    controls = list(form.controls.values())

    def take_look(name: str, *values: Any) -> list[Any]:
        return values_with_look(form, name, values, KEPT)

    look.input(take_look, [look, *controls], controls, queue=False, show_progress="hidden")
    cameras = Cameras()

    def dream_frame(request: gr.Request, frame: str | None, *values: Any) -> dict[Any, Any]:
        if frame is None:
            return {problem: ""}
        if workshop.worker.is_busy:
            return {state: rate_html("another picture is being made; Live goes on after it"), problem: ""}
        visitor = cameras.of(str(request.session_hash))
        try:
            recipe = form.recipe(values)
            assert isinstance(recipe, VideoRecipe)
            check_network(recipe.network)
            picture = workshop.worker.do(lambda: visitor.dream(frame, recipe))
        except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
            return {problem: workshop.problem(error)}
        return {dreamed: picture, state: rate_html(f"{visitor.rate:.1f} frames a second"), problem: ""}

    camera.stream(
        dream_frame,
        [camera, *controls],
        [dreamed, state, problem],
        stream_every=SEND_SECONDS,
        concurrency_id="live",
        concurrency_limit=MAX_CAMERAS,
        show_progress="hidden",
    )
    return LiveTab(form, look)


def rate_html(text: str) -> str:
    """Return a text as HTML that screen readers do not read at every change."""
    return f'<p class="rate" aria-live="off">{text}</p>'
