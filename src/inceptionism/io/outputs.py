"""Output files: each is written completely or not at all, and never replaces a file without permission."""

from __future__ import annotations

import os
import re
import secrets
import stat
import tempfile
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NoReturn

from PIL import Image

from inceptionism.errors import CannotWrite, NameTaken, first_line, quote_path, quote_value
from inceptionism.io.deep_images import DeepImage
from inceptionism.io.encoding import FORMATS, encode
from inceptionism.io.optional_formats import check_writable
from inceptionism.io.temporary import delete_abandoned, partial_file
from inceptionism.recipes import Recipe


def check_output(path: Path, *, overwrite: bool, endings: Iterable[str] = tuple(FORMATS)) -> None:
    """Raise an error unless a file can be written at `path`. Call this before any work is done.

    Args:
        path: Path of the file.
        overwrite: Whether the file may replace an existing one.
        endings: Endings that the file's name may have.

    Raises:
        CannotWrite: If the ending is not one of `endings`, its format needs a package that is missing, the folder is
            missing or cannot be written to, or the path is that of a folder, a pipe or a device.
        NameTaken: If the file exists and `overwrite` is false.
    """
    if path.suffix.lower() not in endings:
        problem = f"has the unknown ending {quote_value(path.suffix)}" if path.suffix else "has no ending"
        raise CannotWrite(f"{quote_path(path)} {problem}; use one of {', '.join(endings)}")
    check_writable(FORMATS.get(path.suffix.lower(), ""))
    with convert_write_errors(path):
        target = resolve_target(path)
        if not target.parent.is_dir():
            folder = target.parent if path.is_symlink() else path.parent
            raise CannotWrite(
                f"there is no folder {quote_path(folder)} to write {quote_path(target.name)} in; make it first"
            )
        if target.exists():
            mode = target.stat().st_mode
            if stat.S_ISDIR(mode):
                raise CannotWrite(f"{quote_path(path)} is a folder; give the name of a file")
            if not stat.S_ISREG(mode):
                raise CannotWrite(f"{quote_path(path)} is a pipe or a device, not a file")
            if not overwrite:
                raise NameTaken(
                    f"{quote_path(path)} exists; give another name, or --overwrite to replace it "
                    "(in Python, overwrite=True)"
                )
        delete_abandoned(target.parent)
        # Only a trial proves that writing is possible: permissions do not apply to all users, and a disk may be full.
        with partial_file(target):
            pass


def save_picture(
    image: Image.Image | DeepImage,
    path: Path,
    recipe: Recipe | None = None,
    *,
    overwrite: bool = True,
    metadata: bool = True,
) -> None:
    """Write a picture to a file, in the format that the file's ending stands for.

    The file is written completely or not at all. A file that is replaced keeps its permissions. JPEG has no
    transparency: the picture gets a white background. GIF has 256 colors, and pixels are either transparent or not.

    Args:
        image: Picture in mode RGB or RGBA. The "exif" and "icc_profile" in its `info` are written too.
        path: Path of the file.
        recipe: Recipe that is written inside the file; None to write none.
        overwrite: Whether to replace an existing file.
        metadata: Whether to write the recipe and the EXIF. The color profile is always written.

    Raises:
        CannotWrite: If the folder is missing or cannot be written to, the ending is unknown, or the disk is full.
        NameTaken: If the file exists and `overwrite` is false.
    """
    check_output(path, overwrite=overwrite)
    content = encode(image, FORMATS[path.suffix.lower()], recipe, metadata=metadata)
    write_atomically(path, content, overwrite=overwrite)


def save_or_rescue(
    image: Image.Image | DeepImage,
    path: Path,
    recipe: Recipe | None = None,
    *,
    overwrite: bool = False,
    numbered: bool = False,
    metadata: bool = True,
) -> Path:
    """Save a picture as `save_picture` does, and return its path.

    If that fails, the picture is saved in the system's temporary folder, and the message names that file.

    Args:
        image: Picture in mode RGB or RGBA.
        path: Path of the file.
        recipe: Recipe that is written inside the file; None to write none.
        overwrite: Whether to replace an existing file.
        numbered: Whether to choose the next free name if the file exists.
        metadata: Whether to write the recipe and the EXIF.

    Raises:
        CannotWrite: If the picture could not be saved at `path`.
    """
    try:
        save_picture(image, path, recipe, overwrite=overwrite, metadata=metadata)
    except CannotWrite as error:
        if numbered and isinstance(error, NameTaken):
            return save_or_rescue(image, free_name(path), recipe, numbered=True, metadata=metadata)
        rescue_picture(error, image, path.stem, recipe, metadata=metadata)
    return path


