"""Pictures out: a file is written whole or not at all, and never over one that should stay."""

from __future__ import annotations

import io
import os
import re
import secrets
import stat
import tempfile
from collections.abc import Container, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from PIL import Image
from PIL.PngImagePlugin import PngInfo

from inceptionism.errors import CannotWrite, NameTaken
from inceptionism.io.xmp import PNG_XMP, write_packet
from inceptionism.io.xmp_containers import with_gif_packet
from inceptionism.recipes import Recipe

FORMATS = {".png": "PNG", ".jpg": "JPEG", ".jpeg": "JPEG", ".webp": "WEBP", ".gif": "GIF"}
"""The formats in which a result can be written, by the ending of the file's name."""

LONGEST_SIDE = {"JPEG": 65_500, "WEBP": 16_383, "GIF": 65_535}
"""In pixels, where the format has a limit."""

QUALITY = 95


def check_output(path: Path, *, overwrite: bool, endings: Iterable[str] = tuple(FORMATS)) -> None:
    """Raise `CannotWrite` unless a file with one of `endings` can be written at `path`, before any work is done.

    An output that exists is left alone, which `NameTaken` says, unless `overwrite` is true.
    """
    if path.suffix.lower() not in endings:
        ending = f"ends in {path.suffix!r}" if path.suffix else "has no ending"
        raise CannotWrite(f"{path} {ending}; results are written as {', '.join(endings)}")
    with convert_write_errors(path):
        target = resolve_target(path)
        if not target.parent.is_dir():
            folder = target.parent if path.is_symlink() else path.parent
            raise CannotWrite(f"there is no folder {folder} to write {target.name} in; make it first")
        if target.exists():
            kind = target.stat().st_mode
            if stat.S_ISDIR(kind):
                raise CannotWrite(f"{path} is a folder; give the name of a file")
            if not stat.S_ISREG(kind):
                raise CannotWrite(f"{path} is a pipe or a device, not a file")
            if not overwrite:
                raise NameTaken(f"{path} exists; give another name, or --overwrite to replace it")
        # Only writing shows that one can: permissions do not bind everyone, and disks may be read-only or full.
        with partial_file(target):
            pass


def check_side(path: Path, size: tuple[int, int]) -> None:
    """Raise `CannotWrite` if the format of `path` cannot hold a picture of this height and width in pixels."""
    format = FORMATS[path.suffix.lower()]
    limit = LONGEST_SIDE.get(format)
    if limit and max(size) > limit:
        height, width = size
        raise CannotWrite(f"{format} holds at most {limit} pixels on a side, not {height}×{width}; write a .png")


def save_picture(
    image: Image.Image, path: Path, recipe: Recipe | None = None, *, overwrite: bool = True, metadata: bool = True
) -> None:
    """Write `image`, RGB or RGBA, with `recipe` inside it, in the format that the ending of `path` says.

    What the image's `info` has as "exif" and "icc_profile" is written, too. Without `metadata` only the profile is: no
    EXIF and no recipe.

    The file is written whole or not at all; an existing one is replaced, its permissions kept. JPEG holds no
    transparency: there the picture is laid on white. GIF holds 256 colors, and pixels that are transparent or not.

    Raises:
        CannotWrite: the folder is missing or cannot be written to, the ending is not known, or the disk is full.
        NameTaken: the file exists and `overwrite` is false.
    """
    check_output(path, overwrite=overwrite)
    content = encode(image, FORMATS[path.suffix.lower()], recipe, metadata=metadata)
    write_atomically(path, content, overwrite=overwrite)


def save_or_rescue(
    image: Image.Image,
    path: Path,
    recipe: Recipe | None = None,
    *,
    overwrite: bool = False,
    numbered: bool = False,
    metadata: bool = True,
) -> Path:
    """Do as `save_picture` and return the path; where that fails, keep the picture in the system's temporary folder.

    With `numbered`, a name that is taken by then is numbered on until it is free.

    Raises:
        CannotWrite: it failed; the sentence says where the picture is kept.
    """
    try:
        save_picture(image, path, recipe, overwrite=overwrite, metadata=metadata)
    except CannotWrite as error:
        if numbered and isinstance(error, NameTaken):
            return save_or_rescue(image, free_name(path), recipe, numbered=True, metadata=metadata)
        rescued = Path(tempfile.gettempdir()) / f"{shorten_name(path.stem)}-{secrets.token_hex(4)}.png"
        try:
            save_picture(image, rescued, recipe, overwrite=False, metadata=metadata)
        except CannotWrite:
            raise error from None
        raise type(error)(f"{error}; the picture is kept in {rescued}") from error
    return path


