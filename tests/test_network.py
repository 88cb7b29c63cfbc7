from __future__ import annotations

import pytest
import torch
from conftest import TINY_MEAN, TINY_STD, tiny_module

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnknownName


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
