from __future__ import annotations

import numpy as np
import pytest

from inceptionism.film.optical_flow import estimate_motion
from tests.support.films import pan


def test_the_flow_follows_a_moving_camera(photo) -> None:
    before, now = pan(photo, 5)[0], pan(photo, 5)[4]  # 4 pixels to the right and 2 down
    motion = estimate_motion(before, now)
    inner = motion.flow[8:-8, 8:-8]
    assert np.median(inner[..., 0]) == pytest.approx(4, abs=0.3)
    assert np.median(inner[..., 1]) == pytest.approx(2, abs=0.3)
    assert not motion.cut
    assert motion.valid.mean() > 0.75
    assert motion.valid[:, -2:].mean() < 0.4  # these pixels came into view at the right


def test_pixels_that_come_into_view_are_not_valid(photo) -> None:
    before = np.ascontiguousarray(photo[:64, :64])
    now = before.copy()
    now[20:40, 20:40] = np.random.default_rng(0).integers(0, 256, (20, 20, 3), np.uint8)
    motion = estimate_motion(before, now)
    assert motion.valid[24:36, 24:36].mean() < 0.4
    assert motion.valid[50:].mean() > 0.9
    assert not motion.cut


def test_a_new_scene_is_a_cut_and_a_still_scene_is_not(photo) -> None:
    from skimage.data import astronaut

    before = np.ascontiguousarray(photo[:60, :71])
    other = np.ascontiguousarray(astronaut()[:300:5, :355:5])
    assert estimate_motion(before, other).cut
    assert estimate_motion(other, before).cut
    assert not estimate_motion(before, before).cut
    # With noise and a little more brightness, it is still the same scene.
    noise = np.random.default_rng(0).normal(6, 3, before.shape)
    assert not estimate_motion(before, np.clip(before + noise, 0, 255).astype(np.uint8)).cut


def test_small_frames_count_as_motionless() -> None:
    small = np.zeros((5, 9, 3), np.uint8)
    assert estimate_motion(small, small).valid.min() == 1
