"""Films of all kinds: rotated, with uneven times, odd sizes or 10 bits, and damaged films."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inceptionism.errors import UnreadablePicture
from inceptionism.film.reader import FilmSource
from tests.support.films import ffmpeg, pan, rotate_display, write


def near(one: np.ndarray, other: np.ndarray, max_difference: float = 6) -> bool:
    return one.shape == other.shape and bool(np.abs(one.astype(float) - other).mean() < max_difference)


def test_frames_come_in_order_with_their_times_and_colors(tmp_path, photo) -> None:
    frames = pan(photo, 9)
    film = FilmSource(write(tmp_path / "a.mp4", frames))
    read = list(film)
    assert [frame.time for frame in read] == [Fraction(n, 12) for n in range(9)]
    assert all(near(one.pixels, other) for one, other in zip(read, frames, strict=True))
    assert (film.size, film.fps, film.count) == ((44, 58), 12, 9)
    assert film.notes == []
    assert near(next(iter(film)).pixels, frames[0])  # a film can be read twice


def test_uneven_times_are_kept(tmp_path, photo) -> None:
    film = FilmSource(write(tmp_path / "a.mp4", pan(photo, 5), times=[0, 1, 4, 5, 9]))
    assert [frame.time * 12 for frame in film] == [0, 1, 4, 5, 9]


def test_a_rotated_film_is_read_upright(tmp_path, photo) -> None:
    frames = pan(photo, 3)
    path = write(tmp_path / "a.mp4", frames)
    rotate_display(path)
    film = FilmSource(path)
    assert film.size == (58, 44)
    assert near(film.first, np.rot90(frames[0], -1))


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(3, 2), (44, 87)), (Fraction(1, 2), (88, 58))])
def test_pixels_that_are_not_square_become_square(tmp_path, photo, aspect: Fraction, size) -> None:
    frames = pan(photo, 2)
    film = FilmSource(write(tmp_path / "a.mp4", frames, aspect=aspect))
    assert film.size == size
    wanted = np.asarray(Image.fromarray(frames[0]).resize(size[::-1], Image.Resampling.BICUBIC))
    assert near(film.first, wanted, 8)


@pytest.mark.parametrize(
    ("codec", "pixels", "size"),
    [("libx264", "yuv420p10le", (44, 58)), ("libx264", "yuv444p", (43, 57)), ("libvpx-vp9", "yuv420p", (43, 57))],
)
def test_ten_bits_and_odd_sizes_are_read(tmp_path, photo, codec: str, pixels: str, size) -> None:
    frames = pan(photo, 3, *size)
    film = FilmSource(write(tmp_path / "a.mkv", frames, codec=codec, pixels=pixels))
    assert film.size == size
    assert all(near(one.pixels, other, 8) for one, other in zip(film, frames, strict=True))


@pytest.mark.parametrize("height", [64, 720])
@pytest.mark.parametrize(
    ("matrix", "tag"), [("bt709", "bt709"), ("bt601", "smpte170m"), ("bt601", "bt470bg"), ("bt2020", "bt2020nc")]
)
def test_the_color_space_that_a_film_names_is_used_at_every_height(tmp_path, matrix, tag, height) -> None:
    colors = np.array([[200, 40, 40], [40, 180, 60], [40, 60, 200], [210, 200, 50]], np.uint8)
    picture = np.repeat(np.repeat(colors[None], height, 0), 12, 1)
    Image.fromarray(picture).save(tmp_path / "a.png")
    ffmpeg(
        *("-i", tmp_path / "a.png", "-vf", f"scale=out_color_matrix={matrix}:out_range=limited,format=yuv444p"),
        *("-colorspace", tag, "-c:v", "libx264", "-crf", 1, tmp_path / "a.mkv"),
    )
    read = FilmSource(tmp_path / "a.mkv").first.astype(int)
    assert np.abs(read[:, 6::12] - picture[:, 6::12]).max() <= 4


def test_a_film_that_is_cut_off_is_read_up_to_the_cut(tmp_path, photo) -> None:
    whole = write(tmp_path / "a.mkv", pan(photo, 12), options={"crf": "1", "g": "4", "bf": "0"}).read_bytes()
    broken = tmp_path / "b.mkv"
    broken.write_bytes(whole[: len(whole) * 2 // 3])
    film = FilmSource(broken)
    frames = list(film)
    assert 3 < len(frames) < 12
    assert all(near(one.pixels, other) for one, other in zip(frames[:-1], pan(photo, 12), strict=False))


def test_damaged_frames_in_the_middle_are_left_out(tmp_path, photo) -> None:
    path = write(tmp_path / "a.mkv", pan(photo, 12), codec="ffv1", pixels="bgr0", options={"g": "1"})
    content = bytearray(path.read_bytes())
    middle = len(content) // 2
    content[middle : middle + 3000] = bytes(3000)
    path.write_bytes(content)
    film = FilmSource(path)
    frames = list(film)
    assert 3 < len(frames) <= 12
    assert all(one.time < other.time for one, other in pairwise(frames))


def test_files_that_are_not_films_are_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "text.mp4").write_text("film")
    write_tone(tmp_path / "tone.m4a")
    for name, reason in {
        "none.mp4": "there is no file",
        ".": "is a folder without pictures; give a film, or a folder of frames",
        "empty.mp4": "is empty: the file has no content",
        "text.mp4": "is not a film that can be read",
        "tone.m4a": "has no video stream",
    }.items():
        with pytest.raises(UnreadablePicture, match=reason):
            FilmSource(tmp_path / name)


def write_tone(path: Path) -> None:
    import av

    with av.open(str(path), "w", format="mp4") as out:
        audio = out.add_stream("aac", rate=48_000)
        samples = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
        samples.sample_rate, samples.pts = 48_000, 0
        out.mux(audio.encode(samples))
        out.mux(audio.encode(None))


def test_a_playlist_is_refused_whatever_its_name(tmp_path, photo) -> None:
    """ffmpeg would open the files that a playlist names."""
    write(tmp_path / "secret.mp4", pan(photo, 3))
    (tmp_path / "list.mp4").write_text("ffconcat version 1.0\nfile secret.mp4\n")
    lines = ["#EXTM3U", "#EXT-X-TARGETDURATION:1", "#EXTINF:1,", "secret.mp4", "#EXT-X-ENDLIST"]
    (tmp_path / "hls.mp4").write_text("\n".join(lines))
    for name in ("list.mp4", "hls.mp4"):
        with pytest.raises(UnreadablePicture, match="is not a film that can be read"):
            FilmSource(tmp_path / name)


def test_a_note_says_that_the_transparency_of_a_film_is_not_read(tmp_path, photo) -> None:
    frames = pan(photo, 3)
    transparent = write(tmp_path / "a.webm", frames, codec="libvpx-vp9", pixels="yuva420p")
    assert FilmSource(transparent).notes == [f"{transparent}: it is partly transparent; the transparency is not read"]
    assert near(FilmSource(transparent).first, frames[0], 8)
    assert FilmSource(write(tmp_path / "b.webm", frames, codec="libvpx-vp9")).notes == []
