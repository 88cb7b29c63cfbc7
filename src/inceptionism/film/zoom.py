"""An endless zoom: dream, move the camera, and dream again."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.stream import FilmRun, Frame, State, stored_array
from inceptionism.film.warp import as_array, as_tensor, warp_by_camera
from inceptionism.io import Photo
from inceptionism.networks import Network, load_network
from inceptionism.objectives import Objective
from inceptionism.optimization import NO_FUNCTIONS, PriorFunctions, natural_noise
from inceptionism.recipes import ZoomRecipe, keyframe_position
from inceptionism.runs import Replacements, chosen_layers, output_size, photo_objective
from inceptionism.tensors import center_crop, to_image, to_picture

if TYPE_CHECKING:
    from typing_extensions import Unpack

NATURAL_CONTRAST = 0.2
"""Contrast of typical photographs. A zoom may reach it even if the first frame has less contrast, like noise or fog."""


class ZoomRun(FilmRun):
    """A run that makes an endless zoom.

    Each frame is the frame before, warped by the camera movement and then dreamed for a few more steps. The picture
    stays in float32 from frame to frame, and each frame resamples it once.

    Args:
        recipe: Recipe of the zoom.
        photo: Photograph that the zoom starts from. None means noise that looks like colored clouds.
        network: Network, as in `PhotoRun`.
        prior_functions: Transforms and penalties that are added to the prior of the recipe.
        **replacements: Objects that are used in place of those in the recipe.
    """

    recipe: ZoomRecipe

    def __init__(
        self,
        recipe: ZoomRecipe,
        photo: Photo | None = None,
        *,
        network: str | nn.Module | Network | None = None,
        prior_functions: PriorFunctions = NO_FUNCTIONS,
        **replacements: Unpack[Replacements],
    ) -> None:
        super().__init__()
        net = load_network(recipe.network if network is None else network, recipe.device)
        self.size = frame_size(recipe, photo)
        first = first_frame(photo, self.size, recipe.seed)
        recipe = replace(recipe, layer=chosen_layers(recipe, net, replacements.get("objective")))
        self._objectives = ObjectiveSchedule.of(recipe, net, first, replacements)
        self._run = FrameRun(
            recipe, first, network=net, prior_functions=prior_functions, objective=self._objectives.total
        )
        self.recipe = replace(recipe, made_with=self._run.made_with(photo))
        self.notes = self._run.notes
        self.fps = Fraction(recipe.fps).limit_denominator(1001)
        self.time_base = 1 / self.fps
        self.total = None if recipe.seconds is None else max(1, round(recipe.seconds * self.fps))
        self._first = self._picture = to_picture(first.pixels, net.device)

    def frames(self) -> Generator[Frame, None, None]:
        while self.total is None or self.number < self.total:
            number = self.number
            time = number / self.fps
            picture = self._picture
            if number:
                camera = self.recipe.camera(float(time))
                warped = warp_by_camera(picture, camera.matrix(*self.size, float(1 / self.fps)))
                picture = self._restore_brightness_and_contrast(warped)
            mixture = self._objectives.mixture_at(float(time))
            self._picture = self._run.dream(picture, frame_seed(self.recipe.seed, number), mixture=mixture)
            yield Frame(number, time, self._picture, self._run.scores[-1])

    def _restore_brightness_and_contrast(self, picture: Tensor) -> Tensor:
        """Return a picture whose brightness and contrast are moved toward those of the first frame.

        The contrast is only reduced, never increased.
        """
        color, contrast = color_and_contrast(picture)
        first_color, first_contrast = color_and_contrast(self._first)
        share = self.recipe.keep
        gain = 1 + share * (min(1.0, max(first_contrast, NATURAL_CONTRAST) / max(contrast, 1e-6)) - 1)
        return ((picture - color) * gain + color + share * (first_color.mean() - color.mean())).clamp_(0, 1)

    def state(self) -> State:
        return {"picture": as_array(self._picture)}

    def restore(self, state: State) -> None:
        self._picture = as_tensor(stored_array(state, "picture", (*self.size, 3), np.float32), self._first.device)


def color_and_contrast(picture: Tensor) -> tuple[Tensor, float]:
    """Return the mean color of a picture, 1×3×1×1, and its contrast: the standard deviation of its pixels."""
    return picture.mean((-2, -1), keepdim=True), picture.std((-2, -1)).mean().item()


@dataclass(frozen=True)
class ObjectiveSchedule:
    """Objectives of a zoom over time.

    Attributes:
        times: Time in seconds at which each objective is maximized alone. Between two times, the first objective fades
            into the second one.
        objectives: Objectives in the order of their times.
    """

    times: Sequence[float]
    objectives: Sequence[Objective]

    @classmethod
    def of(cls, recipe: ZoomRecipe, network: Network, photo: Photo, replacements: Replacements) -> ObjectiveSchedule:
        """Return the objectives of a recipe and its keyframes.

        The arguments are those of `ZoomRun`, but `photo` is the first frame.
        """
        points = [(0.0, recipe, replacements)]
        later = replacements.copy()
        later.pop("objective", None)
        for keyframe in recipe.keyframes:
            if keyframe.layer or keyframe.objective:
                changed = replace(
                    recipe,
                    layer=keyframe.layer,
                    objective=keyframe.objective,
                    guide=None if keyframe.objective else recipe.guide,
                )
                points.append((keyframe.at, changed, later))
        if len(points) > 1 and points[1][0] == 0:
            del points[0]
        return cls(
            [time for time, _, _ in points],
            [photo_objective(changed, network, photo, **objects) for _, changed, objects in points],
        )

    @property
    def total(self) -> Objective:
        """Sum of all objectives."""
        return sum(self.objectives[1:], self.objectives[0])

    def mixture_at(self, time: float) -> list[tuple[float, Objective]]:
        """Return the objectives at a time in seconds, as pairs of a share and an objective. The shares add up to 1."""
        before, after, share = keyframe_position(self.times, time)
        if not share:
            return [(1.0, self.objectives[before])]
        return [(1 - share, self.objectives[before]), (share, self.objectives[after])]


def frame_size(recipe: ZoomRecipe, photo: Photo | None) -> tuple[int, int]:
    """Return the height and width of the frames. Both are even, because most video formats need that."""
    if recipe.shape is not None:
        height, width = recipe.shape
    elif photo is not None:
        height, width = output_size(photo, recipe.size)
    else:
        width = recipe.size or 640
        height = round(width * 9 / 16)
    return height + height % 2, width + width % 2


def first_frame(photo: Photo | None, size: tuple[int, int], seed: int) -> Photo:
    """Return the first frame of a zoom: the center of the photograph at the size of the frames, or natural noise."""
    if photo is None:
        return natural_noise(size, seed)
    picture = to_picture(center_crop(photo.pixels, size), torch.device("cpu"), size)
    return replace(photo, pixels=np.array(to_image(picture)), alpha=None, native=None)
