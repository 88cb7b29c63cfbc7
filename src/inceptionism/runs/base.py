"""A run: the steps from a recipe to a picture, alone or in a batch of runs.

Iterating over a run takes its steps, and the result of the run is available at any time. This is enough for progress
bars, for previews, and for stopping a run early and saving its unfinished picture.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from inceptionism.errors import InceptionismError
from inceptionism.io import DeepImage, FileResolver, Photo
from inceptionism.networks import DTYPES, Network, load_network
from inceptionism.objectives import AlignedReferences, MaskedObjective, Objective, masked_objectives
from inceptionism.optimization import (
    AscentState,
    CropSizes,
    GradientEvaluator,
    Parameterization,
    Prior,
    PriorFunctions,
    Transform,
    build_prior,
)
from inceptionism.recipes import NONE, ClassRecipe, MadeWith, PhotoRecipe, Term
from inceptionism.runs.batches import run_batch, take_steps
from inceptionism.runs.depth import to_pixels
from inceptionism.runs.grading import Grading
from inceptionism.runs.margin import WRAPS, seen_margin
from inceptionism.runs.result import Result, Step
from inceptionism.version import __version__

MIN_COMPARED_VIEWS = 16
"""Smallest number of random views whose scores at the beginning and at the end are compared."""

PIXELS_PER_VIEW_PIXEL = 8
"""Number of pixels of a spectrum's picture that take as much time as one pixel that the network sees."""


