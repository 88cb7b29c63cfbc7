"""Things that all tabs share: the worker, the folder of the pictures, the limits, and the rules for files."""

from __future__ import annotations

import logging
import os
import re
from collections import deque
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

from gradio.utils import get_upload_folder
from PIL import Image
from platformdirs import user_pictures_path

from inceptionism.errors import InceptionismError, InvalidSetting, quote_path
from inceptionism.files import hash_file
from inceptionism.io import (
    PILLOW_ERRORS,
    FileResolver,
    Photo,
    create_folder,
    create_folders,
    free_name,
    last_path_part,
    load_photo,
    save_or_rescue,
    shorten_name,
    without_folders,
    write_atomically,
)
from inceptionism.networks import ready_networks
from inceptionism.recipes import Recipe
from inceptionism.runs import Result
from inceptionism.studio.defaults import MAX_PIXELS
from inceptionism.studio.progress import problem_html
from inceptionism.studio.worker import Worker

logger = logging.getLogger(__name__)

PHOTOGRAPHS = "photographs"
"""Name of the folder with copies of the uploaded photographs."""

HASH_DIGITS = 32
"""Number of digits of the SHA-256 in the name of such a copy."""

MAX_CHECKED = 100
"""Number of uploaded pictures that are not read again to see whether they can be used."""