def free_name(path: Path, taken: Container[Path] = (), *, overwrite: bool = False) -> Path:
    """Return `path`, or the first of `name-2`, `name-3`, … that is not among those `taken`, nor exists.

    With `overwrite` it may exist. A `name-2` beside a `name` is such a name already, which is numbered on.
    """
    wanted, number = path, 2
    numbered = re.fullmatch(r"(.+)-([0-9]{1,9})", path.stem)
    if numbered and os.path.lexists(path.with_stem(numbered[1])):
        wanted, number = path.with_stem(numbered[1]), int(numbered[2]) + 1
    while path in taken or (os.path.lexists(path) and not overwrite):
        path = wanted.with_stem(f"{wanted.stem}-{number}")
        number += 1
    return path


def shorten_name(stem: str, most: int = 200) -> str:
    """Return as much of a file's name as fits into `most` bytes: file systems take 255, and an ending is to follow."""
    return os.fsencode(stem)[:most].decode("utf-8", "ignore")


def encode(
    image: Image.Image, format: str, recipe: Recipe | None = None, *, metadata: bool = True, quality: int = QUALITY
) -> bytes:
    """Return the bytes of a file of `format` (see `FORMATS`) that holds `image`, and the recipe as XMP.

    What loses detail does so at a quality from 1 to 100.
    """
    options: dict[str, object] = {}
    packet = write_packet(recipe.to_json(), recipe.title) if recipe and metadata else None
    if format == "PNG" and packet:
        info = PngInfo()
        info.add_itxt(PNG_XMP, packet.decode())
        options["pnginfo"] = info
    elif format in ("JPEG", "WEBP"):
        options |= {"quality": quality, "xmp": packet or b""}
    if format != "GIF":
        options |= {"icc_profile": image.info.get("icc_profile"), "exif": (metadata and image.info.get("exif")) or b""}
    if format == "JPEG":
        options["subsampling"] = "4:4:4"
        image = flatten_alpha(image)
    if format == "GIF":
        image = of_few_colors(image)
    buffer = io.BytesIO()
    try:
        image.save(buffer, format, **options)
    except (OSError, ValueError) as error:
        width, height = image.size
        raise CannotWrite(f"{format} cannot hold this picture of {height}×{width} pixels: {error}") from error
    content = buffer.getvalue()
    return with_gif_packet(content, packet) if format == "GIF" and packet else content


def flatten_alpha(image: Image.Image) -> Image.Image:
    """Return a picture without its transparency: laid on white."""
    if image.mode != "RGBA":
        return image
    return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")


def of_few_colors(image: Image.Image) -> Image.Image:
    """Return a picture in the 256 colors that suit it best, one of them for what is rather transparent than not."""
    flat = image.convert("RGB")
    clear = 255 if image.mode == "RGBA" else 256
    palette = flat.quantize(clear)
    drawn = flat.quantize(palette=palette, dither=Image.Dither.FLOYDSTEINBERG)
    if image.mode == "RGBA":
        drawn.paste(clear, mask=image.getchannel("A").point(lambda amount: 255 * (amount < 128)))
        drawn.info["transparency"] = clear
    return drawn


def write_atomically(path: Path, content: bytes, *, overwrite: bool) -> None:
    """Write `content` to `path` so that at no moment, whatever happens, a part of it stands under that name.

    A symbolic link stays, and the file it leads to is replaced. Unless `overwrite` is true, a file that has come
    to stand there in the meantime is left alone.
    """
    with convert_write_errors(path):
        target = resolve_target(path)
        with partial_file(target) as written:
            with written.open("r+b") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            if overwrite:
                if target.exists():
                    written.chmod(stat.S_IMODE(target.stat().st_mode))
            else:
                claim_name(target)
            written.replace(target)


def claim_name(target: Path) -> None:
    """Make `target` an empty file, which only one of several programs that try can do."""
    try:
        target.open("xb").close()
    except FileExistsError:
        raise NameTaken(f"{target} exists by now; it is left alone") from None


@contextmanager
def partial_file(target: Path) -> Iterator[Path]:
    """Make an empty file beside `target`, under a name of its own; it is gone afterwards if it still has that name."""
    path = target.with_name(f".{secrets.token_hex(8)}.part")
    try:
        path.open("xb").close()
        yield path
    finally:
        path.unlink(missing_ok=True)


def resolve_target(path: Path) -> Path:
    """Return the file that `path` leads to, through all links."""
    target = Path(os.path.realpath(path))
    if target.is_symlink():
        raise CannotWrite(f"{path} is a symbolic link that leads back to itself")
    return target


@contextmanager
def convert_write_errors(path: Path) -> Iterator[None]:
    """Raise as `CannotWrite` what the system refuses."""
    try:
        yield
    except (OSError, ValueError) as error:
        raise CannotWrite(f"{path} cannot be written: {getattr(error, 'strerror', None) or error}") from error
