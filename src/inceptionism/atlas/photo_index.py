"""Indices of photographs: the photographs pass one after the other, and an interrupted index continues."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol, TypeAlias

import torch
from torch import Tensor

from inceptionism.errors import CannotWrite, InvalidSetting, UnreadablePicture, first_line, quote_path
from inceptionism.io import load_photo, picture_paths
from inceptionism.networks import Network
from inceptionism.runs import TrainingView

SAVE_SECONDS = 30.0
"""Time between two writes of an index that is being made. An interrupted index continues after the last write."""


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
    """Facts about photographs that are collected one photograph after the other.

    Attributes:
        photos: The photographs, in the order in which they were added.
        notes: Notes for the user, each in one sentence.
    """

    photos: list[IndexedPhoto]
    notes: list[str]

    def add(self, path: Path) -> None:
        """Add a photograph."""

    def save(self, path: Path) -> None:
        """Write the index to a file, whole or not at all."""


OnPhoto: TypeAlias = "Callable[[int, UnreadablePicture | None], object]"
"""Function that is called with the number of photographs so far, and with the error if the last cannot be read."""


def listed_photos(photos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]]) -> list[Path]:
    """Return the absolute paths of the photographs in a folder or in a list, each once.

    Raises:
        InvalidSetting: If there are no photographs.
    """
    listed = picture_paths(Path(photos)) if isinstance(photos, (str, os.PathLike)) else photos
    absolute = [Path(os.path.abspath(photo)) for photo in listed]  # noqa: PTH100  # links are kept
    if not absolute:
        raise InvalidSetting("there are no photographs to index")
    return list(dict.fromkeys(absolute))


def is_outdated(photos: Iterable[IndexedPhoto], wanted: Iterable[Path]) -> bool:
    """Return whether an indexed photograph has changed or is no longer wanted, so that the index begins again."""
    current = {str(one) for one in wanted}
    return any(one.path not in current or one.has_changed() for one in photos)


def add_photos(
    index: PhotoIndex, wanted: Sequence[Path], path: Path | None, on_photo: OnPhoto | None, *, required: bool = True
) -> None:
    """Add the photographs that are not in an index yet, and write it every 30 seconds and at the end.

    Args:
        index: The index.
        wanted: Paths of the photographs.
        path: File of the index. It is also written after an interruption. None if it is not kept.
        on_photo: Called with the number of photographs so far, after each of them, and with the error if this one
            cannot be read. Without it, the error is raised.
        required: Whether the file must be written. If not, an index that cannot be written gets a note.

    Raises:
        UnreadablePicture: If a photograph cannot be read, or if none can be read.
        CannotWrite: If the file cannot be written.
    """
    known = {one.path for one in index.photos}
    saved = time.monotonic()
    try:
        for number, photo in enumerate(wanted, 1):
            error = None
            if str(photo) not in known:
                try:
                    index.add(photo)
                except UnreadablePicture as failure:
                    if on_photo is None:
                        raise
                    error = failure
            if on_photo is not None:
                on_photo(number, error)
            if path is not None and time.monotonic() - saved > SAVE_SECONDS:
                save_or_note(index, path, required=required)
                saved = time.monotonic()
    finally:
        if path is not None and len(index.photos) > len(known):
            save_or_note(index, path, required=required)
    if not index.photos:
        raise UnreadablePicture("none of the photographs can be read")


def save_or_note(index: PhotoIndex, path: Path, *, required: bool) -> None:
    """Write an index. If it cannot be written and is not `required`, add a note to it, because it can still be used."""
    try:
        index.save(path)
    except CannotWrite as error:
        if required:
            raise
        index.notes.append(f"the index is not kept for the next time: {error}")
