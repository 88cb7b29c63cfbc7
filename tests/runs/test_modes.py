"""Pictures are the same in every mode of torch that the code of a user can set."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism import objectives
from tests.support.tiny_networks import tiny_network

MODES: dict[str, Callable[[], AbstractContextManager[object]]] = {
    "no_grad": torch.no_grad,
    "inference_mode": torch.inference_mode,
}

SETTINGS = {"precision": "fp32", "seed": 4}


def pictures(photo: np.ndarray) -> list[np.ndarray]:
    """Return pictures of each kind, made with a network that is made here."""
    network, vector = tiny_network(), torch.arange(7.0)
    results = [
        inc.dream(photo, network=network, layer="second", octaves=2, steps=2, mask=photo, **SETTINGS),
        inc.dream(photo, network=network, layer="second", guide=photo[::-1].copy(), octaves=1, steps=2, **SETTINGS),
        inc.visualize("fir", network=network, size=(31, 44), steps=3, **SETTINGS),
        inc.visualize(objectives.direction("second", vector), network=network, size=31, steps=2, **SETTINGS),
        inc.visualize("fir", network=network, size=(31, 44), steps=2, prior="pixels + tv", **SETTINGS),
    ]
    film = inc.zoom(photo, network=network, layer="second", steps=1, fps=4, seconds=0.5, **SETTINGS)
    return [np.asarray(result.image) for result in results] + [np.asarray(frame.image) for frame in film]


@pytest.mark.parametrize("mode", MODES.values(), ids=MODES)
def test_pictures_are_the_same_in_each_mode(mode, photo) -> None:
    expected = pictures(photo)
    with mode():
        found = pictures(photo)
        assert torch.is_grad_enabled() is False
    assert len(found) == len(expected) >= 6
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)
    assert torch.is_grad_enabled()
    assert not torch.is_inference_mode_enabled()


def test_a_run_can_be_in_another_mode_at_each_step(photo) -> None:
    expected = inc.visualize("fir", network=tiny_network(), size=(31, 44), steps=8, **SETTINGS)
    with torch.inference_mode():
        recipe = inc.ClassRecipe(target="fir", size=(31, 44), steps=8, **SETTINGS)
        run = inc.ClassRun(recipe, network=tiny_network())
        run.image()
        steps = iter(run)
    modes = [nullcontext, torch.no_grad, torch.inference_mode, nullcontext]
    for mode in modes * 2:
        with mode():
            before = torch.is_grad_enabled(), torch.is_inference_mode_enabled()
            assert next(steps).image.size == (44, 31)
            assert (torch.is_grad_enabled(), torch.is_inference_mode_enabled()) == before
    np.testing.assert_array_equal(run.result().image, expected.image)
    assert run.result().scores == expected.scores


def test_a_network_that_was_first_used_in_inference_mode_has_gradients_later(photo) -> None:
    """Its fast copies and packed weights are made at the first use."""
    network, picture = tiny_network(), torch.rand(1, 3, 31, 44)
    with torch.inference_mode():
        first = network.activations(picture, ["second", "logits"])
        assert network.layers((40, 50))
        assert network.statistics
        assert network.dtype("bf16") == torch.bfloat16
    later = network.activations(picture.requires_grad_(), ["second", "logits"])
    assert all(torch.equal(first[name], later[name]) for name in first)
    (gradient,) = torch.autograd.grad(later["logits"].sum(), picture)
    (expected,) = torch.autograd.grad(tiny_network().activations(picture, ["logits"])["logits"].sum(), picture)
    assert torch.equal(gradient, expected)
    with torch.no_grad():
        assert not network.activations(picture, ["second"])["second"].requires_grad
