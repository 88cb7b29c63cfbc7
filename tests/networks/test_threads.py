"""One network that is used by several threads at the same time."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import inceptionism as inc
from tests.support.tiny_networks import tiny_module


@pytest.fixture(autouse=True)
def frequent_switches() -> Iterator[None]:
    """Python switches between threads a thousand times as often as usual."""
    interval = sys.getswitchinterval()
    sys.setswitchinterval(5e-6)
    yield
    sys.setswitchinterval(interval)


def test_threads_get_the_activations_of_their_own_pictures(lite0) -> None:
    generator = torch.Generator().manual_seed(0)
    layers = ["blocks.1", "blocks.4", "blocks.6", "logits"]
    pictures = [torch.rand(1, 3, 40 + 3 * number, 61, generator=generator) for number in range(4)]
    calls = [(pictures[number % 4], layers[number // 4 % 4]) for number in range(64)]
    expected = [lite0.activations(picture, [layer])[layer] for picture, layer in calls]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda call: lite0.activations(call[0], [call[1]])[call[1]], calls))
    assert all(torch.equal(one, other) for one, other in zip(found, expected, strict=True))


@pytest.mark.parametrize("prepared", [False, True])
def test_dreams_in_threads_have_the_pixels_of_dreams_one_after_the_other(photo, prepared: bool) -> None:
    """The layers need copies of the network, which the threads make at the same time unless it is prepared."""

    def dream(number: int) -> np.ndarray:
        settings = {"layer": layers[number % 3], "seed": number, "steps": 2, "octaves": 2, "precision": "fp32"}
        return np.asarray(inc.dream(photo, network=network, size=60 + 9 * (number % 2), **settings).image)

    layers = ["first", {"second": 1, "first": 0.5}, "second"]
    network = inc.Network(tiny_module())
    expected = [dream(number) for number in range(12)]
    if not prepared:
        network = inc.Network(tiny_module())
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(dream, range(12)))
    assert all(map(np.array_equal, found, expected))


def test_a_network_on_another_device_is_a_copy(lite0) -> None:
    """The meta device exists on every machine. It computes shapes only."""
    meta = torch.device("meta")
    network = inc.Network(tiny_module(), labels=["ash", "elm", "fir", "yew"])
    assert network.on(network.device) is network
    moved = network.on(meta)
    assert moved is network.on(meta)
    assert (moved.device, moved.labels, moved.name) == (meta, network.labels, network.name)
    picture = torch.rand(1, 3, 20, 30)
    assert moved.activations(picture.to(meta), ["first"])["first"].device == meta
    assert network.device == torch.device("cpu")
    assert network.activations(picture, ["first"])["first"].device == network.device


def test_a_network_that_cannot_be_moved_stays_where_it_is() -> None:
    network = inc.Network(tiny_module())
    before = network.activations(torch.ones(1, 3, 20, 30), ["second"])["second"]
    for device in ("cuda:99", "warp drive"):
        with pytest.raises(inc.errors.InvalidSetting, match="cannot be moved to"):
            network.to(device)
        assert network.device == torch.device("cpu")
        assert torch.equal(network.activations(torch.ones(1, 3, 20, 30), ["second"])["second"], before)
