from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.film.frame_run import FrameRun, frame_seed
from inceptionism.film.warp import warp_by_camera
from inceptionism.recipes import PhotoRecipe, ZoomRecipe
from inceptionism.recipes.camera import Camera
from inceptionism.runs import Palette
from inceptionism.tensors import to_picture

SMALL = {"layer": "second", "octaves": 2, "jitter": 4, "fps": 8, "seconds": 1}


def zoom(photo, tiny, **settings) -> inc.ZoomRun:
    return inc.zoom(photo, network=tiny, **{**SMALL, "size": (44, 58), **settings})


def test_a_zoom_makes_the_frames_of_its_length(photo, tiny) -> None:
    run = zoom(photo, tiny)
    frames = list(run)
    assert [frame.number for frame in frames] == list(range(8))
    assert [float(frame.time) for frame in frames] == [n / 8 for n in range(8)]
    assert {frame.image.size for frame in frames} == {(58, 44)}
    assert {frame.picture.dtype for frame in frames} == {torch.float32}
    assert frames[-1].score > frames[0].score
    assert run.recipe.made_with.photo["sha256"] == inc.load_photo(photo).sha256


def test_a_frame_is_the_frame_before_warped_and_dreamed_like_a_photograph(photo, tiny) -> None:
    run = zoom(photo, tiny, prior="none", keep=0, octaves=1, zoom=3, rotation=50, wander=0)
    first, second = list(run)[:2]
    warped = warp_by_camera(first.picture, Camera(zoom=3, rotation=50).matrix(44, 58, 1 / 8)).clamp(0, 1)
    changed = (second.picture - warped).abs().mean() * 255
    assert 0.3 < changed < 1.05  # one step changes the picture by one gray level on average, less where it is clipped
    # The function for photographs takes the same step, in 8 bits.
    dreamed = inc.dream(
        np.array(Image.fromarray((warped[0].permute(1, 2, 0).numpy() * 255).round().astype(np.uint8))),
        network=tiny,
        layer="second",
        octaves=1,
        prior="none",
        steps=1,
        step_size=1.0,
        jitter=4,
        seed=frame_seed(0, 1),
    )
    assert np.abs(np.asarray(dreamed.image).astype(int) - np.asarray(second.image)).mean() < 1


def test_only_the_same_seed_makes_the_same_frames(photo, tiny) -> None:
    one, same, other = (list(zoom(photo, tiny, seed=seed))[-1].picture for seed in (3, 3, 4))
    assert torch.equal(one, same)
    assert not torch.equal(one, other)
    assert len({frame_seed(seed, number) for seed in range(9) for number in range(9)}) == 81


def test_a_zoom_that_resumes_from_a_state_makes_the_same_frames(photo, tiny) -> None:
    frames = list(zoom(photo, tiny))
    run = zoom(photo, tiny)
    stream = iter(run)
    for _ in range(3):
        next(stream)
    state = {name: value.copy() for name, value in run.state().items()}
    again = zoom(photo, tiny)
    again.resume_at(3, state)
    assert all(torch.equal(one.picture, other.picture) for one, other in zip(again, frames[3:], strict=True))


def test_keep_holds_the_contrast_near_that_of_the_first_frame(photo, tiny) -> None:
    def drift(keep: float) -> float:
        frames = list(zoom(photo, tiny, keep=keep, step_size=8, seconds=3, prior="none"))
        return abs(frames[-1].picture.std() - frames[0].picture.std()).item()

    assert drift(0.2) < drift(0) / 2


def test_one_objective_fades_into_the_next(photo, tiny) -> None:
    run = zoom(photo, tiny, keyframes=[{"at": 0.5, "layer": "first"}, {"at": 1, "objective": "layer(second)"}])
    assert torch.equal(next(iter(run)).picture, next(iter(zoom(photo, tiny))).picture)
    mixtures = [run._objectives.mixture_at(time) for time in (0, 0.25, 0.5, 0.9, 2)]
    assert [[str(objective) for _, objective in mixture] for mixture in mixtures] == [
        ["layer(second)"],
        ["layer(second)", "layer(first)"],
        ["layer(first)"],
        ["layer(first)", "layer(second)"],
        ["layer(second)"],
    ]
    assert [share for share, _ in mixtures[1]] == [0.5, 0.5]


def test_fading_objectives_change_the_picture_by_their_shares_whatever_their_scores(photo, tiny) -> None:
    first, second = 1000 * objectives.layer("first"), objectives.layer("second")
    run = FrameRun(
        PhotoRecipe(octaves=1, steps=1, step_size=0.05, jitter=0),
        inc.load_photo(photo),
        network=tiny,
        objective=first + second,
    )
    picture = to_picture(photo, torch.device("cpu")) * 0.6 + 0.2  # nothing is clipped
    one, other, mixed = (
        run.dream(picture, 0, mixture=mixture) - picture
        for mixture in ([(1.0, first)], [(1.0, second)], [(0.7, first), (0.3, second)])
    )
    wanted = 0.7 * one + 0.3 * other
    wanted *= one.abs().mean() / wanted.abs().mean()
    assert torch.allclose(mixed, wanted, atol=1e-5)


