"""A photo run that dreams the frames of a film one after the other. Its network is frozen only once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from inceptionism.io import FileResolver, Photo, named_source
from inceptionism.networks import Network
from inceptionism.objectives import MaskedObjective, Objective, masked_objectives
from inceptionism.optimization import NO_FUNCTIONS, PriorFunctions
from inceptionism.recipes import MAX_SEED, PhotoRecipe
from inceptionism.runs import PhotoRun, run_batch
from inceptionism.tensors import resize


class FrameRun(PhotoRun):
    """A photo run that dreams one frame after the other, each from a float picture instead of a photograph.

    Args:
        recipe: Recipe of a frame.
        photo: Picture that has the size of the frames.
        network: Network, as in `PhotoRun`.
        prior_functions: Transforms and penalties that are added to the prior of the recipe.
        objective: Objective to maximize. If it changes over time, this is the sum of all objectives.
        colors: Picture whose colors the film gets, as in `PhotoRun`.
        find_file: Function that finds the file of that picture.
    """

    def __init__(
        self,
        recipe: PhotoRecipe,
        photo: Photo,
        *,
        network: str | nn.Module | Network | None = None,
        prior_functions: PriorFunctions = NO_FUNCTIONS,
        objective: Objective,
        colors: Photo | None = None,
        find_file: FileResolver = named_source,
    ) -> None:
        super().__init__(
            replace(recipe, size=None, guide=None, mask=None),
            replace(photo, native=None),
            network=network,
            prior_functions=prior_functions,
            objective=objective,
            colors=colors,
            find_file=find_file,
        )
        self._frame: Tensor | None = None
        self._mask: Tensor | None = None
        self._mixture: Sequence[tuple[float, Objective]] = [(1.0, self.objective)]

    def dream(
        self,
        picture: Tensor,
        seed: int,
        *,
        steps: int | None = None,
        step_size: float | None = None,
        mixture: Sequence[tuple[float, Objective]] = (),
        mask: Tensor | None = None,
    ) -> Tensor:
        """Return the dreamed frame, 1×3×H×W in [0, 1]. Afterwards, `scores` are the scores of its steps.

        Without anything to change, the frame is returned as it is.

        Args:
            picture: Frame to dream, 1×3×H×W in [0, 1].
            seed: Seed of the random generator.
            steps: Number of steps in each octave. None means the number in the recipe.
            step_size: Mean change of a pixel in one step, in 8-bit gray levels. None means the one in the recipe.
            mixture: Pairs of a share and an objective. These objectives are maximized in place of the run's objective,
                and each of them contributes its share of the change of the picture. Empty for the run's objective.
            mask: Strength of the dream at each place, 1×1×H×W in [0, 1]. It is stretched over the frame. None means 1
                everywhere.
        """
        assert isinstance(self.recipe, PhotoRecipe)
        channels = self.network.input_channels
        self._frame = picture
        self._mixture = mixture or [(1.0, self.objective)]
        self.step_size = self.recipe.step_size if step_size is None else step_size
        self._mask = mask
        self.scores, self.seed, self.steps = [], seed, steps or self.recipe.steps
        if self.step_size == 0 or (mask is not None and not mask.any()):
            return self.displayed(channels.of_colors(picture, self.network.name), picture)
        for _ in run_batch([self]):
            pass
        return self.displayed(self.picture(self.size), picture)

    @property
    def score(self) -> float:
        """Score before the last step of the last frame. NaN if the frame was not changed."""
        return self.scores[-1] if self.scores else math.nan

    def changed_share(self) -> float:
        return super().changed_share() * (1.0 if self._mask is None else self._mask.mean().item())

    def score_notes(self) -> list[str]:
        """Return no notes. A frame has only a few steps, and its score also falls where the film changes."""
        return []

    def masked_objectives(self, size: tuple[int, int]) -> list[MaskedObjective]:
        device = self.network.device
        mask = None if self._mask is None else resize(self._mask, size).clamp_(0, 1)
        if len(self._mixture) == 1 and mask is None:
            return masked_objectives(self._mixture[0][1], size, device)
        # As separate parts, the objectives change the picture by their shares. In a weighted sum, the layer with the
        # largest activations would dominate.
        everywhere = torch.ones(1, 1, 1, 1, device=device) if mask is None else mask
        return [
            replace(part, mask=(everywhere if part.mask is None else everywhere * part.mask) * share)
            for share, objective in self._mixture
            for part in masked_objectives(objective, size, device)
        ]

    def resized_photo(self, size: tuple[int, int]) -> Tensor:
        if self._frame is None:
            return super().resized_photo(size)
        resized = resize(self._frame, size)
        return resized.clone() if resized is self._frame else resized


def frame_seed(seed: int, number: int) -> int:
    """Return the seed of a frame. It differs between frames, and depends only on the run's seed and the number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]) & MAX_SEED
