"""A dream of frames that arrive one at a time, for example from a camera."""

from __future__ import annotations

from PIL import Image
from torch import nn

from inceptionism.film.carried import CarriedDetail
from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.video import resize_pixels
from inceptionism.io import Array, FileResolver, Photo, named_source
from inceptionism.networks import Network, load_network
from inceptionism.recipes import VideoRecipe
from inceptionism.runs import output_size, photo_objective
from inceptionism.tensors import to_image, to_picture


class LiveRun:
    """A run that dreams one frame after the other, as `VideoRun` does. The settings may change between two frames.

    It differs from a video in one way: a scene starts with the few steps of every frame, so that no frame takes longer
    than the others. Its dream grows over the first frames.

    Args:
        network: Network that is used in place of the one in the recipes.
        find_file: Function that finds the files that the recipes name.

    Attributes:
        number: Number of frames so far.
    """

    def __init__(
        self, network: str | nn.Module | Network | None = None, find_file: FileResolver = named_source
    ) -> None:
        self._network, self._find_file = network, find_file
        self._carried = CarriedDetail()
        self._recipe: VideoRecipe | None = None
        self._run: FrameRun | None = None
        self.number = 0

    def dream(self, frame: Array, recipe: VideoRecipe) -> Image.Image:
        """Return the dream of the next frame.

        Args:
            frame: The frame, H×W×3 uint8.
            recipe: Settings of the dream. Keyframes and sound have no effect: there is no time line.

        Raises:
            InvalidSetting, UnknownName, UnreadablePicture: As for `PhotoRun`.
        """
        size = output_size(Photo(frame), recipe.size)
        pixels = resize_pixels(frame, size)
        run = self._frame_run(recipe, pixels)
        picture = to_picture(pixels, run.network.device)
        carried = self._carried.carry(pixels, picture, recipe.blend)
        dreamed = run.dream(picture if carried is None else carried, frame_seed(recipe.seed, self.number))
        self._carried.keep(pixels, picture, dreamed)
        self.number += 1
        return to_image(run.grading.tone(run.grading.blend(picture, dreamed)))

    def _frame_run(self, recipe: VideoRecipe, pixels: Array) -> FrameRun:
        """Return the run for frames of this size. It is made again only when the size or the recipe changes."""
        if self._run is None or self._recipe != recipe or self._run.size != pixels.shape[:2]:
            photo = Photo(pixels)
            net = load_network(recipe.network if self._network is None else self._network, recipe.device)
            objective = photo_objective(recipe, net, photo, find_file=self._find_file)
            self._run = FrameRun(recipe, photo, network=net, objective=objective, find_file=self._find_file)
            self._recipe = recipe
        return self._run
