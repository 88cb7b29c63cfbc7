"""The output of a cell while a picture is made: the picture changes in place, below a button that stops the run."""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial
from types import FrameType, TracebackType
from typing import Any, TypeVar

from PIL import Image

from inceptionism.errors import InceptionismError, InvalidSetting
from inceptionism.interruption import handle_signals
from inceptionism.io import encode, flatten_alpha
from inceptionism.notebook.kernel_internals import IPYTHON_DISPLAY, RENDER_TRACEBACK, can_receive_messages
from inceptionism.notebook.stop_button import listen_for_click
from inceptionism.runs import PreviewPace

Value = TypeVar("Value")

MAX_WIDTH, MAX_HEIGHT = 960, 1600
"""Largest size of a picture in a cell, in pixels. Pages are not wider, and small pictures keep the file small."""

JPEG_QUALITY = 75
"""Quality of pictures in a cell. The pictures of results themselves are not compressed."""


def shorten_traceback(error: InceptionismError) -> InceptionismError:
    """Return the error, after hiding its traceback: a notebook then shows only the message. `%debug` still works."""
    vars(error)[RENDER_TRACEBACK] = partial(traceback_lines, type(error).__name__, str(error))
    return error


def traceback_lines(name: str, message: str) -> list[str]:
    """Return the lines that IPython shows for an error, in place of its traceback."""
    return [f"{name}: {message}"]


try:
    import ipywidgets as widgets
    from IPython import display
    from IPython.core.getipython import get_ipython
except ModuleNotFoundError as error:
    raise shorten_traceback(
        InvalidSetting(f'{error.name} is not installed; install it with: pip install "inceptionism[notebook]"')
    ) from None


class View:
    """Live output of a cell: a stop button, a progress bar and the picture. Use it as a context manager.

    The stop button ends the run after the current step. So does a first interruption of the kernel. A second one
    raises KeyboardInterrupt at once.

    Attributes:
        stopped: Whether the user has stopped the run.

    Raises:
        InvalidSetting: If the code does not run in a notebook.
    """

    def __init__(self) -> None:
        shell = get_ipython()
        kernel = getattr(shell, "kernel", None)
        if shell is None or kernel is None:
            raise InvalidSetting(
                "inceptionism.notebook works only in a Jupyter notebook; "
                "elsewhere, use the functions of the same names in inceptionism"
            )
        self.stopped = False
        self._shell, self._kernel = shell, kernel
        self._cleanup = ExitStack()
        self._start_time = time.monotonic()
        self._started = False
        self._pace = PreviewPace()
        self._picture: display.DisplayHandle | None = None
        self._button = widgets.Button(
            description="Stop", icon="stop", tooltip="Keep the picture so far", layout=widgets.Layout(width="90px")
        )
        self._bar = widgets.FloatProgress(max=1, layout=widgets.Layout(width="200px"))
        self._label = widgets.Label("getting ready")
        buttons = [self._button] if can_receive_messages(kernel) else []
        self._controls = widgets.HBox([*buttons, self._bar, self._label])

    def __enter__(self) -> View:
        self._controls_handle = display.display(self._controls, display_id=True)
        if can_receive_messages(self._kernel):
            # The context names the cell. Without it, the output from the kernel's thread would belong to no cell.
            on_click = partial(copy_context().run, self._clicked)
            self._poll = self._cleanup.enter_context(listen_for_click(self._kernel, self._button.model_id, on_click))
        else:
            self._poll = lambda: None
        self._cleanup.enter_context(handle_signals(self._interrupted, [signal.SIGINT]))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._cleanup.close()
        if error is not None:
            # Widgets are not saved in the notebook's file: a closed widget would leave an empty output there.
            text = "interrupted" if isinstance(error, KeyboardInterrupt) else ""
            self._controls_handle.update({"text/plain": text}, raw=True)
        for widget in (*self._controls.children, self._controls):
            widget.close()
        if isinstance(error, InceptionismError):
            shorten_traceback(error)

    def show(self, state: str, done: float | None, render: Callable[[], Image.Image]) -> None:
        """Show the progress and the picture, unless the last picture was shown a moment ago.

        Args:
            state: State of the run in a few words.
            done: Share of the work that is done, from 0 to 1. None if the run has no end.
            render: Function that returns the picture so far.
        """
        self._started = True
        self._poll()
        if not self._pace.is_due:
            return
        with self._pace.preview():
            if done is None:
                self._bar.layout.display = "none"
            else:
                self._bar.value = done
            self._label.value = state
            self._draw(display_image(render()))

    def finish(self, value: Value, output: object, summary: str) -> Value:
        """Show the final output, and return `value` so that the notebook does not show it a second time.

        Args:
            value: Value that the function of the notebook returns.
            output: A picture, or any other object that a notebook can show.
            summary: Text above the output.
        """
        self._draw(display_image(output) if isinstance(output, Image.Image) else output)
        self._controls_handle.update({"text/plain": summary}, raw=True)
        vars(value)[IPYTHON_DISPLAY] = partial(show_unless_in_cell, self._shell.execution_count)
        return value

    @property
    def ending(self) -> str:
        """Words before the number of steps or frames in a summary: "stopped after ", or empty for a complete run."""
        return "stopped after " if self.stopped else ""

    @property
    def elapsed(self) -> str:
        """Time since the view was created, as text."""
        seconds = time.monotonic() - self._start_time
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"

    def _draw(self, output: Any) -> None:
        if self._picture is None:
            self._picture = display.display(output, display_id=True)
        else:
            self._picture.update(output)

    def _clicked(self) -> None:
        self.stopped = True
        self._button.disabled = True
        self._label.value = "stopping after this step"

    def _interrupted(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # a signal handler's signature
        if self.stopped or not self._started:
            raise KeyboardInterrupt
        self.stopped = True


def show_unless_in_cell(cell: int) -> None:
    """Show nothing in the cell with this number, because its output already has the picture.

    Raises:
        NotImplementedError: In any other cell, so that IPython shows the value in the usual way.
    """
    if getattr(get_ipython(), "execution_count", None) != cell:
        raise NotImplementedError


def display_image(picture: Image.Image) -> display.Image:
    """Return a picture for the output of a cell: a JPEG that is not larger than the page."""
    small = flatten_alpha(picture.copy())
    small.thumbnail((MAX_WIDTH, MAX_HEIGHT), Image.Resampling.LANCZOS)
    content = encode(small, "JPEG", metadata=False, quality=JPEG_QUALITY)
    # With a fixed size, the page does not jump when the picture changes.
    return display.Image(content, width=small.width, height=small.height)


def show_picture(picture: Image.Image) -> None:
    """Show a picture in the output of the cell."""
    display.display(display_image(picture))


def video_player(film: bytes, width: int) -> display.Video:
    """Return a player that repeats a film in the output of a cell.

    Args:
        film: Bytes of an MP4 file.
        width: Width of the film in pixels.
    """
    attributes = f'controls autoplay loop muted playsinline width="{min(width, MAX_WIDTH)}"'
    return display.Video(data=film, embed=True, mimetype="video/mp4", html_attributes=attributes)
