"""Dreamed videos: steadier than separate frames, equally strong, and restarted after a cut."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.optical_flow import estimate_motion
from inceptionism.film.reader import FilmSource
from inceptionism.film.video import resize_pixels
from inceptionism.film.warp import warp_by_flow
from inceptionism.io.photos import Photo
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.recipes import PhotoRecipe
from inceptionism.runs.oklab import to_oklab
from inceptionism.tensors import to_picture
from tests.support.films import pan, saved_frames, write

SMALL = {"layer": "second", "octaves": 2, "jitter": 4}


@pytest.fixture
def film(tmp_path: Path, photo: np.ndarray) -> Path:
    return write(tmp_path / "a.mp4", pan(photo, 12))


def pan_flicker(frames: list[torch.Tensor]) -> float:
    """Return the mean difference of successive frames of `pan` along the known camera movement, in gray levels."""
    differences = []
    for index in range(1, len(frames)):
        down = index // 2 - (index - 1) // 2
        now, before = frames[index], frames[index - 1]
        inner = now[..., 6:-8, 6:-8], before[..., 6 + down : now.shape[-2] - 8 + down, 7 : now.shape[-1] - 7]
        differences.append((inner[0] - inner[1]).abs().mean().item() * 255)
    return float(np.mean(differences))


def strength(frames: list[torch.Tensor], run: inc.VideoRun, network: inc.Network) -> float:
    """Return the mean score of the objective over the frames."""
    evaluator = GradientEvaluator(network)
    return float(
        np.mean([evaluator([EvaluationRequest(one, run.objective, torch.Generator())])[0][0] for one in frames])
    )


def test_a_video_flickers_less_than_separate_frames_and_is_equally_strong(film, tiny, photo) -> None:
    # The smooth dreams of a random network hardly depend on the jitter, so separate frames would not flicker either.
    plain = {"prior": "none", "octave_scale": 1.4}
    run = inc.video(film, network=tiny, **SMALL, **plain, step_size=1, first_steps=10)
    dreamed = [frame.picture for frame in run]
    assert len(dreamed) == 12
    assert run.cuts == [0]
    recipe = PhotoRecipe(octaves=2, jitter=4, **plain)
    frame_run = FrameRun(recipe, Photo(pan(photo, 12)[0]), network=tiny, objective=run.objective)
    originals = [to_picture(pixels, torch.device("cpu")) for pixels in pan(photo, 12)]
    separate = [frame_run.dream(picture, frame_seed(0, index)) for index, picture in enumerate(originals)]
    assert pan_flicker(dreamed) < pan_flicker(separate) * 0.6
    assert strength(originals, run, tiny) * 1.2 < strength(dreamed, run, tiny)
    assert strength(dreamed, run, tiny) == pytest.approx(strength(separate, run, tiny), rel=0.25)


@pytest.mark.long
def test_a_real_film_flickers_at_most_half_as_much_and_is_as_strong(shared, lite0) -> None:
    path = shared / "videos" / "one_second_clip.mp4"
    run = inc.video(path, network=lite0, size=224)
    dreamed = [frame.picture for frame in islice(run, 10)]
    originals = [resize_pixels(frame.pixels, run.size) for frame in islice(FilmSource(path), 10)]
    frame_run = FrameRun(PhotoRecipe(), Photo(originals[0]), network=lite0, objective=run.objective)
    separate = [
        frame_run.dream(to_picture(pixels, torch.device("cpu")), frame_seed(0, index))
        for index, pixels in enumerate(originals)
    ]

    def flicker(frames: list[torch.Tensor]) -> float:
        differences = []
        for index in range(1, len(frames)):
            flow = estimate_motion(originals[index - 1], originals[index]).flow
            differences.append((frames[index] - warp_by_flow(frames[index - 1], flow)).abs().mean().item())
        return float(np.mean(differences))

    assert flicker(dreamed) < flicker(separate) / 2
    assert strength(dreamed, run, lite0) > 0.95 * strength(separate, run, lite0)


def test_after_a_cut_the_dream_starts_again(tmp_path, photo, tiny) -> None:
    from skimage.data import astronaut

    other = np.ascontiguousarray(astronaut()[:220:5, 100:390:5])
    path = write(tmp_path / "a.mp4", [*pan(photo, 4), *[other] * 3])
    run = inc.video(path, network=tiny, **SMALL)
    frames = list(run)
    assert run.cuts == [0, 4]
    assert len(frames) == 7
    # The frame has no detail of the frames before. It is dreamed like the first frame of a film.
    detail = frames[4].picture - to_picture(other, torch.device("cpu"))
    assert detail.abs().mean() * 255 > 3


def test_a_video_that_resumes_from_a_state_makes_the_same_frames(film, tiny) -> None:
    frames = list(inc.video(film, network=tiny, **SMALL))
    run = inc.video(film, network=tiny, **SMALL)
    stream = iter(run)
    for _ in range(5):
        next(stream)
    again = inc.video(film, network=tiny, **SMALL)
    again.resume_at(5, run.state())
    rest = list(again)
    assert [frame.number for frame in rest] == list(range(5, 12))
    assert all(torch.equal(one.picture, other.picture) for one, other in zip(rest, frames[5:], strict=True))


def test_size_and_options_reach_the_recipe(film, tiny) -> None:
    run = inc.video(film, network=tiny, size=37, blend=0.5, first_steps=2, steps=3, **SMALL)
    frame = next(iter(run))
    assert frame.image.size == (37, 28)
    assert resize_pixels(np.zeros((44, 58, 3), np.uint8), run.size).shape == (28, 37, 3)
    assert (run.recipe.blend, run.recipe.first_steps, run.recipe.steps) == (0.5, 2, 3)
    assert run.recipe.made_with.photo["name"] == "a.mp4"


def test_the_whole_dream_is_carried_on_whatever_share_of_it_is_shown(film, tiny) -> None:
    full, half = (list(inc.video(film, network=tiny, strength=share, **SMALL)) for share in (1, 0.5))
    sources = [to_picture(frame.pixels, torch.device("cpu")) for frame in FilmSource(film)]
    for one, other, source in zip(full, half, sources, strict=True):
        assert one.score == other.score
        torch.testing.assert_close(other.picture, (one.picture + source) / 2, atol=1e-5, rtol=0)


def test_a_film_keeps_the_colors_of_each_frame(film, tiny) -> None:
    kept = next(iter(inc.video(film, network=tiny, colors="keep", **SMALL))).picture
    source = to_picture(FilmSource(film).first, torch.device("cpu"))
    inside = ((kept > 0.01) & (kept < 0.99)).all(1)[0]
    difference = (to_oklab(kept) - to_oklab(source))[0, :, inside].abs()
    assert difference[1:].max() < 0.02
    assert difference[0].max() > 0.02


def test_settings_of_a_video_change_over_time(film, tiny) -> None:
    keyframes = [{"at": 0, "step_size": 4, "blend": 0}, {"at": 0.5, "step_size": 1, "layer": "first"}]
    run = inc.video(film, network=tiny, keyframes=keyframes, **SMALL)
    assert [run.recipe.at("step_size", moment) for moment in (0, 0.25, 0.5, 9)] == [4, 2.5, 1, 1]
    frames = [frame.picture for frame in run]
    # With a blend of 0, each frame is the frame of the film and its own dream.
    changes = [
        (frame - to_picture(source.pixels, torch.device("cpu"))).abs().mean().item() * 255
        for frame, source in zip(frames, FilmSource(film), strict=True)
    ]
    assert changes[1] > 2 * changes[-1]  # the first frame has more steps
    late = inc.video(film, network=tiny, layer="first", octaves=2, jitter=4, step_size=1, blend=0)
    assert torch.equal(list(late)[-1].picture, frames[-1])
    fading = run._objectives.mixture_at(0.25)
    assert [(share, str(objective)) for share, objective in fading] == [(0.5, "layer(second)"), (0.5, "layer(first)")]


def test_keyframes_of_a_video_have_no_camera_and_those_of_a_zoom_no_blend(film, tiny, photo) -> None:
    with pytest.raises(InvalidSetting, match="the keyframe at 1 sets zoom, but a video has its own camera"):
        inc.video(film, network=tiny, keyframes=[{"at": 1, "zoom": 2}], **SMALL)
    with pytest.raises(InvalidSetting, match="the keyframe at 2 sets blend, but only a video"):
        inc.zoom(photo, network=tiny, keyframes=[{"at": 2, "blend": 0.5}], layer="first")


def test_a_video_with_keyframes_resumes_and_replays_with_the_same_frames(film, tiny, tmp_path) -> None:
    (tmp_path / "keys.toml").write_text(
        "[[keyframe]]\nat = 0.3\nstep_size = 6\n\n[[keyframe]]\nat = 0.8\nblend = 0.2\n"
    )
    settings = {"keyframes": tmp_path / "keys.toml", **SMALL}
    inc.video(film, network=tiny, **settings).save(tmp_path / "whole.webm")

    def stop(frame: inc.Frame) -> None:
        if frame.number == 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inc.video(film, network=tiny, **settings).save(tmp_path / "a.webm", on_frame=stop)
    inc.video(film, network=tiny, **settings).save(tmp_path / "a.webm", resume=True)
    inc.replay_film(tmp_path / "whole.webm", film, network=tiny).save(tmp_path / "b.webm")
    assert (tmp_path / "a.webm").read_bytes() == (tmp_path / "whole.webm").read_bytes()
    frames = [saved_frames(tmp_path / f"{name}.webm") for name in ("whole", "b")]
    assert all(np.array_equal(one, other) for one, other in zip(*frames, strict=True))
    assert inc.load_recipe(tmp_path / "a.webm").keyframes[1].blend == 0.2
