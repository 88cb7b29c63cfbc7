"""Reading photographs: all modes and orientations, color profiles, and files that cannot be read."""

from __future__ import annotations

import hashlib
import io
import os
import resource
import struct
import time
import zlib

import cv2
import numpy as np
import psutil
import pytest
import torch
from PIL import Image, ImageCms

from inceptionism.errors import UnreadablePicture, quote_path
from inceptionism.io.formats import PICTURE_FORMATS
from inceptionism.io.masks import load_mask
from inceptionism.io.outputs import save_picture
from inceptionism.io.photos import load_photo
from inceptionism.io.recipes import read_recipe
from inceptionism.tensors import to_image
from tests.support.pictures import gradient, linear_profile, saved


def test_an_ordinary_picture_is_read_unchanged(tmp_path) -> None:
    photo = load_photo(saved(Image.fromarray(gradient()), tmp_path / "a.png"))
    np.testing.assert_array_equal(photo.pixels, gradient())
    assert (photo.alpha, photo.name, photo.notes) == (None, "a.png", ())


def test_arrays_and_pil_images_are_accepted_as_photographs() -> None:
    pixels = gradient()
    np.testing.assert_array_equal(load_photo(pixels).pixels, pixels)
    np.testing.assert_array_equal(load_photo(Image.fromarray(pixels)).pixels, pixels)
    assert load_photo(pixels).sha256 == load_photo(Image.fromarray(pixels)).sha256


@pytest.mark.parametrize("shape", [(2, 3, 21, 34), (0, 5, 3), (21, 34, 0), (3,), ()])
def test_an_array_of_a_wrong_shape_is_refused(shape) -> None:
    sizes = "×".join(map(str, shape)) or "a single number"
    arrays = (
        (np.zeros(shape, np.uint8), "an array", "H×W or H×W×C"),
        (torch.zeros(shape).byte(), "a tensor", "H×W, C×H×W or 1×C×H×W"),
    )
    for array, kind, accepted in arrays:
        with pytest.raises(
            UnreadablePicture,
            match=f"a picture given as {kind} must be {accepted} with C channels, with numbers of the type uint8 "
            f"or with floats from 0 to 1, not {sizes} of the type uint8",
        ):
            load_photo(array)


@pytest.mark.parametrize("count", [2, 4, 5, 40])
def test_an_array_has_any_channels_in_its_last_axis_and_a_tensor_in_its_first(count) -> None:
    pixels = np.random.default_rng(count).integers(0, 256, (21, 34, count), np.uint8)
    planes = torch.from_numpy(pixels).permute(2, 0, 1)
    for source in (pixels, pixels / 255, pixels[None], planes, planes[None], planes / 255):
        photo = load_photo(source)
        np.testing.assert_array_equal(photo.pixels, pixels)
        assert photo.sha256 == hashlib.sha256(pixels.tobytes()).hexdigest()
    for use in (photo.to_image, lambda: load_mask(photo)):
        with pytest.raises(
            UnreadablePicture, match=f"an array of 21×34×{count} has {count} channels, which are not col"
        ):
            use()


def test_an_array_with_one_channel_is_a_gray_photograph() -> None:
    gray = gradient()[..., 0]
    for source in (gray, gray[..., None], gray[None] / 255, torch.from_numpy(gray.copy())[None, None]):
        assert load_photo(source).pixels.shape == (*gray.shape, 1)
        np.testing.assert_array_equal(load_photo(source).to_image(), np.stack([gray] * 3, 2))


def test_an_array_of_a_wrong_type_is_refused() -> None:
    with pytest.raises(UnreadablePicture, match="not 21×34×3 of the type int64"):
        load_photo(gradient().astype(np.int64))
    with pytest.raises(UnreadablePicture, match="a path, a web address, a PIL image, an array or a tensor, not int"):
        load_photo(7)


