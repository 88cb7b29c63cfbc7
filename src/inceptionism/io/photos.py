"""Pictures in: any photograph as upright 8-bit sRGB, and the recipe inside a picture that was made here."""

from __future__ import annotations

import hashlib
import io
import os
import re
import stat
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, UnidentifiedImageError

from inceptionism.errors import InvalidSetting, UnreadablePicture
from inceptionism.io.exif import kept_exif, upright
from inceptionism.io.xmp import PNG_XMP, read_packet
from inceptionism.io.xmp_containers import gif_packet, is_gif, is_matroska, is_mp4, mp4_packet

Array: TypeAlias = NDArray[np.uint8]
PhotoSource: TypeAlias = "str | os.PathLike[str] | Image.Image | Array | Photo"

FileResolver: TypeAlias = Callable[[str], Path]
"""From what a recipe calls a picture to its file. `Path` itself, where the recipe may name any file."""

# What Pillow's decoders raise for damaged files.
DAMAGE = (OSError, ValueError, TypeError, SyntaxError, EOFError, LookupError, OverflowError, struct.error, zlib.error)


@dataclass(frozen=True)
class Photo:
    """A photograph as it was read.

    Attributes:
        pixels: H×W×3, uint8, sRGB, upright.
        alpha: H×W, uint8, where the photograph has transparency.
        name: The name of its file, without the folder.
        notes: What was chosen in reading it, each in one sentence.
        metadata: What pictures made from it carry on, as Pillow calls it: "exif", and of one that had a color profile,
            "icc_profile", which says that pixels are sRGB.
    """

    pixels: Array
    alpha: Array | None = None
    name: str | None = None
    notes: tuple[str, ...] = ()
    metadata: Mapping[str, bytes] = field(default_factory=dict, repr=False)

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the pixels, in hexadecimal."""
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()


def load_photo(source: PhotoSource, *, position: bool = False) -> Photo:
    """Read a photograph from a path, a PIL image, or an H×W×3 uint8 array; one that was read is returned as it is.

    The picture is turned upright as its EXIF orientation says, converted from its color profile to sRGB, and
    brought to 8 bits a channel. Of an animation the first frame is taken.

    Args:
        source: The photograph.
        position: Whether pictures made from it are to tell where it was taken, if its EXIF does.

    Raises:
        UnreadablePicture: it is missing, empty, damaged, not a picture, has more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`, or cannot be brought to 8-bit RGB.
    """
    if isinstance(source, Photo):
        return source
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or 0 in source.shape:
            shape = "×".join(map(str, source.shape))
            raise UnreadablePicture(f"a photograph as an array must be H×W×3 of uint8, not {shape} of {source.dtype}")
        return Photo(source.copy())
    if isinstance(source, Image.Image):
        with decoding("the picture"):
            return as_photo(source, "the picture", position=position)
    if not isinstance(source, (str, os.PathLike)):
        raise UnreadablePicture(f"a photograph must be a path, a PIL image or an array, not {type(source).__name__}")
    with open_picture(Path(source)) as image:
        return as_photo(image, str(source), position=position)


@dataclass(frozen=True, eq=False)
class Mask:
    """Where in a picture an objective counts.

    Attributes:
        amount: H×W, uint8; 255 where it counts fully. It is stretched over the picture.
        name: What it is called in the text of an objective.
        outside: Whether the mask that has this name is this one's opposite.
    """

    amount: Array
    name: str = "mask"
    outside: bool = False

    @property
    def word(self) -> str:
        """What stands before the name in the text of an objective."""
        return "outside" if self.outside else "where"

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of its amounts, in hexadecimal."""
        return hashlib.sha256(self.amount.tobytes()).hexdigest()


def load_mask(source: PhotoSource | Array, *, outside: bool = False) -> Mask:
    """Read a mask from a picture: how light it is, where it has no transparency; or from H×W of uint8.

    Args:
        source: A path, a PIL image, or an array.
        outside: Whether it is to count where the picture is dark.

    Raises:
        UnreadablePicture: it is no picture that can be read.
        InvalidSetting: it is black all over, so that nothing would count.
    """
    if isinstance(source, np.ndarray) and source.ndim == 2:
        source = np.repeat(source[..., None], 3, 2)
    photo = load_photo(source)
    gray = np.array(Image.fromarray(photo.pixels).convert("L"))
    if photo.alpha is not None:
        gray = (gray.astype(np.uint16) * photo.alpha // 255).astype(np.uint8)
    name = str(source) if isinstance(source, (str, os.PathLike)) else "mask"
    mask = Mask(255 - gray if outside else gray, name, outside)
    if not mask.amount.any():
        color = "white" if outside else "black"
        raise InvalidSetting(f"nothing would be moved {mask.word} {mask.name}: it is {color} all over")
    return mask


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """Open the picture at `path`; what goes wrong with it inside the block is raised as `UnreadablePicture`."""
    check_file(path)
    with decoding(str(path)), Image.open(path) as image:
        yield image


def file_name(path: str) -> str:
    """Return the last part of a path of any system."""
    return re.split(r"[/\\]", path.rstrip("/\\"))[-1]


def check_file(path: Path) -> None:
    """Raise `UnreadablePicture` unless there is a file at `path`, with something in it."""
    try:
        kind = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        raise UnreadablePicture(f"there is no file {path}") from None
    except (OSError, ValueError) as error:  # a name too long or with a zero in it, a link that leads in a circle
        raise UnreadablePicture(f"{path} cannot be opened: {getattr(error, 'strerror', None) or error}") from None
    if stat.S_ISDIR(kind.st_mode):
        raise UnreadablePicture(f"{path} is a folder, not a picture")
    if not stat.S_ISREG(kind.st_mode):
        raise UnreadablePicture(f"{path} is a pipe or a device, not a file")
    if kind.st_size == 0:
        raise UnreadablePicture(f"{path} is empty")


@contextmanager
def decoding(called: str) -> Iterator[None]:
    """Raise as `UnreadablePicture` what goes wrong with the picture that errors call `called`."""
    try:
        with warnings.catch_warnings():
            # Of damaged metadata Pillow only warns; where the pixels are damaged too, decoding them fails.
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            # Between its limit and twice as much it only warns, too.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            yield
    except UnidentifiedImageError:
        raise UnreadablePicture(f"{called} is not a picture that can be read (PNG, JPEG, WebP, TIFF, GIF, …)") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise UnreadablePicture(f"{called} has more than {limit:.0f} megapixels; make it smaller first") from error
    except PermissionError:
        raise UnreadablePicture(f"{called} cannot be read: permission denied") from None
    except DAMAGE as error:
        raise UnreadablePicture(f"{called} is damaged or incomplete: {error}") from error


def as_photo(image: Image.Image, called: str, *, position: bool) -> Photo:
    """Return an open picture, which errors call `called`, as a `Photo`; its `position` is kept or not."""
    if 0 in image.size:
        raise UnreadablePicture(f"{called} has no pixels: it is {image.height}×{image.width}")
    notes = []
    frames = getattr(image, "n_frames", 1)
    # A phone's JPEG may carry further pictures behind the one it shows (MPO); those are no animation.
    if frames > 1 and image.format != "MPO":
        notes.append(f"{called} has {frames} frames; the first one is used")
    name = Path(image.filename).name if getattr(image, "filename", "") else None  # type: ignore[attr-defined]
    profile = image.info.get("icc_profile")
    exif = kept_exif(image, position=position)
    image = upright(image)
    if image.mode == "F":
        raise UnreadablePicture(
            f"{called} has floating-point pixels, whose range is not known; save it with 8 or 16 bits"
        )
    if image.mode.startswith("I"):
        # 16 bits of gray; Pillow's own conversion clips them at 255 instead of scaling.
        image = Image.fromarray(np.round(np.clip(np.asarray(image, np.float64), 0, 65535) / 257).astype(np.uint8))
    alpha = None
    if image.has_transparency_data:
        image = image.convert("RGBA")
        alpha = np.array(image.getchannel("A"))
        # A picture that is opaque everywhere is one without transparency.
        alpha = None if alpha.min() == 255 else alpha
    try:
        rgb, profile = to_srgb(image, profile)
    except (ImageCms.PyCMSError, OSError):
        notes.append(f"the color profile of {called} cannot be used; its colors are taken as sRGB")
        rgb, profile = image.convert("RGB"), None
    metadata = {name: value for name, value in (("exif", exif), ("icc_profile", profile)) if value}
    return Photo(np.array(rgb), alpha, name, tuple(notes), metadata)


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bytes | None]:
    """Return `image` as RGB, its colors converted from the ICC `profile` to sRGB, and the profile that it has then.

    A profile of sRGB stays, and so does the lack of one.
    """
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif not profile:
        return image.convert("RGB"), None
    else:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).startswith("sRGB"):
            # Gray pixels become colors, which a profile of grays is none for.
            return image.convert("RGB"), profile if source.profile.xcolor_space.strip() == "RGB" else None
        if image.mode not in ("L", "RGB", "CMYK"):
            image = image.convert("RGB")
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))
    converted = ImageCms.profileToProfile(image, source, srgb, outputMode="RGB")
    assert converted is not None  # only in-place conversions return nothing
    return converted, srgb.tobytes()


def read_recipe(path: str | os.PathLike[str]) -> str | None:
    """Return the JSON of the recipe inside a picture, an animation or a film, or nothing if it carries none.

    Raises:
        UnreadablePicture: it cannot be opened.
    """
    path = Path(path)
    check_file(path)
    packet: str | bytes | None
    with decoding(str(path)), path.open("rb") as file:
        beginning = file.read(12)
        if is_mp4(beginning):
            packet = mp4_packet(file)
        elif is_gif(beginning):
            packet = gif_packet(beginning + file.read())
        elif is_matroska(beginning):
            from inceptionism.io.matroska_tags import tagged_recipe  # it loads ffmpeg's libraries

            return tagged_recipe(path)
        else:
            with Image.open(path) as image:
                image.load()  # PNG text may stand behind the pixels
                packet = image.info.get("xmp") or image.info.get(PNG_XMP)
    return read_packet(packet.encode() if isinstance(packet, str) else packet) if packet else None
