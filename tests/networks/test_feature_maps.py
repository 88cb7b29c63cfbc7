"""Feature maps compared with simple calculations, at odd sizes that are not square."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.networks.feature_maps import find_maps
from tests.support.tiny_networks import randomize

PATCH, WIDTH = 8, 12


class Attention(nn.Module):
    """Attention as in textbooks. Its attention maps are the output of a module."""

    def __init__(self) -> None:
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.drop = nn.Dropout()
        self.heads = nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).unflatten(2, (3, 2, WIDTH // 2)).permute(2, 0, 3, 1, 4)
        return (self.drop((self.heads(q) @ k.mT).softmax(-1)) @ v).transpose(1, 2).flatten(2)


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(WIDTH)
        self.attention = Attention()
        self.mlp = nn.Linear(WIDTH, WIDTH)

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm(x))
        return x + self.mlp(x)


class Transformer(nn.Module):
    """A vision transformer with `extra` tokens before the tokens of the picture.

    Args:
        extra: Number of class and register tokens.
        linear: Whether patches are cut out and multiplied by a matrix. Otherwise a convolution embeds them.
        size: Side in pixels of the only square pictures that the network accepts. None means that it accepts all sizes.
        padded: Whether pictures are padded to whole patches.
    """

    def __init__(self, extra: int = 1, *, linear: bool = False, size: int | None = None, padded: bool = False) -> None:
        super().__init__()
        self.size, self.padded = size, padded
        self.embed = nn.Linear(3 * PATCH**2, WIDTH) if linear else nn.Conv2d(3, WIDTH, PATCH, PATCH)
        self.extra = nn.Parameter(torch.randn(1, extra, WIDTH))
        self.blocks = nn.Sequential(*(Block() for _ in range(6)))
        self.head = nn.Linear(WIDTH, 5)

    def tokens(self, x: Tensor) -> Tensor:
        if self.padded:
            x = F.pad(x, (0, -x.shape[-1] % PATCH, 0, -x.shape[-2] % PATCH))
        if isinstance(self.embed, nn.Linear):
            return self.embed(F.unfold(x, PATCH, stride=PATCH).mT)
        return self.embed(x).flatten(2).mT

    def forward(self, x: Tensor) -> Tensor:
        assert self.size is None or x.shape[-2:] == (self.size, self.size), "Input size doesn't match model"
        tokens = torch.cat([self.extra.expand(len(x), -1, -1), self.tokens(x)], 1)
        return self.head(self.blocks(tokens)[:, 0])


def tokens_of(module: Transformer, picture: Tensor, blocks: int) -> Tensor:
    tokens = torch.cat([module.extra.expand(len(picture), -1, -1), module.tokens(picture)], 1)
    return module.blocks[:blocks](tokens)


@pytest.mark.parametrize("extra", [0, 1, 2, 5])
@pytest.mark.parametrize("linear", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_tokens_are_read_as_maps_without_extra_tokens(extra: int, linear: bool, padded: bool) -> None:
    module = randomize(Transformer(extra, linear=linear, padded=padded))
    network = inc.Network(module, size=32)
    picture = torch.rand(2, 3, 43, 61)
    height, width = (6, 8) if padded else (5, 7)
    if linear and not padded:
        # Only the picture's size tells how many patches there are, so the sides must be multiples of the patch.
        picture, height, width = torch.rand(2, 3, 40, 56), 5, 7
    map = network.activations(picture, ["blocks.3"])["blocks.3"]
    tokens = tokens_of(module, picture, 4)
    rows = [[tokens[:, extra + width * row + column] for column in range(width)] for row in range(height)]
    expected = torch.stack([torch.stack(row, -1) for row in rows], -2)
    assert map.shape == (2, WIDTH, height, width)
    torch.testing.assert_close(map, expected, rtol=1e-4, atol=1e-4)
    listed = {layer.name: layer for layer in network.layers((picture.shape[-2], picture.shape[-1]))}
    assert (listed["blocks.3"].height, listed["blocks.3"].width, listed["blocks.3"].stride) == (height, width, PATCH)
    assert network.channels("blocks.3") == WIDTH


@pytest.mark.parametrize("linear", [False, True])
def test_tokens_become_maps_if_a_network_accepts_only_one_size(linear: bool) -> None:
    module = randomize(Transformer(2, linear=linear, size=32))
    network = inc.Network(module, size=32)
    picture = torch.rand(1, 3, 32, 32)
    map = network.activations(picture, ["blocks.0"])["blocks.0"]
    torch.testing.assert_close(
        map, tokens_of(module, picture, 1)[:, 2:].mT.reshape(1, WIDTH, 4, 4), rtol=1e-4, atol=1e-4
    )
    with pytest.raises(
        InvalidSetting, match="cannot process a picture of 33×32 pixels: Input size doesn't match model"
    ):
        network.activations(torch.rand(1, 3, 33, 32), ["blocks.0"])


def test_gradients_are_those_of_the_plain_tokens() -> None:
    module = randomize(Transformer(1, padded=True))
    network = inc.Network(module, size=32)
    picture = torch.rand(1, 3, 43, 61)
    objective = objectives.channel("blocks.2", 3)
    ours = picture.clone().requires_grad_()
    objective(network.activations(ours, ["blocks.2"])).sum().backward()
    plain = picture.clone().requires_grad_()
    tokens_of(module, plain, 3)[:, 1:, 3].mean().backward()
    torch.testing.assert_close(ours.grad, plain.grad, rtol=1e-4, atol=1e-5 * plain.grad.abs().max().item())


def test_outputs_without_positions_are_not_maps() -> None:
    network = inc.Network(randomize(Transformer(1)), size=32)
    every = {layer.name for layer in network.layers(all=True)}
    assert {"embed", "blocks.0.norm", "blocks.0.attention.qkv", "blocks.5.mlp"} <= every
    assert not {"blocks.0.attention.drop", "blocks.0.attention.heads", "head"} & every
    picture = torch.rand(1, 3, 40, 56)
    assert network.activations(picture, ["blocks.0.attention.drop"])["blocks.0.attention.drop"].shape == (1, 2, 36, 36)
    assert network.activations(picture, ["logits"])["logits"].shape == (1, 5)


class ChannelsLast(nn.Module):
    """A network with N×H×W×C outputs. At its training size, it has as many channels as rows."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.mix = nn.Linear(8, 8)
        self.head = nn.Linear(8, 5)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.mix(self.embed(x).permute(0, 2, 3, 1)).mean((1, 2)))


