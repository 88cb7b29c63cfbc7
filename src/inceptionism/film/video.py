"""A film dreamed frame by frame, each going on from the dream of the one before."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.optical_flow import motion
from inceptionism.film.reader import FilmSource
from inceptionism.film.run import FilmRun
from inceptionism.film.stream import Frame, State
from inceptionism.film.warp import as_array, as_tensor, carried
from inceptionism.film.workers import prefetch
from inceptionism.io import Array, FileResolver, Mask, Photo
from inceptionism.networks import Network, load_network
from inceptionism.objectives import Objective
from inceptionism.recipes import VideoRecipe
from inceptionism.runs import chosen_layers, output_size, photo_objective
from inceptionism.tensors import to_image, to_picture


class VideoRun(FilmRun):
    """A film being dreamed.

    What the dream added to a frame, its detail, is carried along the optical flow to the next one, where most of it
    stays and a few steps renew the rest. Where something came into view there is none to carry, and after a cut the
    dream begins anew.

    Args:
        recipe: What to make.
        film: What is dreamed.
        network, objective, guide, mask, find: As of a `PhotoRun`.

    Attributes:
        objective: What is climbed.
        cuts: The numbers of the frames that begin a scene, so far.
    """

    recipe: VideoRecipe

    def __init__(
        self,
        recipe: VideoRecipe,
        film: FilmSource,
        *,
        network: str | nn.Module | Network | None = None,
        objective: Objective | None = None,
        guide: Photo | None = None,
        mask: Mask | None = None,
        find_file: FileResolver = Path,
    ) -> None:
        super().__init__()
        net = load_network(recipe.network if network is None else network, recipe.device)
        self._film = film
        self.size = output_size(Photo(film.first), recipe.size)
        first = Photo(scaled(film.first, self.size), name=film.path.name)
        recipe = replace(recipe, layer=chosen_layers(recipe, net, objective))
        self.objective = photo_objective(recipe, net, first, objective=objective, guide=guide, mask=mask, find_file=find_file)
        self._run = FrameRun(recipe, first, network=net, objective=self.objective)
        height, width = film.size
        described = {"name": film.path.name, "sha256": film.sha256(), "height": height, "width": width}
        self.recipe = replace(recipe, made_with=replace(self._run.made_with(), photo=described))
        self.notes = [*film.notes, *self._run.notes]
        self.fps, self.unit, self.sound = film.fps, film.unit, film.path
        self.total = film.count
        self.cuts: list[int] = []
        self._before: Array | None = None
        self._detail: Tensor | None = None

    def frames(self) -> Iterator[Frame]:
        said = len(self._film.notes)
        for given in prefetch(islice(self._film, self.number, None)):
            pixels = scaled(given.pixels, self.size)
            picture = to_picture(pixels, self._run.network.device)
            begun, steps = self._begun(picture, pixels)
            dreamed = self._run.dream(begun, frame_seed(self.recipe.seed, self.number), steps=steps)
            self._before, self._detail = pixels, dreamed - picture
            yield Frame(self.number, given.time, dreamed, self._run.scores[-1])
        self.notes += self._film.notes[said:]

    def _begun(self, picture: Tensor, pixels: Array) -> tuple[Tensor, int]:
        """Return a frame with the detail of the one before, and how many steps it takes from there."""
        if self._before is not None and self._detail is not None and self._before.shape == pixels.shape:
            moved = motion(self._before, pixels)
            if not moved.cut:
                kept = torch.from_numpy(moved.known).to(picture.device) * self.recipe.blend
                return (picture + kept * carried(self._detail, moved.flow)).clamp_(0, 1), self.recipe.steps
        self.cuts.append(self.number)
        return picture, self.recipe.first_steps

    def state(self) -> State:
        assert self._before is not None
        assert self._detail is not None
        return {"before": self._before, "detail": as_array(self._detail)}

    def restore(self, state: State) -> None:
        self._before = state["before"]
        self._detail = as_tensor(state["detail"], self._run.network.device)


def scaled(pixels: Array, size: tuple[int, int]) -> Array:
    """Return H×W×3 pixels at a height and width."""
    if pixels.shape[:2] == size:
        return pixels
    return np.array(to_image(to_picture(pixels, torch.device("cpu"), size)))
