from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inceptionism.errors import InvalidSetting
from inceptionism.io.recipes import load_recipe
from inceptionism.io.xmp import read_packet, write_packet
from inceptionism.recipes import ClassRecipe, PhotoRecipe, Recipe
from inceptionism.recipes.layers import LayerChoice, parse_layers
from inceptionism.recipes.provenance import MadeWith
from tests.support.recipe_strategies import class_recipes, photo_recipes


@given(photo_recipes | class_recipes)
def test_a_recipe_survives_json(recipe: Recipe) -> None:
    assert Recipe.from_json(recipe.to_json()) == recipe


@given(
    st.text()
    | st.recursive(
        st.none() | st.booleans() | st.floats() | st.text(), lambda x: st.lists(x) | st.dictionaries(st.text(), x)
    ).map(json.dumps)
)
def test_a_text_that_is_not_a_recipe_is_refused_in_one_sentence(text: str) -> None:
    with pytest.raises(InvalidSetting):
        Recipe.from_json(text)


@given(
    st.dictionaries(
        st.sampled_from(
            ["octaves", "layer", "seed", "size", "steps", "network", "made_with", "objective", "device", "x"]
        ),
        st.none()
        | st.integers()
        | st.floats()
        | st.text()
        | st.lists(st.integers() | st.text())
        | st.just({"name": 1}),
    ),
    st.sampled_from(["photo", "class"]),
)
def test_a_setting_of_the_wrong_type_is_refused(settings: dict, kind: str) -> None:
    content = {"schema": 1, "kind": kind, **settings}
    try:
        recipe = Recipe.from_json(json.dumps(content))
    except InvalidSetting:
        return
    assert Recipe.from_json(recipe.to_json()) == recipe


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"octaves": 0}, "octaves must be from 1 to 32, not 0"),
        ({"octaves": 2.5}, "octaves must be a whole number, not 2.5"),
        ({"octaves": True}, "octaves must be a whole number, not True"),
        ({"octave_scale": 1}, "octave_scale must be more than 1 and at most 16, not 1"),
        ({"octave_scale": float("nan")}, "octave_scale must be a finite number, not nan"),
        ({"steps": 0}, "steps must be from 1 to 100000, not 0"),
        ({"step_size": 0}, "step_size must be more than 0 and at most 255, not 0"),
        ({"step_size": -1.5}, "step_size must be more than 0"),
        ({"step_size": float("inf")}, "step_size must be a finite number"),
        ({"step_size": "1"}, "step_size must be a finite number, not '1'"),
        ({"jitter": -1}, "jitter must be from 0"),
        ({"size": 0}, "size must be from 1 to 65535, not 0"),
        ({"seed": -1}, "seed must be from 0"),
        ({"seed": 2**63}, "seed must be from 0"),
        (
            {"device": "gpu"},
            "device must be one of auto, cpu, cuda, mps, or one with a number such as cuda:1, not 'gpu'",
        ),
        ({"layer": {"a": 0}}, "weight of layer 'a' is 0"),
        ({"layer": ""}, "'' is not a valid layer"),
        ({"layer": 5}, "layer must be a name, a list of names or a mapping"),
        ({"layer": {"a": float("nan")}}, "the weight of layer 'a' must be a finite number"),
        ({"layer": {"a": 10**400}}, "the weight of layer 'a' must be a finite number, not 1000.*…0"),
        ({"layer": {"a": 10**5000}}, "must be a finite number, not a number with thousands of digits"),
        ({"layer": {"a": None}}, "the weight of layer 'a' must be a finite number, not None"),
        ({"layer": {"a": 1e-300}}, "must be from 1e-06 to 1e[+]06 in size, not 1e-300"),
        ({"layer": {}}, "layer is an empty mapping"),
        ({"layer": {4: 1}}, "layer must be a name, a list"),
        ({"layer": "a=" + "9" * 5000}, "is not a valid layer; .* with at most 1000 characters"),
        ({"steps": 10**5000}, "steps must be from 1 to 100000, not a number with thousands"),
        ({"layer": "a", "objective": "b"}, "either a layer or an objective"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        PhotoRecipe(**settings)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({}, "either a class or an objective"),
        ({"target": "a", "objective": "b"}, "either a class or an objective"),
        ({"target": 1.5}, "target must be"),
        ({"target": ""}, "the name of a class is an empty text"),
        ({"target": "a", "prior": "furrier"}, "there is no prior 'furrier'"),
        ({"target": "a", "size": (5,)}, "size must be a number of pixels or a height and a width"),
        ({"target": "a", "size": (5, 0)}, "size must be from 1"),
        ({"target": "a", "steps": -1}, "steps must be from 1"),
    ],
)
def test_settings_of_a_class_out_of_range_are_refused(settings: dict, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        ClassRecipe(**settings)


@pytest.mark.parametrize("channel", [-1, True, 1.5, "a", 10**400])
def test_an_invalid_channel_is_refused(channel) -> None:
    with pytest.raises(InvalidSetting, match="the channel of layer 'a' must be"):
        LayerChoice("a", channel)
    with pytest.raises(InvalidSetting, match="the name of a layer must be a text, not 5"):
        LayerChoice(5)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"kind": []}, r"unknown kind \[\]"),
        ({"kind": {}}, r"unknown kind \{\}"),
        ({"schema": True}, "schema True"),
        ({"step_size": 10**400}, "step_size must be a finite number"),
        ({"layer": ["a:" + "9" * 4301 + "=b"]}, "is not a valid layer"),
        (
            {"made_with": {"inceptionism": "1", "torch": "2", "device": "cpu", "weights": "a", "photo": {"x": 1}}},
            "photo",
        ),
    ],
)
def test_a_tampered_recipe_is_refused(change: dict, reason: str) -> None:
    content = {"schema": 1, "kind": "photo", **change}
    with pytest.raises(InvalidSetting, match=reason) as caught:
        Recipe.from_json(json.dumps(content))
    assert len(str(caught.value)) < 300


