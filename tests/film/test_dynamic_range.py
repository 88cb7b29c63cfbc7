"""Films of high dynamic range and with wide colors, which ffmpeg's filter zscale makes from sRGB."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.film.reader import FilmSource
from tests.support.films import ffmpeg, probe


def wide_film(path: Path, picture: np.ndarray, transfer: str, primaries: str = "2020", *, white: int = 203) -> Path:
    """Write three frames of a picture in 10 bits with a transfer curve and primaries, and return the path."""
    if b"zscale" not in ffmpeg("-filters"):
        pytest.skip("needs ffmpeg with the filter zscale")
    Image.fromarray(picture).save(path.with_suffix(".png"))
    matrix = "2020_ncl" if primaries == "2020" else "709"
    convert = f"zscale=pin=709:tin=iec61966-2-1:min=gbr:p={primaries}:t={transfer}:m={matrix}:r=limited:npl={white}"
    tags = f"setparams=color_primaries={'bt2020' if primaries == '2020' else primaries}:color_trc={transfer}"
    ffmpeg(
        *("-loop", 1, "-i", path.with_suffix(".png"), "-frames:v", 3),
        *("-vf", f"{convert},format=yuv444p10le,{tags}", "-c:v", "libx264", "-crf", 1, path),
    )
    return path


@pytest.fixture
def picture(photo: np.ndarray) -> np.ndarray:
    """A photograph without light that is compressed, of an even size."""
    return np.ascontiguousarray((photo[:44, :58] * 0.75).astype(np.uint8))


def test_a_film_of_high_dynamic_range_has_the_colors_of_its_original(tmp_path, picture) -> None:
    path = wide_film(tmp_path / "a.mkv", picture, "smpte2084")
    assert probe(path)["streams"][0]["color_transfer"] == "smpte2084"
    film = FilmSource(path)
    for frame in film:
        assert np.abs(frame.pixels.astype(int) - picture).mean() < 2
    assert [note.partition(": ")[2] for note in film.notes] == [
        "it has high dynamic range, and the dream has not: bright light is compressed, and "
        "colors outside of sRGB become the nearest ones",
        "it has 10 bits for each color, and the dream has 8",
    ]


def test_hybrid_log_gamma_has_the_brightness_that_the_standard_defines(tmp_path) -> None:
    # In BT.2408, a signal of 75% is white paper of 203 cd/m², and one of 38% is gray of 18% reflectance, 26 cd/m².
    for signal, light in ((0.75, 203), (0.38, 26)):
        level = round(64 + signal * 876)
        ffmpeg(
            *("-f", "lavfi", "-i", "color=black:s=64x48:d=0.2:r=10,format=yuv444p10le"),
            *("-vf", f"lutyuv=y={level}:u=512:v=512,setparams=color_trc=arib-std-b67:color_primaries=bt2020"),
            *("-c:v", "libx264", "-crf", 1, tmp_path / "a.mkv"),
        )
        pixel = FilmSource(tmp_path / "a.mkv").first[20, 20].astype(float) / 255
        assert np.ptp(pixel) < 0.02
        linear = ((pixel.mean() + 0.055) / 1.055) ** 2.4
        expected = light / 203 if light < 100 else 0.6 + 0.4 / 2  # highlights are compressed
        assert linear == pytest.approx(expected, rel=0.08)


def test_highlights_beyond_white_keep_their_order_and_their_hue(tmp_path) -> None:
    steps = np.repeat(np.linspace(60, 255, 16).astype(np.uint8), 4)
    gray = np.repeat(np.tile(steps, (48, 1))[..., None], 3, 2)
    gray[24:, :, 2] //= 2  # yellow
    path = wide_film(tmp_path / "a.mkv", gray, "smpte2084", white=1000)
    pixels = FilmSource(path).first.astype(float)
    row = pixels[4, ::4].mean(-1)
    assert (np.diff(row[:-1]) > 0).all()
    assert row[-1] > 250
    yellow = pixels[40, 2::4]
    assert (np.abs(yellow[:, 0] - yellow[:, 1]) < 12).all()
    assert (yellow[:, 2] < yellow[:, 0] * 0.75).all()


def test_wide_colors_of_standard_range_become_those_of_srgb(tmp_path, picture) -> None:
    film = FilmSource(wide_film(tmp_path / "a.mkv", picture, "iec61966-2-1"))
    assert np.abs(film.first.astype(int) - picture).mean() < 2
    assert any("wider colors than sRGB" in note for note in film.notes)


def test_a_dream_of_a_film_of_high_dynamic_range_is_an_ordinary_film(tmp_path, picture, tiny) -> None:
    path = wide_film(tmp_path / "a.mkv", picture, "smpte2084")
    run = inc.video(path, network=tiny, layer="first", octaves=1)
    assert len([note for note in run.notes if "high dynamic range" in note]) == 1
    run.save(tmp_path / "out.mp4")
    stream = probe(tmp_path / "out.mp4")["streams"][0]
    assert (stream["pix_fmt"], stream["color_transfer"], stream["color_primaries"]) == ("yuv420p", "bt709", "bt709")
