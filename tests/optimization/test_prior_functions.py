"""Transforms and penalties that a user writes in Python: their effect, their record in recipes, and their replay."""

from __future__ import annotations

import re
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting, NotFinite
from inceptionism.optimization import PriorFunctions
from inceptionism.optimization.transforms import random_view
from inceptionism.recipes import MadeWith
from tests.support.command import dream
from tests.support.films import pan, write

SHORT = {"octaves": 2, "steps": 2}
PLAIN = {"precision": "fp32", **SHORT, "octave_scale": 1.4, "prior": "none"}
NOISE = {"size": (31, 47), "steps": 3}
NOTE = (
    "the transforms and penalties exist only in Python and not in the recipe; "
    "to make this result again, pass the same functions to the replay"
)


def mirrored(picture: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
    return picture.flip(-1) if torch.rand(1, generator=generator) < 0.5 else picture


def power_penalty(picture: torch.Tensor) -> torch.Tensor:
    """Return the penalty of the prior `norm(power=6)`, written again."""
    return ((2 * picture - 1) ** 6).sum((1, 2, 3)) / 12


def redness(picture: torch.Tensor) -> torch.Tensor:
    return picture[:, 0].sum((1, 2)) - picture[:, 1:].sum((1, 2, 3)) / 2


def pixels(result: inc.Result) -> np.ndarray:
    return np.asarray(result.image)


def test_a_transform_from_python_acts_as_the_same_transform_of_a_prior() -> None:
    own = inc.visualize("lion", prior="fourier", transforms=[random_view()], **NOISE)
    assert np.array_equal(pixels(own), pixels(inc.visualize("lion", prior="fourier + views", **NOISE)))
    assert not np.array_equal(pixels(own), pixels(inc.visualize("lion", prior="fourier", **NOISE)))


def test_a_penalty_from_python_acts_as_the_same_penalty_of_a_prior(photo) -> None:
    own = inc.dream(photo, penalties=[lambda picture: 2 * power_penalty(picture)], **PLAIN)
    built_in = pixels(inc.dream(photo, **{**PLAIN, "prior": "2*norm"})).astype(int)
    assert np.abs(pixels(own) - built_in).max() <= 1  # rounded in another order
    assert np.abs(pixels(inc.dream(photo, **PLAIN)) - built_in).max() > 1


def test_a_penalty_makes_the_picture_less_red(photo) -> None:
    plain, green = (
        pixels(inc.dream(photo, penalties=penalties, octaves=1, steps=8)).astype(float)
        for penalties in (None, [lambda picture: 3 * redness(picture)])
    )
    red = [one[..., 0].mean() - one[..., 1:].mean() for one in (plain, green)]
    assert red[1] < red[0] - 5


def test_a_transform_shows_the_network_the_mirrored_picture(photo) -> None:
    always = inc.dream(photo, transforms=[lambda picture, _: picture.flip(-1)], jitter=0, **PLAIN)
    flipped = inc.dream(np.ascontiguousarray(photo[:, ::-1]), jitter=0, **PLAIN)
    difference = np.abs(pixels(always)[:, ::-1].astype(int) - pixels(flipped))
    assert difference.mean() < 0.1


def test_a_replay_with_the_same_functions_makes_the_picture_again(photo, tmp_path) -> None:
    functions = {"transforms": [mirrored], "penalties": [redness]}
    made = inc.dream(photo, seed=3, **functions, **SHORT)
    assert NOTE in made.notes
    made.save(tmp_path / "a.png")
    assert inc.load_recipe(tmp_path / "a.png").made_with.python_prior is True
    again = inc.replay(tmp_path / "a.png", photo, **functions)
    assert np.array_equal(pixels(again), pixels(made))
    assert again.recipe == made.recipe
    message = (
        "the recipe's prior has transforms or penalties in Python code, which the recipe does not contain; pass the "
        "same functions in Python, with inc.replay(file, transforms=..., penalties=...), or choose another prior"
    )
    with pytest.raises(InvalidSetting, match=re.escape(message)):
        inc.replay(tmp_path / "a.png", photo)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    refused = dream("replay", tmp_path / "a.png", tmp_path / "photo.png", cwd=tmp_path)
    assert refused.returncode == 2
    assert message in " ".join(refused.stderr.split())
    varied = inc.replay(tmp_path / "a.png", photo, prior="tv")
    assert varied.recipe.made_with.python_prior is None


def test_pictures_from_noise_with_functions_are_made_again(tmp_path) -> None:
    results = inc.visualize("channel(blocks.2:3) + diversity(blocks.2)", count=2, transforms=[mirrored], **NOISE)
    for number, result in enumerate(results):
        assert result.notes.count(NOTE) == 1
        result.save(tmp_path / f"{number}.png")
        again = inc.replay(tmp_path / f"{number}.png", transforms=[mirrored])
        assert np.array_equal(pixels(again), pixels(result))


@pytest.mark.parametrize("kind", ["zoom", "video"])
def test_films_with_functions_are_made_again(kind: str, photo, tmp_path) -> None:
    settings = {"octaves": 1, "steps": 1, "size": 46, "penalties": [redness]}
    path = tmp_path / ("photo.png" if kind == "zoom" else "film.mp4")
    if kind == "zoom":
        Image.fromarray(photo).save(path)
        run, plain = (inc.zoom(path, fps=2, seconds=1, **kept) for kept in (settings, {**settings, "penalties": None}))
    else:
        write(path, pan(photo, 2))
        run, plain = (inc.video(path, **kept) for kept in (settings, {**settings, "penalties": []}))
    frames = [np.asarray(frame.image) for frame in run]
    assert NOTE in run.notes
    assert not np.array_equal(frames[0], np.asarray(next(iter(plain)).image))
    with pytest.raises(InvalidSetting, match=r"inc\.replay_film\(file, transforms=\.\.\., penalties=\.\.\.\)"):
        inc.replay_film(run.recipe, path)
    again = [np.asarray(frame.image) for frame in inc.replay_film(run.recipe, path, penalties=[redness])]
    assert len(again) == len(frames) == 2
    assert all(np.array_equal(one, other) for one, other in zip(frames, again, strict=True))


def test_runs_with_other_functions_are_not_in_one_batch() -> None:
    runs = [
        inc.ClassRun(inc.ClassRecipe(target="lion", seed=seed, **NOISE), prior_functions=functions)
        for functions in (prior_functions(), prior_functions(penalties=[redness]), prior_functions(penalties=[redness]))
        for seed in (0, 1)
    ]
    assert [len(batch) for batch in inc.make_batches(runs)] == [2, 4]


def prior_functions(**functions: object) -> PriorFunctions:
    return PriorFunctions.of(functions.get("transforms"), functions.get("penalties"))


@pytest.mark.parametrize("name", ["transforms", "penalties"])
@pytest.mark.parametrize("value", ["views", 5, [5], [lambda: 0], [lambda *, picture: picture], redness])
def test_a_value_that_is_not_a_list_of_such_functions_is_refused(name: str, value, photo) -> None:
    arguments = {"transforms": "the picture and the random generator", "penalties": "the picture"}[name]
    with pytest.raises(InvalidSetting, match=f"{name} must be a list of functions that each take {arguments}, not "):
        inc.dream(photo, **{name: value})


@pytest.mark.parametrize(
    ("name", "function", "message"),
    [
        (
            "transforms",
            lambda picture, _: picture[..., 1:],
            "must return a tensor of shape (1, 3, 45, 33), not a tensor",
        ),
        ("transforms", lambda _picture, _: None, "must return a tensor of shape (1, 3, 45, 33), not None"),
        ("transforms", lambda picture, _: picture.detach(), "has no gradient with respect to the picture"),
        ("penalties", lambda picture: picture.sum(), "must return a tensor of shape (1,), not a tensor of shape ()"),
        ("penalties", lambda picture: float(picture.detach().sum()), "must return a tensor of shape (1,), not "),
        ("penalties", lambda picture: picture.detach().sum((1, 2, 3)), "has no gradient with respect to the picture"),
    ],
)
def test_a_function_that_returns_something_else_is_refused(name: str, function, message: str, photo) -> None:
    kind = {"transforms": "the transform", "penalties": "the penalty"}[name]
    with pytest.raises(InvalidSetting, match=re.escape(f"{kind} '<lambda>' {message}")):
        inc.dream(photo[:45, :33], octaves=1, steps=1, **{name: [function]})


@pytest.mark.parametrize("name", ["transforms", "penalties"])
def test_a_gradient_that_is_not_finite_is_an_error(name: str, photo) -> None:
    def root(picture: torch.Tensor, *_: object) -> torch.Tensor:
        values = (picture * 0).sqrt()
        return picture + values if name == "transforms" else values.sum((1, 2, 3))

    kind = {"transforms": "transform", "penalties": "penalty"}[name]
    with pytest.raises(NotFinite, match=f"the {kind} 'root' has a gradient that is not finite"):
        inc.dream(photo, octaves=1, steps=1, **{name: [root]})


def test_an_error_of_a_function_reaches_the_caller(photo) -> None:
    def broken(_picture: torch.Tensor) -> torch.Tensor:
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        inc.dream(photo, penalties=[broken], **SHORT)


def test_a_function_can_be_any_object_that_is_called(photo) -> None:
    class Red(torch.nn.Module):
        def forward(self, picture: torch.Tensor) -> torch.Tensor:
            return redness(picture)

    def weighted(weight: float, picture: torch.Tensor) -> torch.Tensor:
        return weight * redness(picture)

    first, second, third = (
        pixels(inc.dream(photo, penalties=(one,), **SHORT)) for one in (Red(), partial(weighted, 1), redness)
    )
    assert np.array_equal(first, second)
    assert np.array_equal(first, third)


def test_an_old_recipe_has_no_functions() -> None:
    made = MadeWith("0.1", "2.13", "cpu", "ab")
    assert made.python_prior is None
    assert "python_prior" not in made.facts()
