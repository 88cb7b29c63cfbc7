from __future__ import annotations

import warnings

import numpy as np
import pytest
import torch
from torch import nn

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnknownName
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module


def test_the_module_is_given_what_it_was_trained_on() -> None:
    """A picture in [0, 1] reaches the module as (picture × range − mean) / std, in its own channel order."""
    seen = []
    module = tiny_module()
    module.first[0].register_forward_pre_hook(lambda m, inputs: seen.append(inputs[0]))
    picture = torch.rand(1, 3, 5, 7)
    inc.Network(module, mean=TINY_MEAN, std=TINY_STD).activations(picture, ["first"])
    expected = torch.stack([(picture[0, c] - TINY_MEAN[c]) / TINY_STD[c] for c in range(3)])[None]
    torch.testing.assert_close(seen[-1], expected)
    inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR").activations(picture, ["first"])
    expected = torch.stack([picture[0, 2] * 255 - 104, picture[0, 1] * 255 - 117, picture[0, 0] * 255 - 123])[None]
    torch.testing.assert_close(seen[-1], expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("size", [(57, 130), (224, 224), (33, 32)])
def test_listed_shapes_are_the_real_ones(lite0, size: tuple[int, int]) -> None:
    listed = lite0.layers(size)
    assert [layer.name for layer in listed] == ["stem", *(f"blocks.{index}" for index in range(16)), "head"]
    with torch.no_grad():
        real = lite0.activations(torch.rand(1, 3, *size), [layer.name for layer in listed])
    assert {layer.name: (layer.channels, layer.height, layer.width) for layer in listed} == {
        name: tuple(values.shape[1:]) for name, values in real.items()
    }


def test_strides_and_levels_go_from_edges_to_objects(lite0) -> None:
    layers = lite0.layers()
    assert [layer.stride for layer in layers] == [2, 2, 4, 4, 8, 8, *[16] * 6, *[32] * 6]
    assert list(dict.fromkeys(layer.level for layer in layers)) == ["edges", "textures", "patterns", "parts", "objects"]
    recommended = [layer for layer in layers if layer.recommended]
    assert [layer.name for layer in recommended] == [f"blocks.{index}" for index in (2, 4, 7, 10, 14, 15)]
    assert lite0.default_layer == "blocks.10"
    assert inc.load_network("efficientnet-lite2").default_layer == "blocks.14"


def test_all_layers_can_be_asked_for_too(lite0) -> None:
    every = {layer.name for layer in lite0.layers(all=True)}
    assert {"stem.0", "blocks.3.expand", "blocks.3.depthwise.0", "head.2"} <= every


def test_a_users_own_module_needs_one_line(tiny) -> None:
    assert tiny.name == "Tiny"
    assert "first" in [layer.name for layer in tiny.layers()]
    assert tiny.channels("second") == 7
    assert tiny.channels("logits") == 4
    assert tiny.stride("second") == 4
    assert tiny.class_index("fir") == 2


def test_what_is_known_of_a_networks_home_is_kept() -> None:
    assert (inc.Network(tiny_module()).license, inc.Network(tiny_module()).origin) == (None, None)
    network = inc.Network(tiny_module(), license="MIT", origin="https://example.org/tiny")
    assert (network.license, network.origin) == ("MIT", "https://example.org/tiny")


class Residual(nn.Module):
    """A block, whose parts are not worth listing."""

    def __init__(self, stride: int = 1) -> None:
        super().__init__()
        self.inside = nn.Sequential(nn.Conv2d(4, 4, 3, stride, 1), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 4, 1))
        self.beside = nn.Conv2d(4, 4, 1, stride)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.inside(x) + self.beside(x)


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


def test_blocks_are_listed_and_not_what_they_consist_of() -> None:
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
        """Gives what the network that it holds gives."""

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


def test_where_all_layers_have_one_stride_their_depth_tells() -> None:
    network = inc.Network(nn.Sequential(nn.Conv2d(3, 4, 4, 4), *(Residual() for _ in range(9))), size=64)
    layers = network.layers()
    assert {layer.stride for layer in layers} == {4}
    expected = [level for level in ("edges", "textures", "patterns", "parts", "objects") for _ in range(2)]
    assert [layer.level for layer in layers] == expected
    assert network.recommended == ["1", "3", "5", "7", "9"]
    assert network.default_layer == "7"
    levels = {layer.name: layer.level for layer in network.layers(all=True)}
    assert levels["5.inside.0"] == levels["5.beside"] == levels["5"] == "patterns"


