"""Objectives of other packages: written in texts, on the command line and in recipes like those of this package."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting, UnknownName
from inceptionism.objectives import parse_objective
from inceptionism.recipes import Recipe
from tests.support.command import dream
from tests.support.plugins import write_package

SHORT = {"octaves": 2, "steps": 2}

CODE = """
import inceptionism as inc

def largest(network, layer, power="1"):
    network.check_layer(layer)
    return inc.Objective({layer}, lambda given: given[layer].flatten(1).amax(1) ** float(power), "largest")

def number(network):
    return 3

def mine(network):
    raise AssertionError("the objective of inceptionism comes first")
"""


@pytest.fixture
def site(tmp_path: Path, monkeypatch) -> Iterator[Path]:
    """Install a package with entry points for objectives, and return its folder."""
    folder = tmp_path / "site"
    functions = {"largest": "largest", "L2": "largest", "number": "number", "layer": "mine"}
    entries = {name: f"objectives_of_tests:{function}" for name, function in functions.items()}
    write_package(
        folder,
        "inceptionism.objectives",
        {**entries, "gone": "no_module_here:it"},
        {"objectives_of_tests": CODE},
    )
    monkeypatch.syspath_prepend(str(folder))
    importlib.invalidate_caches()
    yield folder
    sys.modules.pop("objectives_of_tests", None)


def largest(layer: str) -> inc.Objective:
    return inc.Objective(frozenset([layer]), lambda given: given[layer].flatten(1).amax(1), "largest")


def test_a_text_of_a_plugin_makes_the_picture_of_the_same_objective_in_python(site, tiny, photo) -> None:
    text = "2*largest(second) + layer(first)"
    made = inc.dream(photo, network=tiny, objective=text, **SHORT)
    same = inc.dream(photo, network=tiny, objective=2 * largest("second") + objectives.layer("first"), **SHORT)
    assert np.array_equal(np.asarray(made.image), np.asarray(same.image))
    assert made.recipe.objective == text
    assert made.recipe.made_with.python_objective is None
    assert not any("only in Python" in note for note in made.notes)
    again = inc.replay(Recipe.from_json(made.recipe.to_json()), photo, network=tiny)
    assert np.array_equal(np.asarray(again.image), np.asarray(made.image))
    assert again.recipe == made.recipe


def test_a_plugin_has_arguments_with_keys_and_masks(site, tiny, photo, folder) -> None:
    text = f"largest(second, power=2, where={folder / 'cup.jpg'})"
    objective = parse_objective(text, tiny)
    assert str(objective) == text
    assert objective.mask is not None
    assert inc.visualize("L2(second)", network=tiny, size=(33, 41), steps=1).recipe.objective == "L2(second)"


def test_the_command_line_makes_and_replays_the_objective_of_a_plugin(site, folder, monkeypatch) -> None:
    options = ["--objective", "largest(blocks.1)", "--steps", "1", "--octaves", "1", "-o", "a.png"]
    assert dream("photo", "cup.jpg", *options, cwd=folder).returncode == 0
    replayed = dream("replay", "a.png", "cup.jpg", cwd=folder)
    assert replayed.returncode == 0, replayed.stderr
    assert "the pixels are the same as in a.png" in replayed.stderr
    monkeypatch.setattr(sys, "path", [path for path in sys.path if path != str(site)])
    without = dream("replay", "a.png", "cup.jpg", cwd=folder)
    assert without.returncode == 2
    assert "there is no objective 'largest'; the objectives are layer, channel" in without.stderr


@pytest.mark.parametrize(
    ("text", "error", "message"),
    [
        (
            "largets(second)",
            InvalidSetting,
            r"there is no objective 'largets'; .*diversity, gone, .*did you mean largest",
        ),
        ("largest(thrid)", UnknownName, "thrid"),
        (
            "largest",
            InvalidSetting,
            r"largest = objectives_of_tests:largest makes no objective from 'largest': TypeError",
        ),
        (
            "largest(second, sharp=1)",
            InvalidSetting,
            r"TypeError: largest\(\) got an unexpected keyword argument 'sharp'",
        ),
        ("number", InvalidSetting, "number = objectives_of_tests:number must return an Objective, not 3"),
        ("gone(second)", InvalidSetting, r"gone = no_module_here:it cannot be loaded: ModuleNotFoundError: No module"),
    ],
)
def test_a_plugin_that_cannot_be_used_is_explained(site, tiny, text: str, error: type, message: str) -> None:
    with pytest.raises(error, match=message):
        parse_objective(text, tiny)


def test_a_plugin_does_not_replace_an_objective_of_this_package(site, tiny) -> None:
    assert parse_objective("layer(second)", tiny).layers == {"second"}
