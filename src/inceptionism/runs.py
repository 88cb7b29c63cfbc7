"""The composition root: from a recipe to a picture in the making.

A run is iterated over for its steps, and asked for its result at any time. Progress bars, previews,
cancelling and saving what is there all do just that.
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from functools import cached_property
from importlib.metadata import version
from pathlib import Path
from typing import TypeVar

import torch
from PIL import Image
from torch import Tensor, nn

from inceptionism import comparisons, interruption, objectives
from inceptionism.ascent import Climb, NormalizedAscent, ascend
from inceptionism.canvas import Canvas, from_noise
from inceptionism.composing import compose, named_mask, named_photo
from inceptionism.errors import InvalidSetting, NoGradient, shown
from inceptionism.images import Find, Mask, Photo
from inceptionism.layer_syntax import LayerChoice, parse_layers
from inceptionism.memory import hand_back, kept
from inceptionism.networks.network import DTYPES, Network
from inceptionism.networks.registry import load_network
from inceptionism.objectives import Objective, check_channel, weighted_sum
from inceptionism.octaves import octave_sizes
from inceptionism.parameterizations import Parameterization, Pixels
from inceptionism.parts import Beside, Part, extent, parts_of
from inceptionism.prior_syntax import parse_prior
from inceptionism.priors import Constraints, constraints, possible
from inceptionism.provenance import MadeWith
from inceptionism.recipe import MAX_SEED, PRESETS, ClassRecipe, PhotoRecipe
from inceptionism.result import Result, Step
from inceptionism.slope import Slope
from inceptionism.tensors import resize, to_image, to_picture
from inceptionism.transforms import Transform, circular_shift

LARGE = 2**20
"""The pixels of an octave from which on the memory that something has left is worth the time to hand it back."""


def tidy(size: tuple[int, int]) -> None:
    """Hand back the memory that is not in use, before something large of a height and width."""
    if size[0] * size[1] > LARGE:
        gc.collect()  # torch's optimizers refer to themselves, and to the canvas of the octave before
        hand_back()


AnyRun = TypeVar("AnyRun", bound="Run")


class Run(ABC):
    """A picture in the making.

    Attributes:
        size: The height and width of the result in pixels.
        sizes: Those of its octaves, of which the result's is the last.
        steps: In each octave.
        objective: What is climbed.
        constraints: What keeps it natural meanwhile.
        recipe: Complete: what was left to defaults is filled in, and what the result is made with.
        notes: What was decided on the way, each in one sentence.
        scores: The objective at each step so far.
    """

    size: tuple[int, int]
    sizes: list[tuple[int, int]]
    recipe: PhotoRecipe | ClassRecipe
    steps: int
    objective: Objective
    constraints: Constraints

    def __init__(self, recipe: PhotoRecipe | ClassRecipe, network: str | nn.Module | Network | None) -> None:
        self.recipe = recipe
        network = load_network(recipe.network if network is None else network, recipe.device)
        self.network = network
        self.slope = Slope(network, network.dtype(self.recipe.precision))
        self.notes: list[str] = []
        self.scores: list[float] = []
        self._going: Iterator[Step] | None = None

    @property
    def title(self) -> str:
        """What it is a picture of, in a word or two."""
        return self.recipe.title

    def __iter__(self) -> Iterator[Step]:
        """Take the steps, one for each item; who stops early and iterates again goes on from there."""
        if self._going is None:
            self._going = (step for (step,) in together([self]))
        return self._going

    @abstractmethod
    def climbs(self) -> Iterator[Climb]:
        """Yield what climbs in each octave; each is over when the next is asked for."""

    def climb(
        self,
        canvas: Parameterization,
        optimizer: torch.optim.Optimizer,
        size: tuple[int, int],
        generator: torch.Generator,
        *transforms: Transform,
    ) -> Climb:
        """Return what climbs at a height and width, under the prior's constraints."""
        asked, device = self.constraints, self.network.device
        return Climb(
            canvas,
            self.parts(size),
            optimizer,
            [*transforms, *asked.transforms],
            generator,
            Beside.of(self.objective, size, device),
            asked.penalties,
            asked.unseen,
            asked.blur,
            asked.levels,
        )

    def parts(self, size: tuple[int, int]) -> list[Part]:
        """Return what is climbed at a height and width."""
        return parts_of(self.objective, size, self.network.device)

    def took(self, score: float) -> Step:
        """Note the score of a step that was taken, and return the step."""
        self.scores.append(score)
        before, step = divmod(len(self.scores) - 1, self.steps)
        areas = [height * width for height, width in self.sizes]
        done = (sum(areas[:before]) + areas[before] * (step + 1) / self.steps) / sum(areas)
        return Step(before + 1, len(areas), step + 1, self.steps, score, done, self.image)

    @abstractmethod
    def image(self) -> Image.Image:
        """Return the picture so far, at the size of the output."""

    def result(self) -> Result:
        """Return what there is so far."""
        taken, recipe = len(self.scores), self.recipe
        if taken < self.steps * len(self.sizes) and recipe.made_with:
            recipe = replace(recipe, made_with=replace(recipe.made_with, taken=taken))
        return Result(self.image(), recipe, tuple(self.scores), tuple(self.notes))

    def finish(self, on_step: Callable[[Step], object] | None = None) -> Result:
        """Take all steps that are left, unless `on_step` raises StopIteration, and return the result."""
        follow(self, on_step)
        return self.result()

    def gait(self) -> tuple[object, ...]:
        """Return what runs must have in common to go together."""
        return (
            self.network,
            self.slope.dtype,
            tuple(self.sizes),
            self.steps,
            self.recipe.prior,
            self.objective.references,
            len(self.objective.parts),
        )

    def made_with(self, photo: Photo | None = None) -> MadeWith:
        """Return what the result depends on besides its settings."""
        described = None
        if photo is not None:
            height, width = photo.pixels.shape[:2]
            described = {"name": photo.name, "sha256": photo.sha256, "height": height, "width": width}
        area = self.size[0] * self.size[1]
        return MadeWith(
            inceptionism=version("inceptionism"),
            torch=torch.__version__,
            device=self.network.device.type,
            weights=self.network.weights_hash,
            precision=next(name for name, dtype in DTYPES.items() if dtype == self.slope.dtype),
            photo=described,
            pictures=self.objective.pictures() or None,
            tile=self.slope.pixels if (self.slope.pixels or area) < area else None,
        )