def rescue_picture(
    error: CannotWrite, image: Image.Image | DeepImage, name: str, recipe: Recipe | None, *, metadata: bool
) -> NoReturn:
    """Save a picture that could not be written in the system's temporary folder, and raise the error with its path.

    Args:
        error: The reason why the picture could not be written.
        image: Picture in mode RGB or RGBA.
        name: Name of the file, without an ending.
        recipe: Recipe that is written inside the file; None to write none.
        metadata: Whether to write the recipe and the EXIF.

    Raises:
        CannotWrite: In any case.
    """
    rescued = Path(tempfile.gettempdir()) / f"{shorten_name(name)}-{secrets.token_hex(4)}.png"
    try:
        save_picture(image, rescued, recipe, overwrite=False, metadata=metadata)
    except CannotWrite:
        raise error from None
    raise type(error)(f"{error}; instead, the picture was saved to {rescued}") from error


def free_name(path: Path, taken: Container[Path] = (), *, overwrite: bool = False) -> Path:
    """Return a path that is free: `path` itself, or the first free one of `name-2`, `name-3` and so on.

    If `path` is already `name-2`, and `name` exists, the next one is `name-3`.

    Args:
        path: The path that is wanted.
        taken: Paths that are not free, whether they exist or not.
        overwrite: Whether the path of an existing file counts as free.
    """
    base, number = path, 2
    match = re.fullmatch(r"(.+)-([0-9]{1,9})", path.stem)
    if match and os.path.lexists(path.with_stem(match[1])):
        base, number = path.with_stem(match[1]), int(match[2]) + 1
    while path in taken or (os.path.lexists(path) and not overwrite):
        path = base.with_stem(f"{base.stem}-{number}")
        number += 1
    return path


def shorten_name(stem: str, max_bytes: int = 200) -> str:
    """Return a file's name without its ending, cut to `max_bytes`. File systems allow 255 with the ending."""
    content = os.fsencode(stem)
    return stem if len(content) <= max_bytes else content[:max_bytes].decode("utf-8", "ignore")


def write_atomically(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write a file so that no other program ever finds an incomplete file at `path`.

    A symbolic link is kept, and the file that it points to is replaced.

    Args:
        path: Path of the file.
        content: Content of the file.
        overwrite: Whether to replace a file that exists, or that another program creates in the meantime.

    Raises:
        CannotWrite: If the file cannot be written.
        NameTaken: If the file exists and `overwrite` is false.
    """
    with convert_write_errors(path):
        target = resolve_target(path)
        with partial_file(target) as partial:
            with partial.open("r+b") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            publish(partial, target, overwrite=overwrite)


def publish(partial: Path, target: Path, *, overwrite: bool) -> None:
    """Give a complete file its final name. At every moment, `target` is the old file or the whole new one.

    A file that is replaced passes its permissions on. `partial` may remain as a second name of the file.

    Args:
        partial: Path of the complete file, in the folder of `target`.
        target: Final path.
        overwrite: Whether to replace a file at `target`. If not, only one of several programs succeeds.

    Raises:
        NameTaken: If a file exists at `target` and `overwrite` is false.
        OSError: If the file cannot be written.
    """
    if overwrite:
        if target.exists():
            partial.chmod(stat.S_IMODE(target.stat().st_mode))
        partial.replace(target)
        return
    try:
        try:
            os.link(partial, target)
        except FileExistsError:
            raise
        except OSError:  # some file systems have no hard links; there, an empty file reserves the name
            target.open("xb").close()
            partial.replace(target)
    except FileExistsError:
        raise NameTaken(
            f"{quote_path(target)} was created by another program in the meantime; it is not replaced"
        ) from None


def create_folders(path: Path) -> None:
    """Create a folder, and the folders above it that do not exist yet.

    Raises:
        CannotWrite: If a folder cannot be created.
    """
    for folder in reversed([path, *path.parents]):
        if not folder.exists():
            create_folder(folder, exist_ok=True)


def create_folder(path: Path, *, exist_ok: bool = False) -> None:
    """Create a folder in a folder that exists.

    Args:
        path: Path of the folder.
        exist_ok: Whether the folder may exist already.

    Raises:
        CannotWrite: If the folder cannot be created.
    """
    try:
        path.mkdir(exist_ok=exist_ok)
    except (OSError, ValueError) as error:
        raise CannotWrite(f"the folder {quote_path(path)} cannot be created: {first_line(error)}") from error


def resolve_target(path: Path) -> Path:
    """Return the file that a path points to, after following all symbolic links.

    Raises:
        CannotWrite: If a symbolic link points back to itself.
    """
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise CannotWrite(f"{quote_path(path)} is a symbolic link that points back to itself")
    return target


@contextmanager
def convert_write_errors(path: Path) -> Iterator[None]:
    """Raise the errors of writing the file at `path` as `CannotWrite`."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise CannotWrite(f"{quote_path(path)} cannot be written: {first_line(error)}") from error