class Run(ABC):
    """The steps from a recipe to a picture.

    Args:
        recipe: Settings of the picture.
        network: Network that is used in place of the one in the recipe: a name, a module or a `Network`.
        prior_functions: Transforms and penalties that are added to the prior of the recipe.

    Attributes:
        size: Height and width of the result in pixels.
        sizes: Height and width of each octave. The last one is that of the result.
        steps: Number of steps in each octave. In a picture from noise, it is the number of steps that
            make its forms; `octave_steps` has those of each octave.
        objective: Objective that is maximized.
        prior: Prior that keeps the picture natural.
        grading: Changes of the colors and the contrast after the dream.
        recipe: Complete recipe. Defaults are filled in, and everything else that the result depends on is added.
        wrap: Directions in which the picture continues at its opposite edge.
        margin: Number of pixels by which it continues in the view of the network, at each end of these directions.
        crop_sizes: Sizes of the random crops that the network sees. None if it sees the whole picture.
        notes: Decisions that the run made, each in one sentence.
        scores: Score of each step so far.
        failure: Error with which the run ended. None if there is none so far.
    """

    size: tuple[int, int]
    sizes: list[tuple[int, int]]
    recipe: PhotoRecipe | ClassRecipe
    steps: int
    objective: Objective
    prior: Prior
    grading: Grading

    def __init__(
        self,
        recipe: PhotoRecipe | ClassRecipe,
        network: str | nn.Module | Network | None,
        prior_functions: PriorFunctions,
    ) -> None:
        self.recipe = recipe
        self.prior_functions = prior_functions
        self.wrap = WRAPS[recipe.tileable]
        self.margin = 0
        self.crop_sizes: CropSizes | None = None
        network = load_network(recipe.network if network is None else network, recipe.device)
        self.network = network
        self.evaluator = GradientEvaluator(network, network.dtype(self.recipe.precision))
        self.notes: list[str] = [*network.notes, *prior_functions.notes]
        self.scores: list[float] = []
        self.failure: InceptionismError | None = None
        self._remaining_steps: Iterator[Step] | None = None

    @property
    def compared_pictures(self) -> int:
        """Number of pictures that the objective compares with each other in one batch. 0 if it compares none."""
        return getattr(self.recipe, "together", 1) if self.objective.compares_batch else 0

    @property
    def title(self) -> str:
        """Title of the picture, in a word or two."""
        return self.recipe.title

    def __iter__(self) -> Iterator[Step]:
        """Take the steps, one for each item. A second iteration continues after the last step of the first one."""
        if self._remaining_steps is None:
            self._remaining_steps = (step for (step,) in run_batch([self]))
        return self._remaining_steps

    @property
    def octave_steps(self) -> list[int]:
        """Number of steps in each octave."""
        return [self.steps] * len(self.sizes)

    @abstractmethod
    def states(self) -> Iterator[AscentState]:
        """Yield the state of each octave. A state is finished when the next one is requested."""

    def build_prior(self, terms: Mapping[str, Term], find_file: FileResolver, target: int | None = None) -> Prior:
        """Return the prior of `terms`, which are given by name, with the functions of this run.

        `find_file` finds the files that the terms name, and `target` is the index of the class that the picture shows.
        """
        if self.wrap.axes and not {"views", "crops"} & terms.keys():
            self.margin = seen_margin(self.objective, self.network, self.wrap)
        prior = build_prior(terms, self.network, self.wrap, self.crop_sizes, find_file, target)
        self.evaluator.branch_share, self.evaluator.leak = prior.branch_share, prior.leak
        return self.prior_functions.added_to(prior)

    def make_state(
        self,
        parameterization: Parameterization,
        optimizer: torch.optim.Optimizer,
        size: tuple[int, int],
        generator: torch.Generator,
        *transforms: Transform,
    ) -> AscentState:
        """Return a state with the objective and the prior of this run.

        Args:
            parameterization: Parameters that are optimized, and the picture that they stand for.
            optimizer: Updates the parameters. It must maximize.
            size: Height and width of the picture in pixels.
            generator: Source of all random choices.
            *transforms: Transforms that come before those of the prior.
        """
        return AscentState(
            parameterization,
            self.masked_objectives(size),
            optimizer,
            [*transforms, *self.prior.transforms],
            generator,
            AlignedReferences.of(self.objective, size, self.network, self.wrap),
            self.prior.penalties,
            self.prior.regularizer,
            self.prior.blur,
            self.prior.gradient_filters,
            self.wrap,
            self.margin,
            self.prior.views,
        )

    def masked_objectives(self, size: tuple[int, int]) -> list[MaskedObjective]:
        """Return the objective of this run, split by its masks, for a picture of this height and width."""
        return masked_objectives(self.objective, size, self.network.device, self.wrap)

    def record_step(self, score: float) -> None:
        """Record the score of a step."""
        self.scores.append(score)

    def last_step(self) -> Step:
        """Return the last step. Before the first step, its score is NaN."""
        score = self.scores[-1] if self.scores else math.nan
        octave, step, octave_steps = 0, max(0, len(self.scores) - 1), self.octave_steps
        while step >= octave_steps[octave]:
            step -= octave_steps[octave]
            octave += 1
        work = [steps * self._step_work(size) for steps, size in zip(octave_steps, self.sizes, strict=True)]
        done = (sum(work[:octave]) + work[octave] * (step + 1) / octave_steps[octave]) / sum(work)
        return Step(octave + 1, len(work), step + 1, octave_steps[octave], score, done, self.image)

    def _step_work(self, size: tuple[int, int]) -> float:
        """Return the work of a step at a height and width, in pixels that the network sees."""
        if self.crop_sizes is None:
            return math.prod(size)
        return self.prior.views * math.prod(self.crop_sizes.view) + math.prod(size) / PIXELS_PER_VIEW_PIXEL

    @abstractmethod
    def image(self) -> Image.Image:
        """Return the picture so far, at the size of the output."""

    @abstractmethod
    def network_picture(self) -> Tensor:
        """Return the picture so far as the network sees it, at the size of the output: 1×C×H×W in [0, 1] or beyond."""

    def channels(self) -> NDArray[np.float32] | None:
        """Return all channels of the picture so far, H×W×C in [0, 1]. None if they are red, green and blue."""
        if self.network.input_channels.are_rgb:
            return None
        with torch.no_grad():
            return to_pixels(self.network_picture().clamp(0, 1))

    def full_image(self) -> Image.Image | DeepImage | None:
        """Return the picture so far, with the depth and the color space of the recipe. None if `image` has them."""
        return None

    def result(self) -> Result:
        """Return the result so far."""
        taken, recipe = len(self.scores), self.recipe
        if recipe.made_with:
            is_complete = taken == sum(self.octave_steps)
            # When memory runs out, tiles become smaller during the run.
            made_with = replace(recipe.made_with, tile=self.tile, taken=None if is_complete else taken)
            recipe = replace(recipe, made_with=made_with)
        return Result(self.image(), recipe, tuple(self.scores), tuple(self.notes), self.full_image(), self.channels())

    def score_notes(self) -> list[str]:
        """Return a note if the score is lower at the end of the last octave than at its beginning.

        The means over a quarter of the steps are compared, because the random views of a picture have different scores.
        The scores of fewer than `MIN_COMPARED_VIEWS` random views are not compared.
        """
        # Crops have one size in all octaves, so their scores can be compared.
        scores = self.scores if self.crop_sizes is not None else self.scores[-self.octave_steps[-1] :]
        if self.prior.transforms and len(scores) < MIN_COMPARED_VIEWS:
            return []
        count = max(1, len(scores) // 4)
        first, last = (sum(part) / count for part in (scores[:count], scores[-count:]))
        if not last < first:
            return []
        advice = (
            "more steps" if self.recipe.prior == NONE else f"a weaker prior than {self.recipe.prior}, or more steps,"
        )
        return [f"the score of {self.title} fell from {first:.4g} to {last:.4g}; {advice} may raise it"]

    def finish(self, on_step: Callable[[Step], object] | None = None) -> Result:
        """Take all remaining steps, and return the result.

        Args:
            on_step: Called with each step. It may raise StopIteration to end the run early.

        Raises:
            NoGradient: If no step had a gradient.
            NotFinite: If a gradient is not finite.
        """
        take_steps(self, on_step)
        return self.result()

    def batch_key(self) -> tuple[object, ...]:
        """Return a key that is equal for runs that can be in one batch."""
        return (
            self.network,
            self.evaluator.dtype,
            tuple(self.sizes),
            self.steps,
            self.recipe.prior,
            self.wrap,
            self.margin,
            self.prior_functions,
            self.objective.references,
            len(self.objective.by_mask),
            self.objective if self.compared_pictures else None,
        )

    @property
    def view_size(self) -> tuple[int, int]:
        """Height and width of the view of the network: a crop of the picture, or the picture with its margin."""
        if self.crop_sizes is not None:
            return self.crop_sizes.view
        return self.wrap.enlarged(self.size, self.margin)

    @property
    def tile(self) -> int | None:
        """Number of pixels that the network processes at once. None if it processes the picture as a whole."""
        area = math.prod(self.view_size)
        max_pixels = self.evaluator.max_pixels or area
        return max_pixels if max_pixels < area else None

    def made_with(self, photo: Photo | None = None) -> MadeWith:
        """Return everything that the result depends on besides its settings, with facts about the photograph."""
        photo_facts: dict[str, Any] | None = None
        if photo is not None:
            height, width = photo.pixels.shape[:2]
            photo_facts = {"name": photo.name, "sha256": photo.sha256, "height": height, "width": width}
            if photo.address is not None:
                photo_facts["address"] = photo.address
        return MadeWith(
            inceptionism=__version__,
            # torch's own type of text compares versions, which fails for some texts.
            torch=str(torch.__version__),
            device=self.network.device.type,
            weights=self.network.weights_hash,
            precision=next(name for name, dtype in DTYPES.items() if dtype == self.evaluator.dtype),
            photo=photo_facts,
            pictures={**self.objective.pictures(), **self.prior.files, **dict(self.grading.pictures)} or None,
            tile=self.tile,
            python_objective=None if self.objective.repeatable else True,
            python_prior=True if self.prior_functions else None,
        )
