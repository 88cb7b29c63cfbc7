"""The endless zoom: dream, move, and dream again."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.run import FilmRun
from inceptionism.film.stream import Frame, State
from inceptionism.film.warp import as_array, as_tensor, moved
from inceptionism.io import FileResolver, Mask, Photo
from inceptionism.networks import Network, load_network
from inceptionism.objectives import Objective
from inceptionism.optimization import natural_noise
from inceptionism.recipes import ZoomRecipe, keyframe_position
from inceptionism.runs import chosen_layers, output_size, photo_objective
from inceptionism.tensors import covering, to_image, to_picture


class ZoomRun(FilmRun):
    """An endless zoom in the making.

    Each frame is the one before, moved by the camera and dreamed a few steps on. It stays in float32 from frame to
    frame, and is resampled once in each.

    Args:
        recipe: What to make.
        photo: Where it begins; by default clouds of natural colors.
        network, objective, guide, mask, find: As of a `PhotoRun`.
    """

    recipe: ZoomRecipe

    def __init__(
        self,
        recipe: ZoomRecipe,
        photo: Photo | None = None,
        *,
        network: str | nn.Module | Network | None = None,
        objective: Objective | None = None,
        guide: Photo | None = None,
        mask: Mask | None = None,
        find_file: FileResolver = Path,
    ) -> None:
        super().__init__()
        net = load_network(recipe.network if network is None else network, recipe.device)
        self.size = frame_size(recipe, photo)
        first = first_frame(photo, self.size, recipe.seed)
        recipe = replace(recipe, layer=chosen_layers(recipe, net, objective))
        self._objectives = Objectives.of(recipe, net, first, objective=objective, guide=guide, mask=mask, find_file=find_file)
        self._run = FrameRun(recipe, first, network=net, objective=self._objectives.all)
        self.recipe = replace(recipe, made_with=self._run.made_with(photo))
        self.notes = self._run.notes
        self.fps = Fraction(recipe.fps).limit_denominator(1001)
        self.unit = 1 / self.fps
        self.total = None if recipe.seconds is None else max(1, round(recipe.seconds * self.fps))
        self._first = self._picture = to_picture(first.pixels, net.device)

    def frames(self) -> Iterator[Frame]:
        while self.total is None or self.number < self.total:
            number = self.number
            moment = number / self.fps
            picture = self._picture
            if number:
                camera = self.recipe.camera(float(moment))
                picture = self._calmed(moved(picture, camera.matrix(*self.size, float(1 / self.fps))))
            fading = self._objectives.at(float(moment))
            self._picture = self._run.dream(picture, frame_seed(self.recipe.seed, number), fading=fading)
            yield Frame(number, moment, self._picture, self._run.scores[-1])

    def _calmed(self, picture: Tensor) -> Tensor:
        """Return a picture with its brightness, and a contrast beyond the first frame's, a little nearer to that."""
        color, spread = light(picture)
        first, usual = light(self._first)
        pull = self.recipe.keep
        gain = 1 + pull * (min(1.0, max(usual, NATURAL) / max(spread, 1e-6)) - 1)
        return ((picture - color) * gain + color + pull * (first.mean() - color.mean())).clamp_(0, 1)

    def state(self) -> State:
        return {"picture": as_array(self._picture)}

    def restore(self, state: State) -> None:
        self._picture = as_tensor(state["picture"], self._first.device)


NATURAL = 0.2
"""A contrast that photographs have: with less, as noise has and fog, a zoom gets more."""


def light(picture: Tensor) -> tuple[Tensor, float]:
    """Return the mean color of a picture, 1×3×1×1, and its contrast: how far its pixels are from that."""
    return picture.mean((-2, -1), keepdim=True), picture.std((-2, -1)).mean().item()


@dataclass(frozen=True)
class Objectives:
    """What is climbed over time.

    Attributes:
        times: From when on, in seconds, each is climbed alone; in between they fade.
        objectives: What.
    """

    times: Sequence[float]
    objectives: Sequence[Objective]

    @classmethod
    def of(
        cls,
        recipe: ZoomRecipe,
        network: Network,
        photo: Photo,
        *,
        objective: Objective | None,
        guide: Photo | None,
        mask: Mask | None,
        find_file: FileResolver,
    ) -> Objectives:
        """Return those of a recipe, and of its keyframes."""
        points = [(0.0, recipe, objective)]
        for one in recipe.keyframes:
            if one.layer or one.objective:
                guided = None if one.objective else recipe.guide
                changed = replace(recipe, layer=one.layer, objective=one.objective, guide=guided)
                points.append((one.at, changed, None))
        if len(points) > 1 and points[1][0] == 0:
            del points[0]
        return cls(
            [at for at, _, _ in points],
            [
                photo_objective(wanted, network, photo, objective=given, guide=guide, mask=mask, find_file=find_file)
                for _, wanted, given in points
            ],
        )

    @property
    def first(self) -> Objective:
        """What is climbed at the beginning."""
        return self.objectives[0]

    @property
    def all(self) -> Objective:
        """What is climbed at any time."""
        return sum(self.objectives[1:], self.first)

    def at(self, moment: float) -> list[tuple[float, Objective]]:
        """Return what is climbed at a moment, with their shares."""
        before, after, share = keyframe_position(self.times, moment)
        if not share:
            return [(1.0, self.objectives[before])]
        return [(1 - share, self.objectives[before]), (share, self.objectives[after])]


def frame_size(recipe: ZoomRecipe, photo: Photo | None) -> tuple[int, int]:
    """Return the height and width of the frames; both are even, as films have them."""
    if recipe.shape is not None:
        height, width = recipe.shape
    elif photo is not None:
        height, width = output_size(photo, recipe.size)
    else:
        width = recipe.size or 640
        height = round(width * 9 / 16)
    return height + height % 2, width + width % 2


def first_frame(photo: Photo | None, size: tuple[int, int], seed: int) -> Photo:
    """Return what a zoom begins with: the middle of the photograph at the frames' size, or clouds."""
    if photo is None:
        return natural_noise(size, seed)
    picture = to_picture(covering(photo.pixels, size), torch.device("cpu"), size)
    return replace(photo, pixels=np.array(to_image(picture)), alpha=None)
