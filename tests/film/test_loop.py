"""Zooms that end where they begin, that are slower than the camera, and that are played backward."""

from __future__ import annotations

import json
from itertools import pairwise
from math import sqrt

import cv2
import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.film.in_between import picture_between
from inceptionism.film.loop import coverage, seen_from
from inceptionism.film.warp import compose, invert, warp_by_camera
from inceptionism.recipes import Recipe
from inceptionism.recipes.camera import Camera
from inceptionism.tensors import to_picture
from tests.support.films import probe, saved_frames, small_zoom


def distance(one: torch.Tensor, other: torch.Tensor) -> float:
    """Return the mean difference of two pictures, in gray levels."""
    return (one - other).abs().mean().item() * 255


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"speed": 0.5},
        {"speed": 0.37},
        {"zoom": 0.6, "rotation": 30},
        {"zoom": 1, "drift": (0.1, 0.2)},
        {"zoom": 2.5, "toward": (0.2, 0.9)},
    ],
)
def test_the_last_frame_of_a_loop_leads_to_the_first_like_every_frame_to_the_next(photo, tiny, settings) -> None:
    run = small_zoom(photo, tiny, loop=True, seconds=4, **settings)
    frames = [frame.picture for frame in run]
    assert len(frames) == 20
    steps = [distance(one, other) for one, other in pairwise(frames)]
    assert distance(frames[-1], frames[0]) < 1.2 * max(steps)
    # Along the camera's movement, the step from the last frame to the first is as small as the steps in the middle.
    speed = run.recipe.speed
    camera = Camera(run.recipe.zoom**speed, run.recipe.rotation * speed, run.recipe.toward, run.recipe.drift)
    moved = [warp_by_camera(one, camera.matrix(44, 58, 1 / 5)) for one in frames]
    inner = (..., slice(12, -12), slice(12, -12))
    along = [distance(one[inner], other[inner]) for one, other in zip(moved, [*frames[1:], frames[0]], strict=True)]
    assert along[-1] < 1.5 * max(along[:-1])


def test_without_a_loop_the_last_frame_is_far_from_the_first(photo, tiny) -> None:
    frames = [frame.picture for frame in small_zoom(photo, tiny, seconds=4)]
    assert distance(frames[-1], frames[0]) > 2 * max(distance(one, other) for one, other in pairwise(frames))


def test_a_loop_dreams_as_much_as_a_zoom_before_it_returns(photo, tiny) -> None:
    looped, plain = (
        [frame.picture for frame in small_zoom(photo, tiny, seconds=4, loop=loop)] for loop in (True, False)
    )
    assert all(torch.equal(one, other) for one, other in zip(looped[:10], plain[:10], strict=True))
    assert not torch.equal(looped[14], plain[14])


