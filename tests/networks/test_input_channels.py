"""The names of the channels of a network, how they are shown, and the values that a module gets for them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks import InputChannels
from tests.support.tiny_networks import channels_module, tiny_of_channels

PICTURE = torch.rand(2, 4, 5, 7, generator=torch.Generator().manual_seed(0))

SHOWN = {
    ("gray",): (0, 0, 0),
    ("depth", "gray"): (1, 1, 1),
    ("left", "right"): (0, 0, 0),
    ("red", "green", "blue", "nir"): (0, 1, 2),
    ("nir", "blue", "green", "red"): (3, 2, 1),
    ("nir", "red", "gray"): (1, None, None),
}
"""Channels, and the indices of those that are shown in red, green and blue. None means black."""


@pytest.mark.parametrize("names", SHOWN)
def test_colors_are_shown_in_their_color_and_other_channels_in_gray(names) -> None:
    picture = PICTURE[:, : len(names)]
    black = torch.zeros(2, 5, 7)
    expected = torch.stack([black if index is None else picture[:, index] for index in SHOWN[names]], 1)
    assert torch.equal(InputChannels(names).displayed(picture), expected)


def test_a_color_picture_is_shown_without_a_copy() -> None:
    colors = PICTURE[:, :3]
    for channels in (InputChannels(), InputChannels(("red", "green", "blue"))):
        assert channels.displayed(colors) is colors
        assert channels.of_colors(colors, "net") is colors


def test_the_gray_channel_of_a_photograph_is_that_of_pillow(photo) -> None:
    colors = torch.from_numpy(photo.copy()).permute(2, 0, 1)[None] / 255
    made = InputChannels(("blue", "gray", "red")).of_colors(colors, "net")
    assert torch.equal(made[:, 0], colors[:, 2])
    assert torch.equal(made[:, 2], colors[:, 0])
    gray = np.asarray(Image.fromarray(photo).convert("L"), np.float32)
    assert np.abs(made[0, 1].numpy() * 255 - gray).max() <= 1


BAD = {
    "no names": ((), r"channels must be 'RGB', 'BGR' or a list of names .*, not \(\)"),
    "a text": ("gray", "or a list of names .* such as .*, not 'gray'"),
    "an order in a list": (["rgb"], r"or a list of names .*, not \['rgb'\]"),
    "a number": ((1, 2), r"or a list of names .*, not \(1, 2\)"),
    "two of one name": (("Left", "left"), r"each of the channels needs its own name, but they are \('Left', 'left'\)"),
}


@pytest.mark.parametrize("case", BAD)
def test_wrong_channels_are_refused(case) -> None:
    channels, reason = BAD[case]
    with pytest.raises(InvalidSetting, match=reason):
        inc.Network(channels_module(1), channels=channels)


def test_there_is_one_mean_for_each_channel() -> None:
    names = ("red", "nir")
    with pytest.raises(
        InvalidSetting, match=r"mean must be one number for each of the channels red, nir, not \(0.5,\)"
    ):
        inc.Network(channels_module(2), channels=names, mean=(0.5,))
    with pytest.raises(InvalidSetting, match="std must be more than 0 in each channel"):
        inc.Network(channels_module(2), channels=names, std=(0.5, 0))


@pytest.mark.parametrize("names", [("gray",), ("red", "green", "blue", "nir")])
@pytest.mark.parametrize(
    ("mean", "std", "range", "black", "white"), [(0, 1, 1, 0, 1), (0, 1, 255, 0, 255), (0.5, 0.5, 1, -1, 1)]
)
def test_a_module_gets_the_range_of_its_training(names, mean, std, range, black, white) -> None:
    received = []
    count, module = len(names), channels_module(len(names))
    module[0].register_forward_pre_hook(lambda m, inputs: received.append(inputs[0]))
    network = inc.Network(module, channels=names, mean=[mean] * count, std=[std] * count, range=range, size=28)
    picture = PICTURE[:1, :count]
    network.activations(picture, ["0"])
    torch.testing.assert_close(received[-1], black + (white - black) * picture)


def test_channels_are_part_of_the_key_of_a_network() -> None:
    keys = {tiny_of_channels(names).key for names in (("left", "right"), ("right", "left"), ("left", "depth"))}
    assert len(keys) == 3


def test_layers_of_a_gray_network_are_found_at_its_own_and_other_sizes() -> None:
    network = tiny_of_channels(("gray",))
    assert [(layer.name, layer.channels, layer.height, layer.width, layer.stride) for layer in network.layers()] == [
        ("0", 6, 14, 14, 2), ("1", 6, 14, 14, 2), ("2", 8, 7, 7, 4), ("3", 8, 7, 7, 4),
    ]  # fmt: skip
    assert [(layer.height, layer.width) for layer in network.layers((30, 51))][-1] == (8, 13)
    assert network.classes == 4


def test_a_missing_name_of_channels_is_explained() -> None:
    network = inc.Network(channels_module(1), size=28)
    with pytest.raises(
        InvalidSetting, match=r"to have 1 channels, but got 3 channels .* or Network\(module, channels="
    ):
        network.layers()
