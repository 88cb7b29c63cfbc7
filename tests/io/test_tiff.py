"""Every kind of TIFF is read as another reader sees it, or refused with a sentence."""

from __future__ import annotations

import itertools
import struct
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image

from inceptionism.errors import UnreadablePicture
from inceptionism.io.photos import load_photo
from inceptionism.io.tiff import PILLOW

HEIGHT, WIDTH = 61, 47


@pytest.fixture
def shares() -> np.ndarray:
    """Smooth colors, 61×47×3, in [0, 1]."""
    rows, columns = np.mgrid[:HEIGHT, :WIDTH]
    return np.stack([rows / (HEIGHT - 1), columns / (WIDTH - 1), (rows + columns) / (HEIGHT + WIDTH - 2)], -1)


def written(path: Path, samples: np.ndarray, **options: object) -> Path:
    tifffile.imwrite(path, samples, **options)
    return path


def raw_tiff(path: Path, tags: dict[int, int], samples: bytes) -> Path:
    """Write a little-endian TIFF of one uncompressed strip."""
    tags = {256: WIDTH, 257: HEIGHT, 259: 1, 277: 1, 278: HEIGHT, 279: len(samples), 273: 8, **tags}
    entries = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in sorted(tags.items()))
    directory = struct.pack("<H", len(tags)) + entries + bytes(4)
    path.write_bytes(struct.pack("<2sHI", b"II", 42, 8 + len(samples)) + samples + directory)
    return path


@pytest.mark.parametrize("byteorder", "<>")
@pytest.mark.parametrize("kind", ["gray", "rgb", "rgba"])
@pytest.mark.parametrize("bits", [8, 16])
def test_every_layout_of_samples_is_read(tmp_path, shares: np.ndarray, bits: int, kind: str, byteorder: str) -> None:
    alpha = np.tile(np.linspace(0, 1, WIDTH), (HEIGHT, 1))
    given = {"gray": shares[..., 0], "rgb": shares, "rgba": np.dstack([shares, alpha])}[kind]
    samples = np.round(given * (2**bits - 1)).astype(f"uint{bits}")
    expected = np.round(255 * (shares[..., :1] if kind == "gray" else shares))
    for planar, tile, compression in itertools.product(["contig", "separate"], [None, (32, 16)], [None, "zlib"]):
        if kind == "gray" and planar == "separate":
            continue
        stored = np.moveaxis(samples, -1, 0) if planar == "separate" else samples
        options = {"photometric": "minisblack"} if kind == "gray" else {"photometric": "rgb", "planarconfig": planar}
        if kind == "rgba":
            options["extrasamples"] = ["unassalpha"]
        path = written(tmp_path / "a.tif", stored, byteorder=byteorder, tile=tile, compression=compression, **options)
        photo = load_photo(path)
        assert np.abs(photo.pixels - expected).max() <= 1, (planar, tile, compression)
        assert (photo.alpha is not None) == (kind == "rgba")
        if photo.alpha is not None:
            assert np.abs(photo.alpha - np.round(255 * alpha)).max() <= 1


@pytest.mark.parametrize("kind", ["int8", "int16", "int32", "uint32", "float16", "float32", "float64"])
@pytest.mark.parametrize("channels", [1, 3])
def test_samples_of_an_unknown_range_are_refused(tmp_path, shares: np.ndarray, kind: str, channels: int) -> None:
    samples = (100 * shares[..., :channels]).astype(kind).squeeze()
    path = written(tmp_path / "a.tif", samples, photometric="rgb" if channels == 3 else "minisblack")
    if kind in ("float32", "float64"):
        with pytest.raises(UnreadablePicture, match=r"floating-point pixels from .* to 100, but black must be 0"):
            load_photo(path)
        return
    words = {"i": "signed pixels", "u": "pixels", "f": "floating-point pixels"}[np.dtype(kind).kind]
    with pytest.raises(UnreadablePicture) as refused:
        load_photo(path)
    assert str(refused.value).startswith(
        f"{path} is a TIFF that cannot be read: it has {8 * samples.itemsize}-bit {words}"
    )
    assert str(refused.value).endswith("save it as RGB with 8 or 16 bits per channel and LZW compression")


