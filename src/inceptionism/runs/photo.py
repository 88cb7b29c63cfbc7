"""The run that dreams a photograph, with the octaves of the 2015 notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypedDict

import torch
from PIL import Image
from torch import Tensor, nn

from inceptionism import objectives
from inceptionism.errors import InvalidSetting, NoGradient
from inceptionism.io import DeepImage, FileResolver, Mask, Photo, named_source
from inceptionism.memory import trim_memory
from inceptionism.networks import Network
from inceptionism.objectives import (
    Objective,
    check_channel,
    check_channels,
    check_objective,
    layer_stride,
    load_named_mask,
    load_named_photo,
    masked_share,
    parse_objective,
    seen_picture,
    shown_picture,
    weighted_sum,
)
from inceptionism.optimization import (
    NO_FUNCTIONS,
    AscentState,
    NormalizedAscent,
    Pixels,
    PriorFunctions,
    circular_shift,
)
from inceptionism.recipes import LayerChoice, PhotoRecipe, parse_prior
from inceptionism.runs.base import Run
from inceptionism.runs.depth import PLAIN, base_pixels, full_picture, result_format
from inceptionism.runs.grading import Grading
from inceptionism.runs.octaves import octave_sizes
from inceptionism.seamless import seamless_pixels
from inceptionism.tensors import resize, to_image, to_picture

if TYPE_CHECKING:
    from typing_extensions import Unpack

MIN_TRIM_PIXELS = 2**20
"""Smallest area of an octave, in pixels, for which the return of unused memory is worth its time."""


class Replacements(TypedDict, total=False):
    """Objects that a run uses in place of those in its recipe.

    Attributes:
        objective: Objective to maximize.
        guide: Picture whose shapes appear in the result.
        mask: Mask of the places that change.
        find_file: Function that finds the files that the recipe names. No other file is opened.
    """

    objective: Objective | None
    guide: Photo | None
    mask: Mask | None
    find_file: FileResolver


class PhotoRun(Run):
    """The steps that dream a photograph by the algorithm of the 2015 notebook (Mordvintsev, Olah & Tyka).

    The photograph is resized to several octaves. Beginning with the smallest octave, the ascent changes the picture.
    The difference that it makes is the detail. The detail is enlarged and added to the next octave of the photograph.

    There are three departures from the notebook. Each octave is resampled from the photograph itself with an
    antialiased cubic filter, where the notebook shrinks the next larger octave bilinearly. The detail is enlarged with
    a cubic filter. Pixels are clipped to the range from 0 to 255, whatever the network's mean is. The default prior
    also filters the gradients; with `prior="none"`, the gradients are those of the notebook.

    Args:
        recipe: Settings of the picture.
        photo: The photograph.
        network: Network that is used in place of the one in the recipe: a name, a module or a `Network`.
        prior_functions: Transforms and penalties that are added to the prior of the recipe.
        colors: Picture whose colors the result gets, in place of the one that the recipe names.
        **replacements: Objects that are used in place of those in the recipe.

    Attributes:
        photo: The photograph.
        step_size: Mean change of a pixel in one step, in 8-bit gray levels.
        seed: Seed of the random generator.
    """

    recipe: PhotoRecipe

    def __init__(
        self,
        recipe: PhotoRecipe,
        photo: Photo,
        *,
        network: str | nn.Module | Network | None = None,
        prior_functions: PriorFunctions = NO_FUNCTIONS,
        colors: Photo | None = None,
        **replacements: Unpack[Replacements],
    ) -> None:
        super().__init__(recipe, network, prior_functions)
        find_file = replacements.get("find_file", named_source)
        self.grading = Grading.of(recipe, colors, find_file)
        check_channels(photo, self.network)
        layers = chosen_layers(recipe, self.network, replacements.get("objective"))
        self.objective = photo_objective(recipe, self.network, photo, **replacements)
        self.notes += self.objective.notes
        self.prior = self.build_prior(parse_prior(recipe.prior, photo=True), find_file)
        self.steps, self.step_size = recipe.steps, recipe.step_size
        self.seed = recipe.seed
        self.notes += photo.notes
        self.photo = photo
        self._base = seamless_pixels(base_pixels(recipe, photo, self.network), self.wrap)
        self.size = output_size(photo, recipe.size)
        self.sizes = self._octaves()
        self.evaluator.max_pixels = self.evaluator.affordable_pixels(self.view_size, self.objective, recipe.memory)
        self.recipe = replace(recipe, layer=layers, made_with=self.made_with(photo))
        # The pixels of the current octave. None before the first octave.
        self._pixels: Pixels | None = None

    def states(self) -> Iterator[AscentState]:
        recipe = self.recipe
        generator = torch.Generator().manual_seed(self.seed)
        step_size = self.step_size / 255 * self.changed_share()
        errors: list[NoGradient] = []
        self._pixels = None
        for size in self.sizes:
            self._pixels = pixels = Pixels(self.picture(size), self.wrap)
            trim_memory_for(size)
            optimizer = NormalizedAscent(pixels.parameters, step_size)
            state = self.make_state(pixels, optimizer, size, generator, circular_shift(recipe.jitter))
            yield state
            try:
                state.check_responded()
            except NoGradient as error:
                # A larger octave may still have a gradient.
                errors.append(error)
            pixels.pixels.grad = None
            del state, optimizer  # they would keep the pixels of this octave during the next one
            trim_memory_for(size)
        if len(errors) == len(self.sizes):
            raise errors[-1]
        if errors:
            self.notes.append(f"{len(errors)} of {len(self.sizes)} octaves changed nothing: {errors[-1]}")

    def changed_share(self) -> float:
        """Return the share of the picture that the objective may change, from 0 to 1."""
        return masked_share(self.objective)

    def image(self) -> Image.Image:
        image = to_image(self.graded_picture(), self.photo.alpha)
        for name, value in self.photo.metadata.items():
            image.info[name] = value
        return image

    def full_image(self) -> Image.Image | DeepImage | None:
        if result_format(self.recipe, self.photo) == PLAIN:
            return None
        return full_picture(self.recipe, self.photo, self.graded_picture(), self.photograph(self.size), self.wrap)

    def graded_picture(self) -> Tensor:
        """Return the picture so far with the colors and the strength of the recipe, 1×3×H×W in [0, 1] or beyond."""
        picture = self.picture(self.size)
        if not self.grading.blends:
            return self.grading.tone(self.network.input_channels.displayed(picture))
        photograph = self.photograph(self.size)
        return self.grading.tone(self.grading.blend(photograph, self.displayed(picture, photograph)))

    def displayed(self, picture: Tensor, photograph: Tensor) -> Tensor:
        """Return the color picture, 1×3×H×W, that shows the dream of a photograph.

        If the colors are kept, but the network does not see them, the change by the dream is shown on the photograph.

        Args:
            picture: The dream with the channels of the network, 1×C×H×W.
            photograph: The photograph, 1×3×H×W.
        """
        channels = self.network.input_channels
        if channels.are_rgb or not self.grading.keeps_colors:
            return channels.displayed(picture)
        change = picture - self.original(self.size)
        return (photograph + channels.displayed(change)).clamp_(0, 1)

    def network_picture(self) -> Tensor:
        return self.picture(self.size)

    def picture(self, size: tuple[int, int]) -> Tensor:
        """Return the photograph at a height and width, with the detail so far: 1×C×H×W in [0, 1] or slightly beyond."""
        if self._pixels is None:
            return self.original(size)
        pixels = self._pixels.pixels.detach()
        octave_size = pixels.shape[-2], pixels.shape[-1]
        if octave_size == size:
            return pixels
        detail = self.original(octave_size).neg_().add_(pixels)
        trim_memory_for(size)
        picture = self.original(size)
        for channel in range(picture.shape[1]):  # one at a time, because a large picture fills much of the memory
            trim_memory_for(size)
            picture[:, channel] += resize(detail[:, channel : channel + 1], size, self.wrap)[:, 0]
        return picture

    def original(self, size: tuple[int, int]) -> Tensor:
        """Return the photograph at a height and width with the channels of the network: 1×C×H×W. It is a new tensor."""
        return seen_picture(self.photo, self.resized_photo(size), self.network)

    def photograph(self, size: tuple[int, int]) -> Tensor:
        """Return the colors of the photograph at a height and width, 1×3×H×W in [0, 1] or slightly beyond."""
        return shown_picture(self.photo, self.resized_photo(size), self.network)

    def resized_photo(self, size: tuple[int, int]) -> Tensor:
        """Return the photograph at a height and width with its channels: 1×K×H×W in [0, 1] or slightly beyond.

        The tensor is not kept between calls, because floats need four times the memory of a photograph with 8 bits.
        """
        return to_picture(self._base, self.network.device, size, self.wrap)

    def _octaves(self) -> list[tuple[int, int]]:
        """Return the sizes of all octaves that are large enough for the layers. Add a note if some are too small."""
        sizes = octave_sizes(*self.size, self.recipe.octaves, self.recipe.octave_scale, self.recipe.smallest_octave)
        min_side, layer = max((layer_stride(key, self.network), str(key)) for key in self.objective.layers)
        large_enough = [size for size in sizes if min(size) >= min_side]
        if not large_enough:
            height, width = self.size
            raise InvalidSetting(
                f"the picture is {height}×{width} pixels, but layer {layer} needs {min_side} on each side; "
                "choose an earlier layer or a larger size"
            )
        if self.recipe.octaves is not None and len(large_enough) < len(sizes):
            height, width = sizes[0]
            self.notes.append(
                f"only {len(large_enough)} of {len(sizes)} octaves are dreamed: the smallest would have "
                f"{height}×{width} pixels, but layer {layer} needs {min_side} on each side"
            )
        return large_enough


def trim_memory_for(size: tuple[int, int]) -> None:
    """Return unused memory to the system if a picture of this height and width is large."""
    if size[0] * size[1] > MIN_TRIM_PIXELS:
        trim_memory()


def photo_objective(
    recipe: PhotoRecipe,
    network: Network,
    photo: Photo,
    *,
    objective: Objective | None = None,
    guide: Photo | None = None,
    mask: Mask | None = None,
    find_file: FileResolver = named_source,
) -> Objective:
    """Return the objective of a photo recipe.

    Args:
        recipe: Settings of the picture.
        network: Network with the layers.
        photo: The photograph.
        objective: Objective that is used in place of the one in the recipe.
        guide: Guide that is used in place of the one in the recipe.
        mask: Mask that is used in place of the one in the recipe.
        find_file: Function that finds the files that the recipe names.

    Raises:
        InvalidSetting: If a setting is wrong, or if the network has no such channel.
        UnknownName: If the network has no such layer or class.
        UnreadablePicture: If a picture cannot be read.
    """
    check_objective(objective)
    if objective is None and recipe.objective is not None:
        objective = parse_objective(recipe.objective, network, photo, find_file)
    if objective is None:
        guide = load_named_photo(recipe.guide, find_file) if guide is None and recipe.guide is not None else guide
        objective = layers_objective(network, chosen_layers(recipe, network), guide)
    mask = load_named_mask(recipe.mask, find_file) if mask is None and recipe.mask is not None else mask
    return objective if mask is None else objective.where(mask)


def chosen_layers(recipe: PhotoRecipe, network: Network, objective: Objective | None = None) -> tuple[LayerChoice, ...]:
    """Return the layers of a recipe, or the network's default layer. Empty if there is an objective instead."""
    if recipe.layer:
        return tuple(choice.resolve(network.layer_names) for choice in recipe.layer)
    return () if objective or recipe.objective else (LayerChoice(network.default_layer),)


def layers_objective(network: Network, layers: Sequence[LayerChoice], guide: Photo | None = None) -> Objective:
    """Return the objective that amplifies layers: the weighted sum of half the squared L2 norm of each.

    With a guide, it is the weighted sum of the guide objectives. Their gradients move activations toward the best
    matches in the guide.
    """
    for choice in layers:
        network.check_layer(choice.name)
        if choice.channel is not None:
            check_channel(choice.name, choice.channel, network.channels(choice.name))
            if guide is not None:
                raise InvalidSetting(f"a guide needs a whole layer, not the channel {choice}; leave the channel out")
    if guide is not None:
        return weighted_sum([(choice.weight, objectives.guide(choice.name, guide)) for choice in layers])
    return weighted_sum([(choice.weight, objectives.layer(choice.name, choice.channel)) for choice in layers])


def output_size(photo: Photo, longer: int | None) -> tuple[int, int]:
    """Return the height and width of the result.

    Args:
        photo: The photograph.
        longer: Longer side of the result in pixels. None means the size of the photograph.
    """
    height, width = photo.pixels.shape[:2]
    scale = 1.0 if longer is None else longer / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
