"""XMP packets in GIF and MP4 files. Other programs write the files, and other programs read them again."""

from __future__ import annotations

import io
from contextlib import suppress
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageSequence

from inceptionism.io.recipes import read_recipe
from inceptionism.io.xmp import write_packet
from inceptionism.io.xmp_containers import boxes, gif_packet, mp4_packet, put_mp4_packet, with_gif_packet
from inceptionism.recipes import ClassRecipe
from tests.support.exiftool import needs_exiftool, tags

RECIPE = ClassRecipe(target="banana", label="banana").to_json()
PACKET = write_packet(RECIPE, "banana")


def gif(count: int = 5, **options: object) -> bytes:
    """Return the bytes of a GIF of noise with `count` frames, saved with options of Pillow."""
    random = np.random.default_rng(0)
    frames = [Image.fromarray(random.integers(0, 256, (21, 34, 3), np.uint8)) for _ in range(count)]
    buffer = io.BytesIO()
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], **options)
    return buffer.getvalue()


def frames_of(content: bytes) -> list[tuple[bytes, object]]:
    """Return the pixels and the duration of each frame of a GIF."""
    with Image.open(io.BytesIO(content)) as image:
        return [(frame.convert("RGB").tobytes(), frame.info.get("duration")) for frame in ImageSequence.Iterator(image)]


@pytest.mark.parametrize("options", [{"loop": 0, "duration": 70}, {"duration": 40, "comment": b"by hand"}, {}])
@pytest.mark.parametrize("count", [1, 5])
def test_a_gif_keeps_its_pictures_and_gains_a_packet(tmp_path, options: dict, count: int) -> None:
    plain = gif(count, **options)
    assert gif_packet(plain) is None
    content = with_gif_packet(plain, PACKET)
    assert gif_packet(content) == PACKET
    assert frames_of(content) == frames_of(plain)
    with Image.open(io.BytesIO(content)) as image, Image.open(io.BytesIO(plain)) as before:
        assert image.info.get("loop") == before.info.get("loop")
    again = with_gif_packet(content, b"another")
    assert gif_packet(again) == b"another"
    assert len(again) == len(plain) + len(b"another") + 14 + 258
    (tmp_path / "a.gif").write_bytes(content)
    assert read_recipe(tmp_path / "a.gif") == RECIPE


@needs_exiftool
def test_exiftool_reads_the_packet_of_an_animation(tmp_path) -> None:
    (tmp_path / "a.gif").write_bytes(with_gif_packet(gif(loop=0), PACKET))
    written = tags(tmp_path / "a.gif")
    assert (written["XMP:Subject"], written["XMP:Title"]) == ("deepdream", "banana")
    assert str(written["XMP:CreatorTool"]).startswith("inceptionism")
    assert written["GIF:FrameCount"] == 5


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=3000).map(str.encode))
def test_any_packet_is_read_back_from_a_gif(packet: bytes) -> None:
    assert gif_packet(with_gif_packet(SMALL, packet)) == packet


SMALL = gif(2)


@pytest.fixture
def film(tmp_path) -> Path:
    """An MP4 of six frames that OpenCV wrote."""
    path = tmp_path / "film.mp4"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"mp4v"), 24, (64, 48))
    random = np.random.default_rng(0)
    for _ in range(6):
        writer.write(cv2.resize(random.integers(0, 256, (6, 8, 3), np.uint8), (64, 48)))
    writer.release()
    return path


def decoded(path: Path) -> list[np.ndarray]:
    """Return the frames of a film, as OpenCV reads them."""
    reader = cv2.VideoCapture(str(path))
    frames = []
    while True:
        success, frame = reader.read()
        if not success:
            return frames
        frames.append(frame)


@needs_exiftool
def test_a_film_keeps_its_frames_and_gains_a_packet(film) -> None:
    before, plain = decoded(film), film.read_bytes()
    assert read_recipe(film) is None
    put_mp4_packet(film, PACKET)
    assert read_recipe(film) == RECIPE
    written = tags(film)
    assert (written["XMP:Subject"], written["XMP:Title"]) == ("deepdream", "banana")
    assert str(written["XMP:CreatorTool"]).startswith("inceptionism")
    assert film.read_bytes().startswith(plain)
    np.testing.assert_array_equal(decoded(film), before)
    assert len(before) == 6
    put_mp4_packet(film, write_packet(RECIPE, "another"))
    assert tags(film)["XMP:Title"] == "another"
    np.testing.assert_array_equal(decoded(film), before)


@needs_exiftool
def test_a_film_from_a_camera_gains_a_packet(shared, tmp_path) -> None:
    path = tmp_path / "clip.mp4"
    path.write_bytes((shared / "videos" / "one_second_clip.mp4").read_bytes())
    before = tags(path)
    put_mp4_packet(path, PACKET)
    after = tags(path)
    assert after["XMP:Title"] == "banana"
    assert {name: after[name] for name in before if name.startswith("QuickTime:Media")} == {
        name: value for name, value in before.items() if name.startswith("QuickTime:Media")
    }


def test_a_last_box_without_a_length_gets_one(film) -> None:
    """Programs that cannot seek back write a length of 0, which means "to the end of the file"."""
    content = film.read_bytes()
    with film.open("rb") as file:
        last = list(boxes(file))[-1]
    film.write_bytes(content[: last.start] + bytes(4) + content[last.start + 4 :])
    put_mp4_packet(film, PACKET)
    with film.open("rb") as file:
        assert mp4_packet(file) == PACKET
        assert [box.kind for box in boxes(file)][-2:] == [last.kind, b"uuid"]


@given(st.binary(max_size=200))
def test_a_damaged_file_is_refused_or_has_no_packet(content: bytes) -> None:
    with suppress(IndexError, ValueError):
        assert gif_packet(b"GIF89a" + content) is None
    with suppress(ValueError):
        assert mp4_packet(io.BytesIO(b"\0\0\0\x14ftypisom\0\0\0\0isom" + content)) is None
