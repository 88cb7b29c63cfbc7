"""Masks that change from frame to frame."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.film.reader import FilmSource
from tests.support.command import dream
from tests.support.films import pan, write

SMALL = {"layer": "first", "octaves": 2, "jitter": 4}


@pytest.fixture
def film(tmp_path: Path, photo: np.ndarray) -> Path:
    return write(tmp_path / "a.mp4", pan(photo, 8))


def moving_masks(count: int = 8, height: int = 22, width: int = 29) -> list[np.ndarray]:
    """Return masks, H×W×3, whose white part moves from the left half to the right half. The one at 2 is black."""
    masks = []
    for number in range(count):
        mask = np.zeros((height, width, 3), np.uint8)
        mask[:, : width // 2 if number < 4 else width] = 255
        mask[:, : 0 if number < 4 else width // 2] = 0
        masks.append(mask * (number != 2))
    return masks


def save_masks(folder: Path, masks: list[np.ndarray], kind: str) -> Path:
    """Write masks as a lossless film, an animated WebP, or a folder of pictures with transparency, and return it."""
    if kind == "film":
        return write(folder / "masks.mkv", masks, codec="ffv1", pixels="bgr0", options={"level": "3"})
    images = [Image.fromarray(mask) for mask in masks]
    if kind == "webp":
        images[0].save(folder / "masks.webp", save_all=True, append_images=images[1:], duration=83, lossless=True)
        return folder / "masks.webp"
    (folder / "masks").mkdir()
    for number, image in enumerate(images):
        cut_out = Image.new("RGBA", image.size, "white")
        cut_out.putalpha(image.convert("L"))
        cut_out.save(folder / "masks" / f"{number}.png")
    return folder / "masks"


@pytest.mark.parametrize("kind", ["film", "webp", "folder"])
def test_each_frame_is_dreamed_only_inside_its_own_mask(tmp_path, film, tiny, kind: str) -> None:
    mask = save_masks(tmp_path, moving_masks(), kind)
    run = inc.video(film, network=tiny, mask=mask, **SMALL)
    dreamed = [np.asarray(frame.image).astype(int) for frame in run]
    change = [np.abs(one - source.pixels).mean(-1) for one, source in zip(dreamed, FilmSource(film), strict=True)]
    # The dream of the smaller octave reaches a few pixels beyond the border between black and white. Elsewhere, only
    # pixels change that are clipped in this octave.
    for number, one in enumerate(change):
        left, right = one[:, :20], one[:, 38:]
        inside, outside = (left, right) if number < 4 else (right, left)
        assert outside.mean() < 0.1
        assert (inside.mean() > 1) == (number != 2)
    assert run.recipe.mask == str(mask)
    assert set(run.recipe.made_with.pictures) == {str(mask)}
    assert run.notes == []


def test_a_mask_film_dreams_as_strongly_as_a_picture_with_the_same_mask(tmp_path, film, tiny) -> None:
    mask = moving_masks()[0]
    Image.fromarray(mask).save(tmp_path / "mask.png")
    path = save_masks(tmp_path, [mask] * 8, "film")
    still = next(iter(inc.video(film, network=tiny, mask=tmp_path / "mask.png", **SMALL))).picture
    moving = next(iter(inc.video(film, network=tiny, mask=path, **SMALL))).picture
    assert (still - moving).abs().max() < 1e-5


def test_the_last_mask_is_used_for_the_rest_of_the_film_with_a_note(tmp_path, film, tiny) -> None:
    path = save_masks(tmp_path, moving_masks()[4:6], "film")
    run = inc.video(film, network=tiny, mask=path, **SMALL)
    frames = [np.asarray(frame.image).astype(int) for frame in run]
    change = [np.abs(one - source.pixels).mean(-1) for one, source in zip(frames, FilmSource(film), strict=True)]
    assert all(one[:, :20].mean() < 0.1 and one[:, 38:].mean() > 1 for one in change)
    assert run.notes == [f"{path} ends before the film; its last mask stays to the end"]


def test_a_video_with_masks_resumes_and_replays_with_the_same_frames(tmp_path, film, tiny) -> None:
    mask = save_masks(tmp_path, moving_masks(5), "webp")
    whole = [frame.picture for frame in inc.video(film, network=tiny, mask=mask, **SMALL)]
    run = inc.video(film, network=tiny, mask=mask, **SMALL)
    stream = iter(run)
    for _ in range(6):
        next(stream)
    again = inc.video(film, network=tiny, mask=mask, **SMALL)
    again.resume_at(6, run.state())
    assert all(torch.equal(one.picture, other) for one, other in zip(again, whole[6:], strict=True))
    inc.video(film, network=tiny, mask=mask, **SMALL).save(tmp_path / "out.mp4")
    replayed = inc.replay_film(tmp_path / "out.mp4", film, pictures=[mask], network=tiny)
    assert all(torch.equal(one.picture, other) for one, other in zip(replayed, whole, strict=True))
    with pytest.raises(inc.InvalidSetting, match=r"opens only files that you pass: add --picture masks\.webp"):
        inc.replay_film(tmp_path / "out.mp4", film, network=tiny)


def test_masks_that_cannot_be_read_are_refused(tmp_path, film, tiny) -> None:
    (tmp_path / "text.txt").write_text("no mask")
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    (tmp_path / "empty").mkdir()
    for name in ("text.txt", "broken.png", "empty", "missing.mp4", "missing.png"):
        with pytest.raises(inc.UnreadablePicture, match=name):
            inc.video(film, network=tiny, mask=tmp_path / name, **SMALL)


def test_the_command_takes_a_film_as_mask(tmp_path, film) -> None:
    mask = save_masks(tmp_path, moving_masks(), "film")
    options = ("--layer", "blocks.1", "--octaves", 1, "--steps", 1, "--first-steps", 1)
    done = dream("video", film.name, "out.mp4", *options, "--mask", mask.name, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    recipe = inc.load_recipe(tmp_path / "out.mp4")
    assert recipe.mask == "masks.mkv"
    done = dream("replay", "out.mp4", film.name, "--picture", mask.name, "-o", "again.mp4", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "again.mp4").read_bytes() == (tmp_path / "out.mp4").read_bytes()