def test_a_picture_in_the_distance_has_its_place_and_no_aliases(photo) -> None:
    photo = np.ascontiguousarray(photo[:64, :64])
    picture = to_picture(photo, torch.device("cpu"))
    height, width = picture.shape[-2:]
    place = invert(Camera(4.0, toward=(0.25, 0.75)).matrix(height, width, 1))
    seen = seen_from(picture, place)
    # OpenCV's area filter makes the same small picture.
    small = cv2.resize(photo, (width // 4, height // 4), interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    top, left = round(0.25 * height * 0.75), round(0.75 * width * 0.75)
    part = seen[0, :, top : top + height // 4, left : left + width // 4].permute(1, 2, 0).numpy()
    assert np.abs(part - small).mean() * 255 < 6
    weights = coverage(place, (height, width))
    assert (weights[top + 1 : top + height // 4, left + 1 : left + width // 4] == 1).all()
    assert weights[-1, 0] == 0


def test_a_slow_film_has_the_dreamed_frames_and_frames_between_them(photo, tiny) -> None:
    fast = [frame.picture for frame in small_zoom(photo, tiny)]
    slow = list(small_zoom(photo, tiny, speed=0.5, seconds=4.8))
    assert [float(frame.time) for frame in slow] == [number / 5 for number in range(24)]
    assert all(torch.equal(one, frame.picture) for one, frame in zip(fast, slow[::2], strict=True))
    # A frame between two others is half a movement away from each of them.
    half = Camera().matrix(44, 58, 0.1)
    inner = (..., slice(8, -8), slice(8, -8))
    for index in range(0, 20, 2):
        before, between, after = (frame.picture for frame in slow[index : index + 3])
        moved = distance(warp_by_camera(before, half)[inner], between[inner])
        assert moved < 0.3 * min(distance(before[inner], between[inner]), distance(between[inner], after[inner]))


def test_a_speed_that_is_no_simple_fraction_keeps_an_even_movement(photo, tiny) -> None:
    run = small_zoom(np.full((44, 58, 3), 128, np.uint8), tiny, speed=0.37, seconds=6)
    run._dream = lambda number: None  # the movement alone
    run._before = run._picture = to_picture(photo, torch.device("cpu"))
    positions = [number * run._pace for number in range(run.total)]
    scales = []
    for position in positions:
        number = -(-position // 1)
        share = float(position - (number - 1))
        whole = run._movement(int(number), share)
        scales.append(sqrt(whole[0][0] * whole[1][1] - whole[0][1] * whole[1][0]) ** -1 * 1.6 ** ((number - 1) / 5))
    ratios = [one / other for one, other in zip(scales[1:], scales[:-1], strict=True)]
    assert ratios == pytest.approx([1.6 ** (0.37 / 5)] * len(ratios), rel=1e-6)


def test_a_frame_between_two_frames_shows_a_scene_without_double_contours(photo) -> None:
    scene = to_picture(photo, torch.device("cpu"))
    movement = Camera(1.3, 20).matrix(*scene.shape[-2:], 1)
    part = Camera(1.3, 20).matrix(*scene.shape[-2:], 0.5)
    after = warp_by_camera(scene, movement)
    between = picture_between(scene, after, movement, part, 0.5)
    assert distance(between, warp_by_camera(scene, part).clamp(0, 1)) < 2.5
    double = (scene + after) / 2
    assert distance(double, warp_by_camera(scene, part)) > 10
    assert np.allclose(compose(movement, invert(movement)), [[1, 0, 0], [0, 1, 0]])


@pytest.mark.parametrize("ending", [".mp4", ".webm", ".gif", ".webp", ""])
def test_a_reversed_film_has_the_frames_in_the_opposite_order(tmp_path, photo, tiny, ending: str) -> None:
    forward, backward = tmp_path / f"forward{ending}", tmp_path / f"backward{ending}"
    small_zoom(photo, tiny).save(forward)
    small_zoom(photo, tiny, reverse=True).save(backward)
    first, second = saved_frames(forward), saved_frames(backward)
    assert len(first) == len(second) == 12
    # Each film is encoded by itself, so formats with loss differ a little.
    tolerance = 0 if ending in (".gif", "") else 8
    for one, other in zip(first, second[::-1], strict=True):
        assert np.abs(one.astype(int) - other).mean() <= tolerance
    if ending in (".mp4", ".webm"):
        described = [probe(path)["streams"][0] for path in (forward, backward)]
        for name in ("codec_name", "pix_fmt", "r_frame_rate", "nb_read_frames", "width"):
            assert described[0][name] == described[1][name]
        assert Recipe.from_json(inc.load_recipe(backward).to_json()).reverse


@pytest.mark.parametrize("ending", [".mp4", ""])
def test_an_interrupted_reversed_film_holds_its_end_and_is_resumed(tmp_path, photo, tiny, ending: str) -> None:
    settings = {"reverse": True, "loop": True, "speed": 0.5}
    whole, path = tmp_path / f"whole{ending}", tmp_path / f"out{ending}"
    small_zoom(photo, tiny, **settings).save(whole)

    def stop(frame: inc.Frame) -> None:
        if frame.number == 6:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_zoom(photo, tiny, **settings).save(path, on_frame=stop)
    made, wanted = saved_frames(path), saved_frames(whole)
    assert len(made) == 7
    assert all(np.abs(one.astype(int) - other).mean() < 8 for one, other in zip(made, wanted[-7:], strict=True))
    small_zoom(photo, tiny, **settings).save(path, resume=True)
    assert all(np.array_equal(one, other) for one, other in zip(saved_frames(path), wanted, strict=True))
    # Its frames depend on its length.
    with pytest.raises(inc.NameTaken, match="different"):
        small_zoom(photo, tiny, **settings, seconds=3).save(path, resume=True)


def test_a_loop_that_is_interrupted_is_not_resumed_with_another_length(tmp_path, photo, tiny) -> None:
    def stop(frame: inc.Frame) -> None:
        if frame.number == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        small_zoom(photo, tiny, loop=True).save(tmp_path / "a.mp4", on_frame=stop)
    with pytest.raises(InvalidSetting, match="different seconds"):
        small_zoom(photo, tiny, loop=True, seconds=3).save(tmp_path / "a.mp4", resume=True)


def test_an_endless_film_has_no_loop_and_no_reverse(photo, tiny) -> None:
    for name in ("loop", "reverse"):
        with pytest.raises(InvalidSetting, match=f"{name} needs a film with an end"):
            small_zoom(photo, tiny, seconds=None, **{name: True})
    with pytest.raises(InvalidSetting, match="loop must be true or false"):
        small_zoom(photo, tiny, loop="yes")
    with pytest.raises(InvalidSetting, match=r"speed must be from 0\.01 to 1"):
        small_zoom(photo, tiny, speed=2)
    slow = small_zoom(photo, tiny, seconds=None, speed=0.5)
    stream = iter(slow)
    assert [next(stream).number for _ in range(3)] == [0, 1, 2]


def test_a_recipe_of_a_loop_is_stored_and_read(photo, tiny, tmp_path) -> None:
    run = small_zoom(photo, tiny, loop=True, reverse=True, speed=0.5, seconds=1)
    run.save(tmp_path / "a.webp")
    settings = json.loads(inc.load_recipe(tmp_path / "a.webp").to_json())
    assert (settings["loop"], settings["reverse"], settings["speed"]) == (True, True, 0.5)
    Image.fromarray(photo).save(tmp_path / "cup.png")
    again = inc.replay_film(tmp_path / "a.webp", tmp_path / "cup.png", network=tiny)
    again.save(tmp_path / "b.webp")
    first, second = saved_frames(tmp_path / "a.webp"), saved_frames(tmp_path / "b.webp")
    assert len(first) == 5
    assert all(np.array_equal(one, other) for one, other in zip(first, second, strict=True))