def test_floats_are_rounded_to_8_bits_and_their_axes_are_recognized() -> None:
    pixels = gradient()
    planes = torch.from_numpy(pixels).permute(2, 0, 1)
    for source in (pixels / 255, planes / 255, planes[None] / 255, planes, np.asarray(planes), pixels / 255 + 4e-4):
        np.testing.assert_array_equal(load_photo(source).pixels, pixels)
    np.testing.assert_array_equal(
        load_photo((planes / 255).bfloat16()).pixels,
        (planes / 255).bfloat16().float().mul(255).round().permute(1, 2, 0),
    )
    # Both axes can be the channels: the last one counts in an array, and the first one in a tensor.
    both = np.arange(63, dtype=np.uint8).reshape(3, 7, 3)
    np.testing.assert_array_equal(load_photo(both).pixels, both)
    np.testing.assert_array_equal(load_photo(torch.from_numpy(both)).pixels, both.transpose(1, 2, 0))
    kept = load_photo(both)
    both[:] = 0
    assert kept.pixels.any()


@pytest.mark.parametrize(("factor", "shift"), [(255, 0), (2, -1), (1, float("nan")), (1, -0.1)])
def test_floats_out_of_range_are_refused_with_the_way_out(factor: float, shift: float) -> None:
    with pytest.raises(UnreadablePicture, match=r"must be in the range from 0 to 1, but its numbers go from .*; undo"):
        load_photo(torch.from_numpy(gradient()) / 255 * factor + shift)


def test_a_mask_of_floats_may_have_one_channel() -> None:
    gray = gradient()[..., 0]
    for source in (
        gray,
        gray / 255,
        torch.from_numpy(gray.copy())[None] / 255,
        torch.from_numpy(gray / 255)[None, None],
    ):
        np.testing.assert_array_equal(load_mask(source).amount, gray)


