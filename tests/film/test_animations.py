"""Animations and folders of pictures are read as films, also if this program has written them."""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting, NameTaken, UnreadablePicture
from inceptionism.film import FilmSource, replay_film
from tests.support.films import decoded, pan, small_video, small_zoom, times, write


def near(one: np.ndarray, other: np.ndarray, tolerance: float) -> bool:
    return one.shape == other.shape and bool(np.abs(one.astype(float) - other).mean() < tolerance)


@pytest.mark.parametrize(("ending", "tolerance"), [(".webp", 7), (".gif", 12), (".png", 0.01)])
def test_an_animation_is_read_with_its_times(tmp_path, photo, ending: str, tolerance: float) -> None:
    frames = pan(photo, 5)
    path = tmp_path / f"a{ending}"
    first, *others = map(Image.fromarray, frames)
    first.save(path, save_all=True, append_images=others, duration=[100, 50, 200, 100, 70], quality=95)
    film = FilmSource(path)
    read = list(film)
    assert [float(frame.time) for frame in read] == pytest.approx([0, 0.1, 0.15, 0.35, 0.45], abs=0.002)
    assert all(near(one.pixels, other, tolerance) for one, other in zip(read, frames, strict=True))
    assert (film.size, film.notes) == ((44, 58), [])
    assert float(film.fps) == pytest.approx(5 / 0.52, rel=0.2)


@pytest.mark.parametrize("ending", [".webp", ".gif", ""])
def test_a_film_that_was_written_can_be_dreamed_again(tmp_path, photo, tiny, ending: str) -> None:
    path = tmp_path / f"zoom{ending}"
    small_zoom(photo, tiny, seconds=1).save(path)
    run = small_video(path, tiny)
    assert (float(run.fps), run.total, run.notes) == (5, 5, [])
    run.save(tmp_path / "out.mp4")
    assert len(decoded(tmp_path / "out.mp4")) == 5
    assert times(tmp_path / "out.mp4") == pytest.approx([0, 0.2, 0.4, 0.6, 0.8])


def test_a_folder_of_pictures_is_read_in_the_order_of_the_numbers(tmp_path, photo, tiny) -> None:
    frames = pan(photo, 11)
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(frames):
        Image.fromarray(frame).save(folder / f"frame{number + 1}.png")
    (folder / ".notes.txt").write_text("not a picture")
    (folder / ".frame0.png").write_text("hidden")
    os.mkfifo(folder / "frame0.png")
    film = FilmSource(folder)
    assert all(np.array_equal(one.pixels, other) for one, other in zip(film, frames, strict=True))
    assert (film.fps, film.count, film.sound) == (24, 11, None)
    assert film.notes == [
        f"{folder}: its pictures have no rate; they are shown at 24 per second, and fps sets another rate"
    ]
    assert len(film.sha256()) == 64  # a pipe would make this wait for ever
    film = FilmSource(folder, 12.5)
    assert [frame.time for frame in film] == [Fraction(2 * number, 25) for number in range(11)]
    assert film.notes == []
    (folder / "frame3.png").write_bytes(b"damaged")
    film = FilmSource(folder, 10)
    assert [frame.time * 10 for frame in film] == [0, 1, *range(3, 11)]
    assert film.notes[0].startswith(f"{folder}: a frame is left out: {folder / 'frame3.png'} is not a picture")


def test_transparent_pixels_become_white(tmp_path, photo) -> None:
    pixels = np.dstack([photo, np.full(photo.shape[:2], 255, np.uint8)])
    pixels[:40, :30, 3] = 0
    folder = tmp_path / "frames"
    folder.mkdir()
    Image.fromarray(pixels).save(folder / "1.png")
    wanted = np.where(pixels[..., 3:] > 0, photo, 255)
    assert np.array_equal(FilmSource(folder).first, wanted)


def test_the_rate_of_a_folder_is_a_setting_of_the_recipe(tmp_path, photo, tiny) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(pan(photo, 3)):
        Image.fromarray(frame).save(folder / f"{number}.webp", lossless=True)
    run = inc.video(folder, network=tiny, layer="first", octaves=1, fps=8)
    run.save(tmp_path / "out.mp4")
    assert times(tmp_path / "out.mp4") == [0, 0.125, 0.25]
    again = replay_film(tmp_path / "out.mp4", folder, network=tiny)
    assert (again.fps, again.notes) == (8, [])
    film = write(tmp_path / "in.mp4", pan(photo, 3))
    with pytest.raises(InvalidSetting, match=r"fps is the rate of a folder of pictures; .*in\.mp4 has its own rate"):
        inc.video(film, network=tiny, layer="first", fps=8)


def test_a_folder_is_not_replaced_by_its_dream(tmp_path, photo, tiny) -> None:
    folder = tmp_path / "frames"
    small_zoom(photo, tiny, seconds=0.4).save(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    with pytest.raises(NameTaken, match="frames is the film to dream; choose another name"):
        small_video(folder, tiny).save(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_a_path_that_is_no_film_is_refused_with_advice(tmp_path, photo) -> None:
    Image.fromarray(photo).save(tmp_path / "still.webp")
    (tmp_path / "empty").mkdir()
    for path, reason in {
        tmp_path / "still.webp": "is a picture, not a film; dream it with `dream photo`",
        tmp_path / "empty": "is a folder without pictures; give a film, or a folder of frames",
        Path("-"): "standard input is not read; save it in a file, and give the file",
        Path("https://example.org/a.mp4"): "is an address, not a file; download the file first",
        Path("x" * 300): "is not a film that can be read: File name too long",
    }.items():
        with pytest.raises(UnreadablePicture, match=reason):
            FilmSource(path)


def test_a_video_that_is_closed_early_has_the_notes_about_its_frames(tmp_path, photo, tiny) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    for number, frame in enumerate(pan(photo, 8)):
        Image.fromarray(frame).save(folder / f"{number}.png")
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:200])
    run = small_video(folder, tiny)
    frames = iter(run)
    next(frames), next(frames)
    run.close()
    assert "a frame is left out" in run.notes[-1]


def test_a_folder_may_hold_pictures_of_any_format_and_other_files_are_named(tmp_path, photo) -> None:
    folder = tmp_path / "frames"
    folder.mkdir()
    frames = pan(photo, 5)
    for number, (frame, ending) in enumerate(zip(frames, ("tif", "BMP", "png", "tga", "ppm"), strict=True)):
        Image.fromarray(frame).save(folder / f"frame{number}.{ending}")
    for name in ("sound.wav", ".hidden", "a.txt", "b.txt", "c.txt"):
        (folder / name).write_text("no picture")
    film = FilmSource(folder, 12)
    (note,) = [note for note in film.notes if "left out" in note]
    assert note.endswith(
        "frames: files whose names have no ending of a picture are left out: 'a.txt', 'b.txt', 'c.txt', …"
    )
    read = [frame.pixels for frame in film]
    assert len(read) == 5
    assert all(np.array_equal(one, other) for one, other in zip(read, frames, strict=True))