def together(runs: Sequence[Run]) -> Iterator[list[Step]]:
    """Take the steps of several runs side by side; yield, after each, the step that each has taken.

    Each makes the picture that it would make alone, from its own random choices; but the network sees them as one
    batch. That may round their scores differently.

    Raises:
        InvalidSetting: they are not of one network and precision, or do not take as many steps in the same octaves.
    """
    first, *others = runs
    for other in others:
        if other.gait() != first.gait():
            raise InvalidSetting(
                "runs go together that are of one Network, precision, size and number of steps; "
                f"those of {first.title} and {other.title} are not"
            )
    with kept():
        for climbs in zip(*(run.climbs() for run in runs), strict=True):
            for scores in ascend(climbs, first.slope, first.steps):
                interruption.check()
                yield [run.took(score) for run, score in zip(runs, scores, strict=True)]


def follow(steps: Iterable[Step], on_step: Callable[[Step], object] | None = None) -> None:
    """Take steps until there are no more, or `on_step`, which is called with each, raises StopIteration."""
    for step in steps:
        try:
            if on_step is not None:
                on_step(step)
        except StopIteration:
            break


def batches(runs: Iterable[AnyRun]) -> Iterator[list[AnyRun]]:
    """Yield the runs in their order, those that follow each other in groups that are faster together than alone.

    No run is asked for before the batch that it may belong to.
    """
    batch: list[AnyRun] = []
    for run in runs:
        height, width = run.size
        most = min(BATCH, BATCH_PIXELS // (height * width))
        if batch and (len(batch) >= most or run.gait() != batch[0].gait()):
            yield batch
            batch = []
        batch.append(run)
    if batch:
        yield batch


BATCH = 8
"""How many pictures go through together at most: more of them are no faster."""

BATCH_PIXELS = 4 * 224 * 224
"""How many pixels go through together at most where they are of several pictures."""


PATIENCE = 48
"""How many beginnings a picture from noise gets to which nothing responds."""


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
        find: Find = Path,
    ) -> None:
        super().__init__(recipe, network)
        layers = chosen_layers(recipe, self.network, objective)
        self.objective = photo_objective(
            recipe, self.network, photo, objective=objective, guide=guide, mask=mask, find=find
        )
        self.constraints = constraints(parse_prior(recipe.prior, photo=True), self.network)
        self.steps = recipe.steps
        self.seed = recipe.seed
        self.notes += photo.notes
        self.photo = photo
        self.size = output_size(photo, recipe.size)
        self.sizes = self._octaves()
        self.slope.pixels = self.slope.affordable(*self.size, self.objective, recipe.memory)
        self.recipe = replace(recipe, layer=layers, made_with=self.made_with(photo))
        # The octave that is being climbed.
        self._canvas: Pixels | None = None

    def climbs(self) -> Iterator[Climb]:
        recipe = self.recipe
        generator = torch.Generator().manual_seed(self.seed)
        step_size = recipe.step_size / 255 * extent(self.objective)
        silent: list[NoGradient] = []
        for size in self.sizes:
            self._canvas = canvas = Pixels(self._picture(size))
            tidy(size)
            climb = self.climb(
                canvas, NormalizedAscent(canvas.parameters, step_size), size, generator, circular_shift(recipe.jitter)
            )
            yield climb
            try:
                climb.check_moved()
            except NoGradient as error:
                # A larger octave may still show what this one is too small for.
                silent.append(error)
            canvas.pixels.grad = None
            tidy(size)
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
        tidy(size)
        picture = self._original(size)
        for channel in range(3):  # one at a time, for a large picture fills much of the memory
            tidy(size)
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


