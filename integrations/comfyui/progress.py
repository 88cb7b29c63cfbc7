"""Runs with ComfyUI's progress bar and previews. They end when the user presses the button to interrupt."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from contextlib import closing

from comfy.model_management import throw_exception_if_processing_interrupted
from comfy.utils import ProgressBar

import inceptionism as inc
from inceptionism.runs import PreviewPace

UNITS = 1000
"""Units of the progress bar for each picture. Steps of large octaves take longer, so they count for more."""

PREVIEW_SIDE = 512
"""Longer side of a preview in pixels."""

log = logging.getLogger("inceptionism")


class Progress:
    """The progress bar of a node.

    Args:
        pictures: Number of pictures that the node makes.
    """

    def __init__(self, pictures: int) -> None:
        self._bar = ProgressBar(pictures * UNITS)
        self._finished = 0
        self._pace = PreviewPace()

    def show(self, steps: Sequence[inc.Step]) -> None:
        """Show the latest steps of the pictures that are made now, and from time to time the first of these pictures.

        Raises:
            InterruptProcessingException: If the user interrupts the workflow.
        """
        throw_exception_if_processing_interrupted()
        done = self._finished + sum(step.done for step in steps)
        if not self._pace.is_due:
            self._bar.update_absolute(int(done * UNITS))
            return
        with self._pace.preview():
            preview = ("JPEG", steps[0].image.convert("RGB"), PREVIEW_SIDE)
            self._bar.update_absolute(int(done * UNITS), preview=preview)

    def finish(self, pictures: int) -> None:
        """Count pictures as finished."""
        self._finished += pictures


def make_pictures(runs: Iterable[inc.Run], count: int) -> list[inc.Result]:
    """Take all steps of runs, in batches, and return their results. Decisions of the runs are written to the log.

    Args:
        runs: The runs. They are read lazily.
        count: Number of runs.

    Raises:
        InterruptProcessingException: If the user interrupts the workflow.
        InceptionismError: If a run fails.
    """
    progress, results = Progress(count), []
    for batch in inc.make_batches(runs):
        with closing(inc.run_batch(batch)) as taken:  # type: ignore[type-var]  # it is a generator
            for steps in taken:
                progress.show(steps)
        progress.finish(len(batch))
        results += [run.result() for run in batch]
    for note in dict.fromkeys(note for result in results for note in result.notes):
        log.info("inceptionism: %s", note)
    return results
