"""Indices of photographs: the photographs pass one after the other, and an interrupted index continues."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, UnreadablePicture, first_line, quote_path
from inceptionism.io import load_photo, picture_paths
from inceptionism.networks import Network
from inceptionism.runs import TrainingView

SAVE_SECONDS, SAVE_SHARE = 3.0, 0.02
"""Least time between two writes of an index that is being made, and largest share of the time for writing.

An interrupted index continues after the last write.
"""


@dataclass(frozen=True)
class IndexedPhoto:
    """A photograph in an index.

    Attributes:
        path: Absolute path.
        bytes: Size of the file.
        changed: Time of its last change, in nanoseconds.
        height: Height in pixels.
        width: Width in pixels.
    """

    path: str
    bytes: int
    changed: int
    height: int = 0
    width: int = 0

    @classmethod
    def of(cls, path: Path) -> IndexedPhoto:
        """Return a photograph that is not decoded yet.

        Raises:
            UnreadablePicture: If there is no such file.
        """
        try:
            facts = path.stat()
        except OSError as error:
            raise UnreadablePicture(f"{quote_path(path)} cannot be read: {first_line(error)}") from None
        return cls(str(path), facts.st_size, facts.st_mtime_ns)

    def has_changed(self) -> bool:
        """Return whether the file is missing, or no longer the file that was indexed."""
        try:
            now = IndexedPhoto.of(Path(self.path))
        except UnreadablePicture:
            return True
        return (now.bytes, now.changed) != (self.bytes, self.changed)


def photo_activations(network: Network, layer: str, path: Path) -> tuple[IndexedPhoto, Tensor]:
    """Return a photograph with its size, and the activations of a layer for its training view, C×H×W or C, on the CPU.

    Raises:
        UnreadablePicture: If the photograph cannot be read.
    """
    known = IndexedPhoto.of(path)
    photo = load_photo(path)
    height, width = photo.pixels.shape[:2]
    picture = TrainingView.of((height, width), network).picture(photo, network).to(network.device)
    with torch.no_grad():
        values = network.activations(picture, [layer])[layer][0].cpu()
    return replace(known, height=height, width=width), values


class PhotoIndex(Protocol):
    """Facts about photographs that are collected one photograph after the other."""

    @property
    def photo_count(self) -> int:
        """Number of photographs in the index."""

    def find(self, path: Path) -> IndexedPhoto | None:
        """Return a photograph. None if the index does not have it."""

    def add(self, path: Path) -> None:
        """Add a photograph."""


OnPhoto: TypeAlias = "Callable[[int, UnreadablePicture | None], object]"
"""Function that is called with the number of photographs so far, and with the error if the last cannot be read."""


def absolute_path(photo: str | os.PathLike[str]) -> Path:
    """Return the absolute path of a photograph. Links in it are kept."""
    return Path(os.path.abspath(photo))  # noqa: PTH100  # links are kept


@dataclass(frozen=True)
class FolderPhotos:
    """The absolute paths of the photographs in a folder. Each iteration lists them again, so they need no memory.

    Attributes:
        folder: The folder.
        recursive: Whether the photographs in the folders inside it belong to them.
    """

    folder: Path
    recursive: bool = False

    def __iter__(self) -> Iterator[Path]:
        return map(absolute_path, picture_paths(self.folder, recursive=self.recursive))


def listed_photos(photos: str | os.PathLike[str] | Iterable[str | os.PathLike[str]]) -> list[Path]:
    """Return the absolute paths of the photographs in a folder or in a list, each once.

    Raises:
        InvalidSetting: If there are no photographs.
    """
    listed = picture_paths(Path(photos)) if isinstance(photos, (str, os.PathLike)) else photos
    absolute = list(dict.fromkeys(map(absolute_path, listed)))
    if not absolute:
        raise InvalidSetting("there are no photographs to index")
    return absolute


def is_outdated(index: PhotoIndex, wanted: Iterable[Path]) -> bool:
    """Return whether an indexed photograph has changed or is no longer wanted, so that the index begins again.

    Args:
        index: The index.
        wanted: Paths of the photographs, each once.
    """
    count = 0
    for path in wanted if index.photo_count else ():
        known = index.find(path)
        if known is not None:
            if known.has_changed():
                return True
            count += 1
    return count < index.photo_count


def add_photos(
    index: PhotoIndex, wanted: Iterable[Path], save: Callable[[], object] | None, on_photo: OnPhoto | None
) -> None:
    """Add the photographs that are not in an index yet, and save it from time to time and at the end.

    Args:
        index: The index.
        wanted: Paths of the photographs.
        save: Function that writes the index. It is also called after an interruption. None if the index is not kept.
        on_photo: Called with the number of photographs so far, after each of them, and with the error if this one
            cannot be read. Without it, the error is raised.

    Raises:
        UnreadablePicture: If a photograph cannot be read, or if none can be read.
        CannotWrite: If the index cannot be written.
    """
    saved = index.photo_count
    due = time.monotonic() + SAVE_SECONDS
    try:
        for number, photo in enumerate(wanted, 1):
            error = None
            if index.find(photo) is None:
                try:
                    index.add(photo)
                except UnreadablePicture as failure:
                    if on_photo is None:
                        raise
                    error = failure
            if on_photo is not None:
                on_photo(number, error)
            if save is not None and time.monotonic() > due and index.photo_count > saved:
                began, saved = time.monotonic(), index.photo_count
                save()
                now = time.monotonic()
                due = now + max(SAVE_SECONDS, (now - began) / SAVE_SHARE)
    finally:
        if save is not None and index.photo_count > saved:
            save()
    if not index.photo_count:
        raise UnreadablePicture("none of the photographs can be read")
