"""A photo run that dreams the frames of a film one after the other. Its network is frozen only once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from inceptionism.io import Photo
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
    """

    def __init__(
        self,
        recipe: PhotoRecipe,
        photo: Photo,
        *,
        network: str | nn.Module | Network | None = None,
        prior_functions: PriorFunctions = NO_FUNCTIONS,
        objective: Objective,
    ) -> None:
        super().__init__(
            replace(recipe, size=None, guide=None, mask=None),
            replace(photo, native=None),
            network=network,
            prior_functions=prior_functions,
            objective=objective,
        )
        self._frame: Tensor | None = None
        self._mixture: Sequence[tuple[float, Objective]] = [(1.0, self.objective)]

    def dream(
        self,
        picture: Tensor,
        seed: int,
        *,
        steps: int | None = None,
        mixture: Sequence[tuple[float, Objective]] = (),
    ) -> Tensor:
        """Return the dreamed frame, 1×3×H×W in [0, 1]. Afterwards, `scores` are the scores of its steps.

        Args:
            picture: Frame to dream, 1×3×H×W in [0, 1].
            seed: Seed of the random generator.
            steps: Number of steps in each octave. None means the number in the recipe.
            mixture: Pairs of a share and an objective. These objectives are maximized in place of the run's objective,
                and each of them contributes its share of the change of the picture. Empty for the run's objective.
        """
        assert isinstance(self.recipe, PhotoRecipe)
        self._frame = picture
        self._mixture = mixture or [(1.0, self.objective)]
        self.scores, self.seed, self.steps = [], seed, steps or self.recipe.steps
        for _ in run_batch([self]):
            pass
        return self.picture(self.size)

    def score_notes(self) -> list[str]:
        """Return no notes. A frame has only a few steps, and its score also falls where the film changes."""
        return []

    def masked_objectives(self, size: tuple[int, int]) -> list[MaskedObjective]:
        if len(self._mixture) == 1:
            return masked_objectives(self._mixture[0][1], size, self.network.device)
        # As separate parts, the objectives change the picture by their shares. In a weighted sum, the layer with the
        # largest activations would dominate.
        return [
            replace(
                part,
                mask=torch.full((1, 1, 1, 1), share, device=self.network.device)
                if part.mask is None
                else part.mask * share,
            )
            for share, objective in self._mixture
            for part in masked_objectives(objective, size, self.network.device)
        ]

    def original(self, size: tuple[int, int]) -> Tensor:
        if self._frame is None:
            return super().original(size)
        resized = resize(self._frame, size)
        return resized.clone() if resized is self._frame else resized


def frame_seed(seed: int, number: int) -> int:
    """Return the seed of a frame. It differs between frames, and depends only on the run's seed and the number."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]) & MAX_SEED
