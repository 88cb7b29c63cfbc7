"""Layers and classes with hostile names: each name that is printed can be given back, in every place."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import printable
from inceptionism.io import load_photo
from inceptionism.objectives import parse_objective
from inceptionism.recipes import PhotoRecipe, printed_name
from inceptionism.runs import PhotoRun
from tests.support.command import dream, pixels

NAMES = st.text(
    st.sampled_from('ab:0=2 ,()"\\/*+-\t') | st.characters(exclude_categories=["Cs"], exclude_characters="."),
    min_size=1,
    max_size=9,
).filter(lambda name: not hasattr(nn.Sequential, name) and name not in ("training", "logits"))

PHOTO_IMAGE = Image.fromarray(np.random.default_rng(0).integers(0, 255, (33, 29, 3), np.uint8))
PHOTO = load_photo(PHOTO_IMAGE)
PICTURE = torch.rand(1, 3, 33, 29, generator=torch.Generator().manual_seed(0))


def network_of(names: list[str], **arguments) -> inc.Network:
    """Return a network with a convolution of each name, all with other weights."""
    module, channels = nn.Sequential(), 3
    torch.manual_seed(3)
    for name in names:
        module.add_module(name, nn.Conv2d(channels, 3, 3, padding=1))
    return inc.Network(module, size=(33, 29), **arguments)


def score(network: inc.Network, objective: inc.Objective) -> float:
    return float(objective(network.activations(PICTURE, sorted(objective.layers))))


@given(st.lists(NAMES, min_size=2, max_size=4, unique_by=printable), st.data())
@settings(max_examples=30, suppress_health_check=[HealthCheck.filter_too_much])
def test_each_printed_name_means_its_layer_in_every_place(names: list[str], data) -> None:
    name = data.draw(st.sampled_from(names))
    network = network_of(names, default_layer=name, layers=names, recommended=[name])
    printed = printable(printed_name(name))
    known = network.layer_names
    assert network.default_layer == name
    assert [one.name for one in network.layers()] == names

    def layer_of(layer) -> tuple:
        run = PhotoRun(PhotoRecipe(layer=layer, octaves=1), PHOTO, network=network)
        (choice,) = run.recipe.layer
        again = PhotoRun(PhotoRecipe.from_json(run.recipe.to_json()), PHOTO, network=network).recipe
        assert again.layer == run.recipe.layer
        assert run.objective.layers == {choice.name}
        return choice.name, choice.channel, choice.weight

    assert layer_of(None) == (name, None, 1)
    assert layer_of(printed) == (name, None, 1)
    for text in (printed, printable('"' + name.replace('"', '""') + '"')):
        if text == printed:  # in quotes, no other name can be meant
            assume(not {f"{name}:1", f"{name}=2", f"{name}:1=2", printable(f"{name}:1")} & known.keys())
        assert layer_of(f"{text}:1") == (name, 1, 1)
        assert layer_of(f"{text}=2") == (name, None, 2)
        assert layer_of(f"{text}:1=2") == (name, 1, 2)
        assert layer_of({text: 2}) == (name, None, 2)
        for kind, expected in {
            f"layer({text})": objectives.layer(name),
            f"channel({text}:1)": objectives.channel(name, 1),
            f"neuron({text}:2, 3, 5) - 0.5*layer({text})": objectives.neuron(name, 2, 3, 5)
            - 0.5 * objectives.layer(name),
            f"diversity({text}) + layer({text}:2)": objectives.diversity(name) + objectives.layer(name, 2),
        }.items():
            objective = parse_objective(kind, network)
            assert objective.layers == expected.layers
            if "diversity" not in kind:
                assert score(network, objective) == score(network, expected)
            for written in (objective, expected):
                assert parse_objective(str(written), network).layers == {name}


CLASSES = ["tench, Tinca tinca", "Washington, D.C.", "crane (bird)", "a=b", "x, y=all", "7", 'the "best"', "elm"]


@pytest.mark.parametrize("index", range(len(CLASSES)))
def test_each_class_can_be_given_by_all_of_its_text(index: int) -> None:
    module = nn.Sequential(nn.Conv2d(3, len(CLASSES), 3), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    network = inc.Network(module, size=(33, 29), labels=CLASSES)
    name = CLASSES[index]
    assert network.class_index(name) == index
    quoted = name.replace('"', '""')
    for text in (f'class("{quoted}")', *([f"class({name})"] if '"' not in name else [])):
        assert score(network, parse_objective(text, network)) == score(network, objectives.logit(index))
        odds = parse_objective(f"0.5*{text[:-1]}, against=all)", network)
        assert score(network, odds) == score(network, 0.5 * objectives.logit(index, "all"))
    if name != "elm":
        against = parse_objective(f'class(elm, against="{quoted}")', network)
        assert score(network, against) == score(network, objectives.logit(7, index))


def test_the_command_accepts_the_names_that_it_prints(tmp_path: Path, monkeypatch) -> None:
    """An ONNX file with TensorFlow's names, in every command that takes a layer."""
    onnx = pytest.importorskip("onnx", reason="needs inceptionism[networks]")
    names = ["model/conv1/Relu:0", "conv 2, wide=0.5", "out (1):3"]
    weights = np.random.default_rng(1).normal(size=(3, 3, 3, 3)).astype(np.float32)
    nodes = [
        onnx.helper.make_node("Conv", [f"v{index}", "w"], [f"v{index + 1}"], name, pads=[1, 1, 1, 1])
        for index, name in enumerate(names)
    ]
    graph = onnx.helper.make_graph(
        [*nodes, onnx.helper.make_node("GlobalAveragePool", ["v3"], ["y"], "pool")],
        "tf",
        [onnx.helper.make_tensor_value_info("v0", onnx.TensorProto.FLOAT, ["n", 3, 33, 29])],
        [onnx.helper.make_tensor_value_info("y", onnx.TensorProto.FLOAT, ["n", 3, 1, 1])],
        [onnx.numpy_helper.from_array(weights, "w")],
    )
    onnx.save(onnx.helper.make_model(graph), tmp_path / "net.onnx")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    done = dream("networks", "add", "tf", "net.onnx", "--mean", "0,0,0", "--range", "1", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    lines = dream("layers", "tf", cwd=tmp_path).stdout.splitlines()
    PHOTO_IMAGE.save(tmp_path / "in.png")
    small = ["-n", "tf", "--steps", "1", "-q"]
    for number, name in enumerate(names):
        assert any(line.startswith(f"{name}  ") for line in lines)
        layer = ["--layer", name, "--layer", f"{name}:1=0.5", "--octaves", "1"]
        assert dream("photo", "in.png", *layer, *small, "-o", f"{number}.png", cwd=tmp_path).returncode == 0
        recipe = inc.load_recipe(tmp_path / f"{number}.png")
        assert isinstance(recipe, PhotoRecipe)
        assert [(one.name, one.channel, one.weight) for one in recipe.layer] == [(name, None, 1.0), (name, 1, 0.5)]
        again = ("replay", f"{number}.png", "in.png", "-q", "-o", f"again{number}.png")
        assert dream(*again, cwd=tmp_path).returncode == 0
        np.testing.assert_array_equal(pixels(tmp_path / f"{number}.png"), pixels(tmp_path / f"again{number}.png"))
        noise = [*small, "--size", "33x29", "--prior", "none"]
        assert dream("unit", name, 2, *noise, "-o", f"unit{number}.png", cwd=tmp_path).returncode == 0
        objective = ("class", "--objective", f"channel({name}:2)", "-o", f"class{number}.png")
        assert dream(*objective, *noise, cwd=tmp_path).returncode == 0
        np.testing.assert_array_equal(pixels(tmp_path / f"unit{number}.png"), pixels(tmp_path / f"class{number}.png"))
        assert dream("atlas", name, *noise, "-o", f"atlas{number}", cwd=tmp_path).returncode == 0
        assert json.loads((tmp_path / f"atlas{number}" / "index.json").read_text())["layer"] == name