def test_a_zoom_without_a_photograph_starts_from_noise_of_its_seed(tiny) -> None:
    one, other = (inc.zoom(network=tiny, size=60, seed=seed, **SMALL) for seed in (0, 1))
    assert one.size == (34, 60)
    assert one.recipe.made_with.photo is None
    first, second = next(iter(one)), next(iter(other))
    assert np.abs(np.asarray(first.image).astype(int) - np.asarray(second.image)).mean() > 3


@pytest.mark.parametrize(("size", "expected"), [(57, (58, 44)), ((43, 61), (44, 62)), ((44, 44), (44, 44))])
def test_frames_have_even_sides_and_the_shape_of_the_photograph(photo, tiny, size, expected) -> None:
    assert zoom(photo, tiny, size=size).size == expected


def test_a_zoom_without_a_length_is_endless(photo, tiny) -> None:
    assert zoom(photo, tiny, seconds=None).total is None


def test_settings_that_are_not_valid_are_refused(photo, tiny) -> None:
    with pytest.raises(InvalidSetting, match="seconds must be more than 0"):
        zoom(photo, tiny, seconds=0)
    with pytest.raises(inc.UnknownName, match="first"):
        zoom(photo, tiny, keyframes=[{"at": 1, "layer": "frist"}])


def test_with_a_strength_of_0_only_the_camera_moves(photo, tiny) -> None:
    still, moved = (list(zoom(photo, tiny, keep=0, strength=0, wander=0))[at].picture for at in (0, 1))
    start = zoom(photo, tiny, keep=0).state()["picture"]
    np.testing.assert_allclose(still[0].permute(1, 2, 0).numpy(), start, atol=1e-6)
    expected = warp_by_camera(still, Camera().matrix(44, 58, 1 / 8)).clamp(0, 1)
    torch.testing.assert_close(moved, expected)


def test_kept_colors_are_those_of_the_first_frame(photo, tiny) -> None:
    start = Palette.of(to_picture(np.asarray(zoom(photo, tiny)._run.photo.pixels), torch.device("cpu")))
    last = {colors: list(zoom(photo, tiny, colors=colors, keep=0))[-1].picture for colors in ("keep", "dream")}
    distance = {colors: (Palette.of(picture).mean - start.mean)[1:].abs().sum() for colors, picture in last.items()}
    assert distance["keep"] < 0.02
    assert distance["keep"] < distance["dream"] / 2


def test_the_tone_of_a_frame_does_not_change_the_next_frame(photo, tiny) -> None:
    plain, gray = (list(zoom(photo, tiny, saturation=saturation, contrast=1))[-1] for saturation in (1, 0))
    assert gray.score == plain.score
    assert (gray.picture.amax(1) - gray.picture.amin(1)).max() < 0.01


def test_the_point_of_a_zoom_moves_on_a_circle(photo, tiny) -> None:
    recipe = zoom(photo, tiny, toward=(0.4, 0.6), wander=0.1).recipe
    places = [recipe.camera(moment).toward for moment in (0, 2.25, 4.5, 9)]
    np.testing.assert_allclose(places, [(0.5, 0.6), (0.4, 0.7), (0.3, 0.6), (0.5, 0.6)], atol=1e-12)
    assert zoom(photo, tiny, toward=(0.0, 1.0), wander=0.1).recipe.camera(0).toward == (0.1, 1.0)
    assert zoom(photo, tiny, wander=0).recipe.camera(4).toward == (0.5, 0.5)


def test_a_long_zoom_does_not_break_into_four_parts(tiny) -> None:
    """Each of the four pixels around a point that never moves grows into a quarter of the frame."""
    parts = np.kron(np.array([[0, 90], [170, 255]], np.uint8), np.ones((44, 58), np.uint8))
    photo = np.repeat(parts[..., None], 3, axis=2)

    def values(wander: float) -> list[float]:
        """Return the brightness in the middle of each quarter of the last frame, in gray levels."""
        run = zoom(photo, tiny, size=(88, 116), seconds=8, zoom=2, keep=0, strength=0, wander=wander)
        last = list(run)[-1].picture[0, 0] * 255
        return [last[row, column].item() for row in (22, 66) for column in (29, 87)]

    assert np.ptp(values(0)) > 60
    assert np.ptp(values(ZoomRecipe.wander)) < 5
