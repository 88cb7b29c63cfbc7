"""Targets of a picture from noise: classes first, then objectives and the channels of layers."""

from __future__ import annotations

import numpy as np
import pytest

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.objectives import target_text
from inceptionism.recipes import ClassRecipe
from inceptionism.runs import make_class_runs
from tests.support.command import dream
from tests.support.tiny_networks import tiny_network

SHORT = {"size": (33, 41), "steps": 2}


def test_a_layer_with_a_channel_makes_the_picture_of_the_channel(tiny) -> None:
    made = inc.visualize("second:3", network=tiny, **SHORT)
    same = inc.visualize(inc.objectives.channel("second", 3), network=tiny, **SHORT)
    assert np.array_equal(np.asarray(made.image), np.asarray(same.image))
    assert (made.recipe.objective, made.recipe.target) == ("channel(second:3)", None)
    assert made.recipe == same.recipe
    assert np.array_equal(np.asarray(inc.replay(made.recipe, network=tiny).image), np.asarray(made.image))


@pytest.mark.parametrize(
    ("label", "text"),
    [("second:3", "channel(second:3)"), ("Boeing747(jet)", "Boeing747(jet)"), ("layer(second)", "layer(second)")],
)
def test_the_name_of_a_class_comes_before_other_meanings(label: str, text: str) -> None:
    assert inc.visualize(label, network=tiny_network(labels=["ash", label, "fir", "oak"]), **SHORT).recipe.target == 1
    assert target_text(label, tiny_network()) == text


@pytest.mark.parametrize(
    ("target", "error", "message"),
    [
        ("second:99", InvalidSetting, "layer second has no channel 99; its channels are 0 to 6"),
        ("third:3", UnknownName, "'third:3'"),
        ("second", UnknownName, "'second'"),
        ("larch", UnknownName, "'larch'"),
    ],
)
def test_a_target_that_does_not_exist_is_explained(tiny, target: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        inc.visualize(target, network=tiny, **SHORT)


def test_a_network_without_labels_has_units_too() -> None:
    network = tiny_network(labels=None)
    assert inc.visualize("second:3", network=network, **SHORT).recipe.objective == "channel(second:3)"
    with pytest.raises(InvalidSetting, match="has no labels"):
        inc.visualize("larch", network=network, **SHORT)


def test_several_pictures_of_a_text_share_its_objective(tiny) -> None:
    text = "channel(second:1) + 2*diversity(second)"
    runs = make_class_runs(ClassRecipe(target=text, **SHORT), 3, network=tiny)
    assert [run.recipe.objective for run in runs] == [text] * 3
    assert len({run.objective for run in runs}) == 1
    assert [run.recipe.number for run in runs] == [0, 1, 2]


def test_the_command_class_makes_the_picture_of_a_channel(tmp_path) -> None:
    done = dream("class", "blocks.2:7", "lion", "--size", "40", "--steps", "1", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    (unit, lion) = sorted(tmp_path.glob("*.png"))
    assert inc.load_recipe(unit).objective == "channel(blocks.2:7)"
    assert inc.load_recipe(lion).label == "lion"
