"""The widgets of the nodes: their defaults and limits are those of the settings, and ComfyUI understands them."""

from __future__ import annotations

import inspect

import pytest

import inceptionism as inc
from inceptionism.recipes import settings_of
from tests.support.comfyui import SOCKETS

KINDS = {"InceptionismDream": inc.PhotoRecipe, "InceptionismVisualize": inc.ClassRecipe}


def widgets_of(kind) -> dict:
    types = kind.INPUT_TYPES()
    inputs = {**types["required"], **types.get("optional", {})}
    return {name: one for name, one in inputs.items() if one[0] not in SOCKETS}


def test_every_node_follows_the_documented_interface(comfyui) -> None:
    nodes = comfyui.nodes
    assert nodes.NODE_CLASS_MAPPINGS.keys() == nodes.NODE_DISPLAY_NAME_MAPPINGS.keys()
    assert [*nodes.NODE_DISPLAY_NAME_MAPPINGS.values()] == ["Dream", "Visualize", "Load Network", "Recipe from Image"]
    for kind in nodes.NODE_CLASS_MAPPINGS.values():
        types = kind.INPUT_TYPES()
        assert types.keys() <= {"required", "optional", "hidden"}
        accepted = inspect.signature(getattr(kind, kind.FUNCTION)).parameters
        takes_all = any(one.kind is inspect.Parameter.VAR_KEYWORD for one in accepted.values())
        for name in (name for inputs in types.values() for name in inputs):
            assert takes_all or name in accepted
        for name in types["required"]:
            assert accepted[name].default is inspect.Parameter.empty
        assert kind.CATEGORY == "inceptionism"
        assert len(kind.RETURN_TYPES) == len(kind.RETURN_NAMES)
        assert kind.DESCRIPTION


def test_every_input_has_a_tooltip_and_its_default_is_in_range(comfyui) -> None:
    for kind in comfyui.nodes.NODE_CLASS_MAPPINGS.values():
        for name, (type, options) in widgets_of(kind).items():
            assert options["tooltip"].endswith("."), name
            if isinstance(type, list):
                assert name == "image" or options["default"] in type
            elif type in ("INT", "FLOAT"):
                assert options["min"] <= options["default"] <= options["max"], name
            else:
                assert type in ("STRING", "BOOLEAN")


@pytest.mark.parametrize("name", KINDS)
def test_defaults_and_limits_are_those_of_the_settings(comfyui, name) -> None:
    kind = comfyui.nodes.NODE_CLASS_MAPPINGS[name]
    known = settings_of(KINDS[name])
    shared = widgets_of(kind).keys() & known.keys()
    assert {"steps", "seed"} < shared
    for setting in shared - {"seed"}:
        one, (_, options) = known[setting], widgets_of(kind)[setting]
        assert options["default"] in (one.default, 0, "")
        assert options.get("max") == one.facts.maximum
        # The lowest value of the widget is a valid value, or it means the default.
        if "min" in options and options["min"] != options["default"]:
            one.checked(float(options["min"]) if one.type is float else options["min"])


def test_widgets_at_their_defaults_give_no_settings(comfyui) -> None:
    given_settings = comfyui.module("widgets").given_settings
    for name, kind in KINDS.items():
        widgets = widgets_of(comfyui.nodes.NODE_CLASS_MAPPINGS[name])
        values = {name: options["default"] for name, (_, options) in widgets.items() if name in settings_of(kind)}
        assert given_settings(kind, values, "") == {}


def test_texts_become_settings(comfyui) -> None:
    given_settings = comfyui.module("widgets").given_settings
    text = 'contrast = 1.5\ntileable = "horizontal"  # as in a recipe file\nsteps = 9'
    assert given_settings(inc.PhotoRecipe, {"layer": '["blocks.4", "blocks.10=0.5"]', "steps": 3}, text) == {
        "layer": ["blocks.4", "blocks.10=0.5"],
        "steps": 9,
        "contrast": 1.5,
        "tileable": "horizontal",
    }


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("contrast =", "not lines such as contrast = 1.2"),
        ("contrast = 99", "contrast must be from 0 to 10, not 99"),
        ('device = "gpu"', "device must be one of auto"),
        ("contrst = 1", "unknown name 'contrst'; the names are "),
        ('network = "other"', "unknown name 'network'"),
        ("depth = 16", "unknown name 'depth'"),
    ],
)
def test_wrong_texts_are_found_before_the_workflow_runs(comfyui, name, text, message) -> None:
    kind = comfyui.nodes.NODE_CLASS_MAPPINGS[name]
    assert message in kind.VALIDATE_INPUTS(settings=text)
    assert kind.VALIDATE_INPUTS(settings="contrast = 1.5") is True
    assert kind.VALIDATE_INPUTS(settings=None) is True  # a text from another node