def test_channels_may_come_last() -> None:
    module = randomize(ChannelsLast())
    network = inc.Network(module, size=32)
    picture = torch.rand(1, 3, 21, 35)
    activations = network.activations(picture, ["embed", "mix"])
    assert activations["mix"].shape == (1, 8, 5, 8)
    by_hand = torch.einsum("ncij,dc->ndij", module.embed(picture), module.mix.weight)
    torch.testing.assert_close(activations["mix"], by_hand + module.mix.bias[:, None, None])
    listed = {layer.name: (layer.channels, layer.height, layer.width) for layer in network.layers((21, 35))}
    assert listed == {"embed": (8, 5, 8), "mix": (8, 5, 8)}


def test_tokens_may_come_after_channels() -> None:
    class Mixer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed = nn.Conv2d(3, 6, 4, 4)
            self.mix = nn.Conv1d(6, 7, 1)

        def forward(self, x: Tensor) -> Tensor:
            return self.mix(self.embed(x).flatten(2)).mean(2)

    network = inc.Network(randomize(Mixer()), size=32)
    picture = torch.rand(1, 3, 12, 20)
    activations = network.activations(picture, ["embed", "mix"])
    assert activations["mix"].shape == (1, 7, 3, 5)
    by_hand = F.conv2d(activations["embed"], network._plain.mix.weight[..., None], network._plain.mix.bias)
    torch.testing.assert_close(activations["mix"], by_hand)


