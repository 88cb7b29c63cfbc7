"""The run that generates a picture of a class or of any other objective from noise."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

import numpy as np
import torch
from numpy.typing import NDArray
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
    CropSizes,
    Importance,
    Initialization,
    PriorFunctions,
    hash_sources,
    initialize,
    natural_size,
    suitable_prior,
)
from inceptionism.recipes import (
    DEFAULT_SIZE,
    MAX_SEED,
    MAX_TOGETHER,
    NONE,
    PRESETS,
    SUBJECTS,
    ClassRecipe,
    MadeWith,
    Term,
    join_terms,
    parse_prior,
)
from inceptionism.runs.base import Run
from inceptionism.runs.depth import quantized, to_pixels
from inceptionism.runs.grading import Grading
from inceptionism.runs.octaves import Octave, noise_octaves
from inceptionism.tensors import resize, to_image
from inceptionism.validation import check_integer

MAX_RESTARTS = 48
"""Largest number of times that an octave of a picture is initialized again because there is no gradient."""


def make_class_runs(
    recipe: ClassRecipe,
    count: int = 1,
    *,
    network: str | nn.Module | Network | None = None,
    objective: Objective | None = None,
    colors: Photo | None = None,
    prior_functions: PriorFunctions = NO_FUNCTIONS,
    find_file: FileResolver = named_source,
) -> list[ClassRun]:
    """Return the runs of `count` pictures of one class or objective, each from different noise.

    If the objective compares the pictures of a batch, they are one batch with one seed. Otherwise, the seed of each
    picture is one more than that of the picture before.

    Raises:
        InvalidSetting: If `count` is less than 1. If the objective compares several pictures, also if `count` is 1 or
            more than `MAX_TOGETHER`.
        InvalidSetting, UnknownName: As for `ClassRun`.
    """
    first = ClassRun(
        recipe,
        network=network,
        objective=objective,
        colors=colors,
        prior_functions=prior_functions,
        find_file=find_file,
    )
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
            find_file=find_file,
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
        index: int | None = None
        if objective is None:
            assert recipe.target is not None  # a recipe has a target or an objective
            index = self.network.class_index(recipe.target)
            objective = objectives.logit(index)
            label = self.network.labels[index] if self.network.labels else str(index)
            recipe = replace(recipe, target=index, label=label)
        self.objective = objective
        self.notes += objective.notes
        self._find_file = find_file
        self._initialization: Initialization | None = None
        self._state: AscentState | None = None
        self._octave_taken = 0
        preset = PRESETS[recipe.preset]
        prior = recipe.prior or suitable_prior(preset.prior, self.network, self.objective, index)
        self._prior_terms = parse_prior(prior)
        self.steps = recipe.steps or preset.steps
        self._prior_terms = composed(self._prior_terms, recipe.subjects)
        if "crops" in self._prior_terms:
            self.size = recipe.size or natural_size(self._prior_terms, find_file) or DEFAULT_SIZE
            self.crop_sizes = CropSizes.of(self.size, self.network, SUBJECTS[recipe.subjects].form_size)
            self.octaves = noise_octaves(self.size, self.crop_sizes.form_area, self.steps)
        else:
            self.size = recipe.size or self.network.fitting_size(
                natural_size(self._prior_terms, find_file) or DEFAULT_SIZE
            )
            self.octaves = [Octave(self.size, self.steps, self.steps)]
        self.sizes = [octave.size for octave in self.octaves]
        self.prior = self.build_prior(self._prior_terms, find_file, index)
        if self.objective.compares_batch and self.prior.views > 1:
            raise InvalidSetting(
                f"{self.objective} compares the pictures of a batch, so the network sees one part of each; leave "
                f"count={self.prior.views} out of the prior crops"
            )
        self.evaluator.max_pixels = self.evaluator.affordable_pixels(
            self.size,
            self.objective,
            recipe.memory,
            self.crop_sizes.view if self.crop_sizes else None,
            self.prior.views,
        )
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

    @property
    def octave_steps(self) -> list[int]:
        return [octave.steps for octave in self.octaves]

    @torch.inference_mode(False)
    def _initialize(self, octave: Octave) -> None:
        """Create the initialization of an octave. It continues the picture of the octave before."""
        self._initialization = initialize(
            self._prior_terms,
            octave.size,
            octave.schedule,
            self._generator,
            self.network,
            self._find_file,
            self.wrap,
            smaller=self._initialization,
            first_step=octave.first_step,
            relative_step_size=octave.step_size,
        )
        self._octave_taken = 0

    @property
    def _start(self) -> Initialization:
        """The initialization of the current octave."""
        # Created when the run starts. Many runs may be checked in advance, but only a few need this memory at a time.
        if self._initialization is None:
            self._initialize(self.octaves[0])
        assert self._initialization is not None
        return self._initialization

    def states(self) -> Iterator[AscentState]:
        responded = False
        for octave in self.octaves:
            if octave is not self.octaves[0]:
                self._initialize(octave)
            start = self._start  # the first octave may already have one, for a preview before the first step
            state = self.make_state(start.parameterization, start.optimizer, octave.size, self._generator)
            state.responded = responded
            if self.recipe.transparent:
                state.importance = Importance(octave.size, self.network.device, self._importance, self.wrap)
            self._state = state
            yield state
            responded = state.responded
        if self.prior.regularizer is not None and len(self.scores) > 1 and len(set(self.scores)) == 1:
            # The gradient was that of the regularizer, because the score never changed with the picture.
            state.responded = False
        state.check_responded()

    def record_step(self, score: float) -> None:
        assert self._state is not None  # set by `states`
        self._start.schedule.step()
        super().record_step(score)
        self._octave_taken += 1
        if not self._state.responded and self._octave_taken <= MAX_RESTARTS:
            # After a ReLU, many units have no gradient on a gray picture. Some of them respond to noise with contrast.
            parameterization = self._start.parameterization
            is_last = self._octave_taken == MAX_RESTARTS
            parameterization.reinitialize(self._generator, FAINT_STD if is_last else parameterization.natural_std)

    def image(self) -> Image.Image:
        with torch.no_grad():
            return to_image(self._graded_picture(), self._opacity())

    def full_image(self) -> DeepImage | None:
        depth = self.recipe.depth or 8
        if depth == 8:
            return None
        opacity = self._opacity()
        alpha = None if opacity is None else np.float32(1 / 255) * opacity
        with torch.no_grad():
            full = quantized(to_pixels(self._graded_picture().clamp(0, 1)), alpha, depth, {})
        assert isinstance(full, DeepImage)
        return full

    def network_picture(self) -> Tensor:
        return resize(self._start.parameterization.picture(), self.size, self.wrap)

    def _opacity(self) -> NDArray[np.uint8] | None:
        """Return the opacity of each pixel of the result, H×W. None if the result is opaque."""
        return None if self._importance is None else self._importance.opacity(self.size)

    @property
    def _importance(self) -> Importance | None:
        """Importance of the parts of the picture in the current octave. None if it is not needed."""
        return None if self._state is None else self._state.importance

    def _graded_picture(self) -> Tensor:
        return self.grading.tone(self.network.input_channels.displayed(self.network_picture()))


def composed(terms: Mapping[str, Term], subjects: str) -> dict[str, Term]:
    """Return the terms of a prior, whose crops show as much of the picture as its composition needs.

    Args:
        terms: Terms of the prior by name. A size that they give is kept.
        subjects: Name of the composition.

    Raises:
        InvalidSetting: If the prior has no crops, which every composition but "one" needs.
    """
    crops = terms.get("crops")
    if crops is None:
        if subjects != "one":
            raise InvalidSetting(
                f"subjects is {subjects}, which needs the prior crops, but the prior is "
                f"{join_terms([str(term) for term in terms.values()]) or NONE}; leave one of them out"
            )
        return dict(terms)
    composition = SUBJECTS[subjects]
    sides = {"smallest": f"{composition.smallest:g}", "largest": f"{composition.largest:g}"}
    named = {**({} if sides.keys() & crops.named.keys() else sides), **crops.named}
    return {**terms, "crops": replace(crops, named=named)}