@pytest.mark.parametrize("channels", [2, 5])
def test_many_channels_are_refused_with_the_way_to_dream_them(tmp_path, channels: int) -> None:
    samples = np.zeros((11, 17, channels), np.uint8)
    path = written(tmp_path / "a.tif", samples, photometric="minisblack", planarconfig="contig")
    with pytest.raises(
        UnreadablePicture, match=f"{channels} channels.*or give inceptionism.dream its pixels as an array$"
    ):
        load_photo(path)


@pytest.mark.parametrize("bits", [1, 8, 16])
def test_gray_in_which_zero_is_white_is_read(tmp_path, shares: np.ndarray, bits: int) -> None:
    levels = np.round(shares[..., 0] * (2**bits - 1)).astype(int)
    dtype = {1: bool, 8: np.uint8, 16: np.uint16}[bits]
    path = written(tmp_path / "a.tif", (2**bits - 1 - levels).astype(dtype), photometric="miniswhite")
    np.testing.assert_allclose(load_photo(path).pixels[..., 1], np.round(levels / (2**bits - 1) * 255))


@pytest.mark.parametrize("bits", [2, 4, 12])
def test_gray_of_few_bits_is_scaled_to_white(tmp_path, shares: np.ndarray, bits: int) -> None:
    levels = np.round(shares[..., 0] * (2**bits - 1)).astype(np.uint16)
    rows = np.unpackbits(levels.astype(">u2").view(np.uint8).reshape(HEIGHT, WIDTH, 2), axis=2)[..., -bits:]
    packed = np.packbits(rows.reshape(HEIGHT, -1), axis=1).tobytes()
    path = raw_tiff(tmp_path / "a.tif", {258: bits, 262: 1}, packed)
    np.testing.assert_allclose(load_photo(path).pixels[..., 2], np.round(levels / (2**bits - 1) * 255))


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("kind", ["gray", "rgb"])
def test_premultiplied_colors_are_divided_by_their_alpha(tmp_path, shares: np.ndarray, bits: int, kind: str) -> None:
    alpha = np.tile(np.linspace(0.4, 1, WIDTH), (HEIGHT, 1))[..., None]
    colors = shares[..., :1] if kind == "gray" else shares
    samples = np.round(np.dstack([colors * alpha, alpha]) * (2**bits - 1)).astype(f"uint{bits}")
    photometric = "minisblack" if kind == "gray" else "rgb"
    path = written(tmp_path / "a.tif", samples, photometric=photometric, extrasamples=["assocalpha"])
    if kind == "gray" and (bits == 16 or PILLOW < 13):
        with pytest.raises(UnreadablePicture, match=f"{bits}-bit pixels with 2 channels, 1 of them extra"):
            load_photo(path)
        return
    photo = load_photo(path)
    assert np.abs(photo.pixels - np.round(255 * colors)).max() <= 3  # 8-bit samples times 0.4 have 103 levels
    assert np.abs(photo.alpha - np.round(255 * alpha[..., 0])).max() <= 1


@pytest.mark.parametrize("bits", [8, 16])
@pytest.mark.parametrize("planar", ["contig", "separate"])
def test_cmyk_is_read(tmp_path, shares: np.ndarray, bits: int, planar: str) -> None:
    ink = np.round(np.dstack([1 - shares, np.zeros((HEIGHT, WIDTH))]) * (2**bits - 1)).astype(f"uint{bits}")
    stored = np.moveaxis(ink, -1, 0) if planar == "separate" else ink
    path = written(tmp_path / "a.tif", stored, photometric="separated", planarconfig=planar)
    assert np.abs(load_photo(path).pixels - np.round(255 * shares)).max() <= 1


