"""Pictures in and out: reading any photograph as upright 8-bit sRGB, and writing a file whole or not at all."""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import stat
import struct
import tempfile
import warnings
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError
from PIL.PngImagePlugin import PngInfo

from inceptionism.errors import CannotWrite, UnreadablePicture
from inceptionism.metadata import read_packet, write_packet

Array: TypeAlias = NDArray[np.uint8]
PhotoSource: TypeAlias = "str | os.PathLike[str] | Image.Image | Array"

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP"}
"""The formats in which a result can be written, by the ending of the file's name."""

QUALITY = 95
PNG_XMP = "XML:com.adobe.xmp"

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
    """

    pixels: Array
    alpha: Array | None = None
    name: str | None = None
    notes: tuple[str, ...] = ()

    @cached_property
    def sha256(self) -> str:
        """The SHA-256 of the pixels, in hexadecimal."""
        return hashlib.sha256(self.pixels.tobytes()).hexdigest()


def load_photo(source: PhotoSource) -> Photo:
    """Read a photograph from a path, a PIL image, or an H×W×3 uint8 array.

    The picture is turned upright as its EXIF orientation says, converted from its color profile to sRGB, and
    brought to 8 bits a channel. Of an animation the first frame is taken.

    Raises:
        UnreadablePicture: it is missing, empty, damaged, not a picture, has more pixels than
            `PIL.Image.MAX_IMAGE_PIXELS`, or cannot be brought to 8-bit RGB.
    """
    if isinstance(source, np.ndarray):
        if source.dtype != np.uint8 or source.ndim != 3 or source.shape[2] != 3 or 0 in source.shape:
            shape = "×".join(map(str, source.shape))
            raise UnreadablePicture(f"a photograph as an array must be H×W×3 of uint8, not {shape} of {source.dtype}")
        return Photo(source.copy())
    if isinstance(source, Image.Image):
        return as_photo(source, "the picture")
    if not isinstance(source, (str, os.PathLike)):
        raise UnreadablePicture(f"a photograph must be a path, a PIL image or an array, not {type(source).__name__}")
    with open_picture(Path(source)) as image:
        return as_photo(image, str(source))


@contextmanager
def open_picture(path: Path) -> Iterator[Image.Image]:
    """Open the picture at `path`; what goes wrong with it inside the block is raised as `UnreadablePicture`."""
    try:
        kind = path.stat()
        if not stat.S_ISREG(kind.st_mode) and not stat.S_ISDIR(kind.st_mode):
            raise UnreadablePicture(f"{path} is a pipe or a device, not a file")
        if kind.st_size == 0:
            raise UnreadablePicture(f"{path} is empty")
        with warnings.catch_warnings():
            # Of damaged metadata Pillow only warns; where the pixels are damaged too, decoding them fails.
            warnings.filterwarnings("ignore", category=UserWarning, module="PIL")
            # Between its limit and twice as much it only warns, too.
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path) as image:
                yield image
    except UnidentifiedImageError:
        raise UnreadablePicture(f"{path} is not a picture that can be read (PNG, JPEG, WebP, TIFF, GIF, …)") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        limit = (Image.MAX_IMAGE_PIXELS or 0) / 1e6
        raise UnreadablePicture(f"{path} has more than {limit:.0f} megapixels; make it smaller first") from error
    except FileNotFoundError:
        raise UnreadablePicture(f"there is no file {path}") from None
    except IsADirectoryError:
        raise UnreadablePicture(f"{path} is a folder, not a picture") from None
    except PermissionError:
        raise UnreadablePicture(f"{path} cannot be read: permission denied") from None
    except DAMAGE as error:
        raise UnreadablePicture(f"{path} is damaged or incomplete: {error}") from error


def as_photo(image: Image.Image, called: str) -> Photo:
    """Return an open picture, which errors call `called`, as a `Photo`."""
    notes = []
    frames = getattr(image, "n_frames", 1)
    # A phone's JPEG may carry further pictures behind the one it shows (MPO); those are no animation.
    if frames > 1 and image.format != "MPO":
        notes.append(f"{called} has {frames} frames; the first one is used")
    name = Path(image.filename).name if getattr(image, "filename", "") else None  # type: ignore[attr-defined]
    profile = image.info.get("icc_profile")
    image = ImageOps.exif_transpose(image)
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
        rgb = to_srgb(image, profile)
    except (ImageCms.PyCMSError, OSError):
        notes.append(f"the color profile of {called} cannot be used; its colors are taken as sRGB")
        rgb = image.convert("RGB")
    return Photo(np.array(rgb), alpha, name, tuple(notes))


def to_srgb(image: Image.Image, profile: bytes | None) -> Image.Image:
    """Return `image` as RGB, its colors converted from the ICC `profile` to sRGB if it has another one."""
    if image.mode == "LAB":
        source = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB"))
    elif not profile:
        return image.convert("RGB")
    else:
        source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
        if ImageCms.getProfileDescription(source).startswith("sRGB"):
            return image.convert("RGB")
        if image.mode not in ("L", "RGB", "CMYK"):
            image = image.convert("RGB")
    converted = ImageCms.profileToProfile(image, source, ImageCms.createProfile("sRGB"), outputMode="RGB")
    assert converted is not None  # only in-place conversions return nothing
    return converted


def check_output(path: Path, *, overwrite: bool) -> None:
    """Raise `CannotWrite` unless a picture can be written at `path`; called before any work is done.

    An output that exists is left alone unless `overwrite` is true.
    """
    try:
        exists, is_folder = path.exists(), path.is_dir()
    except OSError as error:  # a name too long, say
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error
    if path.suffix.lower() not in FORMATS:
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise CannotWrite(f"{path} {ending}; results are written as {', '.join(FORMATS)}")
    if not path.parent.is_dir():
        raise CannotWrite(f"there is no folder {path.parent} to write {path.name} in; make it first")
    if is_folder:
        raise CannotWrite(f"{path} is a folder; give the name of a file")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise CannotWrite(f"the folder {path.parent} cannot be written to: permission denied")
    if exists and not overwrite:
        raise CannotWrite(f"{path} exists; give another name, or --overwrite to replace it")


def save_picture(image: Image.Image, path: Path, recipe: str | None = None) -> None:
    """Write `image`, RGB or RGBA, with `recipe` inside it, in the format that the ending of `path` says.

    The file is written whole or not at all; an existing one is replaced. JPEG holds no transparency: there
    the picture is laid on white.

    Raises:
        CannotWrite: the folder is missing or cannot be written to, the ending is not known, or the disk is full.
    """
    check_output(path, overwrite=True)
    write_whole(path, encode(image, FORMATS[path.suffix.lower()], recipe))


def save_or_rescue(image: Image.Image, path: Path, recipe: str | None = None) -> None:
    """Do as `save_picture`, but where that fails keep the picture in the system's temporary folder and say where."""
    try:
        save_picture(image, path, recipe)
    except CannotWrite as error:
        rescued = Path(tempfile.gettempdir()) / f"{path.stem}-{secrets.token_hex(4)}.png"
        try:
            save_picture(image, rescued, recipe)
        except CannotWrite:
            raise error from None
        raise CannotWrite(f"{error}; the picture is kept in {rescued}") from error


