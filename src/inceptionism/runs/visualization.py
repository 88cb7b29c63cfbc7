"""A picture from noise in the making: of a class, or of anything else that an objective scores."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import torch
from PIL import Image
from torch import nn

from inceptionism import objectives
from inceptionism.io import FileResolver
from inceptionism.networks import Network
from inceptionism.objectives import Objective, check_objective, parse_objective
from inceptionism.optimization import AscentState, Initialization, available_prior, constraints, initialize
from inceptionism.recipes import MAX_SEED, PRESETS, ClassRecipe, parse_prior
from inceptionism.runs.base import Run
from inceptionism.runs.result import Step
from inceptionism.tensors import to_image

MAX_RESTARTS = 48
"""How many beginnings a picture from noise gets to which nothing responds."""


class ClassRun(Run):
    """A picture of a class, climbing from noise."""

    recipe: ClassRecipe

    def __init__(
        self,
        recipe: ClassRecipe,
        *,
        network: str | nn.Module | Network | None = None,
        objective: Objective | None = None,
        find_file: FileResolver = Path,
    ) -> None:
        super().__init__(recipe, network)
        check_objective(objective)
        if objective is None and recipe.objective is not None:
            objective = parse_objective(recipe.objective, self.network, find_file=find_file)
        if objective is None:
            assert recipe.target is not None  # the recipe has either
            index = self.network.class_index(recipe.target)
            objective = objectives.logit(index)
            label = self.network.labels[index] if self.network.labels else str(index)
            recipe = replace(recipe, target=index, label=label)
        self.objective = objective
        self._find = find_file
        preset = PRESETS[recipe.preset]
        self.prior = recipe.prior or available_prior(preset.prior, self.network)
        self.steps = recipe.steps or preset.steps
        self.constraints = constraints(parse_prior(self.prior), self.network)
        self.size = recipe.size
        self.sizes = [self.size]
        self.evaluator.pixels = self.evaluator.affordable(*self.size, self.objective, recipe.memory)
        self.recipe = replace(recipe, prior=self.prior, steps=self.steps, made_with=self.made_with())
        if self.evaluator.pixels < self.size[0] * self.size[1]:
            self.notes.append(
                f"seen in tiles of {self.evaluator.pixels / 1e6:.1f} megapixels, each of which climbs by itself"
            )
        self._generator = torch.Generator().manual_seed((recipe.seed + recipe.number) % (MAX_SEED + 1))

    @cached_property
    def _begun(self) -> Initialization:
        # Not before the run begins: of many that are checked together, only a few need its memory at a time.
        terms = parse_prior(self.prior)
        return initialize(terms, self.size, self.steps, self._generator, self.network.device, self._find)

    @cached_property
    def _climb(self) -> AscentState:
        return self.state(self._begun.canvas, self._begun.optimizer, self.size, self._generator)

    def states(self) -> Iterator[AscentState]:
        yield self._climb
        self._climb.check_responded()

    def record_step(self, score: float) -> Step:
        self._begun.schedule.step()
        step = super().record_step(score)
        if not self._climb.responded and step.step <= MAX_RESTARTS:
            # Gray leaves many units behind a ReLU silent, and then there is no gradient; of natural forms, some do not.
            self._begun.canvas.reinitialize(self._generator, faint=step.step == MAX_RESTARTS)
        return step

    def image(self) -> Image.Image:
        with torch.no_grad():
            return to_image(self._begun.canvas.picture())
