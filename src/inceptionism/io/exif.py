"""What a picture made from a photograph carries on of the photograph's EXIF (CIPA DC-008)."""

from __future__ import annotations

import struct

from PIL import Image
from PIL.ExifTags import IFD, TAGS, Base

from inceptionism.io.xmp import software

# What Pillow raises where EXIF is damaged.
DAMAGE = (OSError, ValueError, TypeError, SyntaxError, LookupError, OverflowError, AttributeError, struct.error)

TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""By EXIF's orientation, what turns a picture upright. Pillow's own function for this fails where EXIF is damaged."""

KEPT = {
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
"""Of what stands about the file; the rest says how pixels are stored, or is the metadata of another standard."""

DROPPED = {
    Base.MakerNote,  # it points into the file that it stood in, and may tell the place
    Base.ExifImageWidth,
    Base.ExifImageHeight,
    Base.ExifInteroperabilityOffset,
    Base.ColorSpace,
}
"""Of what stands about the photograph."""

SRGB = 1
MOST = 60_000
"""How many bytes there are at most: JPEG holds 65,533, and a picture is not to be lost to its metadata."""


def upright(image: Image.Image) -> Image.Image:
    """Return an open photograph turned as its EXIF says, if that can be read."""
    try:
        turn = TURNS.get(image.getexif().get(Base.Orientation, 1))
    except DAMAGE:
        return image
    return image if turn is None else image.transpose(turn)


def kept_exif(image: Image.Image, *, position: bool) -> bytes | None:
    """Return the EXIF of an open photograph for a picture that is made from it, or nothing if it has none.

    Camera, lens, exposure, time, author and copyright are kept. What is no longer so is not: the orientation, since the
    pixels are turned upright, the size, the thumbnail, the software.

    Args:
        image: As it was opened, not yet turned.
        position: Whether to keep where it was taken, too.
    """
    try:
        given = image.getexif()
        if not given:
            return None
        made = Image.Exif()
        for tag, value in given.items():
            if tag in KEPT:
                made[tag] = value
        made[Base.Software] = software()
        about = {tag: value for tag, value in given.get_ifd(IFD.Exif).items() if tag in TAGS and tag not in DROPPED}
        if about:
            made.get_ifd(IFD.Exif).update({**about, Base.ColorSpace: SRGB})
        place = given.get_ifd(IFD.GPSInfo)
        if position and place:
            made.get_ifd(IFD.GPSInfo).update(place)
        content = made.tobytes()
    except DAMAGE:
        return None  # it is damaged, which is no reason not to dream the photograph
    return content if len(content) <= MOST else None
