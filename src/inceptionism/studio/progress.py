"""A run on the page: a small picture and the progress while it goes on, and the whole picture at the end."""

from __future__ import annotations

import html
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

from inceptionism.errors import InceptionismError
from inceptionism.io import LabeledImage, contact_sheet, flatten_alpha
from inceptionism.runs import PreviewPace, Result, Run, Step, make_batches, run_batch
from inceptionism.studio.worker import Job

PREVIEW_SIDE = 640
"""Largest side of the picture that is shown while it is made, in pixels."""

PREVIEW_SECONDS = 0.5
"""Shortest time between two such pictures, in seconds. The server and a browser on the same machine need time for them,
which the run does not see.
"""

MIN_DONE = 0.03
"""Share of the work that must be done before the time that is left is shown. The first steps say little about it."""


@dataclass(frozen=True)
class Progress:
    """State of a job.

    Attributes:
        state: State as HTML.
        picture: Small version of the picture so far, or of several pictures side by side. None if there is none yet.
        files: Files of the results, at the end. Empty before.
        masks: Files of the masks that the visitor painted, at the end.
        before: File of the photograph that the result was dreamed from, at the end. None if there is none.
    """

    state: str
    picture: Image.Image | None = None
    files: tuple[Path, ...] = ()
    masks: tuple[Path, ...] = ()
    before: Path | None = None


def follow(runs: Sequence[Run], job: Job[Progress], save: Callable[[Result], Path]) -> Progress:
    """Take the steps of runs, show their progress, and save their pictures, also if the job is stopped.

    Args:
        runs: Runs of pictures of one size.
        job: The job, which gets the progress and may be stopped.
        save: Function that saves a result and returns its file.

    Returns:
        The progress with the files.

    Raises:
        InceptionismError: If all runs fail before their first step.
    """
    start = time.monotonic()
    pace = PreviewPace(PREVIEW_SECONDS)
    failure = ""
    batches = list(make_batches(runs))
    files: list[Path] = []
    for number, batch in enumerate(batches):
        try:
            for steps in run_batch(batch):
                if pace.is_due:
                    with pace.preview():
                        done = (number + steps[0].done) / len(batches)
                        job.show(Progress(step_state(steps[0], done, time.monotonic() - start), preview(batch, steps)))
                if job.stopped:
                    break
        except InceptionismError as error:
            failure = str(error)
            if not any(run.scores for run in runs):
                raise
        files += [save(run.result()) for run in batch if run.scores]
        if job.stopped:
            break
    count = sum(len(run.scores) for run in runs)
    words = f"stopped after {count} steps" if job.stopped else f"{count} steps in {duration(time.monotonic() - start)}"
    notes = [failure, *runs[0].notes]
    return Progress(state_html(1, " · ".join([words, *filter(None, notes)])), None, tuple(files))


def step_state(step: Step, done: float, seconds: float) -> str:
    """Return the state after a step as HTML, with the time that is left as soon as it can be estimated.

    Args:
        step: The step.
        done: Share of the work that is done, from 0 to 1.
        seconds: Time since the beginning of the job.
    """
    octave = f"octave {step.octave} of {step.octaves}, " if step.octaves > 1 else ""
    left = f" · {duration(seconds / done - seconds)} left" if done >= MIN_DONE else ""
    return state_html(done, f"{octave}step {step.step} of {step.steps}{left}")


def state_html(done: float | None, text: str) -> str:
    """Return a progress bar and a text as HTML. `done` is from 0 to 1; None for a bar without an end."""
    value = "" if done is None else f' value="{done:.3f}"'
    bar = f'<progress max="1"{value} aria-label="Progress"></progress>'
    return f'<div class="status">{bar}<span>{html.escape(text)}</span></div>'


def problem_html(text: str) -> str:
    """Return the sentence of an error as HTML, which screen readers read at once. No sentence gives no text."""
    return f'<p class="problem" role="alert">{html.escape(text)}</p>' if text else ""


def note_html(text: str) -> str:
    """Return a sentence as HTML, which screen readers read when they are idle. No sentence gives no text."""
    return f'<p role="status">{html.escape(text)}</p>' if text else ""


def duration(seconds: float) -> str:
    """Return a time in words: seconds, or minutes and seconds."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def small(image: Image.Image) -> Image.Image:
    """Return a small version of a picture, without transparency."""
    preview = flatten_alpha(image.copy())
    preview.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE), Image.Resampling.BILINEAR)
    return preview


def preview(batch: Sequence[Run], steps: Sequence[Step]) -> Image.Image:
    """Return a small picture of the newest steps of some runs. Several pictures are side by side, with their seeds."""
    pictures = [small(step.image) for step in steps]
    if len(pictures) == 1:
        return pictures[0]
    labeled = [LabeledImage(one, f"seed {run.recipe.seed}") for one, run in zip(pictures, batch, strict=True)]
    return small(contact_sheet(labeled)[0])
