"""The list of layers, and the shapes, strides and levels in it."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnknownName


@pytest.mark.parametrize("size", [(57, 130), (224, 224), (33, 32)])
def test_listed_shapes_are_those_of_the_activations(lite0, size: tuple[int, int]) -> None:
    listed = lite0.layers(size)
    assert [layer.name for layer in listed] == ["stem", *(f"blocks.{index}" for index in range(16)), "head"]
    with torch.no_grad():
        real = lite0.activations(torch.rand(1, 3, *size), [layer.name for layer in listed])
    assert {layer.name: (layer.channels, layer.height, layer.width) for layer in listed} == {
        name: tuple(values.shape[1:]) for name, values in real.items()
    }


def test_strides_grow_with_depth_and_levels_go_from_edges_to_objects(lite0) -> None:
    layers = lite0.layers()
    assert [layer.stride for layer in layers] == [2, 2, 4, 4, 8, 8, *[16] * 6, *[32] * 6]
    assert list(dict.fromkeys(layer.level for layer in layers)) == ["edges", "textures", "patterns", "parts", "objects"]
    recommended = [layer for layer in layers if layer.recommended]
    assert [layer.name for layer in recommended] == [f"blocks.{index}" for index in (2, 4, 7, 11, 14, 15)]
    assert lite0.default_layer == "blocks.11"
    assert inc.load_network("efficientnet-lite2").default_layer == "blocks.15"


def test_all_layers_can_be_listed_too(lite0) -> None:
    every = {layer.name for layer in lite0.layers(all=True)}
    assert {"stem.0", "blocks.3.expand", "blocks.3.depthwise.0", "head.2"} <= every


class Residual(nn.Module):
    """A block. Its parts are not listed."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.inside = nn.Sequential(nn.Conv2d(4, 4, 3, stride, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))
        self.shortcut = nn.Conv2d(4, 4, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inside(x) + self.shortcut(x)


class Stage(nn.Module):
    def __init__(self, stride: int) -> None:
        super().__init__()
        self.shrink = nn.Conv2d(4, 4, stride, stride)
        self.blocks = nn.ModuleList([Residual(), Residual()])

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.shrink(x)
        for block in self.blocks:
            x = block(x)
        return x


def test_blocks_are_listed_without_their_parts() -> None:
    stem = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.BatchNorm2d(4), nn.ReLU())
    features = nn.Sequential(stem, nn.MaxPool2d(2), Residual(2), Stage(2), nn.BatchNorm2d(4), nn.ReLU(), Stage(2))
    module = nn.Sequential(features, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    names = ["0", "2", "3.blocks.0", "3.blocks.1", "5", "6.blocks.0", "6.blocks.1"]
    network = inc.Network(module, size=64)
    assert [layer.name for layer in network.layers()] == [f"0.{name}" for name in names]
    assert network.recommended == ["0.0", "0.2", "0.5", "0.6.blocks.1"]
    assert [network.stride(layer) for layer in network.recommended] == [2, 8, 16, 32]
    assert network.default_layer == "0.5"
    assert {"0.0.0", "0.1", "0.2.inside.3", "0.3", "0.3.shrink", "1"} <= {one.name for one in network.layers(all=True)}

    class Wrapper(nn.Module):
        """Module that contains the whole network and returns its output."""

        def __init__(self) -> None:
            super().__init__()
            self.network = Trunk()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.network(x)

    class Trunk(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.features = features

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.features(x)

    wrapped = inc.Network(Wrapper(), size=64)
    assert [layer.name for layer in wrapped.layers()] == [f"network.features.{name}" for name in names]


def test_levels_follow_from_depth_if_all_strides_are_equal() -> None:
    network = inc.Network(nn.Sequential(nn.Conv2d(3, 4, 4, 4), *(Residual() for _ in range(9))), size=64)
    layers = network.layers()
    assert {layer.stride for layer in layers} == {4}
    expected = [level for level in ("edges", "textures", "patterns", "parts", "objects") for _ in range(2)]
    assert [layer.level for layer in layers] == expected
    assert network.recommended == ["1", "3", "5", "7", "9"]
    assert network.default_layer == "7"
    levels = {layer.name: layer.level for layer in network.layers(all=True)}
    assert levels["5.inside.0"] == levels["5.shortcut"] == levels["5"] == "patterns"


def test_unknown_layer_names_get_similar_names(lite0) -> None:
    with pytest.raises(UnknownName, match=r"no layer 'block.10'; did you mean .*blocks\.10"):
        lite0.check_layer("block.10")
    with pytest.raises(UnknownName, match="`dream layers` lists them"):
        lite0.check_layer("qqqqqq")
    with pytest.raises(UnknownName):
        lite0.activations(torch.rand(1, 3, 32, 32), [""])


def test_logits_have_a_stride_of_one(lite0) -> None:
    assert lite0.stride("logits") == lite0.stride("classifier") == 1
    assert lite0.stride("head") == 32


@pytest.mark.parametrize("module", [nn.Conv2d(3, 4, 3), nn.Identity()])
def test_a_network_of_a_single_module_is_refused_because_it_has_no_layer(module) -> None:
    with pytest.raises(InvalidSetting, match=r"has no layer to dream: .* wrap it in nn\.Sequential"):
        inc.dream(np.zeros((40, 50, 3), np.uint8), network=module)


def make_classifier(**given: object) -> inc.Network:
    """Return a network whose last layer, "4", outputs one number for each class."""
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    return inc.Network(nn.Sequential(*layers), size=(33, 40), mean=(0, 0, 0), **given)


@pytest.mark.parametrize("name", ["4", "logits"])
def test_a_list_without_feature_maps_needs_a_default_layer(name: str) -> None:
    with pytest.raises(InvalidSetting, match=r"none of its listed layers outputs a feature map; .*default_layer="):
        _ = make_classifier(layers=[name]).default_layer
    assert make_classifier(layers=[name], default_layer=name).default_layer == name
    mixed = make_classifier(layers=[name, "1"])
    assert ([layer.name for layer in mixed.layers()], mixed.default_layer) == (["1"], "1")


def test_a_name_as_it_is_printed_can_be_listed_and_recommended() -> None:
    module = nn.Sequential()
    module.add_module("first\nlayer", nn.Conv2d(3, 4, 3))
    module.add_module("second", nn.Conv2d(4, 5, 3))
    network = inc.Network(module, size=(33, 40), layers=[r"first\nlayer"], recommended=[r"first\nlayer"])
    assert [layer.name for layer in network.layers()] == network.recommended == ["first\nlayer"]
    assert network.default_layer == "first\nlayer"


def test_shapes_are_found_if_the_meta_device_does_not_work() -> None:
    class Odd(nn.Module):
        """Two modules with the same weight, and a tensor that is not a buffer."""

        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3, stride=2)
            self.two.weight = self.one.weight
            self.gain = torch.ones(1, 3, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.two(self.one(x) * self.gain)

    layers = inc.Network(Odd(), size=32).layers((41, 50))
    assert [(layer.name, layer.height, layer.width) for layer in layers] == [("one", 39, 48), ("two", 19, 23)]