@pytest.mark.parametrize("mode", ["1", "L", "P", "CMYK", "YCbCr", "HSV", "LAB"])
def test_every_mode_becomes_rgb(tmp_path, mode: str) -> None:
    image = Image.fromarray(gradient())
    if mode == "LAB":
        lab = ImageCms.buildTransform(ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB"), "RGB", "LAB")
        converted = ImageCms.applyTransform(image, lab)
        photo = load_photo(saved(converted, tmp_path / "a.tif"))
    else:
        converted = image.convert(mode)
        # No format stores HSV, and Pillow before 13 cannot read the uncompressed YCbCr that it writes.
        name = {"CMYK": "a.tif", "YCbCr": None, "HSV": None}.get(mode, "a.png")
        photo = load_photo(saved(converted, tmp_path / name) if name else converted)
    expected = np.asarray(image if mode == "LAB" else converted.convert("RGB"))
    assert photo.pixels.shape == (21, 34, 3)
    difference = np.abs(photo.pixels.astype(int) - expected)
    assert difference.mean() < 3 if mode == "LAB" else difference.max() == 0  # 8-bit Lab is coarser than 8-bit sRGB


def test_sixteen_bit_gray_is_scaled_and_not_clipped(tmp_path) -> None:
    deep = np.linspace(0, 65535, 21 * 34).reshape(21, 34).round().astype(np.uint16)
    photo = load_photo(saved(Image.fromarray(deep), tmp_path / "deep.png"))
    np.testing.assert_array_equal(photo.pixels[..., 0], np.round(deep / 257))
    np.testing.assert_array_equal(photo.pixels[..., 0], photo.pixels[..., 2])


def test_an_image_of_floating_point_pixels_is_refused() -> None:
    with pytest.raises(UnreadablePicture, match="floating-point pixels"):
        load_photo(Image.fromarray(np.ones((5, 5), np.float32)))


def png_chunk(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of a PNG."""
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))


@pytest.mark.parametrize(
    ("chunks", "color_space"),
    [
        ([(b"gAMA", struct.pack(">I", 45455))], None),
        ([(b"gAMA", struct.pack(">I", 100_000))], "gamma 1"),
        ([(b"sRGB", b"\0"), (b"gAMA", struct.pack(">I", 100_000))], None),
        ([(b"cHRM", struct.pack(">8I", 31270, 32900, 64000, 33000, 30000, 60000, 15000, 6000))], None),
        (
            [(b"cHRM", struct.pack(">8I", 31270, 32900, 70800, 29200, 17000, 79700, 13100, 4600))],
            "primaries 0.708, 0.292, 0.17, 0.797, 0.131, 0.046",
        ),
        ([(b"cICP", bytes([1, 13, 0, 1])), (b"gAMA", struct.pack(">I", 100_000))], None),
        ([(b"cICP", bytes([9, 16, 0, 1]))], "BT.2020 with PQ"),
        ([(b"cICP", bytes([12, 13, 0, 1]))], "Display P3 with color code 13"),
    ],
)
def test_the_color_space_of_a_png_is_noted_if_it_is_not_used(tmp_path, chunks, color_space: str | None) -> None:
    path = saved(Image.fromarray(gradient()), tmp_path / "a.png")
    content = path.read_bytes()
    path.write_bytes(content[:33] + b"".join(png_chunk(*chunk) for chunk in chunks) + content[33:])
    photo = load_photo(path)
    np.testing.assert_array_equal(photo.pixels, gradient())
    note = f"{path} has the color space {color_space}, which is not used: its colors are treated as sRGB"
    assert photo.notes == ((note,) if color_space else ())


@pytest.mark.parametrize("mode", ["gray", "rgb", "rgba"])
def test_sixteen_bits_of_a_png_are_read_as_opencv_reads_them(tmp_path, mode: str) -> None:
    levels = np.random.default_rng(0).integers(0, 2**16, (21, 34, 4), dtype=np.uint16)
    stored = {"gray": levels[..., 0], "rgb": levels[..., :3], "rgba": levels}[mode]
    assert cv2.imwrite(str(tmp_path / "a.png"), stored)
    seen = cv2.imread(str(tmp_path / "a.png"), cv2.IMREAD_UNCHANGED).reshape(21, 34, -1) / 257
    photo = load_photo(tmp_path / "a.png")
    assert np.abs(photo.pixels - seen[..., 2::-1]).max() <= 1
    assert mode != "rgba" or np.abs(photo.alpha - seen[..., 3]).max() <= 1


def test_a_transparent_level_of_a_deep_gray_png_is_transparent(tmp_path) -> None:
    levels = np.full((21, 34), 4660, np.uint16)
    levels[3:9, 5:8] = 4661
    path = saved(Image.fromarray(levels), tmp_path / "a.png")
    content = path.read_bytes()
    path.write_bytes(content[:33] + png_chunk(b"tRNS", struct.pack(">H", 4661)) + content[33:])
    np.testing.assert_array_equal(load_photo(path).alpha, np.where(levels == 4661, 0, 255))


@pytest.mark.parametrize("adobe", [True, False])
def test_cmyk_jpegs_are_read_as_opencv_reads_them(tmp_path, adobe: bool) -> None:
    path = saved(Image.fromarray(gradient()).convert("CMYK"), tmp_path / "a.jpg", quality=95)
    if not adobe:  # without the marker, 0 means no ink
        content = path.read_bytes()
        start = content.index(b"\xff\xee")
        path.write_bytes(content[:start] + content[start + 2 + int.from_bytes(content[start + 2 : start + 4], "big") :])
    seen = cv2.imread(str(path))[..., ::-1]
    assert np.abs(load_photo(path).pixels.astype(int) - seen).max() <= 2


@pytest.mark.parametrize("claimed", [2**31 - 1, 2**32 - 1])
def test_a_picture_that_claims_more_bytes_than_it_has_takes_little_memory(tmp_path, claimed: int) -> None:
    Image.new("RGB", (17, 12), "red").save(tmp_path / "a.png")
    content = (tmp_path / "a.png").read_bytes()
    start = content.index(b"IDAT") - 4
    (tmp_path / "a.png").write_bytes(content[:start] + claimed.to_bytes(4, "big") + content[start + 4 :])
    limit = psutil.Process().memory_info().vms + 2**29
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (limit, before[1]))
    try:
        photo = load_photo(tmp_path / "a.png")  # the pixels are complete, and only their length is wrong
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)
    assert (photo.pixels == (255, 0, 0)).all()


def test_pixels_that_cannot_be_decoded_are_not_taken_for_a_damaged_color_profile(tmp_path) -> None:
    path = saved(Image.fromarray(gradient()), tmp_path / "a.tif", compression="tiff_lzw", icc_profile=linear_profile())
    content = bytearray(path.read_bytes())
    with Image.open(path) as image:
        start = image.tag_v2[273][0]
    content[start : start + 40] = b"\xff" * 40
    path.write_bytes(content)
    with pytest.raises(UnreadablePicture, match="is damaged or incomplete"):
        load_photo(path)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        (
            "a.heic",
            b"\0\0\0\x18ftypheic\0\0\0\0mif1heic",
            "is a HEIC picture",
        ),
        ("a.jxl", b"\xff\x0a\xfa\x7f\x01", "is a JPEG XL picture, which cannot be read"),
        ("a.cr3", b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "is a raw file of a camera, which cannot be read"),
        ("a.mp4", b"\0\0\0\x18ftypisom\0\0\0\0isom", "is a film, not a picture; give a picture, or use `dream video`"),
        ("a.pdf", b"%PDF-1.7\n", "is a document or a drawing, not a picture of pixels; export it as PNG"),
        ("a.svg", b'<?xml version="1.0"?>\n<svg xmlns="http://www.w3.org/2000/svg"/>', "is a document or a drawing"),
        ("a.jpg", b"<!DOCTYPE html><html><body>404", "is a web page, not a picture; download the picture itself"),
        ("a.tif", b"II*\0\x08\0\0\0", "is a TIFF that is damaged or incomplete"),
        ("a.png", b"some text", "is not a picture in a known format"),
    ],
)
def test_a_file_of_another_format_is_named(tmp_path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadablePicture) as refused:
        load_photo(tmp_path / name)
    assert str(refused.value).startswith(f"{tmp_path / name} {reason}")


def test_a_huge_file_is_refused_at_once(tmp_path) -> None:
    path = saved(Image.fromarray(gradient()), tmp_path / "a.gif")
    os.truncate(path, 20 * 2**30)  # a file with holes takes no room on the disk
    with pytest.raises(UnreadablePicture, match=f"{path} is larger than 1024 MiB, the limit for a file of this type"):
        load_photo(path)
    assert read_recipe(path) is None  # the picture's end comes before the zeros
    path.write_bytes(b"GIF89a" + bytes(9))
    os.truncate(path, 20 * 2**30)
    with pytest.raises(UnreadablePicture, match="is damaged or incomplete: a GIF has no blocks of kind 0"):
        read_recipe(path)


def test_zeros_after_the_first_image_of_a_gif_are_not_searched_for_more(tmp_path) -> None:
    path = saved(Image.fromarray(gradient()), tmp_path / "a.gif")
    seen = load_photo(path).pixels
    content = path.read_bytes()
    path.write_bytes(content[:-1])
    os.truncate(path, 2**30)
    started = time.process_time()
    np.testing.assert_array_equal(load_photo(path).pixels, seen)
    assert time.process_time() - started < 10


def test_metadata_that_is_too_large_for_a_recipe_is_refused(tmp_path) -> None:
    path = saved(Image.fromarray(gradient()), tmp_path / "a.webp", xmp=b"<a>" + b" " * 2**24 + b"</a>")
    with pytest.raises(UnreadablePicture, match=r"the metadata of .*a\.webp is too large to be a recipe"):
        read_recipe(path)


@pytest.mark.parametrize("mode", ["RGBA", "LA", "PA", "P"])
def test_transparency_is_kept(tmp_path, mode: str) -> None:
    alpha = np.tile(np.linspace(0, 255, 34).round().astype(np.uint8), (21, 1))
    image = Image.fromarray(gradient())
    if mode == "P":
        image = image.quantize(8)
        path = saved(image, tmp_path / "p.png", transparency=3)
        expected = np.where(np.asarray(image) == 3, 0, 255)
    else:
        image = image.convert("P" if mode == "PA" else mode.removesuffix("A")).convert(mode)
        image.putalpha(Image.fromarray(alpha))
        path, expected = image if mode == "PA" else saved(image, tmp_path / "a.png"), alpha
    photo = load_photo(path)
    np.testing.assert_array_equal(photo.alpha, expected)
    assert photo.pixels.shape == (21, 34, 3)


def test_a_picture_that_is_opaque_everywhere_has_no_transparency(tmp_path) -> None:
    assert load_photo(saved(Image.fromarray(gradient()).convert("RGBA"), tmp_path / "a.png")).alpha is None


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_photograph_is_turned_upright_once(tmp_path, orientation: int) -> None:
    # For each value of the EXIF tag Orientation, a camera stores the upright picture turned in this way.
    transpose = Image.Transpose
    stored_as = {
        2: transpose.FLIP_LEFT_RIGHT,
        3: transpose.ROTATE_180,
        4: transpose.FLIP_TOP_BOTTOM,
        5: transpose.TRANSPOSE,
        6: transpose.ROTATE_90,
        7: transpose.TRANSVERSE,
        8: transpose.ROTATE_270,
    }
    upright = Image.fromarray(gradient())
    stored = upright.transpose(stored_as[orientation]) if orientation in stored_as else upright
    exif = Image.Exif()
    exif[0x0112] = orientation
    photo = load_photo(saved(stored, tmp_path / "turned.png", exif=exif))
    np.testing.assert_array_equal(photo.pixels, gradient())
    result = image_through_torch(photo.pixels)
    save_picture(result, tmp_path / "again.png")
    np.testing.assert_array_equal(load_photo(tmp_path / "again.png").pixels, gradient())


def image_through_torch(pixels: np.ndarray) -> Image.Image:
    """Return H×W×3 uint8 pixels as an image, by way of a tensor."""
    import torch

    return to_image(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255)


def test_the_first_frame_of_an_animation_is_used_with_a_note(tmp_path) -> None:
    frames = [Image.fromarray(np.full((9, 14, 3), value, np.uint8)) for value in (40, 90, 200)]
    path = saved(frames[0], tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    photo = load_photo(path)
    assert np.abs(photo.pixels.astype(int) - 40).max() <= 2
    assert photo.notes == (f"{path} has 3 frames; only the first one is used",)


def test_a_wide_gamut_photograph_is_converted_to_srgb(tmp_path) -> None:
    """Half of the full linear light is 188 in sRGB, so a linear profile must change the pixels."""
    profile = linear_profile()
    path = saved(Image.new("RGB", (9, 5), (128, 128, 128)), tmp_path / "linear.png", icc_profile=profile)
    assert np.abs(load_photo(path).pixels.astype(int) - 188).max() <= 1


def test_a_damaged_profile_is_ignored_with_a_note(tmp_path) -> None:
    path = saved(Image.fromarray(gradient()), tmp_path / "a.png", icc_profile=b"no profile at all")
    photo = load_photo(path)
    np.testing.assert_array_equal(photo.pixels, gradient())
    assert photo.notes == (f"the color profile of {path} cannot be used, so its colors are treated as sRGB",)


def test_unreadable_files_are_refused_in_one_sentence(tmp_path) -> None:
    (tmp_path / "empty.jpg").touch()
    os.mkfifo(tmp_path / "pipe.jpg")
    (tmp_path / "circle.png").symlink_to("circle.png")
    (tmp_path / "text.jpg").write_text("this is no picture")
    (tmp_path / "half.jpg").write_bytes(noise("JPEG")[: len(noise("JPEG")) // 2])
    (tmp_path / "half.png").write_bytes(noise("PNG")[: len(noise("PNG")) // 2])
    (tmp_path / "head.png").write_bytes(noise("PNG")[:20])
    for name, reason in {
        "empty.jpg": "is empty",
        "text.jpg": r"is not a picture in a known format \(PNG, JPEG, .*\); convert it to PNG or JPEG first",
        "half.jpg": "is damaged or incomplete",
        "half.png": "is damaged or incomplete",
        "head.png": "is (damaged|not a picture)",
        "missing.jpg": "there is no file",
        "": "is a folder, not a file",
        "text.jpg/a.png": "there is no file",
        f"{'n' * 300}.png": "cannot be opened: File name too long",
        "a\0.png": "cannot be opened: its name contains a null character",
        "circle.png": "cannot be opened: Too many levels of symbolic links",
        "pipe.jpg": "is a pipe or a device, not a file",
    }.items():
        with pytest.raises(UnreadablePicture, match=reason) as caught:
            load_photo(tmp_path / name)
        assert quote_path(tmp_path / name) in str(caught.value)
        assert "\n" not in str(caught.value)


def noise(format: str, height: int = 80, width: int = 90) -> bytes:
    """Return the bytes of a picture of noise."""
    buffer = io.BytesIO()
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)).save(buffer, format)
    return buffer.getvalue()


@pytest.mark.parametrize("format", ["PNG", "JPEG", "WEBP", "GIF", "TIFF", "BMP"])
def test_every_damaged_file_is_read_or_refused_in_one_sentence(tmp_path, format: str) -> None:
    """Random bytes are changed, and every second file is cut short."""
    random = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(random.integers(0, 256, (40, 50, 3), np.uint8)).save(buffer, format)
    refused = []
    for trial in range(80):
        content = np.frombuffer(buffer.getvalue(), np.uint8).copy()
        content = content[: random.integers(1, len(content))] if trial % 2 else content
        for reach in (100, len(content)):
            places = random.integers(0, min(reach, len(content)), 3)
            content[places] = random.integers(0, 256, 3)
        (tmp_path / "damaged").write_bytes(content.tobytes())
        for read in (load_photo, read_recipe):
            try:
                read(tmp_path / "damaged")
            except UnreadablePicture as error:
                refused.append(str(error))
    assert len(refused) > 40
    assert not any("\n" in reason for reason in refused)


@pytest.mark.parametrize("side", [10_000, 40_000])
def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, side: int) -> None:
    """The header of a PNG of a few hundred bytes promises 100 or 1,600 megapixels."""
    import struct
    import zlib

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(1000))) + chunk(b"IEND", b"")
    )
    (tmp_path / "bomb.png").write_bytes(bomb)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UnreadablePicture, match="more than 89 megapixels; make it smaller first"):
        load_photo(tmp_path / "bomb.png")
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50_000  # KiB


def test_pil_images_that_cannot_be_used_are_refused() -> None:
    closed = Image.open(io.BytesIO(noise("PNG")))
    closed.close()
    for image, reason in [
        (Image.open(io.BytesIO(noise("JPEG")[: len(noise("JPEG")) // 2])), "the picture is damaged or incomplete"),
        (closed, "the picture is damaged or incomplete"),
        (Image.new("RGB", (0, 5)), "the picture has no pixels: its size is 5×0"),
    ]:
        with pytest.raises(UnreadablePicture, match=reason):
            load_photo(image)


@pytest.mark.parametrize("encoding", ["bogus", "rot13", "utf-7", "big5"])
def test_metadata_in_an_unknown_encoding_is_ignored(tmp_path, encoding: str) -> None:
    packet = f'<?xml version="1.0" encoding="{encoding}"?><a/>'.encode()
    path = saved(Image.fromarray(gradient()), tmp_path / "a.webp", xmp=packet)
    assert read_recipe(path) is None


EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"


@pytest.mark.parametrize("name", ["a.png", "a.eps", "a.jpg"])
def test_a_picture_cannot_start_another_program(tmp_path, monkeypatch, name: str) -> None:
    """Pillow decodes PostScript with Ghostscript. Here, a script takes its place and records that it was started."""
    programs = tmp_path / "programs"
    programs.mkdir()
    (programs / "gs").write_text(f"#!/bin/sh\ntouch {tmp_path}/started\n")
    (programs / "gs").chmod(0o700)
    monkeypatch.setenv("PATH", f"{programs}:/usr/bin:/bin")
    (tmp_path / name).write_bytes(EPS)
    for read in (load_photo, load_mask, read_recipe):
        with pytest.raises(UnreadablePicture, match="is a document or a drawing, not a picture of pixels"):
            read(tmp_path / name)
    assert not (tmp_path / "started").exists()


def test_every_format_that_is_read_can_be_opened(tmp_path) -> None:
    Image.init()
    picture = Image.fromarray(gradient())
    for name in set(PICTURE_FORMATS) & Image.SAVE.keys() - {"ICO"}:
        picture.convert("P" if name == "GIF" else "RGB").save(tmp_path / "a", name)
        assert load_photo(tmp_path / "a").pixels.shape == (21, 34, 3), name


def test_a_pil_image_that_was_opened_by_a_path_of_bytes_is_read(tmp_path) -> None:
    Image.fromarray(gradient()).save(tmp_path / "a.png")
    with Image.open(os.fsencode(tmp_path / "a.png")) as image:
        photo = load_photo(image)
    assert photo.name == "a.png"
    assert np.array_equal(photo.pixels, gradient())
