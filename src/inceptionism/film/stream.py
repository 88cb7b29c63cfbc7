"""A film run: a stream of frames that can be saved as a film."""

from __future__ import annotations

import os
import weakref
from abc import ABC, abstractmethod
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass, replace
from fractions import Fraction
from inspect import GEN_CLOSED, getgeneratorstate
from pathlib import Path
from typing import Any, TypeAlias

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.film.frame_run import FrameRun
from inceptionism.film.segments import write_film
from inceptionism.memory import keep_memory
from inceptionism.recipes import PhotoRecipe
from inceptionism.tensors import to_image

State: TypeAlias = "Mapping[str, NDArray[Any]]"
"""Arrays by name that, together with the recipe, determine all later frames."""


def stored_array(state: State, name: str, shape: tuple[int | None, ...], kind: type[np.generic]) -> NDArray[Any]:
    """Return an array of a state.

    Args:
        state: State of a run.
        name: Name of the array.
        shape: Shape that it must have. None stands for any length.
        kind: Type that its elements must have.

    Raises:
        LookupError: If the state has no array of this name.
        ValueError: If it has another shape or type.
    """
    array = state[name]
    fits = len(array.shape) == len(shape) and all(
        one in (None, two) for one, two in zip(shape, array.shape, strict=True)
    )
    if not fits or array.dtype != kind:
        sides = "×".join("any" if side is None else str(side) for side in shape)
        raise ValueError(f"its {name} is not {sides} {np.dtype(kind)}")
    return array


@dataclass(frozen=True, eq=False)
class Frame:
    """A finished frame of a film run.

    Attributes:
        number: Number of the frame, from 0.
        time: Time at which the frame is shown, in seconds from the beginning of the film.
        picture: Pixels of the frame, 1×3×H×W, float32 sRGB in [0, 1].
        score: Score of the objective before the last step of the frame.
    """

    number: int
    time: Fraction
    picture: Tensor
    score: float

    @property
    def image(self) -> Image.Image:
        """The frame as an RGB image."""
        return to_image(self.picture)


class FilmRun(ABC):
    """A run that makes the frames of a film. Iterate over the run for its frames, or save it.

    Only the last frame is kept in memory.

    Attributes:
        size: Height and width of the frames in pixels.
        fps: Frames per second. This is the average if the frames are not evenly spaced.
        time_base: Unit of the times of the frames, in seconds.
        source: Film that is dreamed, or folder of its frames. None if there is none. It is never replaced.
        sound: Film whose sound is copied. None means no sound.
        total: Number of frames of the whole film, as far as it is known. None means endless or unknown.
        reverse: Whether a saved film has the frames in the opposite order. Then `total` is known.
        number: Number of frames so far.
        is_over: Whether the run has ended: all frames were made, or the run failed or was closed.
        recipe: Complete recipe. Defaults are filled in, and everything else that the film depends on is added.
        notes: Decisions that the run made, each in one sentence.
    """

    size: tuple[int, int]
    fps: Fraction
    time_base: Fraction
    source: Path | None = None
    sound: Path | None = None
    total: int | None
    reverse: bool = False
    recipe: PhotoRecipe
    notes: list[str]
    _run: FrameRun

    def __init__(self) -> None:
        self.number = 0
        self.is_over = False
        # A weak reference, or None. A strong one would be a cycle, which keeps the threads of an unused run alive.
        self._open_frames: Callable[[], Generator[Frame, None, None] | None] = lambda: None

    @property
    def title(self) -> str:
        """Title of the film, in a word or two."""
        return self.recipe.title

    def __iter__(self) -> Iterator[Frame]:
        """Make the frames. A second iteration continues after the last frame of the first one.

        Threads and files are released when the iteration ends, also if it ends early.
        """
        frames = self._open_frames()
        if frames is None or getgeneratorstate(frames) == GEN_CLOSED:
            frames = self._counted_frames()
            self._open_frames = weakref.ref(frames)
        return frames

    def close(self) -> None:
        """End the run, and release the threads and files that it uses. It makes no more frames."""
        self.is_over = True
        frames = self._open_frames()
        if frames is not None:
            frames.close()

    # The user may be in any mode of torch, and in a different one at each frame.
    @torch.inference_mode(False)
    @torch.enable_grad()
    def _counted_frames(self) -> Generator[Frame, None, None]:
        if self.is_over:
            return
        try:
            with keep_memory(), closing(self.frames()) as frames:
                for frame in frames:
                    self.number = frame.number + 1
                    self._record_tile()
                    yield frame
        except GeneratorExit:  # the caller has left the loop, and may continue later
            raise
        except BaseException:
            self.is_over = True
            raise
        self.is_over = True

    def _record_tile(self) -> None:
        """Write the size of the tiles into the recipe. When memory runs out, tiles become smaller during the run."""
        made_with = self.recipe.made_with
        if made_with is not None and made_with.tile != self._run.tile:
            self.recipe = replace(self.recipe, made_with=replace(made_with, tile=self._run.tile))

    @abstractmethod
    def frames(self) -> Generator[Frame, None, None]:
        """Make the frames from `number` on."""

    @abstractmethod
    def state(self) -> State:
        """Return the state that the next frame depends on. Call it before the next frame is made."""

    def resume_at(self, number: int, state: State, tile: int | None = None) -> None:
        """Start with a frame of a film that an earlier run has begun.

        Args:
            number: Number of the frame.
            state: State that the earlier run returned before this frame.
            tile: Number of pixels that the earlier run processed at once. None means the whole frame.
        """
        self.number = number
        self.restore(state)
        if tile is not None:
            self._run.evaluator.max_pixels = min(tile, self._run.evaluator.max_pixels or tile)
            self._record_tile()

    @abstractmethod
    def restore(self, state: State) -> None:
        """Load a state that `state` returned.

        Raises:
            LookupError: If the state has no array of a certain name.
            ValueError: If an array has another shape or type than the arrays of this run.
        """

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = True,
        resume: bool = False,
        metadata: bool = True,
        on_frame: Callable[[Frame], object] | None = None,
    ) -> None:
        """Make the frames and write them to `path`, with the recipe inside. The ending of the path sets the format.

        During the run, the film grows in segments in the folder `NAME.parts` next to `path`. After any failure, at most
        half a second of the film is lost. An interruption or an exception also writes the film so far.

        Args:
            path: A .mp4, .webm, .gif or .webp file. A name without an ending is a folder of PNGs.
            overwrite: Whether to replace an existing file.
            resume: Whether to continue an unfinished film that an earlier run with the same recipe left, if there is
                one.
            metadata: Whether to write the recipe into the film.
            on_frame: Function that is called with each `Frame`. If it raises StopIteration, the run ends, and the film
                so far is written.

        Raises:
            CannotWrite: If the path cannot be written to, or a segment of the unfinished film is damaged.
            NameTaken: If another run is making the film, or if the path or an unfinished film of this name exists, and
                neither `overwrite` nor `resume` is set. Also if `path` is the source film, or if `resume` is set and
                `path` is a different finished film.
            InvalidSetting: If the unfinished film was made with other settings or cannot be read.
            KeyboardInterrupt: If the run is interrupted. By then the film so far is written, if it has a frame.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidSetting(f"the path of a film must be a text or a Path, not {quote_value(path)}")
        write_film(self, Path(path), overwrite=overwrite, resume=resume, metadata=metadata, on_frame=on_frame)
