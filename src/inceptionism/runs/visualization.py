"""The run that generates a picture of a class or of any other objective from noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property

import torch
from PIL import Image
from torch import Tensor, nn

from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.io import DeepImage, FileResolver, Photo, named_source
from inceptionism.networks import Network
from inceptionism.objectives import Objective, check_objective, parse_objective, target_text
from inceptionism.optimization import (
    FAINT_STD,
    NO_FUNCTIONS,
    AscentState,
    Initialization,
    PriorFunctions,
    hash_sources,
    initialize,
    suitable_prior,
)
from inceptionism.recipes import DEFAULT_SIZE, MAX_SEED, MAX_TOGETHER, PRESETS, ClassRecipe, MadeWith, parse_prior
from inceptionism.runs.base import Run
from inceptionism.runs.depth import quantized, to_pixels
from inceptionism.runs.grading import Grading
from inceptionism.tensors import to_image
from inceptionism.validation import check_integer

MAX_RESTARTS = 48
"""Largest number of times that a picture is initialized again because there is no gradient."""


def make_class_runs(
    recipe: ClassRecipe,
    count: int = 1,
    *,
    network: str | nn.Module | Network | None = None,
    objective: Objective | None = None,
    colors: Photo | None = None,
    prior_functions: PriorFunctions = NO_FUNCTIONS,
) -> list[ClassRun]:
    """Return the runs of `count` pictures of one class or objective, each from different noise.

    If the objective compares the pictures of a batch, they are one batch with one seed. Otherwise, the seed of each
    picture is one more than that of the picture before.

    Raises:
        InvalidSetting: If `count` is less than 1. If the objective compares several pictures, also if `count` is 1 or
            more than `MAX_TOGETHER`.
        InvalidSetting, UnknownName: As for `ClassRun`.
    """
    first = ClassRun(recipe, network=network, objective=objective, colors=colors, prior_functions=prior_functions)
    check_integer("count", count, 1, MAX_TOGETHER if first.objective.compares_batch else None)
    if first.objective.compares_batch and count == 1:
        raise InvalidSetting(f"{first.objective} compares several pictures with each other; give a count of 2 or more")
    if count == 1:
        return [first]
    if first.recipe.objective is not None:
        recipe = replace(recipe, target=None, objective=first.recipe.objective)
    return [
        ClassRun(
            replace(recipe, together=count, number=number)
            if first.objective.compares_batch
            else replace(recipe, seed=recipe.seed + number),
            network=first.network,
            objective=None if recipe.objective is None else first.objective,
            colors=colors,
            prior_functions=prior_functions,
        )
        for number in range(count)
    ]


class ClassRun(Run):
    """The steps that generate a picture of a class or of another objective from noise.

    Args:
        recipe: Settings of the picture.
        network: Network that is used in place of the one in the recipe: a name, a module or a `Network`.
        objective: Objective that is used in place of the one in the recipe.
        colors: Picture whose colors the result gets, in place of the one that the recipe names.
        prior_functions: Transforms and penalties that are added to the prior of the recipe.
        find_file: Function that finds the files that the recipe names. No other file is opened.

    Raises:
        InvalidSetting: If a setting is wrong, or if the memory limit is too small for the picture.
        UnknownName: If there is no such network, layer or class.
    """

    recipe: ClassRecipe

    def __init__(
        self,
        recipe: ClassRecipe,
        *,
        network: str | nn.Module | Network | None = None,
        objective: Objective | None = None,
        colors: Photo | None = None,
        prior_functions: PriorFunctions = NO_FUNCTIONS,
        find_file: FileResolver = named_source,
    ) -> None:
        super().__init__(recipe, network, prior_functions)
        self.grading = Grading.of(recipe, colors, find_file)
        check_objective(objective)
        if objective is None and recipe.target is not None:
            text = target_text(recipe.target, self.network)
            if text is not None:
                recipe = replace(recipe, target=None, objective=text)
        if objective is None and recipe.objective is not None:
            objective = parse_objective(recipe.objective, self.network, find_file=find_file)
        if objective is None:
            assert recipe.target is not None  # a recipe has a target or an objective
            index = self.network.class_index(recipe.target)
            objective = objectives.logit(index)
            label = self.network.labels[index] if self.network.labels else str(index)
            recipe = replace(recipe, target=index, label=label)
        self.objective = objective
        self.notes += objective.notes
        self._find_file = find_file
        preset = PRESETS[recipe.preset]
        prior = recipe.prior or suitable_prior(preset.prior, self.network, self.objective)
        self._prior_terms = parse_prior(prior)
        self.prior = self.build_prior(self._prior_terms)
        self.steps = recipe.steps or preset.steps
        self.size = recipe.size or self.network.fitting_size(DEFAULT_SIZE)
        self.sizes = [self.size]
        self.evaluator.max_pixels = self.evaluator.affordable_pixels(*self.view_size, self.objective, recipe.memory)
        self.recipe = replace(recipe, prior=prior, size=self.size, steps=self.steps, made_with=self.made_with())
        if self.tile is not None:
            self.notes.append(
                f"the picture is processed in tiles of {self.evaluator.max_pixels / 1e6:.1f} megapixels, "
                "and each tile is optimized by itself"
            )
        self._generator = torch.Generator().manual_seed((recipe.seed + recipe.number) % (MAX_SEED + 1))

    def made_with(self, photo: Photo | None = None) -> MadeWith:
        made_with = super().made_with(photo)
        pictures = {**(made_with.pictures or {}), **hash_sources(self._prior_terms, self._find_file)}
        return replace(made_with, pictures=pictures or None)

    @cached_property
    @torch.inference_mode(False)
    def _initialization(self) -> Initialization:
        # Created when the run starts. Many runs may be checked in advance, but only a few need this memory at a time.
        return initialize(
            self._prior_terms, self.size, self.steps, self._generator, self.network.device, self._find_file, self.wrap
        )

    @cached_property
    def _state(self) -> AscentState:
        initialization = self._initialization
        return self.make_state(initialization.parameterization, initialization.optimizer, self.size, self._generator)

    def states(self) -> Iterator[AscentState]:
        yield self._state
        if self.prior.regularizer is not None and len(self.scores) > 1 and len(set(self.scores)) == 1:
            # The gradient was that of the regularizer, because the score never changed with the picture.
            self._state.responded = False
        self._state.check_responded()

    def record_step(self, score: float) -> None:
        self._initialization.schedule.step()
        super().record_step(score)
        taken = len(self.scores)
        if not self._state.responded and taken <= MAX_RESTARTS:
            # After a ReLU, many units have no gradient on a gray picture. Some of them respond to noise with contrast.
            parameterization = self._initialization.parameterization
            is_last = taken == MAX_RESTARTS
            parameterization.reinitialize(self._generator, FAINT_STD if is_last else parameterization.natural_std)

    def image(self) -> Image.Image:
        with torch.no_grad():
            return to_image(self._graded_picture())

    def full_image(self) -> DeepImage | None:
        depth = self.recipe.depth or 8
        if depth == 8:
            return None
        with torch.no_grad():
            full = quantized(to_pixels(self._graded_picture().clamp(0, 1)), None, depth, {})
        assert isinstance(full, DeepImage)
        return full

    def _graded_picture(self) -> Tensor:
        return self.grading.tone(self._initialization.parameterization.picture())
