"""A photograph being dreamed: the octaves of the 2015 notebook."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn

from inceptionism import objectives
from inceptionism.errors import InvalidSetting, NoGradient
from inceptionism.io import FileResolver, Mask, Photo
from inceptionism.networks import Network
from inceptionism.objectives import (
    Objective,
    check_channel,
    check_objective,
    load_named_mask,
    load_named_photo,
    masked_share,
    parse_objective,
    weighted_sum,
)
from inceptionism.optimization import AscentState, NormalizedAscent, Pixels, circular_shift, constraints
from inceptionism.recipes import LayerChoice, PhotoRecipe, parse_layers, parse_prior
from inceptionism.runs.base import Run, trim_memory_before
from inceptionism.runs.octaves import octave_sizes
from inceptionism.tensors import resize, to_image, to_picture


class PhotoRun(Run):
    """A photograph being dreamed by the algorithm of the 2015 notebook (Mordvintsev, Olah & Tyka).

    The photograph is made smaller octave by octave; from the smallest octave up, the picture climbs the
    objective, and what that added, the detail, is enlarged and laid on the next octave of the original.

    Where it departs from the notebook: each octave is resampled from the photograph itself with an
    antialiased cubic filter, where the notebook shrinks the octave before it bilinearly; detail is enlarged
    with a cubic filter; and what can be displayed is 0 to 255, whatever the network's mean.
    """

    recipe: PhotoRecipe

    def __init__(
        self,
        recipe: PhotoRecipe,
        photo: Photo,
        *,
        network: str | nn.Module | Network | None = None,
        objective: Objective | None = None,
        guide: Photo | None = None,
        mask: Mask | None = None,
        find_file: FileResolver = Path,
    ) -> None:
        super().__init__(recipe, network)
        layers = chosen_layers(recipe, self.network, objective)
        self.objective = photo_objective(
            recipe, self.network, photo, objective=objective, guide=guide, mask=mask, find_file=find_file
        )
        self.constraints = constraints(parse_prior(recipe.prior, photo=True), self.network)
        self.steps = recipe.steps
        self.seed = recipe.seed
        self.notes += photo.notes
        self.photo = photo
        self.size = output_size(photo, recipe.size)
        self.sizes = self._octaves()
        self.evaluator.pixels = self.evaluator.affordable(*self.size, self.objective, recipe.memory)
        self.recipe = replace(recipe, layer=layers, made_with=self.made_with(photo))
        # The octave that is being climbed.
        self._canvas: Pixels | None = None

    def states(self) -> Iterator[AscentState]:
        recipe = self.recipe
        generator = torch.Generator().manual_seed(self.seed)
        step_size = recipe.step_size / 255 * masked_share(self.objective)
        silent: list[NoGradient] = []
        for size in self.sizes:
            self._canvas = canvas = Pixels(self._picture(size))
            trim_memory_before(size)
            state = self.state(
                canvas, NormalizedAscent(canvas.parameters, step_size), size, generator, circular_shift(recipe.jitter)
            )
            yield state
            try:
                state.check_responded()
            except NoGradient as error:
                # A larger octave may still show what this one is too small for.
                silent.append(error)
            canvas.pixels.grad = None
            trim_memory_before(size)
        if len(silent) == len(self.sizes):
            raise silent[-1]
        if silent:
            self.notes.append(f"{len(silent)} of {len(self.sizes)} octaves changed nothing: {silent[-1]}")

    def image(self) -> Image.Image:
        image = to_image(self._picture(self.size), self.photo.alpha)
        for name, value in self.photo.metadata.items():
            image.info[name] = value
        return image

    def _picture(self, size: tuple[int, int]) -> Tensor:
        """Return the photograph at a height and width, with the detail so far."""
        if self._canvas is None:
            return self._original(size)
        canvas = self._canvas.pixels.detach()
        seen = canvas.shape[-2], canvas.shape[-1]
        if seen == size:
            return canvas
        detail = self._original(seen).neg_().add_(canvas)
        trim_memory_before(size)
        picture = self._original(size)
        for channel in range(3):  # one at a time, for a large picture fills much of the memory
            trim_memory_before(size)
            picture[:, channel] += resize(detail[:, channel : channel + 1], size)[:, 0]
        return picture

    def _original(self, size: tuple[int, int]) -> Tensor:
        """Return the photograph at a height and width; not kept, for in float it is four times as large."""
        return to_picture(self.photo.pixels, self.network.device, size)

    def _octaves(self) -> list[tuple[int, int]]:
        """Return the octaves that the objective's layers can see, noting those that are left out."""
        sizes = octave_sizes(*self.size, self.recipe.octaves, self.recipe.octave_scale)
        needed, layer = max((self.network.stride(layer), layer) for layer in self.objective.layers)
        enough = [size for size in sizes if min(size) >= needed]
        if not enough:
            height, width = self.size
            raise InvalidSetting(
                f"the picture is {height}×{width} pixels and layer {layer} needs {needed} on each side: "
                "choose an earlier layer or a larger size"
            )
        if len(enough) < len(sizes):
            height, width = sizes[0]
            self.notes.append(
                f"{len(enough)} of {len(sizes)} octaves: the smallest would have {height}×{width} pixels, "
                f"and layer {layer} needs {needed} on each side"
            )
        return enough


def photo_objective(
    recipe: PhotoRecipe,
    network: Network,
    photo: Photo,
    *,
    objective: Objective | None = None,
    guide: Photo | None = None,
    mask: Mask | None = None,
    find_file: FileResolver = Path,
) -> Objective:
    """Return what a recipe says is climbed on a photograph; what is given stands in place of what it names."""
    check_objective(objective)
    if objective is None and recipe.objective is not None:
        objective = parse_objective(recipe.objective, network, photo, find_file)
    if objective is None:
        guide = load_named_photo(recipe.guide, find_file) if guide is None and recipe.guide is not None else guide
        objective = layers_objective(network, chosen_layers(recipe, network), guide)
    mask = load_named_mask(recipe.mask, find_file) if mask is None and recipe.mask is not None else mask
    return objective if mask is None else objective.where(mask)


def chosen_layers(recipe: PhotoRecipe, network: Network, objective: Objective | None = None) -> tuple[LayerChoice, ...]:
    """Return the layers that are climbed: those of a recipe, or the network's default; none where an objective is."""
    return recipe.layer or (() if objective or recipe.objective else parse_layers(network.default_layer))


def layers_objective(network: Network, layers: Sequence[LayerChoice], guide: Photo | None = None) -> Objective:
    """Return the objective that amplifies `layers` of `network`: the weighted sum of half their squared L2 norms.

    With a guide, the one that moves their activations toward those of the guide that match them best.
    """
    for choice in layers:
        network.check_layer(choice.name)
        if choice.channel is not None:
            check_channel(choice.name, choice.channel, network.channels(choice.name))
            if guide is not None:
                raise InvalidSetting(f"a guide takes whole layers, not a channel: {choice}")
    if guide is not None:
        return weighted_sum([(one.weight, objectives.guide(one.name, guide)) for one in layers])
    return weighted_sum([(one.weight, objectives.layer(one.name, one.channel)) for one in layers])


def output_size(photo: Photo, longer: int | None) -> tuple[int, int]:
    """Return the height and width of the output whose longer side is `longer` pixels; by default the photo's own."""
    height, width = photo.pixels.shape[:2]
    scale = 1.0 if longer is None else longer / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
