"""The panel of a result: the picture in the making, its progress, and the buttons for the finished picture."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import gradio as gr
from gradio.events import Dependency

from inceptionism.studio.checks import checked
from inceptionism.studio.frames import frame_display
from inceptionism.studio.progress import Progress, state_html
from inceptionism.studio.worker import Job
from inceptionism.studio.workshop import Workshop

ONE_AT_A_TIME: dict[str, Any] = {"concurrency_id": "work", "concurrency_limit": 1, "show_progress": "minimal"}
"""Arguments of all events that work: they wait in one queue, and the page shows their place in it."""

DECODING: dict[str, Any] = {"concurrency_id": "decoding", "concurrency_limit": 2, "show_progress": "hidden"}
"""Arguments of all events that decode a photograph at once. Only two of them do so at the same time."""

FILM_ENDING = ".mp4"

NO_BOXES: Mapping[gr.Accordion, Collection[Any]] = MappingProxyType({})

READY = state_html(0, "ready")

Work = Callable[[Job[Progress]], Progress]
"""Work that a visitor wants: it takes the job, and returns the last progress."""


class ResultPanel:
    """The controls that show a result.

    Args:
        workshop: The workshop.
        name: Name of the tab, for the identifiers of the controls.
        label: Label of the picture.

    Attributes:
        result: The picture, small while it is made.
        results: All pictures, if there are several.
        film: The film, if the result is one.
        state: The progress.
        problem: Sentence about an error.
        download: Button that downloads the file of the picture.
        files: Paths of the files of the last results.
        masks: Files of the painted masks, if the tab has such a list.
        comparison: The photograph before and after, if the tab compares them.
    """

    def __init__(self, workshop: Workshop, name: str, label: str = "Result") -> None:
        self._workshop = workshop
        self.result = frame_display(label=label, height=440, buttons=["fullscreen"], elem_id=f"{name}-result")
        self.results = gr.Gallery(
            label="Results",
            visible=False,
            columns=3,
            object_fit="contain",
            buttons=["fullscreen"],
            type="filepath",
            elem_id=f"{name}-results",
        )
        self.film = gr.Video(label="Film", visible=False, interactive=False, loop=True, elem_id=f"{name}-film")
        self.state = gr.HTML(READY, elem_id=f"{name}-state")
        self.problem = gr.HTML(elem_id=f"{name}-problem", padding=False)
        self.files = gr.State([])
        self._finished = gr.State()
        self._asked, self._stopped = gr.State(0.0), gr.State(0.0)
        self.masks: gr.File | None = None
        self.comparison: gr.ImageSlider | None = None

    def draw_download(self, name: str) -> None:
        """Draw the button for the file at this place of the page."""
        self.download = gr.DownloadButton("Download", interactive=False, scale=2, elem_id=f"{name}-download")

    def draw_masks(self, name: str) -> None:
        """Draw the list of painted masks at this place of the page. It is visible only when there are some."""
        label = "Masks, to repeat this dream with the command line"
        self.masks = gr.File(
            label=label, visible=False, interactive=False, file_count="multiple", elem_id=f"{name}-masks"
        )

    def draw_comparison(self, name: str) -> None:
        """Draw the slider that compares the photograph with its dream at this place of the page."""
        self.comparison = gr.ImageSlider(
            label="Before and after", type="filepath", interactive=False, visible=False, elem_id=f"{name}-comparison"
        )

    def connect(
        self,
        event: Callable[..., Dependency],
        make_work: Callable[..., Work],
        inputs: Sequence[Any] | Any,
        check: Callable[..., list[str]] | None = None,
        boxes: Mapping[gr.Accordion, Collection[Any]] = NO_BOXES,
    ) -> Dependency:
        """Let an event do work, show its progress, and show its files at the end.

        Args:
            event: The event, for example `button.click`.
            make_work: Function that returns the work for the values of the controls. The work may raise an error about
                a setting.
            inputs: The controls.
            check: Function that checks the values first. It returns a sentence about the value of each control; empty
                for those that are valid.
            boxes: Boxes that may be closed, with the controls inside. A box opens if a sentence belongs to a control
                in it.

        Returns:
            The end of the work, for further steps.
        """

        def run(request: gr.Request, *given: Any) -> Iterator[tuple[Any, ...]]:
            *values, asked, stopped = given
            if stopped > asked:  # the visitor has pressed Stop while the work waited in the queue
                yield gr.skip(), READY, "", None
                return
            picture: Any = gr.Image(visible=True)
            yield picture, state_html(None, "getting ready"), "", None
            try:
                for progress in self._workshop.worker.watch(str(request.session_hash), make_work(*values)):
                    picture, finished = progress.picture or gr.skip(), progress if progress.files else None
                    yield picture, gr.skip() if finished else progress.state, "", finished
            except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
                yield gr.skip(), READY, self._workshop.problem(error), None

        # gradio builds each skipped control again for each update. So an update has only the controls that it changes.
        shown = [self.result, self.state, self.problem, self._finished]
        controls = [*inputs] if isinstance(inputs, Sequence) else [inputs]

        def begin(*values: Any) -> dict[Any, Any]:
            problems = check(*values) if check is not None else []
            wrong = {control._id for control, problem in zip(controls, problems, strict=False) if problem}
            opened = [box for box, inside in boxes.items() if any(control._id in wrong for control in inside)]
            return {self._asked: time.monotonic(), **{box: gr.Accordion(open=True) for box in opened}}

        begun = event(begin, controls, [self._asked, *boxes], queue=False, show_progress="hidden")
        working = begun.then(
            run, [*controls, self._asked, self._stopped], shown, validator=with_times(check), **ONE_AT_A_TIME
        )
        end: Dependency = working.then(
            self._finish, self._finished, self.file_outputs, queue=False, show_progress="hidden"
        )
        return end

    @property
    def file_outputs(self) -> list[Any]:
        """The controls that show files."""
        shown = [self.result, self.results, self.film, self.state, self.download, self.files]
        return [*shown, *(control for control in (self.masks, self.comparison) if control is not None)]

    def _finish(self, progress: Progress | None) -> Any:
        """Return the changes of the controls at the end of the work. None if the work has no files."""
        if progress is None:
            return gr.skip()
        changed = {self.state: progress.state, **self.with_files([str(path) for path in progress.files])}
        if self.masks is not None:
            masks = [str(path) for path in progress.masks]
            changed[self.masks] = gr.File(masks, visible=bool(masks))
        if self.comparison is not None and progress.before is not None:
            changed[self.comparison] = gr.ImageSlider((str(progress.before), str(progress.files[0])), visible=True)
        return changed

    def with_files(self, files: list[str]) -> dict[Any, Any]:
        """Return the changes of the controls that show the files of a result: a film, a picture, or several."""
        one = files[0] if len(files) == 1 else None
        changed: dict[Any, Any] = {
            self.download: gr.DownloadButton(value=one, interactive=one is not None),
            self.files: files,
        }
        if one is None:
            return changed | self.visible(self.results) | {self.results: gr.Gallery(files, visible=True)}
        if one.endswith(FILM_ENDING):
            return changed | self.visible(self.film) | {self.film: gr.Video(one, visible=True)}
        return changed | self.visible(self.result) | {self.result: gr.Image(one, visible=True)}

    def visible(self, shown: Any) -> dict[Any, Any]:
        """Return the changes that leave only one of the three controls for a result visible."""
        kinds = {self.result: gr.Image, self.results: gr.Gallery, self.film: gr.Video}
        return {control: kind(visible=control is shown) for control, kind in kinds.items()}

    def stop_with(self, button: gr.Button) -> None:
        """Let a button stop the visitor's work."""

        def stop(request: gr.Request) -> float:
            self._workshop.worker.stop(str(request.session_hash))
            return time.monotonic()

        button.click(stop, None, self._stopped, queue=False, show_progress="hidden")


def with_times(check: Callable[..., list[str]] | None) -> Callable[..., list[Any]] | None:
    """Return a validator of gradio for a check, which also takes the times at which the visitor asked and stopped."""
    if check is None:
        return None
    # gradio shows nothing after the result of a control that is not on the page, so those of the times are the last.
    return lambda *given: checked([*check(*given[:-2]), "", ""])


def work_buttons(text: str, name: str, tab: str) -> tuple[gr.Button, gr.Button]:
    """Draw the main button of a tab, and the button "Stop" beside it.

    Args:
        text: Text of the main button.
        name: Identifier of the main button.
        tab: Name of the tab, for the identifier of the other button.
    """
    with gr.Row():
        return gr.Button(text, variant="primary", elem_id=name), gr.Button("Stop", elem_id=f"{tab}-stop")
