"""A worker that dreams the scenes of a film, on a machine of a cluster."""

from __future__ import annotations

import platform
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import ray

from inceptionism.jobs.cluster.actors import Facts
from inceptionism.jobs.cluster.connection import Resources
from inceptionism.jobs.cluster.parcels import Copy, Fingerprint, unpack_copies
from inceptionism.jobs.cluster.worker import prepare_process
from inceptionism.jobs.outcomes import with_names
from inceptionism.recipes import MadeWith, VideoRecipe
from inceptionism.version import __version__

if TYPE_CHECKING:
    from inceptionism.film import Frame, VideoRun
    from inceptionism.io import Array

PIECE_SECONDS = 10.0
"""Time in seconds after which the finished frames are returned."""


class DreamedFrame(NamedTuple):
    """A dreamed frame on its way to the program.

    Attributes:
        number: Number of the frame.
        time: Time at which it is shown, in seconds.
        pixels: Its pixels, H×W×3 uint8.
        score: Score before the last step.
    """

    number: int
    time: Fraction
    pixels: Array
    score: float


class Piece(NamedTuple):
    """Consecutive frames of a scene.

    Attributes:
        frames: The frames.
        is_last: Whether the scene ends with them.
        notes: All notes of the run so far.
    """

    frames: list[DreamedFrame]
    is_last: bool
    notes: list[str]


class RemoteFilm:
    """A worker for one film. Ray runs one of its methods at a time, except `stop` and `sees`.

    Args:
        recipe: Recipe of the film.
        film: Name of the film.
        resources: Resources that Ray has reserved for it.
    """

    def __init__(self, recipe: VideoRecipe, film: str, resources: Resources) -> None:
        self._recipe, self._film, self._resources = recipe, film, resources
        self._temporary: Path | None = None
        self._paths: dict[str, str] = {}
        self._run: VideoRun | None = None
        self._frames: Iterator[Frame] = iter(())
        self._is_stopped = False

    def begin(self, _version: str) -> Facts:
        """Return facts about this worker. The program compares the version of this package with its own."""
        return Facts(__version__, platform.node())

    def sees(self, file: Fingerprint) -> bool:
        """Return whether a file of the program's machine is on this machine, too."""
        return file.is_here()

    def open(self, paths: Mapping[str, str], copies: Sequence[Copy]) -> MadeWith | None:
        """Open the film and the network, and return everything that the frames depend on besides the settings.

        Args:
            paths: Paths of the files that this machine has, by their names.
            copies: Copies of the other files.

        Raises:
            InceptionismError: If a file cannot be read, or a setting is not valid.
        """
        from inceptionism.film import SceneReader, VideoRun
        from inceptionism.io import named_source

        prepare_process(self._resources)
        self._temporary = Path(tempfile.mkdtemp(prefix="inceptionism-"))
        self._paths = {**paths, **unpack_copies(copies, self._temporary / "files", self._temporary, ray.get)}
        recipe = self._recipe
        film = SceneReader(Path(self._paths.get(self._film, self._film)), recipe.fps)
        self._run = VideoRun(
            recipe,
            film,
            network=self._paths.get(recipe.network),
            find_file=lambda name: named_source(self._paths.get(name, name)),
        )
        return self._run.recipe.made_with

    def begin_scene(self, first: int, number: int) -> None:
        """Start with the scene whose first frame has a number; frames before another number are not returned."""
        assert self._run is not None
        self._run.begin_scene(first, number)
        self._frames = iter(self._run)

    def next_frames(self) -> Piece:
        """Return the next frames of the scene.

        Raises:
            InceptionismError: If a frame cannot be dreamed.
        """
        assert self._run is not None
        frames: list[DreamedFrame] = []
        end = time.monotonic() + PIECE_SECONDS
        for frame in self._frames:
            frames.append(DreamedFrame(frame.number, frame.time, np.asarray(frame.image), frame.score))
            if self._is_stopped or time.monotonic() > end:
                return Piece(frames, False, self._notes())
        return Piece(frames, True, self._notes())

    def _notes(self) -> list[str]:
        """Return the notes of the run, with the names of files in place of their paths on this machine."""
        assert self._run is not None
        return [with_names(note, self._paths) for note in self._run.notes]

    def stop(self) -> None:
        """Return from `next_frames` after the current frame."""
        self._is_stopped = True

    def end(self) -> None:
        """Delete the temporary files."""
        if self._temporary is not None:
            shutil.rmtree(self._temporary, ignore_errors=True)
