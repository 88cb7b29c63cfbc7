"""The offer to download GoogLeNet, beside the control of the network. Only the owner of the machine gets it."""

from __future__ import annotations

import html
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import gradio as gr

from inceptionism.networks.hub import get_network, known_entries, open_entry, ready_networks
from inceptionism.recipes import list_looks
from inceptionism.studio.progress import note_html, problem_html, state_html
from inceptionism.studio.worker import Job
from inceptionism.studio.workshop import Workshop

OFFERED, TITLE = "googlenet", "GoogLeNet"
"""Name of the network, and its name in sentences."""


class Stopped(Exception):
    """The page was closed, or the server ends. The download continues when it is wanted again."""


class NetworkOffer:
    """A sentence about the network with a button that downloads it, and a hint at it below the looks.

    The hint is drawn first. Both are hidden if the network is on the machine, or may not be downloaded.

    Args:
        workshop: The workshop.

    Attributes:
        hint: The hint.
        box: The sentence and the button.
    """

    def __init__(self, workshop: Workshop) -> None:
        self._workshop = workshop
        text = f"{count_looks()} more looks come with {TITLE}. Get it in Advanced."
        self.hint = gr.HTML(note_html(text), visible=self.is_open, elem_id="offer-hint", padding=False)

    def draw(self) -> None:
        """Draw the sentence and the button at this place of the page."""
        with gr.Column(visible=self.is_open, elem_id="offer") as self.box:
            gr.HTML(f"<p>{html.escape(offer_text())}</p>", elem_id="offer-text")
            self._button = gr.Button(f"Get {TITLE}", elem_id="get-network")
        self._state = gr.HTML(elem_id="offer-state", padding=False)
        self._problem = gr.HTML(elem_id="offer-problem", padding=False)

    @property
    def is_open(self) -> bool:
        """Whether the network can be downloaded now."""
        return self._workshop.downloads and OFFERED not in ready_networks()

    def connect(self, network: gr.Dropdown, refresh: Callable[[], Mapping[Any, Any]], changed: list[Any]) -> None:
        """Let the button download the network, and choose it afterwards.

        Args:
            network: Control of the network that gets the new one.
            refresh: Function that returns the new content of all controls with networks or looks.
            changed: These controls.
        """

        def get() -> Iterator[dict[Any, Any]]:
            yield {self._button: gr.Button(interactive=False), self._problem: "", self._state: state_html(None, "")}
            reasons: list[str] = []
            try:
                for state in self._workshop.worker.download(lambda job: self._download(job, reasons)):
                    yield {self._state: state}
            except Stopped:
                return
            except Exception as error:  # noqa: BLE001  # the visitor gets a sentence, and the log the rest
                problem = "".join(map(problem_html, [self._workshop.sentence(error), *reasons]))
                yield {self._button: gr.Button(interactive=True), self._problem: problem, self._state: ""}
                return
            ready = note_html(f"{TITLE} is ready, and is chosen now.")
            controls = {**refresh(), network: gr.Dropdown(ready_networks(), value=OFFERED)}
            yield {**controls, self._button: gr.Button(interactive=True), self._state: ready}

        outputs = [*changed, self._button, self._state, self._problem]
        self._button.click(get, None, outputs, show_progress="hidden", concurrency_id="offer", trigger_mode="once")

    def _download(self, job: Job[str], reasons: list[str]) -> str:
        """Download the network, and return the last state as HTML.

        Args:
            job: The job, which gets the states.
            reasons: Gets a sentence about each source that fails.
        """
        if not self.is_open:  # another page has downloaded it
            return ""
        entry = known_entries()[OFFERED]
        received: dict[str, int] = {}

        def show(file: Any, done: int, _total: int | None) -> None:
            if job.stopped:
                raise Stopped
            received[file.name] = done
            so_far = sum(received.values())
            job.show(state_html(so_far / entry.download_size, f"{so_far / 1e6:.0f} of {entry.size_text}"))

        def check(folder: Path) -> None:
            paths = [folder / file.name for file in entry.files]
            self._workshop.worker.do(lambda: open_entry(entry, paths))

        get_network(entry, show, reasons.append, check)
        return ""


def offer_text() -> str:
    """Return the sentence of the offer: what the network is for, its size and its license."""
    entry = known_entries()[OFFERED]
    return (
        f"{TITLE} is {entry.about}. {count_looks()} more looks need it. It is a download of {entry.size_text}. "
        f"License: {entry.license}."
    )


def count_looks() -> int:
    """Return the number of looks that need the network."""
    return sum(look.network == OFFERED for look in list_looks())
