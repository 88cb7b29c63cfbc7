"""Frame after frame, dreamed as a photograph is: by one network, frozen once, that keeps what it knows."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from inceptionism.io import Photo
from inceptionism.networks import Network
from inceptionism.objectives import MaskedObjective, Objective, masked_objectives
from inceptionism.recipes import MAX_SEED, PhotoRecipe
from inceptionism.runs import PhotoRun, run_batch
from inceptionism.tensors import resize


class FrameRun(PhotoRun):
    """Dreams one frame after the other, each from a float picture in place of a photograph.

    Args:
        recipe: Of each frame.
        photo: One that has the frames' size.
        network: As of a `PhotoRun`.
        objective: What is climbed; where that changes over time, the sum of all.
    """

    def __init__(
        self,
        recipe: PhotoRecipe,
        photo: Photo,
        *,
        network: str | nn.Module | Network | None = None,
        objective: Objective,
    ) -> None:
        super().__init__(replace(recipe, size=None, guide=None, mask=None), photo, network=network, objective=objective)
        self._frame: Tensor | None = None
        self._fading: Sequence[tuple[float, Objective]] = [(1.0, self.objective)]

    def dream(
        self,
        picture: Tensor,
        seed: int,
        *,
        steps: int | None = None,
        fading: Sequence[tuple[float, Objective]] = (),
    ) -> Tensor:
        """Return a 1×3×H×W picture in [0, 1] dreamed; `scores` are then those of its steps.

        Args:
            picture: The frame.
            seed: Of its random choices.
            steps: In each octave; by default the recipe's.
            fading: What is climbed in place of the objective, with the share that each has in how the picture moves.
        """
        assert isinstance(self.recipe, PhotoRecipe)
        self._frame, self._canvas = picture, None
        self._fading = fading or [(1.0, self.objective)]
        self.scores, self.seed, self.steps = [], seed, steps or self.recipe.steps
        for _ in run_batch([self]):
            pass
        dreamed = self._picture(self.size).detach()
        self._canvas = None
        return dreamed

    def parts(self, size: tuple[int, int]) -> list[MaskedObjective]:
        if len(self._fading) == 1:
            return masked_objectives(self._fading[0][1], size, self.network.device)
        # As parts, each pulls with the strength of its share: as a sum, the layer with the largest numbers would win.
        return [
            replace(
                part,
                mask=torch.full((1, 1, 1, 1), share, device=self.network.device)
                if part.mask is None
                else part.mask * share,
            )
            for share, objective in self._fading
            for part in masked_objectives(objective, size, self.network.device)
        ]

    def _original(self, size: tuple[int, int]) -> Tensor:
        if self._frame is None:
            return super()._original(size)
        resized = resize(self._frame, size)
        return resized.clone() if resized is self._frame else resized


def frame_seed(seed: int, number: int) -> int:
    """Return the seed of a frame: another for each, and the same whenever the frame is made."""
    return int(np.random.SeedSequence([seed, number]).generate_state(1, np.uint64)[0]) & MAX_SEED