class Workshop:
    """The worker, the folder of the pictures and the limits of a server.

    Args:
        output: Folder of the pictures. None means the folder "inceptionism" in the user's folder of pictures.
        max_pixels: Largest area of a photograph and of a result, in pixels.
        downloads: Whether visitors may download known networks.

    Attributes:
        output: Folder of the pictures.
        worker: Threads that do the work.

    Raises:
        CannotWrite: If the folder cannot be made.
    """

    def __init__(
        self, output: str | os.PathLike[str] | None = None, max_pixels: int = MAX_PIXELS, *, downloads: bool = False
    ) -> None:
        if max_pixels < 1:
            raise InvalidSetting(f"max_pixels must be at least 1, not {max_pixels}")
        self.output = (Path(output) if output is not None else user_pictures_path() / "inceptionism").resolve()
        self.max_pixels = max_pixels
        self.downloads = downloads
        create_folders(self.output)
        self.worker = Worker()
        self._checked: deque[str] = deque(maxlen=MAX_CHECKED)

    def load_upload(self, path: str) -> Photo:
        """Return an uploaded photograph.

        Raises:
            UnreadablePicture: If the file is not a picture.
            InvalidSetting: If the picture is too large.
        """
        self.check_size(path)
        photo = load_photo(Path(path))
        height, width = photo.pixels.shape[:2]
        self.check_area(height, width, "the photograph")  # Pillow cannot open some files that we can read
        return photo

    def check_upload(self, path: str) -> None:
        """Raise the error of `load_upload` if an uploaded picture cannot be used."""
        if path not in self._checked:  # the path of an upload has the hash of its content
            self.load_upload(path)
            self._checked.append(path)

    def check_size(self, path: str) -> None:
        """Raise `InvalidSetting` if the first bytes of a file say that it is a picture that is too large."""
        width, height = 0, 0
        with suppress(*PILLOW_ERRORS, Image.DecompressionBombError), Image.open(path) as image:
            width, height = image.size
        self.check_area(height, width, "the photograph")

    def check_area(self, height: int, width: int, what: str) -> None:
        """Raise `InvalidSetting` if a picture of this size has more pixels than a visitor may use."""
        if height * width > self.max_pixels:
            raise InvalidSetting(
                f"{what} has {height}×{width} pixels, which is more than the {self.max_pixels:,} of this server; "
                "use a smaller one"
            )

    def keep_photograph(self, photo: Photo, uploaded: str) -> None:
        """Keep a copy of an uploaded photograph in the folder, so that its dreams can be made again later."""
        self._keep(Path(uploaded), photo.sha256)

    def keep_pictures(self, pictures: Mapping[str, str] | None, files: Mapping[str, Path]) -> None:
        """Keep copies of the guides, masks and other pictures of a dream.

        Args:
            pictures: SHA-256 of each picture, by its name in the recipe.
            files: The uploaded files, by the same names.
        """
        for name, sha256 in (pictures or {}).items():
            self._keep(files[name], sha256)

    @contextmanager
    def kept_uploads(self, uploads: Sequence[str]) -> Iterator[dict[str, Path]]:
        """Keep copies of uploaded files in the folder. If the block fails, the new copies are deleted.

        Args:
            uploads: Paths of the uploads.

        Yields:
            The paths of the copies, by those of the uploads.
        """
        new: list[Path] = []
        kept: dict[str, Path] = {}
        try:
            for uploaded in uploads:
                sha256 = hash_file(Path(uploaded))
                target = self._kept_path(Path(uploaded), sha256)
                new += [] if target.exists() else [target]
                kept[uploaded] = self._keep(Path(uploaded), sha256)
            yield kept
        except BaseException:
            for target in new:
                target.unlink(missing_ok=True)
            raise

    def _keep(self, uploaded: Path, sha256: str) -> Path:
        target = self._kept_path(uploaded, sha256)
        if not target.exists():
            create_folder(target.parent, exist_ok=True)
            write_atomically(target, uploaded.read_bytes(), overwrite=True)
        return target

    def _kept_path(self, uploaded: Path, sha256: str) -> Path:
        """Return the path of the copy of an uploaded file."""
        return self.output / PHOTOGRAPHS / f"{sha256[:HASH_DIGITS]}{uploaded.suffix.lower() or '.png'}"

    def sentence(self, error: Exception) -> str:
        """Return the sentence about an error for a visitor, without folders of the server.

        The log gets the traceback of an error that nobody foresaw.
        """
        if isinstance(error, InceptionismError):
            return self.public(str(error))
        if isinstance(error, MemoryError):
            return "There is not enough memory for this; choose a smaller size."
        logger.exception("an error in the studio", exc_info=error)
        return "Something went wrong; the log of the server says more."

    def problem(self, error: Exception) -> str:
        """Return `sentence` as HTML, which screen readers read at once."""
        return problem_html(self.sentence(error))

    def public(self, text: str) -> str:
        """Return a text with the names of the files of the server, but without their folders."""
        folders = [
            rf"{re.escape(get_upload_folder())}/(?:[^/\s]+/)*",
            rf"{re.escape(str(self.output))}/(?:{PHOTOGRAPHS}/)?",
        ]
        return re.sub("|".join(folders), "", text)

    def photograph_of(self, recipe: Recipe) -> Photo | None:
        """Return the photograph that a picture was made from. None if the picture was made from noise.

        Raises:
            InvalidSetting: If the photograph is not in the folder.
        """
        facts = recipe.made_with.photo if recipe.made_with else None
        if facts is None:
            return None
        return replace(load_photo(self._kept(str(facts.get("sha256")), "the photograph")), name=facts.get("name"))

    def pictures_of(self, recipe: Recipe) -> dict[str, Path]:
        """Return the paths of the guides, masks and other pictures that a recipe names, by these names.

        Raises:
            InvalidSetting: If one of them is not in the folder.
        """
        pictures = (recipe.made_with.pictures if recipe.made_with else None) or {}
        return {name: self._kept(digest, quote_path(last_path_part(name))) for name, digest in pictures.items()}

    def _kept(self, sha256: str, what: str) -> Path:
        """Return the path of a kept upload; raise `InvalidSetting` if it is not in the folder."""
        folder = self.output / PHOTOGRAPHS
        digits = sha256[:HASH_DIGITS]
        files = list(folder.glob(f"{digits}.*")) if folder.is_dir() and digits.isalnum() else []
        if not files:
            raise InvalidSetting(f"{what} of this picture is not here; press Change, and upload it again")
        return files[0]

    def free_path(self, name: str, ending: str, taken: Sequence[Path] = ()) -> Path:
        """Return the path of a new file in the folder: a name that is free, and that every file system can hold.

        Args:
            name: Wanted name.
            ending: Ending of the name.
            taken: Paths that are not free, although they have no file.
        """
        stem = shorten_name(re.sub(r"[^\w.-]+", "-", name).strip("-.") or "picture")
        return free_name(self.output / f"{stem}{ending}", taken)

    def save(self, result: Result, name: str) -> Path:
        """Write a result into the folder as PNG, under the first free name, and return its path.

        Raises:
            CannotWrite: If the file cannot be written.
        """
        # Names of uploaded pictures stay in the recipe. Their folders are of no use to anybody.
        path, recipe = self.free_path(name, ".png"), without_folders(result.recipe)
        return save_or_rescue(result.full or result.image, path, recipe, numbered=True)


def uploaded_only(uploads: Mapping[str, Path]) -> FileResolver:
    """Return a function that finds only uploaded files. So no path that is typed into the page is opened.

    Args:
        uploads: The files that the visitor uploaded, by the names that the recipe has for them.
    """

    def find_file(name: str) -> Path:
        if name in uploads:
            return uploads[name]
        raise InvalidSetting(
            f"{quote_path(last_path_part(name))} is not a file that you uploaded; the page opens no other files"
        )

    return find_file


def check_network(name: str) -> None:
    """Raise `InvalidSetting` unless a network can be used on this server without a download."""
    if name not in ready_networks():
        raise InvalidSetting("this network is not on the server; choose one from the list")
