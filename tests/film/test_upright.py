"""Orientation, size and time of the frames of all kinds of films, compared with the frames that ffmpeg shows."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise, product
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inceptionism.errors import UnreadablePicture
from inceptionism.film import FilmSource
from tests.support.films import ffmpeg, ffmpeg_frames, pan, probe, rotate_display, small_video, times, write

TURNS = [
    *((a, 0, 0, d) for a, d in product((1, -1), repeat=2)),
    *((0, b, c, 0) for b, c in product((1, -1), repeat=2)),
]


def compare(film: FilmSource, wanted: np.ndarray, tolerance: float = 1) -> None:
    frames = [frame.pixels.astype(float) for frame in film]
    assert [frame.shape for frame in frames] == [frame.shape for frame in wanted]
    for one, other in zip(frames, wanted, strict=True):
        assert np.abs(one - other).mean() < tolerance


@pytest.mark.parametrize("matrix", TURNS)
def test_every_turn_and_mirroring_is_that_of_ffmpeg(tmp_path, photo, matrix: tuple[int, int, int, int]) -> None:
    path = write(tmp_path / "a.mp4", pan(photo, 3))
    rotate_display(path, matrix)
    size = (44, 58) if matrix[0] else (58, 44)
    film = FilmSource(path)
    assert (film.size, film.notes) == (size, [])
    compare(film, ffmpeg_frames(path, size, "-sws_flags", "bicubic"))


def test_a_turn_by_a_free_angle_is_noted(tmp_path, photo) -> None:
    path = write(tmp_path / "a.mp4", pan(photo, 2))
    rotate_display(path, (0.5, 0.866, -0.866, 0.5))  # 60 degrees
    film = FilmSource(path)
    assert film.size == (58, 44)
    assert film.notes == [
        f"{path}: its rotation is not a multiple of 90 degrees; it is rotated by the nearest multiple"
    ]


def test_pixels_that_are_not_square_are_made_square_before_the_turn(tmp_path, photo) -> None:
    path = write(tmp_path / "a.mp4", pan(photo, 2), aspect=Fraction(3, 2))
    rotate_display(path)
    film = FilmSource(path)
    assert film.size == (87, 44)
    wanted = Image.fromarray(pan(photo, 1)[0]).resize((87, 44), Image.Resampling.BICUBIC).rotate(-90, expand=True)
    assert np.abs(film.first.astype(float) - np.asarray(wanted)).mean() < 8


def test_pixels_of_an_incredible_shape_count_as_square(tmp_path, photo) -> None:
    assert FilmSource(write(tmp_path / "a.mp4", pan(photo, 2), aspect=Fraction(1, 60000))).size == (44, 58)


@pytest.mark.parametrize("codec", ["mpeg2video", "libx264"])
def test_interlaced_frames_are_deinterlaced(tmp_path, photo, codec: str) -> None:
    still = np.ascontiguousarray(photo[:64, :64])
    moving = [np.roll(still, 3 * n, 1) for n in range(12)]
    source = write(tmp_path / "source.mkv", moving, codec="ffv1", pixels="bgr0", options={})
    path = tmp_path / "a.mkv"
    flags = ["-flags", "+ilme+ildct", "-top", 1, "-q:v", 1, "-bf", 0]
    x264 = ["-x264-params", "tff=1:crf=1"] if codec == "libx264" else []
    ffmpeg("-i", source, "-vf", "tinterlace=interleave_top,format=yuv420p", "-c:v", codec, *flags, *x264, path)
    film = FilmSource(path)
    filters = ["-vf", "bwdif=mode=send_frame:deint=interlaced", "-sws_flags", "bicubic"]
    compare(film, ffmpeg_frames(path, (64, 64), *filters), 2)
    assert film.notes == [f"{path}: its frames are interlaced; they are deinterlaced"]
    woven = ffmpeg_frames(path, (64, 64))
    rows = np.abs(np.diff(film.first.astype(float), axis=0)).mean()
    assert rows < 0.8 * np.abs(np.diff(woven[0].astype(float), axis=0)).mean()  # the comb is gone
    assert [frame.time for frame in film] == [Fraction(time).limit_denominator(1000) for time in times(path)]


def test_frames_whose_size_changes_keep_their_shape(tmp_path, photo) -> None:
    path = tmp_path / "a.ts"
    first = write(tmp_path / "1.ts", pan(photo, 4, 44, 58)).read_bytes()
    path.write_bytes(first + write(tmp_path / "2.ts", [photo[:40, :20]] * 4).read_bytes())
    film = FilmSource(path)
    frames = list(film)
    assert len(frames) == 8
    assert {frame.pixels.shape for frame in frames} == {(44, 58, 3)}
    assert [note.partition(": ")[2] for note in film.notes] == [
        "its frames change from 44×58 to 40×20 pixels; frames of another size are fitted into the size of the first "
        "frame"
    ]
    last = frames[-1].pixels
    assert last[:, :18].max() == last[:, 40:].max() == 0
    wanted = Image.fromarray(photo[:40, :20]).resize((22, 44), Image.Resampling.BICUBIC)
    assert np.abs(last[:, 18:40].astype(float) - np.asarray(wanted)).mean() < 8


def test_a_film_that_begins_late_keeps_its_distance_to_the_sound(tmp_path, photo, tiny) -> None:
    plain = write(tmp_path / "a.mp4", pan(photo, 6), sound="aac")
    path = tmp_path / "late.mkv"
    ffmpeg("-i", plain, "-itsoffset", 0.5, "-i", plain, "-map", "0:a", "-map", "1:v", "-c", "copy", path)
    first = next(iter(FilmSource(path)))
    assert float(first.time) == pytest.approx(0.5, abs=0.03)
    small_video(path, tiny).save(tmp_path / "out.mp4")
    starts = [float(stream["start_time"]) for stream in probe(tmp_path / "out.mp4")["streams"]]
    assert starts[0] - starts[1] == pytest.approx(0.5, abs=0.03)


def test_a_film_whose_times_begin_late_begins_at_zero(tmp_path, photo) -> None:
    path = tmp_path / "late.ts"
    ffmpeg("-i", write(tmp_path / "a.mp4", pan(photo, 6)), "-c", "copy", "-output_ts_offset", 3600, path)
    assert [round(float(frame.time) * 12, 3) for frame in FilmSource(path)] == [0, 1, 2, 3, 4, 5]


def test_frames_before_the_beginning_of_an_edit_list_are_left_out(tmp_path, photo) -> None:
    plain = write(tmp_path / "a.mp4", pan(photo, 12), options={"crf": "1", "g": "12", "bf": "2"})
    path = tmp_path / "cut.mp4"
    ffmpeg("-ss", 0.4, "-i", plain, "-c", "copy", path)
    wanted = ffmpeg_frames(path, (44, 58), "-sws_flags", "bicubic")
    assert len(wanted) < 12
    film = FilmSource(path)
    compare(film, wanted)
    assert all(one.time < other.time for one, other in pairwise(film))


def test_the_main_video_stream_is_dreamed_and_all_sound_is_kept(tmp_path, photo, tiny) -> None:
    small = write(tmp_path / "small.mp4", [photo[:20, :30]] * 6)
    large = write(tmp_path / "large.mp4", pan(photo, 6), sound="aac")
    path = tmp_path / "two.mkv"
    maps = ["-map", "0:v", "-map", "1:v", "-map", "1:a", "-map", "1:a"]
    maps += ["-disposition:v:0", "0", "-disposition:v:1", "default"]
    ffmpeg("-i", small, "-i", large, *maps, "-c", "copy", path)
    film = FilmSource(path)
    assert film.size == (44, 58)
    assert film.notes == [f"{path}: it has 2 video streams; stream 1 is dreamed"]
    small_video(path, tiny).save(tmp_path / "out.mp4")
    assert [one["codec_type"] for one in probe(tmp_path / "out.mp4")["streams"]] == ["video", "audio", "audio"]


def test_a_cover_picture_is_not_the_film(tmp_path, photo) -> None:
    Image.fromarray(photo[:30, :40]).save(tmp_path / "cover.png")
    plain = write(tmp_path / "a.mp4", pan(photo, 6), sound="aac")
    path, song = tmp_path / "covered.mp4", tmp_path / "song.mp4"
    for maps, out in ((["-map", "1", "-map", "0"], path), (["-map", "1", "-map", "0:a"], song)):
        ffmpeg("-i", plain, "-i", tmp_path / "cover.png", *maps, "-c", "copy", "-disposition:v:0", "attached_pic", out)
    film = FilmSource(path)
    assert (film.size, len(list(film)), film.notes) == ((44, 58), 6, [])
    with pytest.raises(UnreadablePicture, match="has no video stream"):
        FilmSource(song)


@pytest.mark.parametrize("name", ["a.h264", "a.mkv"])
def test_a_film_without_a_duration_is_read(tmp_path, photo, name: str) -> None:
    plain = write(tmp_path / "plain.mp4", pan(photo, 6), options={"crf": "1", "bf": "0"})
    path = tmp_path / name
    container = ["-bsf:v", "h264_mp4toannexb", "-f", "h264"] if name == "a.h264" else ["-f", "matroska"]
    path.write_bytes(ffmpeg("-i", plain, "-c", "copy", *container, "-"))
    film = FilmSource(path)
    compare(film, ffmpeg_frames(path, (44, 58), "-sws_flags", "bicubic"))
    times = [frame.time for frame in film]
    assert len(times) == 6
    assert all(one < other for one, other in pairwise(times))


def test_a_film_that_is_cut_anywhere_is_read_or_refused(tmp_path, photo) -> None:
    plain = write(tmp_path / "plain.mp4", pan(photo, 3), sound="aac")
    ffmpeg("-i", plain, "-c", "copy", "-movflags", "+faststart", tmp_path / "fast.mp4")
    content = (tmp_path / "fast.mp4").read_bytes()
    path = tmp_path / "cut.mp4"
    header = content.index(b"mdat")
    results = []
    for end in [*range(1, header, 31), *range(header, len(content), len(content) // 50)]:
        path.write_bytes(content[:end])
        results.append(readable(path))
    assert results.count(True) > 10
    assert results.count(False) > 10


def readable(path: Path) -> bool:
    try:
        return len(list(FilmSource(path))) > 0
    except UnreadablePicture:
        return False
