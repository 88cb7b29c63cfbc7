"""Films that are written to disk in segments, so that an unfinished film can be resumed.

Every half second of frames becomes a small film in the folder `NAME.parts`. The same folder holds the state from which
the next segment starts. A run that is killed at any moment loses only the segment that it was working on. A resumed run
starts from the state and makes the same frames as an uninterrupted run. At the end, the segments are joined without
encoding them again, and the folder is deleted.
"""

from __future__ import annotations

import json
import os
import shutil
import zipfile
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PIL import Image

from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken, first_line
from inceptionism.film.encoder import CODECS, Codec, Encoder
from inceptionism.film.joining import Segments, join_segments
from inceptionism.film.outputs import PNG_NAME, check_film, frame_facts, is_finished, segments_folder
from inceptionism.film.workers import BackgroundWorker
from inceptionism.interruption import uninterrupted
from inceptionism.io import (
    FORMATS,
    Array,
    check_side,
    convert_write_errors,
    partial_file,
    publish,
    resolve_target,
    save_picture,
)
from inceptionism.recipes import Recipe

if TYPE_CHECKING:
    from inceptionism.film.stream import FilmRun, Frame, State

STATE_FILE = "state.npz"
"""Name of the file with the state, in the folder of the segments."""

SEGMENT_SECONDS = 0.5
"""Length of a segment, in seconds."""

CTRL_C_STATUS = 130
"""Exit status of an interruption by Ctrl-C."""


def write_film(
    run: FilmRun,
    path: Path,
    *,
    overwrite: bool,
    resume: bool,
    metadata: bool,
    on_frame: Callable[[Frame], object] | None,
) -> None:
    """Make all frames of `run` and write them to `path`. An interruption or an error also writes the film so far.

    The arguments and the exceptions are those of `FilmRun.save`.
    """
    if run.is_over:
        raise InvalidSetting(
            f"{path} is not written: the frames of this film were made before, and they are not kept; start a new run"
        )
    check_film(path, overwrite=overwrite, resume=resume)
    if run.sound is not None and path.exists() and path.samefile(run.sound):
        raise NameTaken(f"{path} is the film to dream; choose another name for the result")
    if path.suffix.lower() in FORMATS:
        check_side(path, run.size)
    if resume and is_finished(run.recipe, path):
        run.notes.append(f"{path} is already finished")
        return
    film = FilmFile(run, path, overwrite=overwrite, resume=resume, metadata=metadata)
    try:
        finished = take_frames(run, film, on_frame)
    except CannotWrite:
        film.abandon()
        raise
    except BaseException as error:
        with uninterrupted():
            # Ctrl-C is the normal end of an endless film.
            film.close(finished=run.total is None and getattr(error, "status", None) == CTRL_C_STATUS)
        raise
    finally:
        run.close()
    with uninterrupted():
        film.close(finished=finished)


def take_frames(run: FilmRun, film: FilmFile, on_frame: Callable[[Frame], object] | None) -> bool:
    """Add all frames of a run to a film. Return False if `on_frame` has ended the run early by StopIteration."""
    for frame in run:
        film.add(frame)
        try:
            if on_frame is not None:
                on_frame(frame)
        except StopIteration:
            return False
    return True


