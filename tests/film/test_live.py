"""Frames that are dreamed as they arrive."""

from __future__ import annotations

import numpy as np
import pytest

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.film import FilmSource, LiveRun
from inceptionism.recipes import VideoRecipe
from tests.support.films import pan, write

SMALL = {"layer": "second", "octaves": 2, "jitter": 4, "steps": 2}

TINY = 1e-4
"""A step size that changes the picture by less than a tenth of a gray level."""


def recipe(**settings) -> VideoRecipe:
    return VideoRecipe(**{**SMALL, **settings})


def test_live_frames_are_those_of_a_video_without_first_steps(tmp_path, tiny, photo) -> None:
    video = inc.video(write(tmp_path / "a.mkv", pan(photo, 5)), network=tiny, first_steps=2, **SMALL)
    sources = [frame.pixels for frame in FilmSource(tmp_path / "a.mkv")]
    live = LiveRun(tiny)
    for frame, source in zip(video, sources, strict=True):
        np.testing.assert_array_equal(np.array(live.dream(source, recipe())), np.array(frame.image))
    assert live.number == 5


def test_a_change_of_the_settings_keeps_the_detail(tiny, photo) -> None:
    changed, kept = LiveRun(tiny), LiveRun(tiny)
    for _ in range(6):
        changed.dream(photo, recipe(step_size=4))
        kept.dream(photo, recipe(step_size=4))
    still = np.array(changed.dream(photo, recipe(step_size=TINY, blend=1.0)), int)
    before = np.array(kept.dream(photo, recipe(step_size=4)), int)
    assert np.abs(still - photo).mean() > 0.7 * np.abs(before - photo).mean()
    gone = np.array(changed.dream(photo, recipe(step_size=TINY, blend=0.0)), int)
    assert np.abs(gone - photo).mean() < 0.1


def test_another_size_starts_a_new_dream(tiny, photo) -> None:
    live = LiveRun(tiny)
    for _ in range(4):
        live.dream(photo, recipe(step_size=4))
    image = live.dream(photo, recipe(size=31, step_size=TINY))
    assert max(image.size) == 31
    small = inc.dream(photo, network=tiny, layer="second", size=31, step_size=TINY, steps=1, octaves=1).image
    assert np.abs(np.array(image, int) - np.array(small)).mean() < 0.1


def test_a_layer_that_does_not_exist_leaves_the_run_as_it_was(tiny, photo) -> None:
    live = LiveRun(tiny)
    live.dream(photo, recipe())
    with pytest.raises(inc.InceptionismError, match="has no layer 'nothing'"):
        live.dream(photo, recipe(layer="nothing"))
    with pytest.raises(InvalidSetting, match="steps must be"):
        recipe(steps=0)
    assert live.number == 1
    assert live.dream(photo, recipe()).size == (photo.shape[1], photo.shape[0])