def test_a_network_may_ask_its_convolutions() -> None:
    class Asks(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 4, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            rows, columns = self.conv.kernel_size
            assert (self.conv.in_channels, self.conv.out_channels, self.conv.padding) == (3, 4, (0, 0))
            return self.conv(nn.functional.pad(x, (0, -x.shape[-1] % columns, 0, -x.shape[-2] % rows)))

    seen = inc.Network(Asks(), size=32).activations(torch.rand(1, 3, 9, 13), ["conv"])["conv"]
    assert seen.shape == (1, 4, 3, 4)


def test_what_a_network_says_of_a_picture_is_said_even_if_it_says_nothing() -> None:
    class Square(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            if x.shape[-2:] != (32, 32):
                raise AssertionError
            return self.conv(x)

    network = inc.Network(Square(), size=32)
    assert network.layers()[0].height == 30
    with pytest.raises(InvalidSetting, match="cannot see a picture of 32×33 pixels: it is made for 32×32"):
        network.activations(torch.rand(1, 3, 32, 33), ["conv"])


def test_layer_names_are_checked_and_near_ones_offered(lite0) -> None:
    with pytest.raises(UnknownName, match=r"no layer 'block.10'; did you mean .*blocks\.10"):
        lite0.check_layer("block.10")
    with pytest.raises(UnknownName, match="`dream layers` lists them"):
        lite0.check_layer("qqqqqq")
    with pytest.raises(UnknownName):
        lite0.activations(torch.rand(1, 3, 32, 32), [""])


def test_logits_see_the_picture_as_a_whole(lite0) -> None:
    assert lite0.stride("logits") == lite0.stride("classifier") == 1
    assert lite0.stride("head") == 32


def test_the_hash_is_of_the_weights() -> None:
    one, same, other = (inc.Network(tiny_module(seed)) for seed in (0, 0, 1))
    assert one.weights_hash == same.weights_hash != other.weights_hash


def test_wrong_channel_order_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="'RGB' or 'BGR', not 'GBR'"):
        inc.Network(tiny_module(), channels="GBR")


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"mean": 0.5}, "mean must be three numbers, one for each channel, not 0.5"),
        ({"mean": (0.5,)}, r"mean must be three numbers, one for each channel, not \(0.5,\)"),
        ({"std": (0.2, 0.3, float("nan"))}, "std must be three numbers"),
        ({"std": (0.2, 0, 0.2)}, r"std must be more than 0 in each channel, not \(0.2, 0, 0.2\)"),
        ({"std": "abc"}, "std must be three numbers"),
        ({"range": 0}, "range must be more than 0"),
        ({"size": 0}, "size must be from 1 to 65535, not 0"),
        ({"size": (5, "a")}, "size must be a whole number, not 'a'"),
        ({"labels": [1, 2]}, r"labels are a list of the classes' names in index order, not \[1, 2\]"),
        ({"labels": {0: "a"}}, "labels are a list"),
        ({"labels": "abc"}, "labels are a list"),
        ({"layers": "first"}, "layers are given as a list of names, not 'first'"),
    ],
)
def test_what_a_network_is_given_is_checked(settings: dict, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        inc.Network(tiny_module(), **settings)


@pytest.mark.parametrize("given", [{"layers": ["frist"]}, {"recommended": ["frist"]}, {"default_layer": "frist"}])
def test_layers_given_by_unknown_names_are_refused(given: dict) -> None:
    with pytest.raises(UnknownName, match="no layer 'frist'; did you mean first"):
        inc.Network(tiny_module(), **given)


def test_arrays_and_one_number_for_a_size_will_do(tiny) -> None:
    network = inc.Network(tiny_module(), mean=np.array(TINY_MEAN), std=torch.tensor(TINY_STD), size=32)
    picture = torch.rand(1, 3, 20, 31)
    expected = tiny.activations(picture, ["second"])["second"]
    torch.testing.assert_close(network.activations(picture, ["second"])["second"], expected)
    assert [layer.height for layer in network.layers(64)] == [layer.height for layer in network.layers((64, 64))]


@pytest.mark.parametrize("module", ["resnet50", nn.Conv2d, None])
def test_what_is_no_module_is_refused(module) -> None:
    with pytest.raises(InvalidSetting, match="a Network is made of a torch module, not"):
        inc.Network(module)


@pytest.mark.parametrize("module", [nn.Conv2d(3, 4, 3), nn.Identity()])
def test_a_single_module_has_no_layer(module) -> None:
    with pytest.raises(InvalidSetting, match=r"has no layer to dream: .* wrap it in nn\.Sequential"):
        inc.dream(np.zeros((40, 50, 3), np.uint8), network=module)


def test_double_and_half_networks_are_made_single(tiny) -> None:
    picture = torch.rand(1, 3, 20, 31)
    for module in (tiny_module().double(), tiny_module().half()):
        seen = inc.Network(module, mean=TINY_MEAN, std=TINY_STD).activations(picture, ["second"])["second"]
        assert seen.dtype == torch.float32
        torch.testing.assert_close(seen, tiny.activations(picture, ["second"])["second"], rtol=0.02, atol=0.02)


def test_pictures_that_a_network_cannot_take_are_refused() -> None:
    fixed = nn.Sequential(nn.Conv2d(3, 4, 3, stride=2), nn.Flatten(), nn.Linear(4 * 15 * 15, 5))
    network = inc.Network(fixed, size=32)
    assert network.activations(torch.rand(1, 3, 32, 32), ["logits"])["logits"].shape == (1, 5)
    with pytest.raises(InvalidSetting, match=r"network Sequential cannot see a picture of 41×50 pixels: "):
        network.activations(torch.rand(1, 3, 41, 50), ["logits"])
    gray = inc.Network(nn.Sequential(nn.Conv2d(1, 4, 3)))
    with pytest.raises(InvalidSetting, match=r"cannot see a picture of 224×224 pixels: .*1 channel"):
        gray.layers()


def test_shapes_are_found_where_no_meta_tensor_will_do() -> None:
    class Odd(nn.Module):
        """Two modules of one weight, and a tensor that is no buffer."""

        def __init__(self) -> None:
            super().__init__()
            self.one, self.two = nn.Conv2d(3, 3, 3), nn.Conv2d(3, 3, 3, stride=2)
            self.two.weight = self.one.weight
            self.gain = torch.ones(1, 3, 1, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.two(self.one(x) * self.gain)

    layers = inc.Network(Odd(), size=32).layers((41, 50))
    assert [(layer.name, layer.height, layer.width) for layer in layers] == [("one", 39, 48), ("two", 19, 23)]


def test_a_module_that_torch_cannot_copy_is_refused() -> None:
    old = nn.Sequential(nn.Conv2d(3, 4, 3))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nn.utils.weight_norm(old[0])
    with pytest.raises(InvalidSetting, match="a network of Sequential cannot be copied: "):
        inc.Network(old)


def test_an_output_that_is_no_tensor_is_refused() -> None:
    class Pair(nn.Module):
        def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
            return [x, x]

    with pytest.raises(InvalidSetting, match="the network gives a list, not a tensor"):
        inc.Network(Pair()).activations(torch.rand(1, 3, 5, 6), ["logits"])


@pytest.mark.parametrize("device", ["bogus", "cpu:x", 3.5, None])
def test_a_device_that_nobody_knows_is_refused(tiny, device) -> None:
    with pytest.raises(InvalidSetting, match="network Tiny cannot be moved to"):
        tiny.to(device)
    with pytest.raises(InvalidSetting, match="no device"):
        inc.load_network("efficientnet-lite0", device)


@pytest.mark.parametrize("target", [None, True, 1.5, ["fir"]])
def test_a_class_is_a_name_or_an_index(tiny, target) -> None:
    with pytest.raises(InvalidSetting, match="a class is given by its name or index, not"):
        tiny.class_index(target)


def test_labels_may_not_promise_more_classes_than_there_are() -> None:
    network = inc.Network(tiny_module(), labels=list("abcdef"))
    assert network.class_index("d") == 3
    with pytest.raises(InvalidSetting, match="tells 4 classes apart, so there is no class 5"):
        network.class_index("f")


def test_in_bf16_the_network_sees_nearly_the_same(lite0) -> None:
    from skimage.data import chelsea

    picture = torch.from_numpy(chelsea()[:263, :389].copy()).permute(2, 0, 1)[None] / 255
    whole = lite0.activations(picture, ["blocks.4", "logits"])
    half = lite0.activations(picture, ["blocks.4", "logits"], torch.bfloat16)
    assert half["logits"].dtype == half["blocks.4"].dtype == torch.float32
    assert half["logits"].topk(3).indices.tolist() == whole["logits"].topk(3).indices.tolist()
    for name, least in {"blocks.4": 0.999, "logits": 0.995}.items():
        assert torch.nn.functional.cosine_similarity(half[name].flatten(), whole[name].flatten(), 0) > least


def test_auto_takes_bf16_only_where_it_is_known_to_be_fast(lite0, monkeypatch) -> None:
    from inceptionism.networks import network

    monkeypatch.setattr(network, "has_fast_bfloat16", lambda device: True)
    assert lite0.dtype("auto") == torch.bfloat16
    monkeypatch.setattr(network, "has_fast_bfloat16", lambda device: False)
    assert lite0.dtype("auto") == torch.float32
    assert lite0.dtype("bf16") == torch.bfloat16
    assert lite0.dtype("fp32") == torch.float32
    with pytest.raises(InvalidSetting, match="fp16 needs a GPU: processors calculate with it far slower"):
        lite0.dtype("fp16")


def test_a_network_that_cannot_take_bf16_stays_in_fp32(monkeypatch) -> None:
    from inceptionism.networks import network

    class Single(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.conv(x) @ torch.ones(30, 2)

    monkeypatch.setattr(network, "has_fast_bfloat16", lambda device: True)
    assert inc.Network(Single(), size=32).dtype("auto") == torch.float32
    assert inc.Network(tiny_module(), size=32).dtype("auto") == torch.bfloat16


def test_networks_by_name() -> None:
    assert inc.load_network("efficientnet-lite0") is inc.load_network("efficientnet-lite0")
    with pytest.raises(UnknownName, match=r"no network 'efficientnet-light0'; did you mean .*efficientnet-lite0"):
        inc.load_network("efficientnet-light0")
    with pytest.raises(UnknownName, match=r"there are efficientnet"):
        inc.load_network("zzz")


@pytest.mark.skipif(torch.cuda.is_available(), reason="this machine has CUDA")
def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidSetting, match=r"no device 'cuda' that torch can use; it has .*cpu"):
        inc.load_network("efficientnet-lite0", "cuda")
