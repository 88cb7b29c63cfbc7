"""Scenes of a film: where they start, and that each can be dreamed without the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism.film import FilmSource, SceneReader, find_scenes
from inceptionism.recipes import VideoRecipe
from tests.support.films import pan, write

SMALL: dict[str, Any] = {"layer": ["second"], "octaves": 2, "jitter": 4, "steps": 2}


@pytest.fixture
def film(tmp_path: Path, photo: np.ndarray) -> Path:
    """A film whose scenes start with the frames 0, 4 and 13."""
    from skimage.data import astronaut

    other = np.ascontiguousarray(astronaut()[:220:5, 100:390:5])
    return write(tmp_path / "a.mp4", [*pan(photo, 4), *[other] * 9, *pan(photo, 3)])


def test_each_scene_is_dreamed_as_in_the_whole_film(film, tiny) -> None:
    whole = inc.video(film, network=tiny, **SMALL)
    frames = list(whole)
    assert whole.cuts == [0, 4, 13]
    starts = list(find_scenes(FilmSource(film), whole.size))
    assert [number for number, is_start in enumerate(starts) if is_start] == whole.cuts
    run = inc.VideoRun(VideoRecipe(**SMALL), SceneReader(film), network=tiny)
    run.begin_scene(4, 4)
    unfinished = iter(run)
    assert next(unfinished).number == 4
    # The fourth one is a step back, and the last ones begin in the middle of a scene.
    for first, number, end in ((0, 0, 4), (4, 4, 13), (13, 13, 16), (4, 4, 13), (4, 10, 13), (13, 16, 16)):
        run.begin_scene(first, number)
        made = list(run)
        assert [one.number for one in made] == list(range(number, end))
        assert run.cuts == [first]
        for one in made:
            assert (one.time, one.score) == (frames[one.number].time, frames[one.number].score)
            assert torch.equal(one.picture, frames[one.number].picture)


def test_a_film_with_only_its_cuts_is_resumed_from_the_last_one(film, tiny) -> None:
    frames = list(inc.video(film, network=tiny, **SMALL))
    run = inc.video(film, network=tiny, **SMALL)
    run.resume_at(9, {"cuts": np.array([0, 4])})
    rest = list(run)
    assert [one.number for one in rest] == list(range(9, 16))
    assert run.cuts == [0, 4, 13]
    assert all(torch.equal(one.picture, other.picture) for one, other in zip(rest, frames[9:], strict=True))
    with pytest.raises(LookupError, match="before"):
        inc.video(film, network=tiny, **SMALL).resume_at(9, {"cuts": np.array([], np.int64)})
