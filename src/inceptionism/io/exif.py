"""EXIF metadata (CIPA DC-008) that is copied from a photograph to the pictures made from it."""

from __future__ import annotations

import struct
from collections.abc import MutableMapping
from typing import Any

from PIL import Image
from PIL.ExifTags import IFD, TAGS, Base

from inceptionism.io.xmp import software

PILLOW_ERRORS = (OSError, ValueError, TypeError, SyntaxError, LookupError, OverflowError, struct.error)
"""Exceptions that Pillow raises for damaged files and damaged metadata."""

EXIF_ERRORS = (*PILLOW_ERRORS, AttributeError)
"""Exceptions that Pillow raises for damaged EXIF."""

TRANSPOSES = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""Operations that turn a picture upright, by EXIF orientation. Pillow's own function fails on damaged EXIF."""

KEPT_TAGS = {
    Base.ImageDescription,
    Base.Make,
    Base.Model,
    Base.DateTime,
    Base.Artist,
    Base.HostComputer,
    Base.Copyright,
    Base.Rating,
    Base.XPTitle,
    Base.XPComment,
    Base.XPAuthor,
    Base.XPKeywords,
    Base.XPSubject,
}
"""Tags about the file that are kept. The others describe how pixels are stored, or hold metadata of other standards."""

DROPPED_TAGS = {
    Base.MakerNote,  # it points into the photograph's own file, and may reveal the place
    Base.ExifImageWidth,
    Base.ExifImageHeight,
    Base.ExifInteroperabilityOffset,
    Base.ColorSpace,
}
"""Tags about the photograph that are left out."""

SRGB = 1
"""Value of the tag `ColorSpace` for sRGB."""

IFDS = {IFD.Exif, IFD.GPSInfo}
"""Tags that hold groups of other tags."""

MAX_JPEG_BYTES = 65_533
"""Largest size of EXIF in a JPEG, in bytes. Other formats have no limit that matters."""


def orientation(image: Image.Image) -> Image.Transpose | None:
    """Return the operation that turns an open photograph upright. None if its EXIF has none, or cannot be read."""
    try:
        return TRANSPOSES.get(image.getexif().get(Base.Orientation, 1))
    except EXIF_ERRORS:
        return None


def kept_exif(image: Image.Image, *, position: bool) -> bytes | None:
    """Return EXIF for a picture that is made from an open photograph, or None if the photograph has none.

    Camera, lens, exposure, time, author and copyright are kept. Facts that are no longer true are left out: the
    orientation, since the pixels are turned upright, the size, the thumbnail and the software. Damaged EXIF is left out
    as a whole.

    Args:
        image: The photograph as it was opened, not yet turned upright.
        position: Whether to keep the place where the photograph was taken.
    """
    try:
        original = image.getexif()
        if not original:
            return None
        kept = Image.Exif()
        for tag, value in original.items():
            if tag in KEPT_TAGS:
                kept[tag] = value
        kept[Base.Software] = software()
        photo_tags = original.get_ifd(IFD.Exif)
        photo_tags = {tag: value for tag, value in photo_tags.items() if tag in TAGS and tag not in DROPPED_TAGS}
        if photo_tags:
            kept.get_ifd(IFD.Exif).update({**photo_tags, Base.ColorSpace: SRGB})
        place = original.get_ifd(IFD.GPSInfo)
        if position and place:
            kept.get_ifd(IFD.GPSInfo).update(place)
        return kept.tobytes()
    except EXIF_ERRORS:
        return None


def limit_exif(content: bytes, max_bytes: int) -> bytes:
    """Return EXIF of at most `max_bytes` bytes. The longest entries are left out if it has more."""
    if len(content) <= max_bytes:
        return content
    exif = Image.Exif()
    exif.load(content)
    groups: list[MutableMapping[int, Any]] = [exif, exif.get_ifd(IFD.Exif), exif.get_ifd(IFD.GPSInfo)]
    while len(content) > max_bytes:
        entries = [(len(str(value)), tag, group) for group in groups for tag, value in group.items() if tag not in IFDS]
        _, tag, group = max(entries, key=lambda entry: entry[:2])
        del group[tag]
        content = exif.tobytes()
    return content
