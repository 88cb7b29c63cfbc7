"""The functions of the notebook: they show pictures and films while these are made."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory, gettempdir
from typing import Any, ParamSpec, TypeAlias, TypeVar, cast

from PIL import Image

import inceptionism as inc
from inceptionism.errors import CannotWrite, InceptionismError, InvalidSetting
from inceptionism.files import path_exists
from inceptionism.film import FilmRun, FilmSource, Frame
from inceptionism.io import LabeledImage, PhotoSource, contact_sheet, flatten_alpha, load_photo, write_atomically
from inceptionism.notebook.view import View, show_picture, video_player
from inceptionism.recipes import Recipe
from inceptionism.runs import Result, Results, Step

__all__ = ["Film", "dream", "replay", "run_batch", "show", "video", "visualize", "zoom"]

Settings = ParamSpec("Settings")
Make = TypeVar("Make", bound=Callable[..., "Result | Results"])
Showable: TypeAlias = "Result | PhotoSource"
"""A picture that `show` accepts."""


def show_steps(make: Make) -> Make:
    """Return a version of `make` that shows its picture at every step. `make` must call `on_step` with each step.

    If `make` returns several results, they are shown as one contact sheet at the end.
    """

    @wraps(make)
    def make_and_show(*args: Any, on_step: Callable[[Step], object] | None = None, **kwargs: Any) -> Result | Results:
        with View() as view:

            def show_step(step: Step) -> None:
                view.show(step_state(step), step.done, lambda: step.image)
                if on_step is not None:
                    on_step(step)
                if view.stopped:
                    raise StopIteration

            result = make(*args, on_step=show_step, **kwargs)
            if isinstance(result, Results):
                return view.finish(result, result.sheet(), run_summary(view, f"{len(result)} pictures", result))
            return view.finish(result, result.image, run_summary(view, result.recipe.title, [result]))

    return cast("Make", make_and_show)


def show_frames(make: Callable[Settings, FilmRun]) -> Callable[Settings, Film]:
    """Return a version of `make` that also makes the film, shows it frame by frame, and returns it.

    If it fails, the film so far is saved in the system's temporary folder, and the message names that file.
    """

    @wraps(make)
    def make_and_show(*args: Settings.args, **kwargs: Settings.kwargs) -> Film:
        with View() as view, TemporaryDirectory() as folder:
            run = make(*args, **kwargs)
            path = Path(folder) / "film.mp4"

            def show_frame(frame: Frame) -> None:
                of_total = f" of {run.total}" if run.total else ""
                done = run.number / run.total if run.total else None
                view.show(f"frame {run.number}{of_total} · score {frame.score:.4g}", done, lambda: frame.image)
                if view.stopped:
                    raise KeyboardInterrupt

            try:
                run.save(path, on_frame=show_frame)
            except KeyboardInterrupt:
                pass  # `save` has written the film so far before it raises an error
            except InceptionismError as error:
                if not path_exists(path):
                    raise
                kept = Path(gettempdir()) / f"film-{secrets.token_hex(4)}.mp4"
                path.rename(kept)
                raise type(error)(f"{error}; the film so far was saved to {kept}") from error
            if not path_exists(path):
                raise KeyboardInterrupt
            film = Film(path.read_bytes(), run.recipe, run.size, run.number)
            line = f"{run.title}: {view.ending}{run.number} frames in {view.elapsed}"
            return view.finish(film, video_player(film.content, film.size[1]), "\n".join([line, *run.notes]))

    return make_and_show


@dataclass(frozen=True)
class Film:
    """A film that a notebook plays.

    Attributes:
        content: Bytes of an MP4 file, with the recipe inside.
        recipe: All settings that are needed to make the film again.
        size: Height and width of the frames in pixels.
        count: Number of frames.
    """

    content: bytes = field(repr=False)
    recipe: Recipe
    size: tuple[int, int]
    count: int

    def save(self, path: str | os.PathLike[str], *, overwrite: bool = True) -> None:
        """Write the film to `path`, which must end in .mp4. With `overwrite`, an existing file is replaced.

        Raises:
            CannotWrite: If the path cannot be written, or if it does not end in .mp4.
            NameTaken: If the file exists and `overwrite` is false.
        """
        if Path(path).suffix.lower() != ".mp4":
            raise CannotWrite(
                f"{path} does not end in .mp4, the format of this film; "
                "for another format, use inceptionism.zoom(...).save(path) or inceptionism.video(...).save(path)"
            )
        write_atomically(Path(path), self.content, overwrite=overwrite)

    def stills(self, count: int = 5) -> list[Image.Image]:
        """Return at most `count` frames at equal distances, from the first frame to the last."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "film.mp4"
            path.write_bytes(self.content)
            numbers = {round(index * (self.count - 1) / max(1, count - 1)) for index in range(count)}
            return [Image.fromarray(frame.pixels) for index, frame in enumerate(FilmSource(path)) if index in numbers]

    def _repr_html_(self) -> str:
        return str(video_player(self.content, self.size[1])._repr_html_())


