"""ONNX files as networks: OpenCV reads the same files by an importer of its own, and onnx has a reference in NumPy."""

from __future__ import annotations

import copy
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks.onnx import read

LIBRARY: torch.library.Library | None = None


def declare_torchvision_operators() -> None:
    """Have torchvision imported beside a torch that it was not built for, without the operators that it lacks then."""
    global LIBRARY
    if LIBRARY is not None:
        return
    try:
        import torchvision  # noqa: F401
    except RuntimeError:
        for name in [name for name in sys.modules if name.partition(".")[0] == "torchvision"]:
            del sys.modules[name]
        LIBRARY = torch.library.Library("torchvision", "DEF")
        for operator in ("nms", "qnms"):
            LIBRARY.define(f"{operator}(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


declare_torchvision_operators()

node, value = helper.make_node, helper.make_tensor_value_info
FLOAT = onnx.TensorProto.FLOAT
GENERATOR = np.random.default_rng(5)


def numbers(*shape: int) -> np.ndarray:
    return GENERATOR.normal(size=shape).astype(np.float32) * 0.5


WEIGHTS = {
    "w1": numbers(6, 3, 3, 3),
    "b1": numbers(6),
    "scale": numbers(6) + 2,
    "shift": numbers(6),
    "mean": numbers(6),
    "variance": np.abs(numbers(6)) + 0.1,
    "w2": numbers(5, 6, 1, 1),
    "w3": numbers(5, 6, 3, 3),
    "w4": numbers(10, 7),
    "b4": numbers(7),
    "zero": np.float32(0).reshape(()),
    "six": np.float32(6).reshape(()),
    "row": np.array([1, -1]),
}


def small(opset: int = 13) -> list[onnx.NodeProto]:
    """Return the nodes of a classifier, with names of all kinds."""
    clip: dict = {"inputs": ["c3", "zero", "six"]} if opset >= 11 else {"inputs": ["c3"], "min": 0.0, "max": 6.0}
    return [
        node("Conv", ["x", "w1", "b1"], ["c1"], "/stem/stem.0/Conv", pads=[1, 1, 1, 1], strides=[2, 2]),
        node("BatchNormalization", ["c1", "scale", "shift", "mean", "variance"], ["n1"], "/stem/stem.1/Norm"),
        node("Relu", ["n1"], ["relu.out"]),
        node("MaxPool", ["relu.out"], ["p1"], "pool", kernel_shape=[3, 3], strides=[2, 2], pads=[0, 0, 1, 1]),
        node("Conv", ["p1", "w2"], ["c2"], "branch"),
        node("Conv", ["p1", "w3"], ["c3"], "branch.wide", pads=[1, 1, 1, 1]),
        node("Clip", outputs=["r3"], name="branch", **clip),
        node("Concat", ["c2", "r3"], ["k"], "type", axis=1),
        node("Dropout", ["k"], ["d", "mask"], "drop"),
        node("GlobalAveragePool", ["d"], ["g"], "pool"),
        node("Reshape", ["g", "row"], ["flat"], "flatten"),
        node("Gemm", ["flat", "w4", "b4"], ["y"], "fc"),
        node("Softmax", ["y"], ["probability"], "softmax", axis=-1),
    ]


NAMES = [
    "/stem/stem.0/Conv",
    "/stem/stem.1/Norm",
    "relu.out",
    "pool",
    "branch",
    "branch_.wide",
    "branch__",
    "type_",
    "drop",
    "pool_",
    "flatten",
    "fc",
]
"""What the layers of `small` are called."""


def write(
    path: Path,
    nodes: list[onnx.NodeProto],
    *,
    opset: int = 13,
    shape: tuple = (1, 3, 32, 32),
    outputs: tuple[str, ...] = ("probability",),
    weights: list[onnx.TensorProto] | None = None,
    inputs: tuple = (),
    domains: tuple = (),
) -> Path:
    if weights is None:
        weights = [numpy_helper.from_array(array, name) for name, array in WEIGHTS.items()]
    taken = [value("x", FLOAT, shape), *inputs]
    graph = helper.make_graph(nodes, "graph", taken, [value(name, FLOAT, ["n", "m"]) for name in outputs], weights)
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


def reference(path: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return what each node gives, by onnx's own NumPy implementation."""
    return ReferenceEvaluator(onnx.load(path)).run(None, {"x": x}, intermediate=True)


@pytest.fixture(scope="module")
def squeezenet(shared: Path) -> Path:
    return shared / "networks" / "squeezenet_v1.1" / "squeezenet_v1.1.onnx"


@pytest.fixture(scope="module")
def network(squeezenet: Path) -> inc.Network:
    module, size = read(squeezenet)
    return inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR", size=size)


@pytest.fixture(scope="module")
def lion(shared: Path) -> np.ndarray:
    """A photograph as OpenCV reads it, BGR."""
    return cv2.imread(str(shared / "photos" / "lion.jpg"))


def as_picture(bgr: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(bgr[..., ::-1].copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("size", [(224, 224), (227, 315), (301, 199)])
def test_all_layers_of_squeezenet_are_what_opencv_makes_them(network, squeezenet, lion, size) -> None:
    names = [f"n{index}" for index in range(65)]
    theirs = cv2.dnn.readNetFromONNX(str(squeezenet))
    theirs.enableFusion(False)
    seen = cv2.resize(lion, size[::-1])
    theirs.setInput(cv2.dnn.blobFromImage(seen, 1, size[::-1], (104, 117, 123)))
    expected = theirs.forward([f"onnx_node!{name}" for name in names])
    found = network.activations(as_picture(seen), [*names, "logits"])
    for name, values in zip(names, expected, strict=True):
        assert found[name].shape == values.shape
        assert np.abs(found[name].numpy() - values).max() < 1e-4 * np.abs(values).max(), name
    logits = torch.from_numpy(expected[-1]).flatten(1)
    torch.testing.assert_close(found["logits"], logits, rtol=0, atol=1e-4)
    assert found["logits"].argmax() == 291, "ImageNet's lion"


def test_layers_of_squeezenet_are_called_as_its_nodes(network) -> None:
    assert network.size == (224, 224)
    layers = {layer.name: layer for layer in network.layers(all=True)}
    assert list(layers) == [f"n{index}" for index in range(65)]
    fire = layers["n31"]
    assert (fire.channels, fire.height, fire.width, fire.stride) == (256, 27, 27, 8)
    assert network.channels("n31") == 256
    assert network.classes == 1000


def test_gradients_of_squeezenet_agree_with_finite_differences(network, squeezenet, lion) -> None:
    picture = as_picture(cv2.resize(lion, (83, 61)))
    generator = torch.Generator().manual_seed(0)
    direction = torch.randn(picture.shape, generator=generator)
    plain = read(squeezenet)[0].double()
    seen = []
    plain.get_submodule("n16").register_forward_hook(lambda m, i, output: seen.append(output))
    mean = torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    step = 1e-6
    with torch.no_grad():
        for sign in (-1, 1):
            plain((picture.double() + sign * step * direction).flip(1) * 255 - mean)
    expected = (seen[1].square().mean() - seen[0].square().mean()) / (2 * step)
    picture.requires_grad_()
    network.activations(picture, ["n16"])["n16"].square().mean().backward()
    torch.testing.assert_close((picture.grad * direction).sum().double(), expected, rtol=1e-3, atol=0)


def test_an_odd_sized_photograph_is_dreamed(network, lion) -> None:
    photo = np.ascontiguousarray(cv2.resize(lion, (93, 71))[..., ::-1])
    result = inc.dream(photo, network=network, layer="n31", octaves=2, steps=2)
    assert result.image.size == (93, 71)
    assert np.abs(np.asarray(result.image).astype(int) - photo).mean() > 1


def test_pictures_can_be_seen_together(network, lion) -> None:
    pictures = torch.cat([as_picture(cv2.resize(lion[start:], (80, 64))) for start in (0, 100, 200)])
    together = network.activations(pictures, ["n9", "logits"])
    for index in range(3):
        alone = network.activations(pictures[index : index + 1], ["n9", "logits"])
        for name, values in alone.items():
            torch.testing.assert_close(together[name][index : index + 1], values, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (41, 50)])
@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 21, 22])
def test_each_node_gives_what_the_reference_gives(tmp_path, opset, size) -> None:
    """Not all of the operators are known to onnx2torch at each opset: they are translated then."""
    module, fixed = read(write(tmp_path / "small.onnx", small(opset), opset=opset))
    assert fixed == (32, 32)
    x = numbers(1, 3, *size)
    # The reference has batch norms learn before opset 14.
    expected = reference(write(tmp_path / "known.onnx", small(17), opset=17), x)
    found = inc.Network(module, size=fixed).activations(torch.from_numpy(x), [*NAMES, "logits"])
    for name, one in zip(NAMES, small(), strict=False):
        values = torch.from_numpy(expected[one.output[0]])
        torch.testing.assert_close(found[name], values, rtol=1e-4, atol=1e-5, msg=lambda text: f"{name}: {text}")
    torch.testing.assert_close(found["logits"], torch.from_numpy(expected["y"]), rtol=1e-4, atol=1e-5)


def test_layers_are_called_as_in_the_file(tmp_path) -> None:
    module, _ = read(write(tmp_path / "small.onnx", small()))
    assert [name for name, part in module.named_modules() if not list(part.children())][: len(NAMES)] != []
    for name, one in zip(NAMES, small(), strict=False):
        assert type(module.get_submodule(name)).__name__.removeprefix("Onnx")[:3] in (
            one.op_type[:3],
            "Ide",
            "Lin",
            "ReL",
            "Bat",
            "Glo",
            "Res",
            "Seq",
        )
    folders = {"", "/stem/stem", "relu", "branch_"}
    inside = {"pool.0", "pool.1"}
    assert {name for name, _ in module.named_modules()} == {*NAMES, *folders, *inside}
