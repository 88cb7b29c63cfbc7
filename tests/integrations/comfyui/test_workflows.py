"""The example workflows: their nodes, inputs and values are those of the nodes in this version."""

from __future__ import annotations

import json

import pytest

from tests.support.comfyui import NODES, SOCKETS

NAMES = ["dream", "repeat", "visualize"]

OF_COMFYUI = {
    "LoadImage": {"inputs": {"image": "COMBO"}, "outputs": ["IMAGE", "MASK"]},
    "SaveImage": {"inputs": {"images": "IMAGE", "filename_prefix": "STRING"}, "outputs": []},
}
"""Inputs and outputs of the nodes that belong to ComfyUI."""


@pytest.fixture
def known(comfyui) -> dict:
    """The inputs and outputs of all nodes, each input with its description."""
    nodes = {}
    for name, kind in comfyui.nodes.NODE_CLASS_MAPPINGS.items():
        types = kind.INPUT_TYPES()
        inputs = {**types["required"], **types.get("optional", {})}
        nodes[name] = {"inputs": inputs, "required": types["required"], "outputs": list(kind.RETURN_TYPES)}
    return nodes


def check_value(description, value) -> None:
    """Check the value of a widget."""
    type, options = description
    if isinstance(type, list):
        assert value in type or options.get("image_upload")
    elif type in ("INT", "FLOAT"):
        assert options["min"] <= value <= options["max"]
    else:
        assert isinstance(value, {"STRING": str, "BOOLEAN": bool}[type])


@pytest.mark.parametrize("name", NAMES)
def test_the_workflows_for_the_server_fit_the_nodes(known, name) -> None:
    nodes = json.loads((NODES / "api_workflows" / f"{name}.json").read_text("utf-8"))
    outputs = {identifier: (known | OF_COMFYUI)[node["class_type"]]["outputs"] for identifier, node in nodes.items()}
    assert any(node["class_type"] in known for node in nodes.values())
    for node in nodes.values():
        if node["class_type"] in OF_COMFYUI:
            assert node["inputs"].keys() == OF_COMFYUI[node["class_type"]]["inputs"].keys()
            continue
        inputs = known[node["class_type"]]["inputs"]
        assert known[node["class_type"]]["required"].keys() <= node["inputs"].keys() <= inputs.keys()
        for input, value in node["inputs"].items():
            if isinstance(value, list):
                source, number = value
                assert outputs[source][number] == inputs[input][0]
            else:
                check_value(inputs[input], value)


@pytest.mark.parametrize("name", NAMES)
def test_the_workflows_for_the_editor_fit_the_nodes(known, name) -> None:
    graph = json.loads((NODES / "example_workflows" / f"{name}.json").read_text("utf-8"))
    nodes = {node["id"]: node for node in graph["nodes"]}
    for _, source, output, target, input, type in graph["links"]:
        assert nodes[source]["outputs"][output]["type"] == nodes[target]["inputs"][input]["type"] == type
    for node in nodes.values():
        if node["type"] in OF_COMFYUI:
            continue
        one = known[node["type"]]
        assert [output["type"] for output in node["outputs"]] == one["outputs"]
        sockets = [input["name"] for input in node["inputs"] if "widget" not in input]
        assert sockets == [name for name, (type, _) in one["inputs"].items() if type in SOCKETS]
        values = list(node["widgets_values"])
        for description in one["inputs"].values():
            if description[0] in SOCKETS:
                continue
            check_value(description, values.pop(0))
            if "control_after_generate" in description[1]:
                assert values.pop(0) == "fixed"  # so that the example gives the same picture each time
        assert values in ([], ["image"])  # the button that uploads a picture


@pytest.mark.parametrize("name", NAMES)
def test_both_forms_of_a_workflow_have_the_same_nodes(name) -> None:
    api, editor = (
        json.loads((NODES / folder / f"{name}.json").read_text("utf-8"))
        for folder in ("api_workflows", "example_workflows")
    )
    assert {node["class_type"] for node in api.values()} == {node["type"] for node in editor["nodes"]}
    links = {(one["inputs"][name][0], key) for key, one in api.items() for name in one["inputs"] if is_link(one, name)}
    assert {(str(source), str(target)) for _, source, _, target, _, _ in editor["links"]} == links


def is_link(node: dict, name: str) -> bool:
    """Return whether an input of a node is connected to another node."""
    return isinstance(node["inputs"][name], list)
