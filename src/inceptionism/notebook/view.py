"""A picture in the making in the output of a cell: it changes in place, under a button that stops it."""

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
from inceptionism.interruption import handling
from inceptionism.io import encode, flatten_alpha
from inceptionism.notebook.stop_button import can_hear, hearing

Thing = TypeVar("Thing")

WIDEST, HIGHEST = 960, 1600
"""How wide and high what is shown is at most, in pixels: a page is not wider, and notebooks stay small."""

QUALITY = 75
"""Of what is shown, as JPEG; results have all of it."""

SHARE = 0.1
"""How much of the time goes into showing the picture, at most."""

SELDOM = 0.2
"""How many seconds there are between two pictures, at least."""


def plainly(error: InceptionismError) -> InceptionismError:
    """Return an error of which a notebook shows only its sentence; `%debug` still finds where it was."""
    vars(error)["_render_traceback_"] = partial(sentence, type(error).__name__, str(error))
    return error


def sentence(*parts: str) -> list[str]:
    """Return what a notebook shows of an error, in the form that IPython wants."""
    return [": ".join(parts)]


try:
    import ipywidgets as widgets
    from IPython import display
    from IPython.core.getipython import get_ipython
except ModuleNotFoundError as error:
    raise plainly(
        InvalidSetting(f'{error.name} is not installed; install it with: pip install "inceptionism[notebook]"')
    ) from None


class View:
    """What a cell shows of a picture in the making. As a context manager, it is there from the beginning to the end.

    The button stops at the next step, and so does interrupting the kernel, which with a second time interrupts at once.

    Attributes:
        stopped: Whether it was asked to stop.

    Raises:
        InvalidSetting: there is no notebook to show anything in.
    """

    def __init__(self) -> None:
        shell = get_ipython()
        kernel = getattr(shell, "kernel", None)
        if shell is None or kernel is None:
            raise InvalidSetting(
                "inceptionism.notebook shows pictures in a Jupyter notebook, and this is none: "
                "the functions of inceptionism itself have the same names and settings"
            )
        self.stopped = False
        self._shell, self._kernel = shell, kernel
        self._before = ExitStack()
        self._since = time.monotonic()
        self._begun = False
        self._shown = 0.0
        self._pause = SELDOM
        self._picture: display.DisplayHandle | None = None
        self._button = widgets.Button(
            description="Stop", icon="stop", tooltip="Keep the picture so far", layout=widgets.Layout(width="90px")
        )
        self._bar = widgets.FloatProgress(max=1, layout=widgets.Layout(width="200px"))
        self._label = widgets.Label("getting ready")
        # A button that nobody hears is none.
        buttons = [self._button] if can_hear(kernel) else []
        self._controls = widgets.HBox([*buttons, self._bar, self._label])

    def __enter__(self) -> View:
        self._place = display.display(self._controls, display_id=True)
        if can_hear(self._kernel):
            # In a thread of the kernel's, what is said would be of no cell.
            clicked = partial(copy_context().run, self._clicked)
            self._poll = self._before.enter_context(hearing(self._kernel, self._button.model_id, clicked))
        else:
            self._poll = lambda: None
        self._before.enter_context(handling(self._interrupted, [signal.SIGINT]))
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self._before.close()
        if error is not None:
            # Widgets are not in the notebook's file, and a place for one that is gone would stay in it.
            self._place.update({"text/plain": "interrupted" if isinstance(error, KeyboardInterrupt) else ""}, raw=True)
        for widget in (*self._controls.children, self._controls):
            widget.close()
        if isinstance(error, InceptionismError):
            plainly(error)

    def show(self, said: str, done: float | None, render: Callable[[], Image.Image]) -> None:
        """Show how far it is, if it is time to.

        Args:
            said: The state in a few words.
            done: The share of the work that is done; none where there is no end.
            render: Returns the picture so far.
        """
        self._begun = True
        self._poll()
        now = time.monotonic()
        if now - self._shown < self._pause and self._picture is not None:
            return
        if done is None:
            self._bar.layout.display = "none"
        else:
            self._bar.value = done
        self._label.value = said
        self._draw(drawn(render()))
        self._shown = time.monotonic()
        self._pause = max(SELDOM, (self._shown - now) / SHARE)

    def finish(self, thing: Thing, shows: object, said: str) -> Thing:
        """Show what was made, and return it so that the notebook does not show it twice.

        Args:
            thing: What was made.
            shows: A picture, or what else a notebook shows.
            said: What stands over it.
        """
        self._draw(drawn(shows) if isinstance(shows, Image.Image) else shows)
        self._place.update({"text/plain": said}, raw=True)
        # IPython asks a value how it is shown, and if that says that it does not know, shows it in the usual ways.
        vars(thing)["_ipython_display_"] = partial(shown_by, self._shell.execution_count)
        return thing

    @property
    def ending(self) -> str:
        """How it ended, in words before what there is."""
        return "stopped after " if self.stopped else ""

    @property
    def record_step(self) -> str:
        """How long it has been going on, in words."""
        seconds = time.monotonic() - self._since
        return f"{seconds:.0f} s" if seconds >= 10 else f"{seconds:.1f} s"

    def _draw(self, shows: Any) -> None:
        if self._picture is None:
            self._picture = display.display(shows, display_id=True)
        else:
            self._picture.update(shows)

    def _clicked(self) -> None:
        self.stopped = True
        self._button.disabled = True
        self._label.value = "stopping after this step"

    def _interrupted(self, number: int, frame: FrameType | None) -> None:  # noqa: ARG002  # as the signal module calls it
        if self.stopped or not self._begun:
            raise KeyboardInterrupt
        self.stopped = True


def shown_by(cell: int) -> None:
    """Show nothing in the cell of this number, whose output shows it already."""
    if getattr(get_ipython(), "execution_count", None) != cell:
        raise NotImplementedError


def drawn(picture: Image.Image) -> display.Image:
    """Return a picture as a page shows it: not larger than that, as JPEG."""
    small = flatten_alpha(picture.copy())
    small.thumbnail((WIDEST, HIGHEST), Image.Resampling.LANCZOS)
    # A place that knows its size does not jump when its picture changes.
    return display.Image(encode(small, "JPEG", metadata=False, quality=QUALITY), width=small.width, height=small.height)


def put(picture: Image.Image) -> None:
    """Show a picture."""
    display.display(drawn(picture))


def played(film: bytes, width: int) -> display.Video:
    """Return a film, the bytes of an MP4 file, as a page plays it: again and again."""
    attributes = f'controls autoplay loop muted playsinline width="{min(width, WIDEST)}"'
    return display.Video(data=film, embed=True, mimetype="video/mp4", html_attributes=attributes)
