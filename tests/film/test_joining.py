"""Finished films: every format is read back by other programs, with its frames, times, sound and recipe."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

from inceptionism.errors import CannotWrite
from inceptionism.film import joining
from inceptionism.io import put_packet
from inceptionism.io.recipes import read_recipe
from inceptionism.recipes import Recipe
from tests.support.exiftool import needs_exiftool, tags
from tests.support.films import decoded, pan, probe, saved_frames, small_video, small_zoom, times, write

ENDINGS = [".mp4", ".webm", ".gif", ".webp", ""]
MAX_DIFFERENCES = {".gif": 12, "": 0}
"""Largest mean difference between a frame and the decoded frame, in gray levels. For other formats, it is 7."""


def first_file(path: Path) -> Path:
    """Return the film, or the first frame of a folder of PNGs."""
    return path if path.suffix else path / "000000.png"


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_format_holds_the_frames_and_the_recipe(tmp_path, photo, tiny, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    run = small_zoom(photo, tiny)
    run.save(path)
    frames = [np.asarray(frame.image).astype(float) for frame in small_zoom(photo, tiny)]
    saved = saved_frames(path)
    assert len(saved) == 12
    for one, other in zip(saved, frames, strict=True):
        assert np.abs(one - other).mean() <= MAX_DIFFERENCES.get(ending, 7)
        assert np.abs((one - other).mean((0, 1))).max() <= 3  # the mean color is kept
    assert Recipe.from_json(read_recipe(first_file(path))) == run.recipe
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@needs_exiftool
@pytest.mark.parametrize("ending", ENDINGS)
def test_a_film_that_ends_after_its_first_frame_holds_the_frame_and_the_recipe(tmp_path, photo, tiny, ending) -> None:
    def stop(*_: object) -> None:
        raise StopIteration

    path = tmp_path / f"out{ending}"
    run = small_zoom(photo, tiny, size=(43, 57))
    run.save(path, on_frame=stop)
    (saved,) = saved_frames(path)
    expected = np.asarray(next(iter(small_zoom(photo, tiny, size=(43, 57)))).image).astype(float)
    assert np.abs(saved - expected).mean() <= MAX_DIFFERENCES.get(ending, 7)
    assert Recipe.from_json(read_recipe(first_file(path))) == run.recipe
    found = tags(first_file(path))
    assert found["Composite:ImageSize"].split() == [str(run.size[1]), str(run.size[0])]
    assert not [name for name in found if "Warning" in name]


@pytest.mark.parametrize("options", [{"lossless": True}, {"quality": 50}, {"lossless": True, "exact": True}])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_a_simple_webp_becomes_an_extended_one_with_the_same_pixels(tmp_path, photo, mode, options) -> None:
    image = Image.fromarray(photo).convert(mode)
    if mode == "RGBA":
        image.putalpha(77)
    image.save(tmp_path / "a.webp", **options)
    before = np.asarray(Image.open(tmp_path / "a.webp"))
    put_packet(tmp_path / "a.webp", b"<x:xmpmeta/>")
    with Image.open(tmp_path / "a.webp") as after:
        assert after.size == image.size
        assert after.info["xmp"] == b"<x:xmpmeta/>"
        assert np.array_equal(np.asarray(after), before)


def test_ffprobe_reads_the_codecs_the_length_and_the_title(tmp_path, photo, tiny) -> None:
    small_zoom(photo, tiny).save(tmp_path / "out.mp4")
    description = probe(tmp_path / "out.mp4")
    (stream,) = description["streams"]
    assert (stream["codec_name"], stream["pix_fmt"], stream["color_space"]) == ("h264", "yuv420p", "bt709")
    assert (stream["avg_frame_rate"], stream["nb_read_frames"]) == ("5/1", "12")
    assert float(description["format"]["duration"]) == pytest.approx(2.4)
    assert description["format"]["tags"]["title"] == small_zoom(photo, tiny).title
    content = (tmp_path / "out.mp4").read_bytes()
    assert content.index(b"moov") < content.index(b"mdat")  # browsers can play the film while they load it
    small_zoom(photo, tiny).save(tmp_path / "out.webm")
    assert probe(tmp_path / "out.webm")["streams"][0]["codec_name"] == "vp9"
    small_zoom(photo, tiny).save(tmp_path / "out.gif")
    assert probe(tmp_path / "out.gif")["streams"][0]["nb_read_frames"] == "12"


@needs_exiftool
@pytest.mark.parametrize("ending", [".mp4", ".gif", ".webp"])
def test_exiftool_reads_title_software_and_keyword(tmp_path, photo, tiny, ending: str) -> None:
    run = small_zoom(photo, tiny)
    run.save(tmp_path / f"out{ending}")
    found = tags(tmp_path / f"out{ending}")
    assert (found["XMP:Subject"], found["XMP:Title"]) == ("deepdream", run.title)
    assert str(found["XMP:CreatorTool"]).startswith("inceptionism")


@pytest.mark.parametrize("ending", [".gif", ".webp"])
def test_animations_repeat_forever_at_their_frame_rate(tmp_path, photo, tiny, ending: str) -> None:
    small_zoom(photo, tiny).save(tmp_path / f"out{ending}")
    with Image.open(tmp_path / f"out{ending}") as image:
        assert image.info["loop"] == 0
        image.seek(3)
        image.load()
        assert image.info["duration"] == 200


@pytest.mark.parametrize(
    ("ending", "sound", "expected"),
    [(".mp4", "aac", "aac"), (".mp4", "pcm_s16le", "aac"), (".webm", "libopus", "opus"), (".webm", "aac", "opus")],
)
def test_sound_and_uneven_times_are_kept(tmp_path, photo, tiny, ending: str, sound: str, expected: str) -> None:
    frame_times = [0, 1, 4, 5, 9, 10, 11, 14]
    film = write(tmp_path / "in.mkv", pan(photo, 8), times=frame_times, sound=sound, aspect=Fraction(4, 3))
    small_video(film, tiny).save(tmp_path / f"out{ending}")
    assert times(tmp_path / f"out{ending}") == pytest.approx([time / 12 for time in frame_times], abs=0.002)
    streams = {stream["codec_type"]: stream for stream in probe(tmp_path / f"out{ending}")["streams"]}
    assert streams["audio"]["codec_name"] == expected
    assert (streams["video"]["width"], streams["video"]["height"]) == (78, 44)  # 58 × 4/3, made even
    with av.open(str(tmp_path / f"out{ending}")) as out:
        samples = np.concatenate([frame.to_ndarray()[0] for frame in out.decode(audio=0)])
    spectrum = np.abs(np.fft.rfft(samples[12_000:36_000].astype(float)))
    assert spectrum.argmax() == pytest.approx(24_000 / 20 / 2 / np.pi, abs=2)


@pytest.mark.parametrize("ending", [".mp4", ".webm"])
def test_the_intact_parts_of_damaged_sound_are_kept(tmp_path, photo, tiny, ending: str) -> None:
    film = write(tmp_path / "in.ts", pan(photo, 24), sound="aac")
    content = bytearray(film.read_bytes())
    content[len(content) * 2 // 3 : len(content) * 2 // 3 + 1000] = bytes(1000)
    film.write_bytes(content[:-777])
    small_video(film, tiny).save(tmp_path / f"out{ending}")
    with av.open(str(tmp_path / f"out{ending}")) as out:
        packets = [packet for packet in out.demux(audio=0) if packet.size]
    assert len(packets) * 960 > 48_000
    assert 12 < len(decoded(tmp_path / f"out{ending}")) <= 24


def test_an_odd_size_is_made_even_only_for_formats_that_need_it(tmp_path, photo, tiny) -> None:
    film = write(tmp_path / "in.mkv", pan(photo, 3, 43, 57), pixels="yuv444p")
    for ending, size in {".mp4": (44, 58), ".webp": (43, 57), "": (43, 57)}.items():
        small_video(film, tiny).save(tmp_path / f"out{ending}")
        assert saved_frames(tmp_path / f"out{ending}")[0].shape[:2] == size


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_film_without_metadata_has_no_recipe(tmp_path, photo, tiny, ending: str) -> None:
    path = tmp_path / f"out{ending}"
    small_zoom(photo, tiny).save(path, metadata=False)
    assert read_recipe(first_file(path)) is None
    assert b"inceptionism" not in first_file(path).read_bytes()
    assert b"deepdream" not in first_file(path).read_bytes()


def test_a_full_disk_is_not_reported_as_a_fault_of_the_source_film(tmp_path, photo, tiny, monkeypatch) -> None:
    run = small_video(write(tmp_path / "in.mp4", pan(photo, 4), sound="aac"), tiny)

    def full(*arguments: object, **options: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(joining.heapq, "merge", full)
    with pytest.raises(CannotWrite, match=r"out\.mp4 cannot be written: No space left on device"):
        run.save(tmp_path / "out.mp4")


def test_sound_that_is_gone_at_the_end_is_reported_with_the_path_of_its_film(tmp_path, photo, tiny) -> None:
    film = write(tmp_path / "in.mp4", pan(photo, 9), sound="aac")
    whole = tmp_path / "whole.mp4"
    small_video(film, tiny).save(whole)
    run = small_video(film, tiny)
    reason = r"the sound of .*in\.mp4 cannot be read: No such file or directory; the film so far is kept in .*\.parts"
    with pytest.raises(CannotWrite, match=reason):
        run.save(tmp_path / "out.mp4", on_frame=lambda frame: frame.number == 8 and film.rename(tmp_path / "away.mp4"))
    (tmp_path / "away.mp4").rename(film)
    small_video(film, tiny).save(tmp_path / "out.mp4", resume=True)
    assert (tmp_path / "out.mp4").read_bytes() == whole.read_bytes()