class FilmFile:
    """A film that is being written. A background thread encodes the frames.

    Args:
        run: Run that makes the frames. If an unfinished film is resumed, the run continues with the frame after the
            film's last segment.
        path: Path of the film, as in `FilmRun.save`, checked by `check_film`.
        overwrite: Whether to replace an existing film.
        resume: Whether to continue an unfinished film.
        metadata: Whether to write the recipe into the film.
    """

    def __init__(self, run: FilmRun, path: Path, *, overwrite: bool, resume: bool, metadata: bool = True) -> None:
        self._metadata = metadata
        self._run, self._path, self._overwrite = run, path, overwrite or resume
        self._folder = segments_folder(path)
        self._starts: list[Fraction] = []
        self._end = Fraction(0)
        self._pending_frames = 0
        # While an incomplete film has the final name, the folder stays: it marks the film as unfinished.
        self._incomplete_file_exists = resume and self._folder.exists()
        with convert_write_errors(self._folder):
            if overwrite and not resume:
                shutil.rmtree(self._folder, ignore_errors=True)
                for old in path.glob("[0-9]" * 6 + ".png") if not path.suffix else ():
                    old.unlink()
            try:
                self._folder.mkdir(exist_ok=resume)
            except FileExistsError:
                raise NameTaken(
                    f"{self._folder} already exists: another run is making {path.name}; choose another name"
                ) from None
        if resume and (self._folder / STATE_FILE).exists():
            self._restore()
        self._encoder: Encoder | None = None
        self._worker = BackgroundWorker()

    def add(self, frame: Frame) -> None:
        """Write a frame. At the end of each segment, also write the state."""
        pixels = np.asarray(frame.image)
        self._worker.submit(lambda: self._write(frame.number, pixels, frame.time))
        self._pending_frames += 1
        if self._pending_frames == max(1, round(SEGMENT_SECONDS * self._run.fps)):
            state, number = self._run.state(), frame.number + 1
            self._worker.submit(lambda: self._save_state(number, state))
            self._pending_frames = 0

    def close(self, *, finished: bool) -> None:
        """Write the film with the frames so far. Unless it is finished, keep the segments and the state."""
        try:
            self._worker.submit(self._end_segment)
            self._worker.finish()
            if self._starts and self._path.suffix:
                self._join()
        finally:
            self.abandon()
        if finished:
            shutil.rmtree(self._folder, ignore_errors=True)

    def abandon(self) -> None:
        """Stop writing. If there is nothing to resume, delete the folder of the segments."""
        with suppress(CannotWrite):
            self._worker.finish()
        if not self._incomplete_file_exists and not (self._folder / STATE_FILE).exists():
            shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, number: int, pixels: Array, time: Fraction) -> None:
        self._end = time + 1 / self._run.fps
        if not self._path.suffix:
            path = self._path / PNG_NAME.format(number)
            save_picture(Image.fromarray(pixels), path, self._run.recipe, metadata=self._metadata)
            self._incomplete_file_exists = True
            return
        if self._encoder is None:
            self._starts.append(time)
            self._encoder = Encoder(self._open_segment, self._codec, self._run.size, self._run.time_base, self._run.fps)
        self._encoder.write(pixels, time - self._starts[-1])

    def _end_segment(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None
            with convert_write_errors(self._folder):
                flush_to_disk(self._open_segment)
                self._open_segment.replace(self._segment_paths()[-1])

    def _save_state(self, number: int, state: State) -> None:
        """End the segment, and only then write the state that lists it."""
        self._end_segment()
        about = {
            "recipe": self._run.recipe.to_json(),
            "number": number,
            "starts": list(map(str, self._starts)),
            "end": str(self._end),
        }
        arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8), **state}
        with convert_write_errors(self._folder), partial_file(self._folder / STATE_FILE) as written:
            with written.open("wb") as file:
                np.savez(file, **arrays)
            flush_to_disk(written)
            written.replace(self._folder / STATE_FILE)

    def _restore(self) -> None:
        """Load the state of the unfinished film into the run.

        Raises:
            InvalidSetting: If the state cannot be read, or was saved with other settings.
        """
        try:
            with (self._folder / STATE_FILE).open("rb") as file, np.load(file, allow_pickle=False) as arrays:
                state = {name: arrays[name] for name in arrays.files}
            about = json.loads(state.pop("about").tobytes())
            starts, end = [*map(Fraction, about["starts"])], Fraction(about["end"])
            number, saved = int(about["number"]), frame_facts(Recipe.from_json(about["recipe"]))
        except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile, InvalidSetting) as error:
            raise self._cannot_resume(error) from None
        wanted = frame_facts(self._run.recipe)
        if saved != wanted:
            changed = sorted(name for name in saved.keys() | wanted.keys() if saved.get(name) != wanted.get(name))
            raise InvalidSetting(
                f"{self._folder} was made with a different {' and '.join(changed)}; give the original settings, or "
                "--overwrite to start again"
            )
        self._starts, self._end = starts, end
        try:
            self._run.resume_at(number, state)
        except (LookupError, RuntimeError, TypeError, ValueError) as error:
            raise self._cannot_resume(error) from None

    def _cannot_resume(self, error: Exception) -> InvalidSetting:
        return InvalidSetting(f"{self._folder} cannot be resumed: {first_line(error)}; use --overwrite to start again")

    def _join(self) -> None:
        """Join the segments in a temporary file, which then replaces the film."""
        target = resolve_target(self._path)
        with convert_write_errors(target), partial_file(target) as joined:
            segments = Segments(self._segment_paths(), self._starts, self._end)
            recipe = self._run.recipe if self._metadata else None
            join_segments(segments, joined, self._path, recipe, self._run.sound)
            flush_to_disk(joined)
            publish(joined, target, overwrite=self._overwrite)
        # A second call may replace the film that the first call wrote.
        self._overwrite = self._incomplete_file_exists = True

    def _segment_paths(self) -> list[Path]:
        return [self._folder / f"{index:06d}{self._codec.ending}" for index in range(len(self._starts))]

    @property
    def _codec(self) -> Codec:
        return CODECS[self._path.suffix.lower()]

    @property
    def _open_segment(self) -> Path:
        """Path of the segment that is being written."""
        return self._folder / f".unfinished{self._codec.ending}"


def flush_to_disk(path: Path) -> None:
    """Make sure that a written file is on the disk and survives a power cut."""
    with path.open("rb") as file:
        os.fsync(file.fileno())
