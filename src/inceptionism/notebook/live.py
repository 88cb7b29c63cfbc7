"""The functions of the notebook: dreams and films shown while they are made."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import wraps
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ParamSpec, TypeAlias, cast

from PIL import Image

import inceptionism as inc
from inceptionism.errors import CannotWrite, InvalidSetting
from inceptionism.film import FilmRun, FilmSource, Frame
from inceptionism.io import LabeledImage, PhotoSource, contact_sheet, flatten_alpha, load_photo, write_atomically
from inceptionism.notebook.view import View, played, put
from inceptionism.recipes import Recipe
from inceptionism.runs import Result, Results, Step

__all__ = ["Film", "dream", "replay", "run_batch", "show", "video", "visualize", "zoom"]

Settings = ParamSpec("Settings")
Shown: TypeAlias = "Result | PhotoSource"


def picturing(make: Callable[Settings, Result]) -> Callable[Settings, Result]:
    """Return `make`, which calls its `on_step`, with its picture shown as it changes."""

    @wraps(make)
    def shown(*args: Settings.args, **kwargs: Settings.kwargs) -> Result:
        on_step = cast("Callable[[Step], object] | None", kwargs.pop("on_step", None))

        with View() as view:

            def see(step: Step) -> None:
                view.show(state(step), step.done, lambda: step.image)
                if on_step is not None:
                    on_step(step)
                if view.stopped:
                    raise StopIteration

            kwargs["on_step"] = see
            result = make(*args, **kwargs)
            return view.finish(result, result.image, summary(view, result.recipe.title, [result]))

    return shown


def filming(make: Callable[Settings, FilmRun]) -> Callable[Settings, Film]:
    """Return `make`, with the film made and shown frame by frame."""

    @wraps(make)
    def shown(*args: Settings.args, **kwargs: Settings.kwargs) -> Film:
        with View() as view, TemporaryDirectory() as folder:
            run = make(*args, **kwargs)
            path = Path(folder) / "film.mp4"

            def see(frame: Frame) -> None:
                of = f" of {run.total}" if run.total else ""
                done = run.number / run.total if run.total else None
                view.show(f"frame {run.number}{of} · score {frame.score:.4g}", done, lambda: frame.image)
                if view.stopped:
                    raise KeyboardInterrupt

            with suppress(KeyboardInterrupt):  # by then the film so far is written
                run.save(path, on_frame=see)
            if not path.exists():
                raise KeyboardInterrupt
            film = Film(path.read_bytes(), run.recipe, run.size, run.number)
            said = f"{run.title}: {view.ending}{run.number} frames in {view.record_step}"
            return view.finish(film, played(film.content, film.size[1]), "\n".join([said, *run.notes]))

    return shown


@dataclass(frozen=True)
class Film:
    """A film that a notebook plays.

    Attributes:
        content: The bytes of an MP4 file, with the recipe inside.
        recipe: Everything that is needed to make it again.
        size: The height and width of its frames in pixels.
        count: How many frames it has.
    """

    content: bytes = field(repr=False)
    recipe: Recipe
    size: tuple[int, int]
    count: int

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the film as it is to `path`, which ends in .mp4; an existing file is replaced.

        Raises:
            CannotWrite: the path cannot be written to, or has another ending.
        """
        if Path(path).suffix.lower() != ".mp4":
            raise CannotWrite(
                f"{path} does not end in .mp4, as which the film was made; inceptionism.zoom(...).save(path) and "
                "inceptionism.video(...).save(path) make one of another format"
            )
        write_atomically(Path(path), self.content, overwrite=True)

    def stills(self, count: int = 5) -> list[Image.Image]:
        """Return some of its frames, at equal distances from the first to the last; at most `count`."""
        with TemporaryDirectory() as folder:
            path = Path(folder) / "film.mp4"
            path.write_bytes(self.content)
            wanted = {round(index * (self.count - 1) / max(1, count - 1)) for index in range(count)}
            return [Image.fromarray(frame.pixels) for index, frame in enumerate(FilmSource(path)) if index in wanted]

    def _repr_html_(self) -> str:
        return str(played(self.content, self.size[1])._repr_html_())


dream = picturing(inc.dream)
visualize = picturing(inc.visualize)
replay = picturing(inc.replay)
zoom = filming(inc.zoom)
video = filming(inc.video)


def run_batch(several: Iterable[inc.Run]) -> Results:
    """Take the steps of several runs side by side, as `inceptionism.together` does, shown as one sheet.

    Args:
        several: `ClassRun`s or `PhotoRun`s of one network, size and number of steps.

    Raises:
        InvalidSetting: they do not go together.
    """
    several = list(several)
    with View() as view:
        for steps in inc.run_batch(several):
            view.show(state(steps[0]), steps[0].done, lambda: Results(run.result() for run in several).sheet())
            if view.stopped:
                break
        results = Results(run.result() for run in several)
        return view.finish(results, results.sheet(), summary(view, f"{len(results)} pictures", results))


def show(*pictures: Shown | Mapping[str, Shown], side: int = 240) -> None:
    """Show pictures side by side with their names, in little room: as JPEG.

    Args:
        *pictures: Results, paths, PIL images, or H×W×3 uint8 arrays; or mappings from what is to stand under them.
        side: The longer side of each, in pixels, at most.

    Raises:
        UnreadablePicture: a picture cannot be read.
        InvalidSetting: there are none.
    """
    named = [pair for one in pictures for pair in (one.items() if isinstance(one, Mapping) else [(None, one)])]
    labeled = [labeled_small(picture, name, side) for name, picture in named]
    if not labeled:
        raise InvalidSetting("there are no pictures to show")
    put(contact_sheet(labeled)[0])


def labeled_small(picture: Shown, name: str | None, side: int) -> LabeledImage:
    """Return a picture for a sheet, under `name` or its own."""
    if isinstance(picture, Result):
        image, own = flatten_alpha(picture.image), picture.recipe.title
    else:
        photo = load_photo(picture)
        image, own = Image.fromarray(photo.pixels), photo.name or ""
    small = image.copy()
    small.thumbnail((side, side), Image.Resampling.LANCZOS)
    return LabeledImage(small, own if name is None else name)


def state(step: Step) -> str:
    """Return where a run is, in a few words."""
    octave = f"octave {step.octave} of {step.octaves} · " if step.octaves > 1 else ""
    return f"{octave}step {step.step} of {step.steps} · score {step.score:.4g}"


def summary(view: View, title: str, results: Sequence[Result]) -> str:
    """Return what stands over pictures that are made: how long it took, and what was decided on the way."""
    scores = results[0].scores
    line = f"{title}: {view.ending}{len(scores)} steps in {view.record_step}"
    if len(results) == 1 and scores:
        line += f" · score {scores[0]:.4g} to {scores[-1]:.4g}"
    return "\n".join(dict.fromkeys([line, *(note for result in results for note in result.notes)]))
