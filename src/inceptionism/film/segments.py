"""Films that are written to disk in segments, so that an unfinished film can be resumed.

Every half second of frames becomes a small film in the folder `NAME.parts`. The same folder holds the state from which
the next segment starts. A run that is killed at any moment loses only the segment that it was working on. A resumed run
starts from the state and makes the same frames as an uninterrupted run. At the end, the segments are joined without
encoding them again, and the folder is deleted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken, quote_path
from inceptionism.files import files_in, path_exists
from inceptionism.film.encoder import CODECS, LOSSLESS, Codec, Encoder
from inceptionism.film.joining import join_segments, reversed_frames
from inceptionism.film.outputs import PNG_NAME, PNG_PATTERN, check_film, frame_facts, is_finished, segments_folder
from inceptionism.film.unfinished import SavedState, Segment, UnfinishedFilm, flush_to_disk
from inceptionism.film.workers import BackgroundWorker
from inceptionism.interruption import CTRL_C_STATUS, uninterrupted
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
from inceptionism.recipes import VideoRecipe

if TYPE_CHECKING:
    from inceptionism.film.stream import FilmRun, Frame, State

SEGMENT_SECONDS = 0.5
"""Length of a segment, in seconds."""

STATE_BYTES_PER_PIXEL = 32
"""Largest number of bytes in a state for each pixel of a frame."""

MAX_LIST_BYTES = 2**28
"""Largest number of bytes that the recipe and the list of segments take in a state."""


def write_film(
    run: FilmRun,
    path: Path,
    *,
    overwrite: bool,
    resume: bool,
    metadata: bool,
    on_frame: Callable[[Frame], object] | None,
) -> None:
    """Make all frames of `run` and write them to `path`. After an interruption or an error, write the film so far.

    The arguments and the exceptions are those of `FilmRun.save`.
    """
    if run.is_over:
        raise InvalidSetting(
            f"{path} is not written: the frames of this film were made before, and they are not kept; start a new run"
        )
    check_film(path, overwrite=overwrite, resume=resume)
    if run.source is not None and path_exists(path) and path.samefile(run.source):
        raise NameTaken(f"{path} is the film to dream; choose another name for the result")
    if path.suffix.lower() in FORMATS:
        check_side(path.suffix.lower(), run.size)
    if resume and is_finished(run.recipe, path):
        run.notes.append(f"{path} is already finished")
        return
    film = FilmFile(run, path, overwrite=overwrite, resume=resume, metadata=metadata)
    with film.advise_resuming():
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
            with uninterrupted():
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
        self._segments: list[Segment] = []
        self._old_frames: list[Path] = []
        self._segment_length = max(1, round(SEGMENT_SECONDS * run.fps))
        self._start = self._end = Fraction(0)
        folder = segments_folder(path)
        # While an incomplete film has the final name, the folder stays: it marks the film as unfinished.
        self._incomplete_file_exists = resume and path_exists(folder)
        self._unfinished = UnfinishedFilm(folder, overwrite=overwrite, resume=resume)
        try:
            if overwrite and not resume and not path.suffix:
                self._old_frames = [one for one in files_in(path) if PNG_PATTERN.fullmatch(one.name)]
            if self._unfinished.has_state:
                self._restore()
        except BaseException:
            self._unfinished.release()
            raise
        self._encoder: Encoder | None = None
        self._worker = BackgroundWorker()

    def add(self, frame: Frame) -> None:
        """Write a frame. At the end of each segment, also write the state.

        Where segments end depends only on the numbers of the frames. So a resumed film has the same segments.
        """
        pixels = np.asarray(frame.image)
        self._worker.submit(lambda: self._write(frame.number, pixels, frame.time))
        if (frame.number + 1) % self._segment_length == 0:
            state, number = self._run.state(), frame.number + 1
            self._worker.submit(lambda: self._save_state(number, state))

    def close(self, *, finished: bool) -> None:
        """Write the film with the frames so far. Unless it is finished, keep the segments and the state."""
        try:
            self._worker.submit(self._end_segment)
            self._worker.finish()
            if self._segments:
                self._join()
        except BaseException:
            self.abandon()
            raise
        if finished:
            self._unfinished.delete()
        else:
            self.abandon()

    def abandon(self) -> None:
        """Stop writing. If there is nothing to resume, delete the folder of the segments."""
        try:
            with suppress(CannotWrite):
                self._worker.finish()
        finally:
            if self._encoder is not None:
                with suppress(CannotWrite):
                    self._encoder.close()
            if self._incomplete_file_exists or self._unfinished.has_state:
                self._unfinished.release()
            else:
                self._unfinished.delete()

    @contextmanager
    def advise_resuming(self) -> Iterator[None]:
        """Add advice to errors of writing if the film can be resumed."""
        try:
            yield
        except CannotWrite as error:
            if not self._unfinished.has_state:
                raise
            folder = quote_path(self._unfinished.folder)
            raise type(error)(
                f"{error}; the film so far is kept in {folder}: when the problem is solved, repeat the command with "
                "--resume (in Python, resume=True)"
            ) from error

    def _write(self, number: int, pixels: Array, time: Fraction) -> None:
        self._end = time + 1 / self._run.fps
        if not self._path.suffix:
            path = self._path / PNG_NAME.format(self._place(number))
            save_picture(Image.fromarray(pixels), path, self._run.recipe, metadata=self._metadata)
            self._incomplete_file_exists = True
            with convert_write_errors(self._path):
                for old in self._old_frames:
                    if old != path:
                        old.unlink(missing_ok=True)
            self._old_frames = []
            return
        if self._encoder is None:
            self._start = time
            self._encoder = Encoder(self._open_segment, self._codec, self._run.size, self._run.time_base, self._run.fps)
        self._encoder.write(pixels, time - self._start)

    def _end_segment(self) -> None:
        if self._encoder is not None:
            self._encoder.close()
            self._encoder = None
            path = self._unfinished.segment_path(len(self._segments), self._codec.ending)
            with convert_write_errors(self._unfinished.folder):
                flush_to_disk(self._open_segment)
                self._open_segment.replace(path)
                self._segments.append(Segment.of(path, self._start))

    def _save_state(self, number: int, state: State) -> None:
        """End the segment, and only then write the state that lists it."""
        self._end_segment()
        self._unfinished.save_state(SavedState(number, self._segments, self._end, self._run.recipe, state))

    def _restore(self) -> None:
        """Load the state of the unfinished film into the run.

        Raises:
            InvalidSetting: If the state cannot be read, or was saved with other settings.
            CannotWrite: If a segment is damaged.
        """
        ending = self._codec.ending if self._path.suffix else ""
        height, width = self._run.size
        saved = self._unfinished.read_state(ending, MAX_LIST_BYTES + STATE_BYTES_PER_PIXEL * height * width)
        facts, wanted = frame_facts(saved.recipe), frame_facts(self._run.recipe)
        if facts != wanted:
            changed = sorted(name for name in facts.keys() | wanted.keys() if facts.get(name) != wanted.get(name))
            if isinstance(self._run.recipe, VideoRecipe):
                changed = ["film" if name == "photo" else name for name in changed]
            raise InvalidSetting(
                f"{quote_path(self._unfinished.folder)} was made with a different {' and '.join(changed)}; give the "
                "original settings, or --overwrite to start again (in Python, overwrite=True)"
            )
        for segment in saved.segments:
            segment.check()
        self._segments, self._end = [*saved.segments], saved.end
        tile = saved.recipe.made_with.tile if saved.recipe.made_with else None
        try:
            self._run.resume_at(saved.number, saved.arrays, tile)
        except (LookupError, TypeError, ValueError) as error:
            raise self._unfinished.cannot_resume(error) from None

    def _join(self) -> None:
        """Join the segments in a temporary file, which then replaces the film."""
        target = resolve_target(self._path)
        segments = [self._reversed()] if self._run.reverse else self._segments
        with convert_write_errors(target), partial_file(target) as joined:
            recipe = self._run.recipe if self._metadata else None
            join_segments(segments, self._end, joined, self._path, recipe, self._run.sound)
            flush_to_disk(joined)
            publish(joined, target, overwrite=self._overwrite)
        # A second call may replace the film that the first call wrote.
        self._overwrite = self._incomplete_file_exists = True

    def _place(self, number: int) -> int:
        """Return the place of a frame in the film."""
        return self._run.total - 1 - number if self._run.reverse and self._run.total is not None else number

    def _reversed(self) -> Segment:
        """Write the frames so far in the opposite order, in the format of the film, to one segment."""
        codec = CODECS[self._path.suffix.lower()]
        path = self._unfinished.folder / f".reversed{codec.ending}"
        encoder = Encoder(path, codec, self._run.size, self._run.time_base, self._run.fps)
        try:
            for number, pixels in enumerate(reversed_frames(self._segments)):
                encoder.write(pixels, number / self._run.fps)
        finally:
            encoder.close()
        return Segment.of(path, Fraction(0))

    @property
    def _codec(self) -> Codec:
        """Format of the segments. Frames that are encoded again, because their order changes, lose nothing in it."""
        return LOSSLESS if self._run.reverse else CODECS[self._path.suffix.lower()]

    @property
    def _open_segment(self) -> Path:
        """Path of the segment that is being written."""
        return self._unfinished.folder / f".unfinished{self._codec.ending}"
