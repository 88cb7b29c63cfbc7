"""A video that is dreamed frame by frame. Each frame continues the dream of the frame before."""

from __future__ import annotations

from collections.abc import Generator, Iterable
from contextlib import closing
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn

from inceptionism.film.carried import CarriedDetail
from inceptionism.film.decoder import FilmFrame
from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.masks import MaskFilm, changes_over_time
from inceptionism.film.reaction import SoundReaction
from inceptionism.film.reader import FilmSource
from inceptionism.film.schedule import ObjectiveSchedule
from inceptionism.film.stream import FilmRun, Frame, State, stored_array
from inceptionism.film.workers import prefetch
from inceptionism.io import Array, Photo, named_source
from inceptionism.networks import Network, load_network
from inceptionism.optimization import NO_FUNCTIONS, PriorFunctions
from inceptionism.recipes import VideoRecipe
from inceptionism.runs import Replacements, chosen_layers, output_size
from inceptionism.tensors import resize, to_image, to_picture

if TYPE_CHECKING:
    from typing_extensions import Unpack


class VideoRun(FilmRun):
    """A run that dreams a video.

    The detail that the dream added to a frame is warped along the optical flow to the next frame. There, most of the
    detail stays, and a few steps renew the rest. Objects that come into view start without detail. After a cut, the
    whole frame starts without detail.

    Args:
        recipe: Recipe of the video.
        film: Film to dream.
        network: Network, as in `PhotoRun`.
        prior_functions: Transforms and penalties that are added to the prior of the recipe.
        colors: Picture whose colors the film gets, in place of the one that the recipe names.
        **replacements: Objects that are used in place of those in the recipe.

    Attributes:
        objective: Objective that is maximized. If it changes over time, this is the sum of all objectives.
        cuts: Numbers of the frames so far that start a scene. The first frame of the film is one of them.
        is_one_scene: Whether the run ends with the scene that it began with.
    """

    recipe: VideoRecipe

    def __init__(
        self,
        recipe: VideoRecipe,
        film: FilmSource,
        *,
        network: str | nn.Module | Network | None = None,
        prior_functions: PriorFunctions = NO_FUNCTIONS,
        colors: Photo | None = None,
        **replacements: Unpack[Replacements],
    ) -> None:
        super().__init__()
        net = load_network(recipe.network if network is None else network, recipe.device)
        self._film = film
        self.size = output_size(Photo(film.first), recipe.size)
        first = Photo(resize_pixels(film.first, self.size), name=film.name)
        recipe = replace(recipe, layer=chosen_layers(recipe, net, replacements.get("objective")))
        self._masks = mask_film(recipe, replacements, film.fps)
        static = recipe if self._masks is None else replace(recipe, mask=None)
        self._objectives = ObjectiveSchedule.of(static, net, first, replacements)
        self._reaction = SoundReaction.of(static, net, first, replacements)
        self.objective = self._reaction.total(self._objectives.total)
        self._run = FrameRun(
            recipe,
            first,
            network=net,
            prior_functions=prior_functions,
            objective=self.objective,
            colors=colors,
            find_file=replacements.get("find_file", named_source),
        )
        height, width = film.size
        described = {"name": film.name, "sha256": film.sha256(), "height": height, "width": width}
        made_with = replace(self._run.made_with(), photo=described)
        self.notes = [*film.notes, *self._run.notes]
        if self._masks is not None and recipe.mask is not None:
            made_with = replace(made_with, pictures={**(made_with.pictures or {}), recipe.mask: self._masks.sha256()})
            self.notes += self._masks.notes
        self.notes += self._reaction.notes
        self.recipe = replace(recipe, made_with=self._reaction.recorded(made_with))
        self.fps, self.time_base, self.source = film.fps, film.time_base, film.path
        self.sound = self._reaction.sound or film.sound
        self.total = film.count
        if film.count is not None:
            self.notes += self._reaction.length_notes(float(film.count / film.fps))
        self.cuts: list[int] = []
        self.is_one_scene = False
        self._carried = CarriedDetail()

    def frames(self) -> Generator[Frame, None, None]:
        readers: list[FilmSource | MaskFilm] = [self._film] if self._masks is None else [self._film, self._masks]
        copied_notes = [len(reader.notes) for reader in readers]
        # Without the detail of the frame before, the scene is dreamed again from its start.
        first = self.cuts[-1] if self._carried.is_empty and self.cuts else self.number
        frames = self._film.frames_from(first)
        masked: Iterable[tuple[FilmFrame, Tensor | None]] = (
            ((frame, None) for frame in frames) if self._masks is None else self._masks.beside(frames, first)
        )
        try:
            with closing(prefetch(masked)) as sources:
                for number, (source, mask) in enumerate(sources, first):
                    pixels = resize_pixels(source.pixels, self.size)
                    picture = to_picture(pixels, self._run.network.device)
                    moment = float(source.time)
                    carried = self._carried.carry(pixels, picture, self.recipe.at("blend", moment))
                    if carried is None and number not in self.cuts[-1:]:
                        if self.is_one_scene:
                            return
                        self.cuts.append(number)
                    initial = picture if carried is None else carried
                    if mask is not None:  # the detail may have moved out of the mask, or the mask away from the detail
                        mask = mask.to(picture.device)
                        initial = picture.lerp(initial, resize(mask, self.size).clamp_(0, 1))
                    dreamed = self._run.dream(
                        initial,
                        frame_seed(self.recipe.seed, number),
                        steps=self.recipe.first_steps if carried is None else self.recipe.steps,
                        step_size=self.recipe.at("step_size", moment) * self._reaction.factor("step_size", moment),
                        mixture=self._reaction.mix(self._objectives.mixture_at(moment), moment),
                        mask=mask,
                    )
                    self._carried.keep(pixels, picture, dreamed)
                    if number < self.number:
                        continue
                    grading = self._run.grading
                    # The whole dream is carried to the next frame, whatever share of it is shown.
                    graded = grading.tone(grading.blend(picture, dreamed))
                    yield Frame(number, source.time, graded, self._run.score)
        finally:
            self.notes += [
                note for reader, count in zip(readers, copied_notes, strict=True) for note in reader.notes[count:]
            ]

    def begin_scene(self, first: int, number: int) -> None:
        """Continue with another scene, as if all frames before it had been made. The run ends with this scene.

        Args:
            first: Number of the frame that starts the scene.
            number: Number of the first frame that is wanted.
        """
        self.close()  # the frames of the scene before may not be finished
        self._carried = CarriedDetail()
        self.cuts, self.number = [first], number
        self.is_one_scene, self.is_over = True, False

    def state(self) -> State:
        return {**self._carried.state(), "cuts": np.array(self.cuts, np.int64)}

    def restore(self, state: State) -> None:
        self.cuts = stored_array(state, "cuts", (None,), np.int64).tolist()
        if "detail" in state or not self.cuts:  # a film from a cluster has only its cuts
            self._carried.restore(state, self.size, self._run.network.device)


def mask_film(recipe: VideoRecipe, replacements: Replacements, fps: Fraction) -> MaskFilm | None:
    """Return the masks of a recipe if they change from frame to frame. Otherwise, return None."""
    if recipe.mask is None or replacements.get("mask") is not None:
        return None
    source = replacements.get("find_file", named_source)(recipe.mask)
    # A picture at a web address or on standard input is a text, and it is never a film.
    return MaskFilm(source, fps) if isinstance(source, Path) and changes_over_time(source) else None


def resize_pixels(pixels: Array, size: tuple[int, int]) -> Array:
    """Return H×W×3 uint8 pixels at another height and width."""
    if pixels.shape[:2] == size:
        return pixels
    return np.array(to_image(to_picture(pixels, torch.device("cpu"), size)))
