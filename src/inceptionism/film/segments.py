"""From frames to a film, so that nothing is lost: in pieces beside it, each of them whole.

Every half second of frames is a small film in the folder `NAME.parts`, and beside them stands the state from which the
next piece begins. Killed at any moment, a run loses no more than the piece it was at; begun again from the state, it
makes the frames it would have made. In the end the pieces are joined as they are, and the folder goes.
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
from typing import Any

import numpy as np
from PIL import Image

from inceptionism.errors import CannotWrite, InceptionismError, InvalidSetting, NameTaken, first_line
from inceptionism.film.encoder import CODECS, Codec, Encoder, Segments, join
from inceptionism.film.stream import Frame, FrameStream, State
from inceptionism.film.workers import BackgroundWorker
from inceptionism.interruption import uninterrupted
from inceptionism.io import (
    FORMATS,
    Array,
    check_output,
    check_side,
    claim_name,
    convert_write_errors,
    partial_file,
    read_recipe,
    resolve_target,
    save_picture,
)
from inceptionism.recipes import Recipe

STATE = "state.npz"
PIECE = 0.5
"""How long a piece is, in seconds."""

ENDED = 130
"""The status of Ctrl-C among the ways to be interrupted."""

PNG_NAME = "{:06d}.png"


def write_film(
    run: FrameStream,
    path: Path,
    *,
    overwrite: bool = False,
    resume: bool = False,
    metadata: bool = True,
    on_frame: Callable[[Frame], object] | None = None,
) -> None:
    """Make all frames of `run` and write them to `path`; also what there is when that is interrupted or fails.

    Args:
        run: The film.
        path: .mp4, .webm, .gif or .webp; a name without an ending is a folder of PNGs.
        overwrite: Replace what is there.
        resume: Go on from where an earlier run with the same recipe stopped, if there was one.
        metadata: Whether the film says how it was made.
        on_frame: Called with each frame.

    Raises:
        CannotWrite: the path cannot be written to.
        NameTaken: it exists, or an unfinished film of its name does, and neither `overwrite` nor `resume` is set.
        InvalidSetting: what there is to go on from was made with other settings.
        KeyboardInterrupt: as it came; by then the film so far is written, if it has a frame.
    """
    check_film(path, overwrite=overwrite, resume=resume)
    if run.sound is not None and path.exists() and path.samefile(run.sound):
        raise NameTaken(f"{path} is the film that is to be dreamed; give another name to write to")
    if path.suffix.lower() in FORMATS:
        check_side(path, run.size)
    if resume and is_finished(run, path):
        run.notes.append(f"{path} is finished already")
        return
    film = FilmFile(run, path, overwrite=overwrite, resume=resume, metadata=metadata)
    try:
        for frame in run:
            film.add(frame)
            if on_frame is not None:
                on_frame(frame)
    except CannotWrite:
        film.leave()
        raise
    except (KeyboardInterrupt, InceptionismError) as error:
        with uninterrupted():
            # Ctrl-C is how an endless film ends.
            film.close(finished=run.total is None and getattr(error, "status", None) == ENDED)
        raise
    with uninterrupted():
        film.close(finished=True)


def check_film(path: Path, *, overwrite: bool, resume: bool) -> None:
    """Raise `CannotWrite` unless a film can be written at `path`; called before any work is done.

    What exists is left alone, which `NameTaken` says, unless `overwrite` or `resume` is true.
    """
    folder = segments_folder(path)
    if folder.exists() and not overwrite and not resume:
        raise NameTaken(f"{folder} holds an unfinished film; --resume goes on with it, --overwrite begins anew")
    if path.suffix:
        check_output(path, overwrite=overwrite or resume, endings=tuple(CODECS))
        return
    with convert_write_errors(path):
        if not path.parent.is_dir():
            raise CannotWrite(f"there is no folder {path.parent} to make {path.name} in; make it first")
        if path.exists() and not path.is_dir():
            raise CannotWrite(f"{path} is a file; give a name with an ending, or a folder for PNGs")
        if path.exists() and any(path.iterdir()) and not overwrite and not resume:
            raise NameTaken(f"{path} has files in it; give another name, or --overwrite to write among them")
        path.mkdir(exist_ok=True)
        with partial_file(path / "frame"):
            pass


def segments_folder(path: Path) -> Path:
    """Return where the pieces of an unfinished film are."""
    target = resolve_target(path) if path.is_symlink() else path
    return target.with_name(f"{target.name}.parts")


def unfinished_name(path: Path) -> Path:
    """Return the first of `path`, `name-2`, `name-3`, … that is of an unfinished film, or `path` if none is."""
    at, number = path, 2
    while not segments_folder(at).exists():
        if not os.path.lexists(at):
            return path
        at, number = path.with_stem(f"{path.stem}-{number}"), number + 1
    return at


def is_finished(run: FrameStream, path: Path) -> bool:
    """Return whether the film that `run` would make is there; raise `NameTaken` if it is another one."""
    first = path if path.suffix else path / PNG_NAME.format(0)
    if segments_folder(path).exists() or not first.exists():
        return False
    text = read_recipe(first)
    made = None if text is None else Recipe.from_json(text)
    if made is None:
        other = "does not say how it was made"
    elif comparable(made) != comparable(run.recipe):
        other = "is another film"
    elif made.settings().get("seconds") != run.recipe.settings().get("seconds"):
        other = "is a finished film of another length"
    else:
        return True
    raise NameTaken(f"{path} exists and {other}; give another name, or --overwrite to replace it")


def comparable(recipe: Recipe) -> dict[str, Any]:
    """Return of a recipe what its frames depend on: they do not on how many there are."""
    content = {**recipe.settings(), **(recipe.made_with.facts() if recipe.made_with else {})}
    content.pop("seconds", None)
    return content


class FilmFile:
    """A film on its way to a file, by a thread beside the one that makes the frames.

    Args:
        run: What makes the frames; where there is something to resume, it is brought to where that ended.
        path: As of `write_film`, checked.
        overwrite: Replace what is there.
        resume: Go on from what is there.
        metadata: Whether the film says how it was made.
    """

    def __init__(self, run: FrameStream, path: Path, *, overwrite: bool, resume: bool, metadata: bool = True) -> None:
        self._metadata = metadata
        self._run, self._path, self._overwrite = run, path, overwrite or resume
        self._folder = segments_folder(path)
        self._starts: list[Fraction] = []
        self._end = Fraction(0)
        self._pending = 0
        # Whether there is a part of the film under its name, which must not pass for the whole.
        self._begun = resume and self._folder.exists()
        with convert_write_errors(self._folder):
            if overwrite and not resume:
                shutil.rmtree(self._folder, ignore_errors=True)
                for old in path.glob("[0-9]" * 6 + ".png") if not path.suffix else ():
                    old.unlink()
            try:
                self._folder.mkdir(exist_ok=resume)
            except FileExistsError:
                raise NameTaken(f"{self._folder} exists by now: another run is making {path.name}") from None
        if resume and (self._folder / STATE).exists():
            self._restore()
        self._piece: Encoder | None = None
        self._behind = BackgroundWorker()

    def add(self, frame: Frame) -> None:
        """Write a frame; every half second, also what the next one depends on."""
        pixels = np.asarray(frame.image)
        self._behind(lambda: self._write(frame.number, pixels, frame.time))
        self._pending += 1
        if self._pending == max(1, round(PIECE * self._run.fps)):
            state, number = self._run.state(), frame.number + 1
            self._behind(lambda: self._keep(number, state))
            self._pending = 0

    def close(self, *, finished: bool) -> None:
        """Write the film with the frames so far; unless it is finished, what it takes to go on stays beside it."""
        try:
            self._behind(self._end_piece)
            self._behind.finish()
            if self._starts and self._path.suffix:
                self._join()
        finally:
            self.leave()
        if finished:
            shutil.rmtree(self._folder, ignore_errors=True)

    def leave(self) -> None:
        """Stop writing; where there is nothing to go on from, nothing stays."""
        with suppress(CannotWrite):
            self._behind.finish()
        if not self._begun and not (self._folder / STATE).exists():
            shutil.rmtree(self._folder, ignore_errors=True)

    def _write(self, number: int, pixels: Array, time: Fraction) -> None:
        self._end = time + 1 / self._run.fps
        if not self._path.suffix:
            path = self._path / PNG_NAME.format(number)
            save_picture(Image.fromarray(pixels), path, self._run.recipe, metadata=self._metadata)
            self._begun = True
            return
        if self._piece is None:
            self._starts.append(time)
            self._piece = Encoder(self._unfinished, self._coding, self._run.size, self._run.unit, self._run.fps)
        self._piece.write(pixels, time - self._starts[-1])

    def _end_piece(self) -> None:
        if self._piece is not None:
            self._piece.close()
            self._piece = None
            with convert_write_errors(self._folder):
                with self._unfinished.open("rb") as file:
                    os.fsync(file.fileno())
                self._unfinished.replace(self._paths()[-1])

    def _keep(self, number: int, state: State) -> None:
        """Finish the piece, and only then say in the state that it is there."""
        self._end_piece()
        about = {
            "recipe": self._run.recipe.to_json(),
            "number": number,
            "starts": list(map(str, self._starts)),
            "end": str(self._end),
        }
        arrays: dict[str, Any] = {"about": np.frombuffer(json.dumps(about).encode(), np.uint8), **state}
        with convert_write_errors(self._folder), partial_file(self._folder / STATE) as written:
            with written.open("wb") as file:
                np.savez(file, **arrays)
                file.flush()
                os.fsync(file.fileno())
            written.replace(self._folder / STATE)

    def _restore(self) -> None:
        try:
            with (self._folder / STATE).open("rb") as file, np.load(file, allow_pickle=False) as kept:
                state = {name: kept[name] for name in kept.files}
            about = json.loads(state.pop("about").tobytes())
            starts, end = [*map(Fraction, about["starts"])], Fraction(about["end"])
            number, recipe = int(about["number"]), comparable(Recipe.from_json(about["recipe"]))
        except (OSError, ValueError, LookupError, TypeError, EOFError, zipfile.BadZipFile, InvalidSetting) as error:
            reason = first_line(error)
            raise InvalidSetting(f"{self._folder} cannot be gone on from: {reason}; --overwrite begins anew") from None
        wanted = comparable(self._run.recipe)
        if recipe != wanted:
            other = sorted(name for name in recipe.keys() | wanted.keys() if recipe.get(name) != wanted.get(name))
            raise InvalidSetting(
                f"{self._folder} was made with another {' and '.join(other)}; give the settings that it was made with, "
                "or --overwrite to begin anew"
            )
        self._starts, self._end = starts, end
        try:
            self._run.go_on(number, state)
        except (LookupError, RuntimeError, TypeError, ValueError) as error:
            reason = first_line(error)
            raise InvalidSetting(f"{self._folder} cannot be gone on from: {reason}; --overwrite begins anew") from None

    def _join(self) -> None:
        """Put the pieces together in a file of its own, which then takes the place of the film's."""
        target = resolve_target(self._path)
        with convert_write_errors(target), partial_file(target) as joined:
            pieces = Segments(self._paths(), self._starts, self._end)
            join(pieces, joined, self._path, self._run.recipe if self._metadata else None, self._run.sound)
            with joined.open("rb") as file:
                os.fsync(file.fileno())
            if not self._overwrite:
                claim_name(target)
            joined.replace(target)
        # Among several attempts, the later ones replace what the first has written.
        self._overwrite = self._begun = True

    def _paths(self) -> list[Path]:
        return [self._folder / f"{index:06d}{self._coding.ending}" for index in range(len(self._starts))]

    @property
    def _coding(self) -> Codec:
        return CODECS[self._path.suffix.lower()]

    @property
    def _unfinished(self) -> Path:
        return self._folder / f".unfinished{self._coding.ending}"