def encode(image: Image.Image, format: str, recipe: str | None) -> bytes:
    """Return the bytes of a file of `format` (PNG, JPEG or WEBP) that holds `image`, and the recipe as XMP."""
    options: dict[str, object] = {}
    packet = write_packet(recipe) if recipe else None
    if format == "PNG":
        if packet:
            info = PngInfo()
            info.add_itxt(PNG_XMP, packet.decode())
            options["pnginfo"] = info
    else:
        options |= {"quality": QUALITY, "xmp": packet or b""}
    if format == "JPEG":
        options["subsampling"] = "4:4:4"
        if image.mode == "RGBA":
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image).convert("RGB")
    buffer = io.BytesIO()
    try:
        image.save(buffer, format, **options)
    except (OSError, ValueError) as error:
        width, height = image.size
        raise CannotWrite(f"{format} cannot hold this picture of {height}×{width} pixels: {error}") from error
    return buffer.getvalue()


def write_whole(path: Path, content: bytes) -> None:
    """Write `content` to `path` so that at no moment, whatever happens, a part of it stands under that name.

    A symbolic link stays, and the file it leads to is replaced.
    """
    target = path.resolve()
    partial = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        with partial.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(target)
    except OSError as error:
        raise CannotWrite(f"{path} cannot be written: {error.strerror or error}") from error
    finally:
        partial.unlink(missing_ok=True)


def read_recipe(path: str | os.PathLike[str]) -> str | None:
    """Return the JSON of the recipe inside a picture, or nothing if it carries none.

    Raises:
        UnreadablePicture: it cannot be opened as a picture.
    """
    with open_picture(Path(path)) as image:
        image.load()  # PNG text may stand behind the pixels
        packet = image.info.get("xmp") or image.info.get(PNG_XMP)
    return read_packet(packet.encode() if isinstance(packet, str) else packet) if packet else None