def test_strides_are_exact_without_padding() -> None:
    module = nn.Sequential(
        nn.Conv2d(3, 4, 11, 4), nn.MaxPool2d(3, 2), nn.Conv2d(4, 4, 3), nn.MaxPool2d(3, 2), nn.Conv2d(4, 4, 3)
    )
    strides = find_maps(module, (1, 3, 224, 224), torch.device("cpu")).strides
    assert strides == {"0": 4, "1": 8, "2": 8, "3": 16, "4": 16}


def test_finding_the_shapes_does_not_change_the_network() -> None:
    class Keeps(nn.Module):
        """Module that computes a value in its first run and reuses it in all later runs."""

        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)
            self.kept: Tensor | None = None

        def forward(self, x: Tensor) -> Tensor:
            if self.kept is None:
                self.kept = self.conv.weight.sum()
            return self.conv(x) * self.kept

    network = inc.Network(Keeps(), size=32)
    assert network.stride("conv") == 1
    assert network.activations(torch.rand(1, 3, 32, 32), ["logits"])["logits"].isfinite().all()


@pytest.mark.parametrize(("extra", "size"), [(1, None), (3, None), (2, 32)])
def test_class_token_is_a_layer_of_its_own(extra: int, size: int | None) -> None:
    module = randomize(Transformer(extra, size=size))
    network = inc.Network(module, size=32)
    picture = torch.rand(2, 3, 32, 32 if size else 48)
    activations = network.activations(picture, ["blocks.2@class", "blocks.2", "logits"])
    tokens = tokens_of(module, picture, 3)
    torch.testing.assert_close(activations["blocks.2@class"], tokens[:, 0], rtol=1e-4, atol=1e-4)
    assert activations["blocks.2"].shape == (2, WIDTH, 4, 4 if size else 6)
    assert network.channels("blocks.2@class") == WIDTH
    result = inc.visualize("blocks.5@class:7", network=network, steps=16, prior="none")
    assert result.recipe.objective == "channel(blocks.5@class:7)"
    assert result.scores[-1] > result.scores[0]


def test_layer_without_class_token_is_refused() -> None:
    network = inc.Network(randomize(Transformer(0)), size=32)
    with pytest.raises(
        InvalidSetting, match=r"layer 'blocks\.2' has no class token; only vision transformers have one"
    ):
        network.activations(torch.rand(1, 3, 32, 32), ["blocks.2@class"])
    with pytest.raises(InvalidSetting, match=r"'blocks\.2@class' is a class token, which is no feature map"):
        inc.Network(Transformer(1), size=32, layers=["blocks.2@class"])


def test_a_class_token_needs_a_picture_of_a_patch_like_the_tokens_beside_it() -> None:
    """The octaves that are too small are left out, and a margin is as wide as for the other tokens."""
    torch.manual_seed(0)
    network = inc.Network(Transformer(1), size=32)
    assert network.stride("blocks.2@class") == network.stride("blocks.2") == PATCH
    assert network.stride("logits") == 1
    photo = np.random.default_rng(0).integers(0, 256, (PATCH + 3, PATCH - 1, 3), dtype=np.uint8)
    sentence = rf"picture is {PATCH + 3}×{PATCH - 1} pixels, but layer blocks.2(@class)? needs {PATCH} on each side"
    for layer in ("blocks.2", "blocks.2@class"):
        with pytest.raises(InvalidSetting, match=sentence):
            inc.dream(photo, network=network, layer=layer, octaves=1, steps=1)
    larger = np.random.default_rng(0).integers(0, 256, (2 * PATCH, 2 * PATCH + 3, 3), dtype=np.uint8)
    result = inc.dream(larger, network=network, layer="blocks.2@class", octaves=3, octave_scale=2, steps=1)
    assert any(note.startswith("only 2 of 3 octaves are dreamed") for note in result.notes)
