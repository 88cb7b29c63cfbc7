"""Films dreamed: steady, as strong as frames that are dreamed by themselves, and begun anew after a cut."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.optical_flow import motion
from inceptionism.film.reader import FilmSource
from inceptionism.film.video import scaled
from inceptionism.film.warp import carried
from inceptionism.io.photos import Photo
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.recipes.recipe import PhotoRecipe
from inceptionism.tensors import to_picture
from tests.support.films import pan, write

SMALL = {"layer": "second", "octaves": 2, "jitter": 4}


@pytest.fixture
def film(tmp_path: Path, photo: np.ndarray) -> Path:
    return write(tmp_path / "a.mp4", pan(photo, 12))


def followed(frames: list[torch.Tensor]) -> float:
    """Return how much successive frames of `pan` differ along the camera's movement, which is known here, in grays."""
    found = []
    for index in range(1, len(frames)):
        down = index // 2 - (index - 1) // 2
        now, before = frames[index], frames[index - 1]
        inner = now[..., 6:-8, 6:-8], before[..., 6 + down : now.shape[-2] - 8 + down, 7 : now.shape[-1] - 7]
        found.append((inner[0] - inner[1]).abs().mean().item() * 255)
    return float(np.mean(found))


def strength(frames: list[torch.Tensor], run: inc.VideoRun, network: inc.Network) -> float:
    """Return the mean of what the objective says of frames."""
    evaluator = GradientEvaluator(network)
    return float(
        np.mean([evaluator([EvaluationRequest(one, run.objective, torch.Generator())])[0][0] for one in frames])
    )


def test_a_film_flickers_less_than_its_frames_alone_and_is_as_strong(film, tiny, photo) -> None:
    run = inc.video(film, network=tiny, **SMALL)
    ours = [frame.picture for frame in run]
    assert len(ours) == 12
    assert run.cuts == [0]
    recipe = PhotoRecipe(octaves=2, jitter=4)
    alone = FrameRun(recipe, Photo(pan(photo, 12)[0]), network=tiny, objective=run.objective)
    originals = [to_picture(pixels, torch.device("cpu")) for pixels in pan(photo, 12)]
    theirs = [alone.dream(picture, frame_seed(0, index)) for index, picture in enumerate(originals)]
    assert followed(ours) < followed(theirs) * 0.6
    assert strength(originals, run, tiny) * 1.2 < strength(ours, run, tiny)
    assert strength(ours, run, tiny) == pytest.approx(strength(theirs, run, tiny), rel=0.25)


def test_on_a_real_film_it_flickers_at_most_half_as_much_and_is_as_strong(shared, lite0) -> None:
    path = shared / "videos" / "one_second_clip.mp4"
    run = inc.video(path, network=lite0, size=224)
    ours = [frame.picture for frame in islice(run, 10)]
    originals = [scaled(frame.pixels, run.size) for frame in islice(FilmSource(path), 10)]
    recipe = PhotoRecipe(octaves=run.recipe.octaves)
    alone = FrameRun(recipe, Photo(originals[0]), network=lite0, objective=run.objective)
    theirs = [
        alone.dream(to_picture(pixels, torch.device("cpu")), frame_seed(0, index))
        for index, pixels in enumerate(originals)
    ]

    def flicker(frames: list[torch.Tensor]) -> float:
        found = []
        for index in range(1, len(frames)):
            flow = motion(originals[index - 1], originals[index]).flow
            found.append((frames[index] - carried(frames[index - 1], flow)).abs().mean().item())
        return float(np.mean(found))

    assert flicker(ours) < flicker(theirs) / 2
    assert strength(ours, run, lite0) == pytest.approx(strength(theirs, run, lite0), rel=0.1)


def test_after_a_cut_the_dream_begins_anew(tmp_path, photo, tiny) -> None:
    from skimage.data import astronaut

    other = np.ascontiguousarray(astronaut()[:220:5, 100:390:5])
    path = write(tmp_path / "a.mp4", [*pan(photo, 4), *[other] * 3])
    run = inc.video(path, network=tiny, **SMALL)
    frames = list(run)
    assert run.cuts == [0, 4]
    assert len(frames) == 7
    # What was dreamed before is gone: the frame is as if the film began there, but for its random choices.
    added = frames[4].picture - to_picture(other, torch.device("cpu"))
    assert added.abs().mean() * 255 > 3


def test_it_goes_on_from_a_state_as_if_nothing_had_happened(film, tiny) -> None:
    frames = list(inc.video(film, network=tiny, **SMALL))
    run = inc.video(film, network=tiny, **SMALL)
    stream = iter(run)
    for _ in range(5):
        next(stream)
    again = inc.video(film, network=tiny, **SMALL)
    again.go_on(5, run.state())
    rest = list(again)
    assert [frame.number for frame in rest] == list(range(5, 12))
    assert all(torch.equal(one.picture, other.picture) for one, other in zip(rest, frames[5:], strict=True))


def test_another_size_and_options_reach_the_recipe(film, tiny) -> None:
    run = inc.video(film, network=tiny, size=37, blend=0.5, first_steps=2, steps=3, **SMALL)
    frame = next(iter(run))
    assert frame.image.size == (37, 28)
    assert scaled(np.zeros((44, 58, 3), np.uint8), run.size).shape == (28, 37, 3)
    assert (run.recipe.blend, run.recipe.first_steps, run.recipe.steps) == (0.5, 2, 3)
    assert run.recipe.made_with.photo["name"] == "a.mp4"
