"""Objectives that exist only in Python: the recipe says so, and a replay makes the result again if they are passed."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.io import load_mask, load_photo
from inceptionism.recipes import MadeWith, PhotoRecipe, Recipe
from tests.support.command import dream
from tests.support.tiny_networks import tiny_network

SHORT = {"octaves": 2, "steps": 2}
MADE_WITH = {"inceptionism": "0.1", "torch": "2.13", "device": "cpu", "weights": "ab"}


def brightest(layer: str = "blocks.2") -> inc.Objective:
    """Return an objective that no text describes: the largest activation of a layer."""
    return inc.Objective(frozenset([layer]), lambda activations: activations[layer].flatten(1).amax(1), "the brightest")


def pixels(image: Image.Image) -> np.ndarray:
    return np.asarray(image)


def only_in_python(text: str) -> str:
    return (
        f"the objective {text} exists only in Python and not in the recipe; "
        "to make this result again, pass the same Objective to the replay"
    )


def test_a_picture_of_a_python_objective_is_made_again_with_the_objective(folder, photo) -> None:
    made = inc.dream(photo, objective=brightest(), **SHORT)
    assert only_in_python("the brightest") in made.notes
    made.save(folder / "a.png")
    assert inc.load_recipe(folder / "a.png").made_with.python_objective is True
    again = inc.replay(folder / "a.png", photo, objective=brightest())
    assert np.array_equal(pixels(again.image), pixels(made.image))
    assert again.recipe == made.recipe
    assert not np.array_equal(pixels(inc.replay(folder / "a.png", photo, layer="blocks.2").image), pixels(made.image))


def test_a_picture_from_noise_of_a_python_objective_is_made_again_with_the_objective(tmp_path) -> None:
    made = inc.visualize(brightest() - 2 * objectives.channel("blocks.2", 3), size=(31, 47), steps=2)
    made.save(tmp_path / "a.png")
    again = inc.replay(tmp_path / "a.png", objective=brightest() - 2 * objectives.channel("blocks.2", 3))
    assert np.array_equal(pixels(again.image), pixels(made.image))
    other = inc.replay(tmp_path / "a.png", objective=brightest("blocks.4"))
    assert not np.array_equal(pixels(other.image), pixels(made.image))
    assert inc.replay(tmp_path / "a.png", target="lion", objective=None).recipe.made_with.python_objective is None


def test_a_zoom_of_a_python_objective_is_made_again_with_the_objective(photo, tmp_path) -> None:
    settings = {"steps": 1, "octaves": 1, "size": (46, 34), "fps": 2, "seconds": 1}
    run = inc.zoom(photo, objective=brightest(), **settings)
    frames = [pixels(frame.image) for frame in run]
    assert only_in_python("the brightest") in run.notes
    with pytest.raises(InvalidSetting, match=r"with inc.replay_film\(file, objective=...\)"):
        inc.replay_film(run.recipe)
    path = tmp_path / "photo.png"
    Image.fromarray(photo).save(path)
    again = [pixels(frame.image) for frame in inc.replay_film(run.recipe, path, objective=brightest())]
    assert len(again) == 2
    assert all(np.array_equal(one, other) for one, other in zip(frames, again, strict=True))


def test_a_replay_without_the_python_objective_says_how_to_pass_it(folder, photo) -> None:
    inc.dream(photo, objective=brightest(), **SHORT).save(folder / "a.png")
    message = (
        "the recipe's objective 'the brightest' was made by Python code, which the recipe does not contain; pass the "
        "same Objective in Python, with inc.replay(file, objective=...), or choose another objective"
    )
    with pytest.raises(InvalidSetting) as raised:
        inc.replay(folder / "a.png", photo)
    assert str(raised.value) == message
    refused = dream("replay", folder / "a.png", folder / "cup.jpg", cwd=folder)
    assert refused.returncode == 2
    assert message in " ".join(refused.stderr.split())
    assert dream("replay", folder / "a.png", folder / "cup.jpg", "--layer", "blocks.1", cwd=folder).returncode == 0


def test_a_replay_refuses_an_objective_that_is_a_plain_function(photo) -> None:
    made = inc.dream(photo, objective=brightest(), **SHORT)
    with pytest.raises(InvalidSetting, match="an objective must come from the functions of"):
        inc.replay(made.recipe, photo, objective=len)


@pytest.mark.parametrize("differs", [False, True])
def test_a_replay_with_the_python_objective_reports_other_weights(tiny, photo, differs: bool) -> None:
    made = inc.dream(photo, network=tiny, objective=brightest("second"), **SHORT)
    network = tiny_network(int(differs))
    notes = inc.replay(made.recipe, photo, network=network, objective=brightest("second")).notes
    assert any("the network's weights differ" in note for note in notes) is differs


@pytest.mark.parametrize(
    ("objective", "repeatable"),
    [
        (objectives.layer("second"), True),
        (objectives.channel("second", 1) + 2 * objectives.logit(2), True),
        (objectives.neuron("second", 1), True),
        (objectives.diversity("second"), True),
        (objectives.direction("second", torch.ones(7), "vector.npy"), True),
        (objectives.direction("second", torch.ones(7)), False),
        (objectives.layer("second") + brightest("second"), False),
        (-1 * brightest("second"), False),
        (brightest("second").where(load_mask(np.eye(5, 7, dtype=np.uint8))), False),
        (objectives.layer("second").where(load_mask(np.eye(5, 7, dtype=np.uint8))), True),
    ],
    ids=str,
)
def test_an_objective_is_repeatable_if_its_text_is_enough_to_make_it(objective, repeatable: bool) -> None:
    assert objective.repeatable is repeatable
    assert objective.notes == ([] if repeatable else [only_in_python(str(objective))])


def test_objectives_that_compare_with_a_picture_are_repeatable(photo) -> None:
    for make in (objectives.guide, objectives.inversion, objectives.caricature, objectives.style):
        assert make("second", load_photo(photo)).repeatable


def test_a_recipe_records_a_python_objective_only_if_there_is_one() -> None:
    old = {"schema": 1, "kind": "photo", "made_with": MADE_WITH}
    recipe = Recipe.from_json(json.dumps(old))
    assert recipe.made_with.python_objective is None
    assert "python_objective" not in recipe.to_json()
    marked = PhotoRecipe(objective="mine", made_with=MadeWith(**MADE_WITH, python_objective=True))
    assert Recipe.from_json(marked.to_json()) == marked
    with pytest.raises(InvalidSetting, match="python_objective must be true or false, not 'yes'"):
        Recipe.from_json(json.dumps({**old, "made_with": {**MADE_WITH, "python_objective": "yes"}}))


def test_a_recipe_as_toml_names_the_parts_that_exist_only_in_python(folder, photo) -> None:
    made = inc.dream(photo, objective=brightest(), penalties=[lambda picture: picture.sum((1, 2, 3))], **SHORT)
    made.save(folder / "a.png")
    shown = dream("show", folder / "a.png", "--toml", cwd=folder).stdout
    assert shown.splitlines()[:2] == [
        "# The objective exists only in Python. To run this file, choose another objective.",
        "# The prior also had functions that exist only in Python. This file does not have them.",
    ]
    assert Recipe.from_toml(shown).objective == "the brightest"
    plain = inc.dream(photo, layer="blocks.2", **SHORT)
    assert not plain.recipe.to_toml().startswith("#")
