"""Choices of layers: a text means the layer with the longest name that the network has."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inceptionism.errors import InvalidSetting
from inceptionism.recipes import LayerChoice, PhotoRecipe, Recipe, parse_layers, parse_terms
from inceptionism.recipes.layers import choose_unit

NAMES = st.text(st.sampled_from('a0:=2.5 ,()"\\\n'), min_size=1, max_size=8)


def known(*names: str) -> dict[str, str]:
    return {name: name for name in names}


@pytest.mark.parametrize(
    ("text", "names", "expected"),
    [
        ("relu:0", ["relu:0"], LayerChoice("relu:0")),
        ("relu:0", ["relu:0", "relu"], LayerChoice("relu:0")),
        ("relu:0", ["relu"], LayerChoice("relu", 0)),
        ("relu:0:3=0.5", ["relu:0", "relu"], LayerChoice("relu:0", 3, 0.5)),
        ("a=0.5", ["a"], LayerChoice("a", weight=0.5)),
        ("a=0.5", ["a", "a=0.5"], LayerChoice("a=0.5")),
        ("a=0.50", ["a=0.50"], LayerChoice("a=0.50")),
        ("a=0", ["a=0"], LayerChoice("a=0")),
        ("a=b", ["a=b"], LayerChoice("a=b")),
        ("a=b=2", ["a=b"], LayerChoice("a=b", weight=2)),
        ("two words, (both):7", ["two words, (both)"], LayerChoice("two words, (both)", 7)),
        (" a", [" a", "a"], LayerChoice(" a")),
        (" a ", ["a"], LayerChoice("a")),
        ('"relu:0"', ["relu:0", "relu"], LayerChoice("relu:0")),
        ('"relu":0', ["relu:0", "relu"], LayerChoice("relu", 0)),
        ('"a=0.5"=2', ["a=0.5"], LayerChoice("a=0.5", weight=2)),
        ('"a"', ['"a"'], LayerChoice('"a"')),
        ('"a"', ['"a"', "a"], LayerChoice("a")),
        ('"""a"""', ['"a"', "a"], LayerChoice('"a"')),
    ],
)
def test_the_longest_known_name_is_taken(text: str, names: list[str], expected: LayerChoice) -> None:
    (choice,) = PhotoRecipe(layer=text).layer
    assert choice.resolve(known(*names)) == expected
    saved = Recipe.from_json(PhotoRecipe(layer=text).to_json())
    assert isinstance(saved, PhotoRecipe)
    assert saved.layer[0].resolve(known(*names)) == expected


@given(st.sets(NAMES, min_size=1), st.data())
def test_a_choice_in_a_network_is_written_so_that_it_keeps_its_meaning(names: set[str], data) -> None:
    choice = LayerChoice(
        data.draw(st.sampled_from(sorted(names))),
        data.draw(st.none() | st.integers(0, 30)),
        data.draw(st.sampled_from([1.0, 2.0, 0.5, -0.25])),
    )
    written = str(choice.resolve(known(*names)))
    assert LayerChoice.parse(written).resolve(known(*names)) == choice
    assert LayerChoice.parse(choice.quoted).resolve(known(*names)) == choice
    if choice.channel is None:
        assert choose_unit(LayerChoice(choice.name).quoted, known(*names), channel=False).name == choice.name


@pytest.mark.parametrize("name", [")", "()", "(", ",", "), layer(a", " )"])
def test_a_layer_may_have_the_name_of_punctuation(name: str) -> None:
    first, second = parse_terms(f"layer({name}) + channel({name}:2)", "objective", [name])
    assert (first.name, first.arguments) == ("layer", (name,))
    assert (second.name, second.arguments) == ("channel", (f"{name}:2",))


def test_a_mapping_gives_the_weight_beside_the_text() -> None:
    choices = parse_layers({"relu:0": 2, "a": 0.5, '"b":3': -1})
    assert [one.resolve(known("relu:0", "a", "b")) for one in choices] == [
        LayerChoice("relu:0", weight=2),
        LayerChoice("a", weight=0.5),
        LayerChoice("b", 3, -1),
    ]
    assert choices[0].resolve(known("relu")) == LayerChoice("relu", 0, 2)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("a=0", "weight of layer 'a' is 0"),
        ("a=b", "the weight after = must be a number, not 'b'"),
        ("a=" + "9" * 900, "weight of layer 'a' must be a finite number, not inf"),
        ("a:3=1e-300", "must be from 1e-06 to 1e[+]06 in size, not 1e-300"),
    ],
)
def test_a_wrong_weight_is_refused_if_no_layer_has_the_whole_name(text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        LayerChoice.parse(text).resolve(known("a"))