def test_control_characters_are_escaped() -> None:
    name = "\x1b[31m\u009bü.jpg"
    made = MadeWith("1", "2", "cpu", "a", {"name": name})
    recipe = PhotoRecipe(network="a\nb", made_with=made)
    described = dict(recipe.described())
    assert described["photo"] == r"name \x1b[31m\x9bü.jpg"
    assert described["network"] == r"a\nb"
    assert recipe.to_json().isascii()
    assert recipe.to_json().isprintable()


def test_layers_can_be_written_in_several_ways() -> None:
    one = (LayerChoice("blocks.10"),)
    assert parse_layers("blocks.10") == parse_layers(["blocks.10"]) == parse_layers({"blocks.10": 1}) == one
    assert parse_layers(["a:17=0.5", "inception_4c/output"]) == (
        LayerChoice("a", 17, 0.5),
        LayerChoice("inception_4c/output"),
    )
    assert parse_layers({"a:3": -2}) == (LayerChoice("a", 3, -2),)
    assert parse_layers(None) == ()
    assert [str(choice) for choice in parse_layers(["a:17=0.5", "b"])] == ["a:17=0.5", "b"]


def test_an_unknown_setting_is_named_in_the_error() -> None:
    with pytest.raises(InvalidSetting, match="unknown setting 'octave'; did you mean octaves"):
        Recipe.from_json('{"schema": 1, "kind": "photo", "octave": 3}')
    with pytest.raises(
        InvalidSetting, match="schema 3, but this version of inceptionism reads only the schemas 1 to 2"
    ):
        Recipe.from_json('{"schema": 3, "kind": "photo"}')
    with pytest.raises(InvalidSetting, match="unknown kind 'film'; the kinds are photo, class"):
        Recipe.from_json('{"schema": 1, "kind": "film"}')


def test_a_recipe_of_an_earlier_schema_has_the_defaults_of_its_time() -> None:
    old = Recipe.from_json('{"schema": 1, "kind": "photo", "octave_scale": 1.2}')
    assert isinstance(old, PhotoRecipe)
    assert (old.octaves, old.octave_scale, old.prior) == (4, 1.2, "none")
    assert Recipe.from_json(old.to_json()) == old
    assert Recipe.from_toml('kind = "photo"') == PhotoRecipe()
    assert Recipe.from_json(PhotoRecipe().to_json()) == PhotoRecipe()


WITHOUT_UNICODE = {
    "network": "net\udcff.onnx",
    "objective": "layer(a\ud800)",
    "layer": ["a\ud800"],
    "guide": "a\udcff.png",
    "mask": "a\udcff.png",
    "made_with": {"inceptionism": "1", "torch": "2", "device": "cpu", "weights": "0", "photo": {"name": "a\ud800"}},
    "verdicts": [{"network": "n", "weights": "0", "seen": [["cup\ud800", 0.5]]}],
}


@pytest.mark.parametrize("name", WITHOUT_UNICODE)
def test_text_that_no_file_can_hold_is_refused_when_it_is_set_and_when_it_is_read(name: str) -> None:
    settings = {name: WITHOUT_UNICODE[name]}
    with pytest.raises(InvalidSetting) as refused:
        Recipe.from_json(json.dumps({"schema": 1, "kind": "photo", **settings}))
    str(refused.value).encode()
    if name not in ("made_with", "verdicts"):
        with pytest.raises(
            InvalidSetting, match=r"has characters that are not Unicode: .*; if it is the name of a file"
        ):
            PhotoRecipe(**settings)


def test_a_recipe_in_xmp_or_toml_has_only_unicode(tmp_path) -> None:
    packet = write_packet('{"schema": 1, "kind": "class", "target": "a\\ud800"}', "a")
    (tmp_path / "a.toml").write_text('kind = "class"\ntarget = "a\\ud800"\n')
    for read in (lambda: Recipe.from_json(read_packet(packet) or ""), lambda: load_recipe(tmp_path / "a.toml")):
        with pytest.raises(InvalidSetting) as refused:
            read()
        str(refused.value).encode()
