"""Objectives of several networks, compared with the sum of the gradients of each network alone."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.io import load_photo
from inceptionism.objectives import NetworkLayer, keys_by_network, parse_objective
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module, tiny_network

OTHER_MEAN, OTHER_STD = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)


def other_network(**arguments) -> inc.Network:
    """Return a network with other weights, another normalization and other classes than the usual tiny network."""
    settings = {"mean": OTHER_MEAN, "std": OTHER_STD, "labels": ["cat", "dog", "hen", "owl"], "name": "other"}
    return tiny_network(7, **{**settings, **arguments})


def logits(seed: int, mean: tuple[float, ...], std: tuple[float, ...], picture: Tensor) -> Tensor:
    normalized = (picture - torch.tensor(mean).view(3, 1, 1)) / torch.tensor(std).view(3, 1, 1)
    return tiny_module(seed)(normalized)


def evaluate(network: inc.Network, objective: inc.Objective, view: Tensor, references=()) -> tuple[float, Tensor]:
    request = EvaluationRequest(view, objective, torch.Generator(), references=references)
    return GradientEvaluator(network)([request])[0]


def test_gradient_is_the_sum_of_those_of_both_networks() -> None:
    picture = torch.rand(1, 3, 37, 45, generator=torch.Generator().manual_seed(1)).requires_grad_()
    objective = objectives.logit(2) + 0.5 * objectives.logit(1).on(other_network())
    score, gradient = evaluate(tiny_network(), objective, picture.detach())
    total = logits(0, TINY_MEAN, TINY_STD, picture)[0, 2] + 0.5 * logits(7, OTHER_MEAN, OTHER_STD, picture)[0, 1]
    total.backward()
    assert score == pytest.approx(total.item(), rel=1e-4)
    torch.testing.assert_close(gradient, picture.grad, rtol=1e-3, atol=1e-6)


@pytest.mark.parametrize("kind", ["guide", "style", "inversion", "caricature", "class", "neuron", "diversity"])
def test_every_kind_of_objective_scores_as_on_its_own_network(kind: str, photo) -> None:
    makers = {
        "guide": lambda: objectives.guide("second", load_photo(photo[::-1].copy())),
        "style": lambda: objectives.style("second", load_photo(photo[::-1].copy())),
        "inversion": lambda: objectives.inversion("first", load_photo(photo[::-1].copy())),
        "caricature": lambda: objectives.caricature("first", load_photo(photo[::-1].copy())),
        "class": lambda: objectives.logit(3, "all"),
        "neuron": lambda: objectives.neuron("second", 3, 1, 2),
        "diversity": lambda: objectives.diversity("second"),
    }
    settings = {"prior": "none", "steps": 3, "size": (35, 41), "precision": "fp32", "count": 2, "seed": 3}
    if kind == "guide" or kind in ("style", "inversion", "caricature"):
        settings["count"] = 1
    own = inc.visualize(makers[kind](), network=other_network(), **settings)
    beside = inc.visualize(makers[kind]().on(other_network()), network=tiny_network(), **settings)
    own, beside = (one if isinstance(one, list) else [one] for one in (own, beside))
    for first, second in zip(own, beside, strict=True):
        np.testing.assert_allclose(first.scores, second.scores, rtol=1e-4)
        assert np.abs(np.asarray(first.image, int) - np.asarray(second.image, int)).max() <= 1


def test_text_names_another_network(tiny) -> None:
    other = "network=efficientnet-lite0"
    text = f"class(fir) + 2*class(king of beasts, {other}) - channel(blocks.4:3, {other})"
    objective = parse_objective(text, tiny)
    assert str(objective) == text
    lite0 = inc.load_network("efficientnet-lite0")
    assert ("efficientnet-lite0", lite0.weights_hash) in objective.files
    expected = objectives.logit(2) + (2 * objectives.logit(291) - objectives.channel("blocks.4", 3)).on(lite0)
    view = torch.rand(1, 3, 64, 72, generator=torch.Generator().manual_seed(1))
    (score, gradient), (other_score, other_gradient) = (evaluate(tiny, one, view) for one in (objective, expected))
    assert score == pytest.approx(other_score, rel=1e-4)
    torch.testing.assert_close(gradient, other_gradient, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "error", "reason"),
    [
        ("class(oak, network=efficientnet-lite0)", UnknownName, "no class is called 'oak'"),
        ("layer(second, network=efficientnet-lite0)", UnknownName, "efficientnet-lite0 has no layer 'second'"),
        ("class(oak, network=efficientnet-lite9)", UnknownName, "there is no network 'efficientnet-lite9'"),
    ],
)
def test_wrong_names_are_refused(tiny, text: str, error: type[Exception], reason: str) -> None:
    with pytest.raises(error, match=reason):
        parse_objective(text, tiny)


def test_objective_has_only_one_network() -> None:
    once = objectives.logit(1).on(other_network())
    with pytest.raises(InvalidSetting, match="already has a network; an objective can have only one"):
        once.on(tiny_network())
    assert str(once) == "logit(1, network=other)"
    assert not once.repeatable
    by_name = objectives.logit(1).on("efficientnet-lite0")
    assert by_name.repeatable
    assert str(by_name) == "logit(1, network=efficientnet-lite0)"


def test_replay_opens_only_networks_that_are_known_or_passed(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = "class(banana) + class(lion, network=efficientnet-lite0)"
    made = inc.visualize(text, steps=2, size=32, prior="none")
    made.save("made.png")
    again = inc.replay("made.png")
    assert np.array_equal(np.asarray(again.image), np.asarray(made.image))
    recipe = inc.load_recipe("made.png")
    hostile = json.loads(recipe.to_json())
    hostile["objective"] = "class(banana) + class(lion, network=/etc/passwd)"
    with pytest.raises(InvalidSetting, match="the recipe names '/etc/passwd', but a replay opens only files that you"):
        inc.replay(type(recipe).from_json(json.dumps(hostile)))


def test_picture_in_tiles_and_a_photograph_use_both_networks(photo) -> None:
    objective = objectives.layer("second") + 3 * objectives.layer("second").on(other_network())
    whole = inc.dream(photo, network=tiny_network(), objective=objective, octaves=1, steps=1, jitter=0)
    assert str(objective) == "layer(second) + 3*layer(second, network=other)"
    assert isinstance(whole.image, Image.Image)
    evaluator = GradientEvaluator(tiny_network())
    view = torch.rand(1, 3, 96, 120, generator=torch.Generator().manual_seed(1))
    request = EvaluationRequest(view, objective, torch.Generator().manual_seed(0))
    (_, full), evaluator.max_pixels = evaluator([request])[0], 60 * 64
    (_, tiled) = evaluator([request])[0]
    close = (full - tiled).abs() < 1e-3 * full.abs().max()
    assert close.float().mean() > 0.8


def test_networks_of_one_name_keep_their_own_hashes_and_one_order(tiny) -> None:
    networks = [tiny_network(seed) for seed in (5, 3, 9, 4)]
    terms = [objectives.layer("first").on(network) for network in [*networks, networks[0]]]
    pictures = sum(terms).pictures()
    assert [*pictures] == ["Tiny", "Tiny-2", "Tiny-3", "Tiny-4"]
    assert [*pictures.values()] == [network.weights_hash for network in networks]
    # The same weights with other input formats are other networks, too.
    networks += [tiny_network(5, mean=(0.1 * number, 0, 0)) for number in range(4)]
    keys = [NetworkLayer("first", network) for network in networks]
    wanted = sorted(network.key for network in networks)
    for given in (keys, keys[::-1]):
        assert [network.key for network in keys_by_network(given, tiny)] == wanted
