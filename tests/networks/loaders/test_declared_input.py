"""Files of networks for gray pictures, for pictures with other channels, and for several pictures at once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import timm
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from PIL import Image
from torchvision import models

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks.hub import Entry, open_entry
from inceptionism.networks.loaders.declared_input import declared_by
from tests.support.caffe_files import input_of, layer
from tests.support.caffe_files import write as write_caffe
from tests.support.command import dream, pixels, refused
from tests.support.tiny_networks import randomize

node, value = helper.make_node, helper.make_tensor_value_info
FLOAT = onnx.TensorProto.FLOAT


def write(path: Path, shape: tuple, *, token: bool = False) -> Path:
    """Write a classifier of small pictures, and return its path.

    Args:
        path: Path of the file.
        shape: Shape of the input.
        token: Whether the network joins each map with a token, which is stored for the number of pictures in `shape`.
            Then the network takes no other number, as an exported vision transformer.
    """
    generator = np.random.default_rng(0)
    count, channels = shape[0], shape[1] if isinstance(shape[1], int) else 1
    weights = {
        "w1": generator.normal(size=(6, channels, 3, 3)) / (3 * channels**0.5),
        "w2": generator.normal(size=(8, 6, 3, 3)) / 7,
        "w3": generator.normal(size=(8, 4)) / 3,
        "token": generator.normal(size=(count if token else 1, 8, 1, 1)),
    }
    joined = [
        node("Concat", ["g", "token"], ["j"], "join", axis=2),
        node("ReduceMean", ["j"], ["m"], "mean", axes=[2, 3], keepdims=0),
    ]
    nodes = [
        node("Conv", ["x", "w1"], ["c1"], "first", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("Relu", ["c1"], ["r1"], "relu"),
        node("Conv", ["r1", "w2"], ["c2"], "second", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("GlobalAveragePool", ["c2"], ["g"], "pool"),
        *(joined if token else [node("Flatten", ["g"], ["m"], "flat")]),
        node("Gemm", ["m", "w3"], ["y"], "fc"),
    ]
    tensors = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    graph = helper.make_graph(nodes, "graph", [value("x", FLOAT, shape)], [value("y", FLOAT, ["n", 4])], tensors)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
    path.write_bytes(model.SerializeToString())
    return path


def open_file(path: Path, **given: object) -> inc.Network:
    return open_entry(Entry("net", "onnx", **{"mean": (0,), "range": 1, **given}), [path])


def test_a_file_for_one_channel_is_for_gray_pictures(tmp_path) -> None:
    path = write(tmp_path / "digits.onnx", (1, 1, 28, 28))
    network = open_file(path)
    assert (network.input_channels.names, network.size, network.classes) == (("gray",), (28, 28), 4)
    x = np.random.default_rng(1).random((1, 1, 28, 28), np.float32)
    expected = ReferenceEvaluator(onnx.load(path)).run(None, {"x": x})[0]
    found = network.activations(torch.from_numpy(x), ["logits"])["logits"]
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_channels_without_a_name_are_refused(tmp_path) -> None:
    path = write(tmp_path / "satellite.onnx", ("n", 4, 32, 32))
    with pytest.raises(InvalidSetting, match="takes pictures with 4 channels; name them in their order"):
        open_file(path, mean=(0, 0, 0, 0))
    with pytest.raises(InvalidSetting, match="takes pictures with 4 channels, but 2 are named: red, nir"):
        open_file(path, mean=(0, 0), channels=["red", "nir"])
    names = ("red", "green", "blue", "nir")
    assert open_file(path, mean=(0, 0, 0, 0), channels=names).input_channels.names == names


def library_module(library: str, name: str, channels: int) -> torch.nn.Module:
    if library == "timm":
        return randomize(timm.create_model(name, in_chans=channels))
    module = models.get_model(name, weights=None, **({"aux_logits": False} if name == "googlenet" else {}))
    first = next(part for part in module.modules() if isinstance(part, torch.nn.Conv2d))
    first.in_channels, first.weight = channels, torch.nn.Parameter(torch.empty(len(first.weight), channels, 3, 3))
    return randomize(module)


@pytest.mark.parametrize(
    ("name", "channels"),
    [
        ("timm/test_resnet", ("gray",)),
        ("timm/test_vit", ("red", "green", "blue", "nir")),
        ("torchvision/squeezenet1_1", ("gray",)),
        ("torchvision/shufflenet_v2_x0_5", ("red", "green", "blue", "nir")),
    ],
)
def test_weights_of_a_library_for_other_channels(tmp_path, name, channels) -> None:
    library, _, model = name.partition("/")
    module = library_module(library, model, len(channels)).eval()
    torch.save(module.state_dict(), tmp_path / "w.pth")

    def opened(**given: object) -> inc.Network:
        return open_entry(Entry("net", name, **given), [tmp_path / "w.pth"])

    mean, std = [0.1 * (1 + index) for index in range(len(channels))], [0.25] * len(channels)
    network = opened(mean=mean, std=std, **({} if channels == ("gray",) else {"channels": channels}))
    assert network.input_channels.names == channels
    picture = torch.rand(2, len(channels), *network.size)
    with torch.no_grad():
        expected = module((picture - torch.tensor(mean).view(-1, 1, 1)) / 0.25)
    found = network.activations(picture, ["logits"])["logits"].flatten(1)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    with pytest.raises(
        InvalidSetting, match=r"pictures with \d channels?, whose mean and std are not known; give --mean"
    ):
        opened(channels=channels)
    with pytest.raises(InvalidSetting, match=f"takes pictures with {len(channels)} channels, but 3 are named: a, b, c"):
        opened(channels=("a", "b", "c"))


def test_a_network_may_rearrange_the_pixels_before_the_first_convolution() -> None:
    """A TResNet puts 4×4 pixels into the channels, so its convolution has 48 input channels for colors."""
    usual = torch.nn.Conv2d(48, 8, 3)
    assert declared_by(torch.empty(8, 32, 3, 3), usual).channels == 2
    assert declared_by(torch.empty(8, 30, 3, 3), usual).channels is None
    assert declared_by(torch.empty(9, 32, 3, 3), usual).channels is None


@pytest.mark.parametrize("name", ["timm/test_resnet", "torchvision/squeezenet1_1"])
def test_weights_for_colors_have_no_other_channels(tmp_path, name) -> None:
    library, _, model = name.partition("/")
    torch.save(library_module(library, model, 3).state_dict(), tmp_path / "w.pth")
    with pytest.raises(InvalidSetting, match="takes pictures with 3 channels, but 1 are named: gray"):
        open_entry(Entry("net", name, channels=("gray",), mean=(0,), std=(1,)), [tmp_path / "w.pth"])


def test_a_file_that_declares_no_channels_gets_as_many_as_are_named(tmp_path) -> None:
    network = open_file(write(tmp_path / "net.onnx", ("n", "c", "h", "w")), channels=["depth"])
    assert network.activations(torch.rand(2, 1, 30, 41), ["second"])["second"].shape == (2, 8, 8, 11)


@pytest.mark.parametrize("count", [1, 8])
def test_a_file_for_a_fixed_number_of_pictures_sees_any_number(tmp_path, count) -> None:
    path = write(tmp_path / "net.onnx", (count, 1, 28, 28), token=True)
    network, x = open_file(path), np.random.default_rng(1).random((11, 1, 28, 28), np.float32)
    full = np.concatenate([x, x[:5]])
    run = ReferenceEvaluator(onnx.load(path)).run
    batches = [run(None, {"x": full[first : first + count]})[0] for first in range(0, 16, count)]
    logits = network.activations(torch.from_numpy(x), ["logits"])["logits"]
    torch.testing.assert_close(logits, torch.from_numpy(np.concatenate(batches)[:11]), rtol=1e-4, atol=1e-5)
    assert {"first", "second"} <= {one.name for one in network.layers(all=True)}
    result = inc.visualize(1, network=network, size=28, steps=2, prior="fourier + crops(count=3)")
    assert len(result.scores) == 2


def test_a_gray_network_of_caffe(tmp_path) -> None:
    """A network like LeNet, whose description is for 64 pictures of 1×28×28."""
    text = input_of(28, 28).replace("input_dim: 1 input_dim: 3", "input_dim: 64 input_dim: 1")
    text += layer("conv", "Convolution", "data", "conv", "convolution_param { num_output: 5 kernel_size: 5 stride: 2 }")
    weights = {"conv": [np.random.default_rng(0).normal(size=(5, 1, 5, 5)), np.zeros(5)]}
    files = write_caffe(tmp_path, text, weights)
    network = open_entry(Entry("lenet", "caffe", mean=(0,), range=1), list(files))
    assert network.input_channels.names == ("gray",)
    picture = torch.rand(1, 1, 28, 28)
    expected = torch.nn.functional.conv2d(picture, torch.from_numpy(weights["conv"][0]).float(), stride=2)
    torch.testing.assert_close(network.activations(picture, ["conv"])["conv"], expected, rtol=1e-4, atol=1e-4)


def test_a_description_of_huge_pictures_is_refused(tmp_path) -> None:
    text = input_of(4096, 4096).replace("input_dim: 3", "input_dim: 1024")
    text += layer("conv", "Convolution", "data", "conv", "convolution_param { num_output: 1 kernel_size: 1 }")
    files = write_caffe(tmp_path, text, {"conv": [np.zeros((1, 1024, 1, 1)), np.zeros(1)]})
    with pytest.raises(
        InvalidSetting, match="is for pictures of 1024 channels and 4096×4096 pixels, which is too much"
    ):
        open_entry(Entry("huge", "caffe", mean=(0,) * 1024), list(files))


def test_the_command_line_dreams_with_a_gray_network(tmp_path, monkeypatch, photo) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    write(tmp_path / "digits.onnx", (1, 1, 28, 28))
    write(tmp_path / "satellite.onnx", (1, 4, 28, 28))
    Image.fromarray(photo).save(tmp_path / "cup.png")
    refused(dream("networks", "add", "digits", "digits.onnx", cwd=tmp_path), "--mean 0.5 .0 subtracts nothing", 2)
    add = ("networks", "add")
    assert dream(*add, "digits", "digits.onnx", "--mean", "0.5", "--std", "0.5", cwd=tmp_path).returncode == 0
    for name, command in {
        "class.png": ("class", "2", "--steps", "2"),
        "photo.png": ("photo", "cup.png", "--layer", "first", "--steps", "1", "--octaves", "1"),
    }.items():
        done = dream(*command, "--network", "digits", "--output", name, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        made = pixels(tmp_path / name)
        assert (made == made[..., :1]).all()
        assert made.std() > 1
    four = (*add, "satellite", "satellite.onnx", "--mean", "0,0,0,0", "--range", "1")
    refused(dream(*four, cwd=tmp_path), "4 channels; name them in their order", 2)
    refused(dream(*four, "--channels", "red,green", cwd=tmp_path), "but 2 are named: red, green", 2)
    assert dream(*four, "--channels", "red,green,blue,nir", cwd=tmp_path).returncode == 0
    assert dream("class", "2", "--network", "satellite", "--steps", "1", "-o", "four.png", cwd=tmp_path).returncode == 0
    refused(
        dream("photo", "cup.png", "--network", "satellite", cwd=tmp_path), "channel nir, which a photograph does", 2
    )
