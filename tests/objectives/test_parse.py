"""Objectives as they are written: each gives the one that Python makes, and says what is wrong in a sentence."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InceptionismError, NoGradient
from inceptionism.io.photos import load_photo
from inceptionism.objectives.parse import BUILDERS, is_expression, parse_objective


@pytest.fixture
def pictures(tmp_path, photo, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for folder in ("toward", "away"):
        (tmp_path / folder).mkdir()
    Image.fromarray(photo).save("other.png")
    Image.fromarray(photo).save("toward/one.png")
    Image.fromarray(255 - photo).save("away/one.png")
    Image.fromarray(photo[::-1].copy()).save("away/two.png")
    np.save("vector.npy", np.arange(7.0) - 2)
    np.save("short.npy", np.arange(3.0))
    np.save("nothing.npy", np.zeros(7))
    np.save("objects.npy", np.array([print]), allow_pickle=True)
    return tmp_path


def scored(network: inc.Network, objective: inc.Objective, photo: np.ndarray) -> float:
    scores: list[float] = []
    settings = {"octaves": 1, "steps": 1, "jitter": 0, "precision": "fp32"}
    with suppress(NoGradient):
        inc.dream(photo, network=network, objective=objective, on_step=lambda one: scores.append(one.score), **settings)
    return scores[0]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("layer(second)", objectives.layer("second")),
        ("layer(second:3)", objectives.layer("second", 3)),
        ("channel(first:1)", objectives.channel("first", 1)),
        ("neuron(first:1)", objectives.neuron("first", 1)),
        ("neuron(first:1, 3, 5)", objectives.neuron("first", 1, 3, 5)),
        ("direction(second, vector.npy)", objectives.direction("second", torch.arange(7.0) - 2)),
        ("class(fir)", objectives.logit(2)),
        ("class(oak, against=elm)", objectives.logit(3, 1)),
        ("logit(3, against=all)", objectives.logit(3, "all")),
        ("2*layer(second) - 0.5*class(ash)", 2 * objectives.layer("second") - 0.5 * objectives.logit(0)),
    ],
)
def test_what_is_written_is_what_python_makes(tiny, photo, pictures, text: str, expected) -> None:
    objective = parse_objective(text, tiny)
    assert str(objective) == text
    assert scored(tiny, objective, photo) == pytest.approx(scored(tiny, expected, photo), rel=1e-5)
    assert is_expression(text)
    assert not is_expression(text.partition("(")[0])


def test_a_direction_between_two_sets_tells_them_apart(tiny, pictures, photo) -> None:
    objective = parse_objective("direction(second, toward, away)", tiny)
    assert str(objective) == "direction(second, toward, away)"
    scores = [scored(tiny, objective, one) for one in (photo, 255 - photo, photo[::-1].copy())]
    assert scores[0] > sum(scores[1:]) / 2


def test_pictures_are_the_one_that_is_dreamed_or_one_that_is_named(tiny, pictures, photo) -> None:
    source = load_photo(photo)
    for name in ("inversion", "caricature", "style"):
        own, other = (
            parse_objective(f"{name}(second)", tiny, source),
            parse_objective(f"{name}(second, other.png)", tiny, source),
        )
        assert (str(own), str(other)) == (f"{name}(second)", f"{name}(second, other.png)")
        assert scored(tiny, own, photo) == pytest.approx(scored(tiny, other, photo), abs=1e-5)


def test_all_that_there_is_is_tested_here() -> None:
    assert set(BUILDERS) == {
        "layer", "channel", "neuron", "direction", "class", "logit",
        "guide", "inversion", "caricature", "style", "diversity",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("layr(first)", "there is no objective 'layr'; known are .*; did you mean layer"),
        ("layer(frst)", "has no layer 'frst'; did you mean first"),
        ("layer(first, second)", r"has 2 arguments: write layer\(layer\[:channel\]\)"),
        ("layer(first:9)", "layer first has channels 0 to 4, not a channel 9"),
        ("channel(first)", r"names no channel: write channel\(first:0\)"),
        ("neuron(first:1, 2)", "has a row and no column"),
        ("neuron(first:1, 2, x)", "a place of first is a whole number, not 'x'"),
        ("neuron(first:1, 2000, 2)", "the map of first has rows 0 to"),
        ("class(pine)", "no class is called 'pine'"),
        ("class(oak, against=oak)", "is a class against itself"),
        ("class(oak, opposed=elm)", r"has an unknown opposed=: write class\(name or index\), with against=…"),
        ("direction(second, short.npy)", "short.npy has 3 numbers, and layer second has 7 channels"),
        ("direction(second, nothing.npy)", "that are not all zero; that of nothing.npy is not"),
        ("direction(second, objects.npy)", "objects.npy is no .npy file with a direction"),
        ("direction(second, missing.npy)", "missing.npy is no .npy file with a direction: No such file"),
        ("guide(second)", "has 1 arguments: write guide"),
        ("guide(second, missing.png)", "there is no file missing.png"),
        ("guide(second, other.png, angle)", "by dot products, or by cosine, not by 'angle'"),
        ("style(second)", r"names no picture to compare with: write style\(layer, picture\)"),
        ("diversity(second)", "diversity needs several pictures that are made together"),
        ("layer(second, where=other.png, outside=other.png)", "has both where= and outside="),
        ("0*layer(second)", "the weight of layer is 0"),
        ("1e999*layer(second)", "must be a finite number"),
    ],
)
def test_what_is_wrong_is_said(tiny, pictures, text: str, reason: str) -> None:
    with pytest.raises(InceptionismError, match=reason) as caught:
        inc.visualize(text, network=tiny, size=32, steps=1)
    assert "\n" not in str(caught.value)