dream = show_steps(inc.dream)
visualize = show_steps(inc.visualize)
replay = show_steps(inc.replay)
zoom = show_frames(inc.zoom)
video = show_frames(inc.video)


def run_batch(runs: Iterable[inc.Run]) -> Results:
    """Take the steps of several runs together, as `inceptionism.run_batch` does, and show them as one contact sheet.

    Args:
        runs: `ClassRun`s or `PhotoRun`s with the same network, size and number of steps.

    Raises:
        InvalidSetting: If the runs differ in one of these.
    """
    runs = list(runs)
    with View() as view:
        for steps in inc.run_batch(runs):
            view.show(step_state(steps[0]), steps[0].done, lambda: Results(run.result() for run in runs).sheet())
            if view.stopped:
                break
        results = Results(run.result() for run in runs)
        return view.finish(results, results.sheet(), run_summary(view, f"{len(results)} pictures", results))


def show(*pictures: Showable | Mapping[str, Showable], side: int = 240) -> None:
    """Show small pictures side by side with their names. They are shown as JPEG, so the notebook's file stays small.

    Args:
        *pictures: Results, paths, PIL images, or H×W×3 uint8 arrays; or mappings from a caption to one of these.
        side: Largest longer side of each picture, in pixels.

    Raises:
        UnreadablePicture: If a picture cannot be read.
        InvalidSetting: If there are no pictures.
    """
    captioned = [
        pair
        for picture in pictures
        for pair in (picture.items() if isinstance(picture, Mapping) else [(None, picture)])
    ]
    labeled = [labeled_thumbnail(picture, caption, side) for caption, picture in captioned]
    if not labeled:
        raise InvalidSetting("there are no pictures to show; pass at least one")
    show_picture(contact_sheet(labeled)[0])


def labeled_thumbnail(picture: Showable, caption: str | None, side: int) -> LabeledImage:
    """Return a small version of a picture for a contact sheet. The default caption is the picture's own name."""
    if isinstance(picture, Result):
        image, name = flatten_alpha(picture.image), picture.recipe.title
    else:
        photo = load_photo(picture)
        image, name = Image.fromarray(photo.rgb()), photo.name or ""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return LabeledImage(small, name if caption is None else caption)


def step_state(step: Step) -> str:
    """Return the octave, step and score of a run as text."""
    octave = f"octave {step.octave} of {step.octaves} · " if step.octaves > 1 else ""
    return f"{octave}step {step.step} of {step.steps} · score {step.score:.4g}"


def run_summary(view: View, title: str, results: Sequence[Result]) -> str:
    """Return the text above finished pictures: the number of steps, the time, the scores and the notes of the runs."""
    scores = results[0].scores
    line = f"{title}: {view.ending}{len(scores)} steps in {view.elapsed}"
    if len(results) == 1 and scores:
        line += f" · score {scores[0]:.4g} to {scores[-1]:.4g}"
    return "\n".join(dict.fromkeys([line, *(note for result in results for note in result.notes)]))
