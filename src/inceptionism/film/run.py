"""What the films in the making have in common: a stream of frames that can be saved."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.film.segments import write_film
from inceptionism.film.stream import Frame, FrameStream


class FilmRun(FrameStream):
    """A film in the making: iterate over its frames, or save them."""

    def save(
        self,
        path: str | os.PathLike[str],
        *,
        overwrite: bool = True,
        resume: bool = False,
        metadata: bool = True,
        on_frame: Callable[[Frame], object] | None = None,
    ) -> None:
        """Make the frames and write them to `path` with the recipe inside, in the format that its ending says.

        Meanwhile the film grows in pieces in a folder beside it, `NAME.parts`: whatever happens, no more is lost than
        half a second of it.

        Args:
            path: .mp4, .webm, .gif or .webp; a name without an ending is a folder of PNGs.
            overwrite: Replace what is there.
            resume: Go on from where an earlier run with the same recipe stopped, if there was one.
            metadata: Whether the film says how it was made.
            on_frame: Called with each `Frame`.

        Raises:
            CannotWrite: the path cannot be written to.
            NameTaken: it exists, or an unfinished film of its name does, and neither `overwrite` nor `resume` is set.
            InvalidSetting: what there is to go on from was made with other settings.
            KeyboardInterrupt: as it came; by then the film so far is written.
        """
        if not isinstance(path, (str, os.PathLike)):
            raise InvalidSetting(f"a film is saved under a path, not {quote_value(path)}")
        write_film(self, Path(path), overwrite=overwrite, resume=resume, metadata=metadata, on_frame=on_frame)
