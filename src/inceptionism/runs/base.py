"""A picture in the making: its steps, its result, and several of them side by side.

A run is iterated over for its steps, and asked for its result at any time. Progress bars, previews, cancelling and
saving an unfinished picture all do just that.
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from typing import TypeVar

import torch
from PIL import Image
from torch import nn

from inceptionism import interruption
from inceptionism.errors import InvalidSetting
from inceptionism.io import Photo
from inceptionism.memory import keep_memory, trim_memory
from inceptionism.networks import DTYPES, Network, load_network
from inceptionism.objectives import AlignedReferences, MaskedObjective, Objective, masked_objectives
from inceptionism.optimization import AscentState, Constraints, GradientEvaluator, Parameterization, Transform, ascend
from inceptionism.recipes import ClassRecipe, MadeWith, PhotoRecipe
from inceptionism.runs.result import Result, Step

LARGE = 2**20
"""The pixels of an octave from which on the memory that something has left is worth the time to hand it back."""


def trim_memory_before(size: tuple[int, int]) -> None:
    """Hand back the memory that is not in use, before something large of a height and width."""
    if size[0] * size[1] > LARGE:
        gc.collect()  # torch's optimizers refer to themselves, and to the canvas of the octave before
        trim_memory()


AnyRun = TypeVar("AnyRun", bound="Run")


class Run(ABC):
    """A picture in the making.

    Attributes:
        size: The height and width of the result in pixels.
        sizes: Those of its octaves, of which the result's is the last.
        steps: In each octave.
        objective: What is climbed.
        constraints: What keeps it natural meanwhile.
        recipe: Complete: what was left to defaults is filled in, and what the result is made with.
        notes: What was decided on the way, each in one sentence.
        scores: The objective at each step so far.
    """

    size: tuple[int, int]
    sizes: list[tuple[int, int]]
    recipe: PhotoRecipe | ClassRecipe
    steps: int
    objective: Objective
    constraints: Constraints

    def __init__(self, recipe: PhotoRecipe | ClassRecipe, network: str | nn.Module | Network | None) -> None:
        self.recipe = recipe
        network = load_network(recipe.network if network is None else network, recipe.device)
        self.network = network
        self.evaluator = GradientEvaluator(network, network.dtype(self.recipe.precision))
        self.notes: list[str] = []
        self.scores: list[float] = []
        self._going: Iterator[Step] | None = None

    @property
    def title(self) -> str:
        """What it is a picture of, in a word or two."""
        return self.recipe.title

    def __iter__(self) -> Iterator[Step]:
        """Take the steps, one for each item; who stops early and iterates again goes on from there."""
        if self._going is None:
            self._going = (step for (step,) in run_batch([self]))
        return self._going

    @abstractmethod
    def states(self) -> Iterator[AscentState]:
        """Yield what climbs in each octave; each is over when the next is asked for."""

    def state(
        self,
        canvas: Parameterization,
        optimizer: torch.optim.Optimizer,
        size: tuple[int, int],
        generator: torch.Generator,
        *transforms: Transform,
    ) -> AscentState:
        """Return what climbs at a height and width, under the prior's constraints."""
        asked, device = self.constraints, self.network.device
        return AscentState(
            canvas,
            self.parts(size),
            optimizer,
            [*transforms, *asked.transforms],
            generator,
            AlignedReferences.of(self.objective, size, device),
            asked.penalties,
            asked.unseen,
            asked.blur,
            asked.levels,
        )

    def parts(self, size: tuple[int, int]) -> list[MaskedObjective]:
        """Return what is climbed at a height and width."""
        return masked_objectives(self.objective, size, self.network.device)

    def record_step(self, score: float) -> Step:
        """Note the score of a step that was taken, and return the step."""
        self.scores.append(score)
        before, step = divmod(len(self.scores) - 1, self.steps)
        areas = [height * width for height, width in self.sizes]
        done = (sum(areas[:before]) + areas[before] * (step + 1) / self.steps) / sum(areas)
        return Step(before + 1, len(areas), step + 1, self.steps, score, done, self.image)

    @abstractmethod
    def image(self) -> Image.Image:
        """Return the picture so far, at the size of the output."""

    def result(self) -> Result:
        """Return what there is so far."""
        taken, recipe = len(self.scores), self.recipe
        if taken < self.steps * len(self.sizes) and recipe.made_with:
            recipe = replace(recipe, made_with=replace(recipe.made_with, taken=taken))
        return Result(self.image(), recipe, tuple(self.scores), tuple(self.notes))

    def finish(self, on_step: Callable[[Step], object] | None = None) -> Result:
        """Take all steps that are left, unless `on_step` raises StopIteration, and return the result."""
        take_steps(self, on_step)
        return self.result()

    def batch_key(self) -> tuple[object, ...]:
        """Return what runs must have in common to go together."""
        return (
            self.network,
            self.evaluator.dtype,
            tuple(self.sizes),
            self.steps,
            self.recipe.prior,
            self.objective.references,
            len(self.objective.parts),
        )

    def made_with(self, photo: Photo | None = None) -> MadeWith:
        """Return what the result depends on besides its settings."""
        described = None
        if photo is not None:
            height, width = photo.pixels.shape[:2]
            described = {"name": photo.name, "sha256": photo.sha256, "height": height, "width": width}
        area = self.size[0] * self.size[1]
        return MadeWith(
            inceptionism=version("inceptionism"),
            torch=torch.__version__,
            device=self.network.device.type,
            weights=self.network.weights_hash,
            precision=next(name for name, dtype in DTYPES.items() if dtype == self.evaluator.dtype),
            photo=described,
            pictures=self.objective.pictures() or None,
            tile=self.evaluator.pixels if (self.evaluator.pixels or area) < area else None,
        )


def run_batch(runs: Sequence[Run]) -> Iterator[list[Step]]:
    """Take the steps of several runs side by side; yield, after each, the step that each has taken.

    Each makes the picture that it would make alone, from its own random choices; but the network sees them as one
    batch. That may round their scores differently.

    Raises:
        InvalidSetting: they are not of one network and precision, or do not take as many steps in the same octaves.
    """
    first, *others = runs
    for other in others:
        if other.batch_key() != first.batch_key():
            raise InvalidSetting(
                "runs go together that are of one Network, precision, size and number of steps; "
                f"those of {first.title} and {other.title} are not"
            )
    with keep_memory():
        for states in zip(*(run.states() for run in runs), strict=True):
            for scores in ascend(states, first.evaluator, first.steps):
                interruption.check()
                yield [run.record_step(score) for run, score in zip(runs, scores, strict=True)]


def take_steps(steps: Iterable[Step], on_step: Callable[[Step], object] | None = None) -> None:
    """Take steps until there are no more, or `on_step`, which is called with each, raises StopIteration."""
    for step in steps:
        try:
            if on_step is not None:
                on_step(step)
        except StopIteration:
            break


def make_batches(runs: Iterable[AnyRun]) -> Iterator[list[AnyRun]]:
    """Yield the runs in their order, those that follow each other in groups that are faster together than alone.

    No run is asked for before the batch that it may belong to.
    """
    batch: list[AnyRun] = []
    for run in runs:
        height, width = run.size
        most = min(BATCH, BATCH_PIXELS // (height * width))
        if batch and (len(batch) >= most or run.batch_key() != batch[0].batch_key()):
            yield batch
            batch = []
        batch.append(run)
    if batch:
        yield batch


BATCH = 8
"""How many pictures go through together at most: more of them are no faster."""

BATCH_PIXELS = 4 * 224 * 224
"""How many pixels go through together at most where they are of several pictures."""