class ClassRun(Run):
    """A picture of a class, climbing from noise."""

    recipe: ClassRecipe

    def __init__(
        self,
        recipe: ClassRecipe,
        *,
        network: str | nn.Module | Network | None = None,
        objective: Objective | None = None,
        find: Find = Path,
    ) -> None:
        super().__init__(recipe, network)
        check_objective(objective)
        if objective is None and recipe.objective is not None:
            objective = compose(recipe.objective, self.network, find=find)
        if objective is None:
            assert recipe.target is not None  # the recipe has either
            index = self.network.class_index(recipe.target)
            objective = objectives.logit(index)
            label = self.network.labels[index] if self.network.labels else str(index)
            recipe = replace(recipe, target=index, label=label)
        self.objective = objective
        self._find = find
        preset = PRESETS[recipe.preset]
        self.prior = recipe.prior or possible(preset.prior, self.network)
        self.steps = recipe.steps or preset.steps
        self.constraints = constraints(parse_prior(self.prior), self.network)
        self.size = recipe.size
        self.sizes = [self.size]
        self.slope.pixels = self.slope.affordable(*self.size, self.objective, recipe.memory)
        self.recipe = replace(recipe, prior=self.prior, steps=self.steps, made_with=self.made_with())
        if self.slope.pixels < self.size[0] * self.size[1]:
            self.notes.append(
                f"seen in tiles of {self.slope.pixels / 1e6:.1f} megapixels, each of which climbs by itself"
            )
        self._generator = torch.Generator().manual_seed((recipe.seed + recipe.number) % (MAX_SEED + 1))

    @cached_property
    def _begun(self) -> Canvas:
        # Not before the run begins: of many that are checked together, only a few need its memory at a time.
        terms = parse_prior(self.prior)
        return from_noise(terms, self.size, self.steps, self._generator, self.network.device, self._find)

    @cached_property
    def _climb(self) -> Climb:
        return self.climb(self._begun.canvas, self._begun.optimizer, self.size, self._generator)

    def climbs(self) -> Iterator[Climb]:
        yield self._climb
        self._climb.check_moved()

    def took(self, score: float) -> Step:
        self._begun.schedule.step()
        step = super().took(score)
        if not self._climb.moved and step.step <= PATIENCE:
            # Gray leaves many units behind a ReLU silent, and then there is no gradient; of natural forms, some do not.
            self._begun.canvas.redraw(self._generator, faint=step.step == PATIENCE)
        return step

    def image(self) -> Image.Image:
        with torch.no_grad():
            return to_image(self._begun.canvas.picture())


def photo_objective(
    recipe: PhotoRecipe,
    network: Network,
    photo: Photo,
    *,
    objective: Objective | None = None,
    guide: Photo | None = None,
    mask: Mask | None = None,
    find: Find = Path,
) -> Objective:
    """Return what a recipe says is climbed on a photograph; what is given stands in place of what it names."""
    check_objective(objective)
    if objective is None and recipe.objective is not None:
        objective = compose(recipe.objective, network, photo, find)
    if objective is None:
        guide = named_photo(recipe.guide, find) if guide is None and recipe.guide is not None else guide
        objective = layers_objective(network, chosen_layers(recipe, network), guide)
    mask = named_mask(recipe.mask, find) if mask is None and recipe.mask is not None else mask
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
        return weighted_sum([(one.weight, comparisons.guide(one.name, guide)) for one in layers])
    return weighted_sum([(one.weight, objectives.layer(one.name, one.channel)) for one in layers])


def check_objective(objective: object) -> None:
    """Raise `InvalidSetting` unless `objective` is one, or nothing."""
    if not isinstance(objective, (Objective, type(None))):
        raise InvalidSetting(f"an objective is made by inceptionism.objectives, it is not {shown(objective)}")


def output_size(photo: Photo, longer: int | None) -> tuple[int, int]:
    """Return the height and width of the output whose longer side is `longer` pixels; by default the photo's own."""
    height, width = photo.pixels.shape[:2]
    scale = 1.0 if longer is None else longer / max(height, width)
    return max(1, round(height * scale)), max(1, round(width * scale))
