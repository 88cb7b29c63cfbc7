"""A film in the making, as a stream of frames."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, TypeAlias

from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from inceptionism.memory import keep_memory
from inceptionism.recipes import PhotoRecipe
from inceptionism.tensors import to_image

State: TypeAlias = "Mapping[str, NDArray[Any]]"
"""What the frames to come depend on, besides the recipe: pictures by name."""


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame, just made.

    Attributes:
        number: From 0.
        time: When it is shown, in seconds from the beginning.
        picture: 1×3×H×W, float32, sRGB, in [0, 1].
        score: The objective before its last step.
    """

    number: int
    time: Fraction
    picture: Tensor
    score: float

    @property
    def image(self) -> Image.Image:
        """The frame as RGB."""
        return to_image(self.picture)


class FrameStream(ABC):
    """A film in the making: iterated over for its frames, of which only the last is kept.

    Attributes:
        size: The height and width of its frames in pixels.
        fps: Frames a second; on average, where they do not come evenly.
        unit: The unit of their times, in seconds.
        sound: A film whose sound it gets.
        total: How many there will be, as far as is known; none for endless.
        number: How many there were so far.
        recipe: Complete: what was left to defaults is filled in, and what the film is made with.
        notes: What was decided on the way, each in one sentence.
    """

    size: tuple[int, int]
    fps: Fraction
    unit: Fraction
    sound: Path | None = None
    total: int | None
    recipe: PhotoRecipe
    notes: list[str]

    def __init__(self) -> None:
        self.number = 0
        self._going: Iterator[Frame] | None = None

    @property
    def title(self) -> str:
        """What it is a film of, in a word or two."""
        return self.recipe.title

    def __iter__(self) -> Iterator[Frame]:
        """Make the frames; who stops early and iterates again goes on from there."""
        if self._going is None:
            self._going = self._kept()
        return self._going

    def _kept(self) -> Iterator[Frame]:
        with keep_memory():
            for frame in self.frames():
                self.number = frame.number + 1
                yield frame

    @abstractmethod
    def frames(self) -> Iterator[Frame]:
        """Make the frames from `number` on."""

    @abstractmethod
    def state(self) -> State:
        """Return what the next frame depends on. Ask before it is made."""

    def go_on(self, number: int, state: State) -> None:
        """Begin with frame `number`, from what `state` returned before it."""
        self.number = number
        self.restore(state)

    @abstractmethod
    def restore(self, state: State) -> None:
        """Take over what `state` returned."""
