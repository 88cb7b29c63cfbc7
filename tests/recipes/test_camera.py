"""The geometry of the camera, compared with complex numbers and Pillow's rotation."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

from inceptionism.errors import InvalidSetting
from inceptionism.film.warp import warp_by_camera
from inceptionism.recipes.camera import Camera, interpolate, keyframe_position


@pytest.mark.parametrize("toward", [(0.5, 0.5), (0.2, 0.9)])
def test_the_target_of_a_zoom_stays_and_other_points_move_away(toward) -> None:
    matrix = np.array(Camera(zoom=3, rotation=40, toward=toward).matrix(43, 61, 0.5))
    fixed = np.array([toward[1] * 61 - 0.5, toward[0] * 43 - 0.5])
    assert np.allclose(matrix @ [*fixed, 1], fixed)
    # After half a second, the source of a pixel is nearer to the target by a factor of √3 and turned by 20 degrees.
    # Complex numbers with a downward imaginary axis express this as one multiplication.
    away = matrix @ [fixed[0] + 7, fixed[1] - 3, 1] - fixed
    assert complex(*away) == pytest.approx(complex(7, -3) * 3**-0.5 * np.exp(1j * math.radians(20)))


def test_many_small_movements_equal_one_large_movement() -> None:
    camera = Camera(zoom=1.7, rotation=-30, toward=(0.3, 0.6))
    step = np.vstack([camera.matrix(43, 61, 1 / 24), [0, 0, 1]])
    whole = np.vstack([camera.matrix(43, 61, 1), [0, 0, 1]])
    assert np.allclose(np.linalg.matrix_power(step, 24), whole)


def test_a_picture_turns_counterclockwise_as_pillow_turns_it() -> None:
    pixels = np.zeros((41, 41, 3), np.float32)
    pixels[5:15, 18:23] = (1, 0.5, 0.2)
    picture = torch.from_numpy(pixels).permute(2, 0, 1)[None]
    turned = warp_by_camera(picture, Camera(zoom=1, rotation=30).matrix(41, 41, 1))[0].permute(1, 2, 0).numpy()
    by_pillow = Image.fromarray((pixels * 255).astype(np.uint8)).rotate(30, Image.Resampling.BICUBIC)
    assert np.abs(turned * 255 - np.asarray(by_pillow)).mean() < 1.5


def test_a_drift_of_the_camera_moves_the_picture_in_the_opposite_direction() -> None:
    picture = torch.rand(1, 3, 43, 61)
    seen = warp_by_camera(picture, Camera(zoom=1, drift=(4 / 43, 6 / 61)).matrix(43, 61, 1))
    assert torch.allclose(seen[..., :-4, :-6], picture[..., 4:, 6:], atol=0.02)


def test_positions_between_keyframes_are_eased_and_stay_at_the_ends() -> None:
    times = [1.0, 3.0, 4.0]
    assert keyframe_position(times, 0) == (0, 0, 0)
    assert keyframe_position(times, 9) == (2, 2, 0)
    assert keyframe_position(times, 2) == (0, 1, 0.5)
    shares = [keyframe_position(times, 1 + 2 * step / 100)[2] for step in range(1, 100)]
    slopes = np.diff(shares)
    assert (slopes > 0).all()
    assert slopes[0] < slopes[49] / 10
    assert slopes[-1] < slopes[49] / 10


def test_zooms_are_interpolated_as_factors() -> None:
    assert interpolate("zoom", 1, 4, 0.5) == pytest.approx(2)
    assert interpolate("rotation", 10, 20, 0.25) == 12.5
    assert interpolate("toward", (0.0, 1.0), (1.0, 0.5), 0.5) == (0.5, 0.75)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"zoom": 0}, "zoom must be from 0.001 to 1000, not 0"),
        ({"zoom": 1e-9}, "zoom must be from 0.001 to 1000, not 1e-09"),
        ({"rotation": 1e9}, "rotation must be from -3600 to 3600"),
        ({"rotation": math.nan}, "rotation must be a finite number"),
        ({"toward": (0.5,)}, "toward must be two numbers, down and across"),
        ({"toward": (0.5, 1.5)}, "toward must be from 0 to 1"),
        ({"drift": "0,0"}, "drift must be two numbers"),
    ],
)
def test_an_invalid_movement_is_refused(settings, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        Camera(**settings)
