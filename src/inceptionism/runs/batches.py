"""Batches of runs: they take their steps at the same time, and a run that fails does not stop the others."""

from __future__ import annotations

import math
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import suppress
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeVar

import torch

from inceptionism import interruption
from inceptionism.errors import InceptionismError, InvalidSetting, NotFinite
from inceptionism.memory import keep_memory
from inceptionism.optimization import AscentState, ascend
from inceptionism.runs.result import Results, Step

if TYPE_CHECKING:
    from inceptionism.runs.base import Run

MAX_BATCH = 8
"""Largest number of pictures in a batch. Larger batches are not faster."""

MAX_BATCH_PIXELS = 4 * 224 * 224
"""Largest number of pixels in a batch of several pictures."""

AnyRun = TypeVar("AnyRun", bound="Run")


# The user may be in any mode of torch, and in a different one at each step.
@torch.inference_mode(False)
@torch.enable_grad()
def run_batch(runs: Sequence[Run]) -> Iterator[list[Step]]:
    """Take the steps of several runs at the same time. After each step, yield the `Step` of each run.

    Each run makes the same picture as alone, with its own random choices. The network processes the pictures as one
    batch, which may round their scores differently.

    A run that fails does not stop the others. Its error is raised after the last step, and it is its `failure`.

    Raises:
        InvalidSetting: If there are no runs, or if they differ in their network, precision, sizes, prior, number of
            steps, references or number of masks.
    """
    if not runs:
        raise InvalidSetting("a batch needs at least one run")
    first, *others = runs
    for run in runs:
        run.failure = None
    for other in others:
        if other.batch_key() != first.batch_key():
            raise InvalidSetting(
                "the runs of a batch must have the same Network object, precision, octaves, prior, number of steps, "
                f"references and number of masks, but those of {first.title} and {other.title} differ"
            )
        other.evaluator = first.evaluator  # if memory runs out, the tiles of all pictures become smaller
    with keep_memory():
        octaves = [run.states() for run in runs]
        number = 0
        while (yield from take_octave(runs, octaves, number)):
            number += 1
    for run in runs:
        run.notes += run.score_notes() if run.failure is None else []
    failures = [run.failure for run in runs if run.failure is not None]
    if failures:
        raise failures[0]


def take_octave(
    runs: Sequence[Run], octaves: Sequence[Iterator[AscentState]], number: int
) -> Generator[list[Step], None, bool]:
    """Take the steps of the octave of a number, from 0. Return whether any run has this octave.

    No variable of it stays alive, because the state of a large octave takes hundreds of megabytes.
    """
    pairs = [(run, state) for run, states in zip(runs, octaves, strict=True) for state in next_state(run, states)]
    if not pairs:
        return False
    states = [state for _, state in pairs]
    evaluator, steps = runs[0].evaluator, runs[0].octave_steps[number]
    with suppress(NotFinite):  # the states keep it
        for scores in ascend(states, evaluator, steps):
            interruption.raise_if_interrupted()
            for (run, state), score in zip(pairs, scores, strict=True):
                if state.failure is None:
                    run.record_step(score)
            yield [run.last_step() for run in runs]
    for run, state in pairs:
        run.failure = state.failure
    return True


def next_state(run: Run, states: Iterator[AscentState]) -> list[AscentState]:
    """Return the next of the states of a run. There is none at the end, or if the run has failed."""
    if run.failure is not None:
        return []
    try:
        return list(islice(states, 1))
    except InceptionismError as error:
        run.failure = error
        return []


def finish_runs(runs: Iterable[Run], on_step: Callable[[Step], object] | None = None) -> Results:
    """Take all steps of several runs, in batches, and return their results.

    Args:
        runs: The runs. They are read lazily, as in `make_batches`.
        on_step: Called with each step of each run. If it raises StopIteration, no more steps are taken, and the
            results are those of the runs that have taken steps.

    Raises:
        InceptionismError: If runs fail. The others are finished first, and the error has their `results`.
    """
    results, failures = Results(), []
    for batch in make_batches(runs):
        stopped = False
        try:
            for step in chain.from_iterable(run_batch(batch)):
                if on_step is not None:
                    on_step(step)
        except StopIteration:
            stopped = True
        except InceptionismError as error:
            if all(run.failure is not error for run in batch):
                raise
            failures += [(run.title, run.failure) for run in batch if run.failure is not None]
        results += [run.result() for run in batch if run.failure is None and run.scores]
        if stopped:
            break
    if failures:
        first = failures[0][1]
        titles = ", ".join(title for title, _ in failures)
        failure = type(first)(f"{len(failures)} of {len(failures) + len(results)} pictures failed ({titles}): {first}")
        failure.results = results
        raise failure
    return results


def take_steps(steps: Iterable[Step], on_step: Callable[[Step], object] | None = None) -> None:
    """Take all steps, and call `on_step` with each step. If `on_step` raises StopIteration, no more steps are taken."""
    for step in steps:
        try:
            if on_step is not None:
                on_step(step)
        except StopIteration:
            break


def make_batches(runs: Iterable[AnyRun]) -> Iterator[list[AnyRun]]:
    """Yield batches of consecutive runs that are faster in one batch than alone. The order stays the same.

    Runs whose objective compares them with each other are always one batch.

    `runs` is read lazily: a batch is yielded as soon as the next run does not fit into it.
    """
    batch: list[AnyRun] = []
    for run in runs:
        seen_pixels = run.prior.views * math.prod(run.view_size)
        limit = run.compared_pictures or min(MAX_BATCH, MAX_BATCH_PIXELS // seen_pixels)
        if batch and (len(batch) >= limit or run.batch_key() != batch[0].batch_key()):
            yield batch
            batch = []
        batch.append(run)
    if batch:
        yield batch
