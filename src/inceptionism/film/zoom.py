"""An endless zoom: dream, move the camera, and dream again."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import replace
from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.in_between import picture_between
from inceptionism.film.loop import Loop
from inceptionism.film.reaction import SoundReaction
from inceptionism.film.schedule import ObjectiveSchedule
from inceptionism.film.stream import FilmRun, Frame, State, stored_array
from inceptionism.film.warp import as_array, as_tensor, warp_by_camera
from inceptionism.io import Photo, named_source
from inceptionism.networks import Network, load_network
from inceptionism.optimization import NO_FUNCTIONS, PriorFunctions, natural_noise
from inceptionism.recipes import Matrix, ZoomRecipe
from inceptionism.runs import Palette, Replacements, chosen_layers, output_size
from inceptionism.tensors import center_crop, to_image, to_picture

if TYPE_CHECKING:
    from typing_extensions import Unpack

NATURAL_CONTRAST = 0.2
"""Contrast of typical photographs. A zoom may reach it even if the first frame has less contrast, like noise or fog."""


class ZoomRun(FilmRun):
    """A run that makes an endless zoom.

    Each dreamed frame is the frame before, warped by the camera movement and then dreamed for a few more steps. The
    picture stays in float32 from frame to frame, and each frame resamples it once. At a lower speed, the frames of the
    film lie between the dreamed frames. With `reverse`, the run makes the frames from the first to the last one, and a
    saved film has them in the opposite order.

    Args:
        recipe: Recipe of the zoom.
        photo: Photograph that the zoom starts from. None means noise that looks like colored clouds.
        network: Network, as in `PhotoRun`.
        prior_functions: Transforms and penalties that are added to the prior of the recipe.
        colors: Picture whose colors the film gets, in place of the one that the recipe names.
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
        colors: Photo | None = None,
        **replacements: Unpack[Replacements],
    ) -> None:
        super().__init__()
        net = load_network(recipe.network if network is None else network, recipe.device)
        self.size = frame_size(recipe, photo)
        first = first_frame(photo, self.size, recipe.seed)
        recipe = replace(recipe, layer=chosen_layers(recipe, net, replacements.get("objective")))
        self._objectives = ObjectiveSchedule.of(recipe, net, first, replacements)
        self._reaction = SoundReaction.of(recipe, net, first, replacements)
        total = self._reaction.total(self._objectives.total)
        self._run = FrameRun(
            recipe,
            first,
            network=net,
            prior_functions=prior_functions,
            objective=total,
            colors=colors,
            find_file=replacements.get("find_file", named_source),
        )
        self.recipe = replace(recipe, made_with=self._reaction.recorded(self._run.made_with(photo)))
        self.notes = self._run.notes  # the same list, to which the run may add notes later
        self.notes += self._reaction.notes
        self.sound = self._reaction.sound
        self.fps = Fraction(recipe.fps).limit_denominator(1001)
        self.time_base = 1 / self.fps
        self.total = None if recipe.seconds is None else max(1, round(recipe.seconds * self.fps))
        if self.total is not None:
            self.notes += self._reaction.length_notes(float(self.total / self.fps))
        self.reverse = recipe.reverse
        self._first = self._before = self._picture = to_picture(first.pixels, net.device)
        self._grading = self._run.grading
        if self._grading.keeps_colors:
            # The photograph leaves the frame, so its colors are kept as a palette.
            self._grading = replace(self._grading, keeps_colors=False, palette=Palette.of(self._first))
        self._score = math.nan
        # Number of dreamed frames for each frame of the film.
        self._pace = Fraction(recipe.speed).limit_denominator(1000)
        self._loop: Loop | None = None
        if recipe.loop and self.total is not None:
            count = max(1, round(self.total * self._pace))
            self._pace = Fraction(count, self.total)
            self._loop = Loop(self._first, count, float(self.total / self.fps), self._movement)

    def frames(self) -> Generator[Frame, None, None]:
        dreamed = math.ceil((self.number - 1) * self._pace) if self.number else -1
        while self.total is None or self.number < self.total:
            position = self.number * self._pace
            while dreamed < position:
                dreamed += 1
                self._dream(dreamed)
            yield Frame(self.number, self.number / self.fps, self._grading.tone(self._frame_at(position)), self._score)

    def _dream(self, number: int) -> None:
        """Make a dreamed frame from the dreamed frame before."""
        picture = self._picture
        if number:
            picture = self._restore_brightness_and_contrast(warp_by_camera(picture, self._movement(number)))
        if self._loop is not None:
            picture = self._loop.mix(picture, number)
            number = self._loop.repeated(number)
        moment = self._moment(number)
        dreamed = self._run.dream(
            picture,
            frame_seed(self.recipe.seed, number),
            step_size=self.recipe.at("step_size", moment) * self._reaction.factor("step_size", self._heard(moment)),
            mixture=self._reaction.mix(self._objectives.mixture_at(moment), self._heard(moment)),
        )
        self._before, self._picture = self._picture, self._grading.blend(picture, dreamed)
        self._score = self._run.score

    def _moment(self, number: int) -> float:
        """Return the time of a dreamed frame in the film, in seconds."""
        return float(number / (self.fps * self._pace))

    def _movement(self, number: int, share: float = 1.0) -> Matrix:
        """Return the camera's movement from the dreamed frame before to a dreamed frame, or a share of it."""
        moment = self._moment(number)
        seconds = float(1 / self.fps) * self._reaction.factor("camera", self._heard(moment))
        return self.recipe.camera(moment).matrix(*self.size, share * seconds)

    def _heard(self, moment: float) -> float:
        """Return the moment of the sound at which a moment of the camera's flight is seen, in seconds."""
        if self.reverse and self.total is not None:
            return max(0.0, float((self.total - 1) / self.fps) - moment)
        return moment

    def _frame_at(self, position: Fraction) -> Tensor:
        """Return the frame at a position between the last two dreamed frames, or the last one, if it is there."""
        number = math.ceil(position)
        if number == position:
            return self._picture
        share = float(position - (number - 1))
        return picture_between(
            self._before, self._picture, self._movement(number), self._movement(number, share), share
        )

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
        state = {"picture": as_array(self._picture)}
        if self._pace < 1:
            state |= {"before": as_array(self._before), "score": np.array(self._score)}
        return state

    def restore(self, state: State) -> None:
        shape, device = (*self.size, 3), self._first.device
        self._picture = as_tensor(stored_array(state, "picture", shape, np.float32), device)
        if self._pace < 1:
            self._before = as_tensor(stored_array(state, "before", shape, np.float32), device)
            self._score = float(stored_array(state, "score", (), np.float64))


def color_and_contrast(picture: Tensor) -> tuple[Tensor, float]:
    """Return the mean color of a picture, 1×3×1×1, and its contrast: the standard deviation of its pixels."""
    return picture.mean((-2, -1), keepdim=True), picture.std((-2, -1)).mean().item()


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
    picture = to_picture(center_crop(photo.rgb(), size), torch.device("cpu"), size)
    return replace(photo, pixels=np.array(to_image(picture)), alpha=None, native=None, is_array=False)
