from __future__ import annotations

import numpy as np
import pytest

from inceptionism.film.optical_flow import motion
from tests.support.films import pan


def test_a_camera_that_moves_is_followed(photo) -> None:
    before, now = pan(photo, 5)[0], pan(photo, 5)[4]  # 4 pixels to the right and 2 down
    moved = motion(before, now)
    inner = moved.flow[8:-8, 8:-8]
    assert np.median(inner[..., 0]) == pytest.approx(4, abs=0.3)
    assert np.median(inner[..., 1]) == pytest.approx(2, abs=0.3)
    assert not moved.cut
    assert moved.known.mean() > 0.75
    assert moved.known[:, -2:].mean() < 0.4  # what came in at the right


def test_what_comes_into_view_is_not_known(photo) -> None:
    before = np.ascontiguousarray(photo[:64, :64])
    now = before.copy()
    now[20:40, 20:40] = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    moved = motion(before, now)
    assert moved.known[24:36, 24:36].mean() < 0.4
    assert moved.known[50:].mean() > 0.9
    assert not moved.cut


def test_another_scene_is_a_cut_and_a_still_one_is_not(photo) -> None:
    from skimage.data import astronaut

    before = np.ascontiguousarray(photo[:60, :71])
    other = np.ascontiguousarray(astronaut()[:300:5, :355:5])
    assert motion(before, other).cut
    assert motion(other, before).cut
    assert not motion(before, before).cut
    # A little brighter, with noise: still the same scene.
    noise = np.random.default_rng(0).normal(6, 3, before.shape)
    assert not motion(before, np.clip(before + noise, 0, 255).astype(np.uint8)).cut


def test_small_frames_stand_still() -> None:
    small = np.zeros((5, 9, 3), np.uint8)
    assert motion(small, small).known.min() == 1