def test_lab_is_read_with_the_white_of_print(tmp_path, shares: np.ndarray) -> None:
    # From sRGB to XYZ under D50 (Bruce Lindbloom's matrix), and to Lab as CIE defines it.
    linear = np.where(shares <= 0.04045, shares / 12.92, ((shares + 0.055) / 1.055) ** 2.4)
    matrix = [[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]]
    xyz = linear @ np.transpose(matrix) / [0.9642, 1, 0.8249]
    x, y, z = np.moveaxis(np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116), -1, 0)
    lab = np.stack([2.55 * (116 * y - 16), 500 * (x - y), 200 * (y - z)], -1).round().astype(np.int16)
    path = written(tmp_path / "a.tif", (lab % 256).astype(np.uint8), photometric="cielab")
    assert np.abs(load_photo(path).pixels - 255 * shares).mean() < 1.5  # 8-bit Lab is coarser than 8-bit sRGB


def test_jpeg_inside_a_tiff_is_read_as_opencv_reads_it(tmp_path, shares: np.ndarray) -> None:
    image = Image.fromarray(np.round(255 * shares).astype(np.uint8))
    image.save(tmp_path / "a.tif", compression="jpeg", quality=90)
    seen = cv2.imread(str(tmp_path / "a.tif"))[..., ::-1]
    assert np.abs(load_photo(tmp_path / "a.tif").pixels.astype(int) - seen).max() <= 1


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_tiff_is_turned_upright_once(tmp_path, shares: np.ndarray, orientation: int) -> None:
    colors = np.round(255 * shares).astype(np.uint8)
    turned = {
        1: colors,
        2: colors[:, ::-1],
        3: colors[::-1, ::-1],
        4: colors[::-1],
        5: colors.swapaxes(0, 1),
        6: np.rot90(colors, 1),
        7: np.rot90(colors, 2).swapaxes(0, 1),
        8: np.rot90(colors, -1),
    }[orientation]
    tag = (274, "H", 1, orientation, True)
    path = written(tmp_path / "a.tif", np.ascontiguousarray(turned), photometric="rgb", extratags=[tag])
    np.testing.assert_array_equal(load_photo(path).pixels, colors)


def test_a_small_copy_before_the_picture_is_skipped(tmp_path, shares: np.ndarray) -> None:
    colors = np.round(255 * shares).astype(np.uint8)
    path = tmp_path / "a.tif"
    with tifffile.TiffWriter(path) as writer:
        writer.write(colors[::4, ::4], photometric="rgb", subfiletype=1)
        writer.write(colors, photometric="rgb")
    photo = load_photo(path)
    np.testing.assert_array_equal(photo.pixels, colors)
    assert photo.notes == (f"{path} has 2 pages; only number 2 is used",)


def test_a_file_with_a_preview_and_a_picture_that_is_not_read_is_refused(tmp_path, shares: np.ndarray) -> None:
    colors = np.round(255 * shares).astype(np.uint8)
    with tifffile.TiffWriter(tmp_path / "a.dng") as writer:
        writer.write(colors[::4, ::4], photometric="rgb", subfiletype=1, subifds=1)
        writer.write(colors[..., 0].astype(np.uint16), photometric="cfa", subfiletype=0)
    with pytest.raises(UnreadablePicture, match="is a raw file of a camera, and only its preview can be read; export"):
        load_photo(tmp_path / "a.dng")


@pytest.mark.parametrize("compression", [34887, 34933, 50002])
def test_a_compression_that_is_not_read_is_named(tmp_path, compression: int) -> None:
    path = raw_tiff(tmp_path / "a.tif", {258: 8, 262: 1, 259: compression}, bytes(HEIGHT * WIDTH))
    with pytest.raises(UnreadablePicture, match=f"color space 1 and compression {compression}; save it as RGB"):
        load_photo(path)
