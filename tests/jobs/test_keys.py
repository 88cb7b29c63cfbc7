"""The key of a job changes with everything that its picture depends on, and with nothing else."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import inceptionism as inc
from inceptionism.jobs.job import Job
from inceptionism.jobs.keys import job_key
from inceptionism.jobs.outcomes import Task
from inceptionism.recipes import ClassRecipe, PhotoRecipe, Recipe
from tests.support.tiny_networks import tiny_network


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder, which also has the user's cache."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path


def key(recipe: Recipe, network: inc.Network, **others: inc.Network) -> str:
    return job_key(Task(Job(1, "a.png", "", recipe)), network, others.__getitem__)


def plain_network() -> inc.Network:
    """Return a network without batch norms, whose statistics must be measured."""
    torch.manual_seed(0)
    features = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2), nn.ReLU(), nn.Conv2d(6, 5, 3), nn.ReLU())
    module = nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(5, 4))
    return inc.Network(module, mean=(0.4, 0.5, 0.6), std=(0.2, 0.2, 0.2), size=32, labels=["ash", "elm", "fir", "oak"])


def save_noise(path: Path, seed: int) -> Path:
    path.parent.mkdir(exist_ok=True)
    Image.fromarray(np.random.default_rng(seed).integers(0, 256, (40, 53, 3), dtype=np.uint8)).save(path)
    return path


@pytest.mark.parametrize("target", [None, "oak"])
def test_a_measurement_of_statistics_changes_the_pictures_that_use_them(folder, target) -> None:
    users = [ClassRecipe(target="oak"), ClassRecipe(target="oak", prior="fourier + 2*statistics")]
    users += [] if target else [ClassRecipe(target="elm"), PhotoRecipe(prior="statistics")]
    others = [PhotoRecipe(), ClassRecipe(target="oak", prior="fourier"), ClassRecipe(target="oak", prior="none")]
    others += [ClassRecipe(target="elm"), ClassRecipe(objective="class(oak)")] if target else []
    keys = []
    for seed in range(2):
        keys.append([[key(recipe, plain_network()) for recipe in recipes] for recipes in (users, others)])
        inc.measure_statistics(plain_network(), [save_noise(folder / "a.png", seed)], target=target, overwrite=True)
    keys.append([[key(recipe, plain_network()) for recipe in recipes] for recipes in (users, others)])
    for recipe, different in zip(users, zip(*(one[0] for one in keys), strict=True), strict=True):
        assert len({*different}) == 3, recipe
    assert keys[0][1] == keys[1][1] == keys[2][1]


def test_everything_of_the_network_counts() -> None:
    networks = [
        tiny_network(),
        tiny_network(1),
        tiny_network(mean=(0.1, 0.2, 0.3)),
        tiny_network(channels="BGR"),
        tiny_network(size=(32, 40)),
        tiny_network(labels=["oak", "elm", "fir", "ash"]),
    ]
    assert len({key(ClassRecipe(target="oak"), network) for network in networks}) == 6
    assert key(ClassRecipe(target="oak"), tiny_network()) == key(ClassRecipe(target="oak"), networks[0])


def test_the_default_layer_counts_for_a_photograph_without_a_layer() -> None:
    first, second = tiny_network(default_layer="first"), tiny_network(default_layer="second")
    assert key(PhotoRecipe(), first) != key(PhotoRecipe(), second)
    for recipe in (PhotoRecipe(layer="first"), PhotoRecipe(objective="layer(first)"), ClassRecipe(target="oak")):
        assert key(recipe, first) == key(recipe, second)


@pytest.mark.parametrize("name", ["objective", "target"])
def test_files_folders_and_networks_in_an_objective_count(folder, name) -> None:
    def key_of(text: str, other: inc.Network) -> str:
        settings: dict[str, Any] = {name: text}
        return key(ClassRecipe(**settings), tiny_network(), other=other)

    for seed, file in enumerate(("one/a.png", "two/b.png", "c.png")):
        save_noise(folder / file, seed)
    for text, changed in (
        ("style(first, c.png)", folder / "c.png"),
        ("direction(first, one, two)", folder / "one" / "a.png"),
        ("direction(first, one, two)", folder / "two" / "more.png"),
    ):
        before = key_of(text, tiny_network())
        assert key_of(text, tiny_network()) == before
        save_noise(changed, 99 + len(text))
        assert key_of(text, tiny_network()) != before, text
    text = "layer(second) + layer(first, network=other)"
    assert key_of(text, tiny_network(2)) == key_of(text, tiny_network(2))
    assert len({key_of(text, tiny_network(seed)) for seed in range(3)}) == 3
