"""ONNX networks, compared with OpenCV's own importer for the same files and with onnx's reference in NumPy."""

from __future__ import annotations

import copy
import os
import re
import subprocess
import sys
import weakref
from pathlib import Path

import cv2
import numpy as np
import onnx
import pytest
import torch
from onnx import helper, numpy_helper
from onnx.reference import ReferenceEvaluator

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnreadableFile
from inceptionism.networks.loaders.onnx import read
from tests.support.places import ROOT

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


def small(opset: int = 17) -> list[onnx.NodeProto]:
    """Return the nodes of a small classifier, with many kinds of names."""
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
"""Names of the layers of `small`."""


def weights_of(**replaced: np.ndarray) -> list[onnx.TensorProto]:
    """Return the weights of `small`, with some of them replaced."""
    return [numpy_helper.from_array(array, name) for name, array in (WEIGHTS | replaced).items()]


def write(
    path: Path,
    nodes: list[onnx.NodeProto],
    *,
    opset: int = 17,
    shape: tuple = (1, 3, 32, 32),
    outputs: tuple[str, ...] = ("probability",),
    weights: list[onnx.TensorProto] | None = None,
    inputs: tuple = (),
    domains: tuple = (),
) -> Path:
    graph = helper.make_graph(
        nodes,
        "graph",
        [value("x", FLOAT, shape), *inputs],
        [value(name, FLOAT, ["n", "m"]) for name in outputs],
        weights or weights_of(),
    )
    opsets = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    path.write_bytes(helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString())
    return path


def reference(path: Path, x: np.ndarray) -> dict[str, np.ndarray]:
    """Return the output of each node, from onnx's own implementation in NumPy."""
    return ReferenceEvaluator(onnx.load(path)).run(None, {"x": x}, intermediate=True)


@pytest.fixture(scope="module")
def squeezenet(shared: Path) -> Path:
    return shared / "networks" / "squeezenet_v1.1" / "squeezenet_v1.1.onnx"


@pytest.fixture(scope="module")
def network(squeezenet: Path) -> inc.Network:
    module, declared = read(squeezenet)
    return inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR", size=declared.size)


@pytest.fixture(scope="module")
def lion(shared: Path) -> np.ndarray:
    """Return a photograph in OpenCV's order of channels, BGR."""
    return cv2.imread(str(shared / "photos" / "lion.jpg"))


def as_picture(bgr: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(bgr[..., ::-1].copy()).permute(2, 0, 1)[None] / 255


@pytest.mark.parametrize("size", [(224, 224), (227, 315), (301, 199)])
def test_all_layers_of_squeezenet_agree_with_opencv(network, squeezenet, lion, size) -> None:
    names = [f"n{index}" for index in range(65)]
    opencv = cv2.dnn.readNetFromONNX(str(squeezenet))
    opencv.enableFusion(False)
    resized = cv2.resize(lion, size[::-1])
    opencv.setInput(cv2.dnn.blobFromImage(resized, 1, size[::-1], (104, 117, 123)))
    expected = opencv.forward([f"onnx_node!{name}" for name in names])
    activations = network.activations(as_picture(resized), [*names, "logits"])
    for name, values in zip(names, expected, strict=True):
        assert activations[name].shape == values.shape
        assert np.abs(activations[name].numpy() - values).max() < 1e-4 * np.abs(values).max(), name
    logits = torch.from_numpy(expected[-1]).flatten(1)
    torch.testing.assert_close(activations["logits"], logits, rtol=0, atol=1e-4)
    assert activations["logits"].argmax() == 291, "ImageNet's lion"


def test_layers_of_squeezenet_have_the_names_of_its_nodes(network) -> None:
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
    outputs = []
    plain.get_submodule("n16").register_forward_hook(lambda m, i, output: outputs.append(output))
    mean = torch.tensor([104.0, 117.0, 123.0]).view(1, 3, 1, 1)
    step = 1e-6
    with torch.no_grad():
        for sign in (-1, 1):
            plain((picture.double() + sign * step * direction).flip(1) * 255 - mean)
    expected = (outputs[1].square().mean() - outputs[0].square().mean()) / (2 * step)
    picture.requires_grad_()
    network.activations(picture, ["n16"])["n16"].square().mean().backward()
    torch.testing.assert_close((picture.grad * direction).sum().double(), expected, rtol=1e-3, atol=0)


def test_an_odd_sized_photograph_is_dreamed(network, lion) -> None:
    photo = np.ascontiguousarray(cv2.resize(lion, (93, 71))[..., ::-1])
    result = inc.dream(photo, network=network, layer="n31", octaves=2, steps=2)
    assert result.image.size == (93, 71)
    assert np.abs(np.asarray(result.image).astype(int) - photo).mean() > 1


def test_pictures_can_be_processed_as_a_batch(network, lion) -> None:
    pictures = torch.cat([as_picture(cv2.resize(lion[start:], (80, 64))) for start in (0, 100, 200)])
    batched = network.activations(pictures, ["n9", "logits"])
    for index in range(3):
        single = network.activations(pictures[index : index + 1], ["n9", "logits"])
        for name, values in single.items():
            torch.testing.assert_close(batched[name][index : index + 1], values, rtol=1e-4, atol=1e-3)


@pytest.mark.parametrize("size", [(32, 32), (41, 50)])
@pytest.mark.parametrize("opset", [7, 9, 11, 13, 17, 21, 22])
def test_each_node_agrees_with_the_reference(tmp_path, opset, size) -> None:
    """Operators that onnx2torch does not support at an opset are converted to another opset."""
    module, declared = read(write(tmp_path / "small.onnx", small(opset), opset=opset))
    assert declared == ((32, 32), 3, None)
    x = numbers(1, 3, *size)
    # Before opset 14, the batch norms of the reference are in training mode.
    expected = reference(write(tmp_path / "known.onnx", small(17), opset=17), x)
    activations = inc.Network(module, size=declared.size).activations(torch.from_numpy(x), [*NAMES, "logits"])
    outputs = [step.output[0] for step in small()[:-1]]
    for name, output in zip([*NAMES, "logits"], [*outputs, "y"], strict=True):
        values = torch.from_numpy(expected[output])
        torch.testing.assert_close(activations[name], values, rtol=1e-4, atol=1e-5, msg=f"{name} differs")


def test_layers_have_the_names_in_the_file(tmp_path) -> None:
    module, _ = read(write(tmp_path / "small.onnx", small()))
    folders, parts = {"", "/stem/stem", "relu", "branch_"}, {"pool.0", "pool.1"}
    assert {name for name, _ in module.named_modules()} == {*NAMES, *folders, *parts}
    assert module.get_submodule("/stem/stem.0/Conv").weight.shape == (6, 3, 3, 3)
    assert {name for name, _ in module.named_parameters()} >= {"/stem/stem.0/Conv.weight", "branch_.wide.weight"}
    listed = [layer.name for layer in inc.Network(module, size=32).layers(all=True)]
    assert [name for name in listed if name not in parts] == NAMES[:10]


@pytest.mark.parametrize("name", ['c"),open("{}","w"),getattr(self,"c', "a\n b", "lambda", "..", "__class__", "_steps"])
def test_a_name_in_a_file_is_never_run_as_code(tmp_path, name) -> None:
    """torch.fx writes code that contains the names as they are. With the first name, that code would create a file."""
    created = tmp_path / "created"
    nodes = small()
    nodes[0].name, nodes[1].name = "c", name.format(created)
    path = write(tmp_path / "small.onnx", nodes)
    module, _ = read(path)
    x = numbers(1, 3, 32, 32)
    logits = copy.deepcopy(module)(torch.from_numpy(x))
    torch.testing.assert_close(logits, torch.from_numpy(reference(path, x)["y"]), rtol=1e-4, atol=1e-5)
    assert not created.exists()


def test_the_hash_depends_on_the_weights_in_the_file(tmp_path) -> None:
    hashes = [
        inc.Network(read(write(tmp_path / "small.onnx", small(), weights=weights))[0], size=32).weights_hash
        for weights in (None, None, weights_of(b4=numbers(7)))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("row", [[1, -1], [1, 10], [-1, 10], [0, 10]])
@pytest.mark.parametrize("batch", [1, "n"])
def test_a_reshape_for_one_picture_works_for_a_batch(tmp_path, row, batch) -> None:
    path = write(tmp_path / "small.onnx", small(), weights=weights_of(row=np.array(row)), shape=(batch, 3, 32, 32))
    x = numbers(3, 3, 32, 32)
    if (batch, row[0]) == ("n", 1):  # this network accepts only one picture at a time
        x = x[:1]
    expected = np.concatenate([reference(path, picture[None])["y"] for picture in x])
    logits = read(path)[0](torch.from_numpy(x))
    torch.testing.assert_close(logits, torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_a_network_that_would_mix_pictures_sees_them_one_at_a_time(tmp_path) -> None:
    nodes = [*small()[:-1], node("Reshape", ["y", "row"], ["probability"])]
    nodes[10] = node("Flatten", ["g"], ["flat"])
    network = inc.Network(read(write(tmp_path / "small.onnx", nodes, shape=("n", 3, 32, 32)))[0], size=32)
    pictures = torch.rand(2, 3, 32, 32)
    alone = [network.activations(picture[None], ["logits"])["logits"] for picture in pictures]
    torch.testing.assert_close(network.activations(pictures, ["logits"])["logits"], torch.cat(alone))


@pytest.mark.parametrize("shape", [("n", 3, "h", "w"), (1, 3, 32, "w"), (-1, "c", 0, 0)])
def test_a_network_for_any_size_has_no_fixed_size(tmp_path, shape) -> None:
    path = write(tmp_path / "small.onnx", small(), weights=weights_of(row=np.array([-1, 10])), shape=shape)
    module, declared = read(path)
    assert declared.size is None
    assert module(torch.rand(2, 3, 40, 33)).shape == (2, 7)


def test_layers_before_a_layer_for_one_size_accept_other_sizes(tmp_path) -> None:
    nodes = [*small()[:9], node("Flatten", ["d"], ["flat"]), node("Gemm", ["flat", "w4"], ["probability"])]
    path = write(tmp_path / "small.onnx", nodes, weights=weights_of(w4=numbers(10 * 8 * 8, 7)))
    network = inc.Network(read(path)[0], size=32)
    assert network.activations(torch.rand(1, 3, 32, 32), ["logits"])["logits"].shape == (1, 7)
    assert network.activations(torch.rand(1, 3, 50, 41), ["type_"])["type_"].shape == (1, 10, 12, 10)
    with pytest.raises(InvalidSetting, match="of 50×41 pixels: layer probability: mat1 and mat2 shapes"):
        network.activations(torch.rand(1, 3, 50, 41), ["logits"])


@pytest.mark.parametrize("softmax", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [9, 13])
def test_logits_are_the_input_of_the_softmax(tmp_path, softmax, opset) -> None:
    """This is true even if another node reads the softmax, and if the network has more outputs."""
    nodes = [*small(opset)[:-1], node(softmax, ["y"], ["probability"], "end", axis=1)]
    path = write(tmp_path / "small.onnx", nodes, opset=opset)
    read_twice = [*nodes, node("Relu", ["probability"], ["other"], "more")]
    more = write(tmp_path / "more.onnx", read_twice, opset=opset, outputs=("probability", "other"))
    x = torch.from_numpy(numbers(1, 3, 32, 32))
    first, second = (read(file)[0] for file in (path, more))
    torch.testing.assert_close(first(x), inc.Network(second, size=32).activations(x, ["fc"])["fc"])
    torch.testing.assert_close(second(x), first(x))
    assert not hasattr(first, "end")
    assert hasattr(second, "end")


def test_outputs_of_constant_nodes_are_weights(tmp_path) -> None:
    """Exporters write nodes for constants and for copies of weights."""
    nodes = small()
    nodes[4].input[1], nodes[5].input[1], nodes[6].input[1], nodes[10].input[1] = "w", "same", "low", "shape"
    constants = [
        node("Constant", [], ["w"], value=numpy_helper.from_array(WEIGHTS["w2"])),
        node("Constant", [], ["shape"], value_ints=[1, 10]),
        node("Constant", [], ["low"], value_float=0.25),
        node("Identity", ["w3"], ["equal"]),
        node("Identity", ["equal"], ["same"]),
    ]
    path = write(tmp_path / "small.onnx", [*constants, *nodes])
    module, _ = read(path)
    x = numbers(1, 3, 32, 32)
    logits = module(torch.from_numpy(x))
    torch.testing.assert_close(logits, torch.from_numpy(reference(path, x)["y"]), rtol=1e-4, atol=1e-5)
    assert {name for name, part in module.named_modules() if not [*part.children()]} >= {*NAMES} - {"pool"}
    assert not [name for name, _ in module.named_modules() if name in ("w", "shape", "low", "equal", "same")]


def test_nodes_may_have_several_inputs_and_outputs(tmp_path) -> None:
    nodes = [
        node("Split", ["x", "parts"], ["a", "b", "c"], "split", axis=1),
        node("Sub", ["a", "c"], ["less"], "less"),
        node("Mul", ["gain", "less"], ["more"], "more"),
        node("Resize", ["b", "", "", "size"], ["big"], "big", mode="linear"),
        node("Add", ["more", "big"], ["sum"], "sum"),
        node("ReduceMean", ["sum"], ["probability"], "mean", axes=[2, 3], keepdims=0),
    ]
    arrays = {"parts": np.array([1, 1, 1]), "gain": numbers(1, 1, 1, 1), "size": np.array([1, 1, 12, 10])}
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    path = write(tmp_path / "small.onnx", nodes, weights=weights, opset=13, shape=(1, 3, 12, 10))
    x = numbers(1, 3, 12, 10)
    torch.testing.assert_close(read(path)[0](torch.from_numpy(x)), torch.from_numpy(reference(path, x)["probability"]))


def test_a_value_is_freed_after_its_last_use(tmp_path) -> None:
    module, _ = read(write(tmp_path / "small.onnx", small()))
    values = []
    module.get_submodule("relu.out").register_forward_hook(lambda m, i, output: values.append(weakref.ref(output)))
    module.get_submodule("branch").register_forward_hook(lambda m, i, output: values.append(values[0]()))
    with torch.no_grad():
        module(torch.rand(1, 3, 32, 32))
    assert values[1] is None


def test_the_default_domain_can_have_its_long_name(tmp_path) -> None:
    path = write(tmp_path / "small.onnx", small())
    model = onnx.load(path)
    expected = read(path)[0](torch.ones(1, 3, 32, 32))
    for item in (*model.opset_import, *model.graph.node):
        item.domain = "ai.onnx"
    path.write_bytes(model.SerializeToString())
    torch.testing.assert_close(read(path)[0](torch.ones(1, 3, 32, 32)), expected)


def test_sparse_weights_are_refused(tmp_path) -> None:
    nodes = [*small()[:-1], node("Add", ["y", "sparse"], ["probability"], "end")]
    path = write(tmp_path / "small.onnx", nodes)
    model = onnx.load(path)
    values, places = numpy_helper.from_array(numbers(1), "sparse"), numpy_helper.from_array(np.array([3]))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [7]))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(
        InvalidSetting, match=r"at node 'end' \(Add\): it reads 'sparse', which no earlier node computes"
    ):
        read(path)


ENDS = {
    "Squeeze of all axes": [node("GlobalAveragePool", ["d"], ["g"]), node("Squeeze", ["g"], ["probability"])],
    "Squeeze of two axes": [
        node("GlobalAveragePool", ["d"], ["g"]),
        node("Squeeze", ["g", "axes"], ["probability"]),
    ],
    "Squeeze of one axis": [
        node("GlobalAveragePool", ["d"], ["g"]),
        node("Squeeze", ["g", "axis"], ["probability"]),
    ],
    "Flatten": [node("GlobalAveragePool", ["d"], ["g"]), node("Flatten", ["g"], ["probability"])],
    "Flatten of all axes": [node("GlobalAveragePool", ["d"], ["g"]), node("Flatten", ["g"], ["probability"], axis=0)],
    "Reshape to a vector": [
        node("GlobalAveragePool", ["d"], ["g"]),
        node("Reshape", ["g", "vector"], ["probability"]),
    ],
    "Softmax of a vector": [
        node("GlobalAveragePool", ["d"], ["g"]),
        node("Squeeze", ["g"], ["v"]),
        node("Softmax", ["v"], ["probability"], axis=0),
    ],
    "mean": [node("ReduceMean", ["d"], ["probability"], axes=[2, 3], keepdims=0)],
    "mean of all but the channels": [node("ReduceMean", ["d"], ["probability"], axes=[0, 2, 3], keepdims=0)],
}
"""The last nodes of networks with the same logits. Some remove the axis of the pictures too."""


@pytest.mark.parametrize("end", ENDS)
def test_logits_have_the_shape_of_pictures_and_classes(tmp_path, end) -> None:
    arrays = {"axes": np.array([2, 3]), "axis": np.array([3]), "vector": np.array([-1])}
    weights = [*weights_of(), *(numpy_helper.from_array(array, name) for name, array in arrays.items())]
    path = write(tmp_path / "small.onnx", [*small()[:9], *ENDS[end]], weights=weights)
    x = torch.from_numpy(numbers(2, 3, 32, 32))
    expected = reference(path, x[:1].numpy())["d"].mean((2, 3))
    network = inc.Network(read(path)[0], size=32)
    logits = network.activations(x[:1], ["logits"])["logits"]
    torch.testing.assert_close(logits, torch.from_numpy(expected), rtol=1e-4, atol=1e-5)
    assert network.classes == 10
    assert network.class_index(7) == 7
    both = network.activations(x, ["logits"])["logits"]
    torch.testing.assert_close(both[:1], logits, rtol=1e-4, atol=1e-5)
    assert both.shape == (2, 10)


@pytest.mark.parametrize("axes", [[], ["axis"]])
def test_a_network_with_one_class_has_logits_of_one_column(tmp_path, axes) -> None:
    """Its output has the shape () or (N,)."""
    nodes = [*small()[:11], node("Gemm", ["flat", "column"], ["c"]), node("Squeeze", ["c", *axes], ["probability"])]
    arrays = {"axis": np.array([1]), "column": numbers(10, 1)}
    weights = [*weights_of(), *(numpy_helper.from_array(array, name) for name, array in arrays.items())]
    path = write(tmp_path / "small.onnx", nodes, weights=weights)
    x = numbers(3, 3, 32, 32)
    network = inc.Network(read(path)[0], size=32)
    expected = np.concatenate([reference(path, picture[None])["c"] for picture in x])
    for count in (1, 3):
        logits = network.activations(torch.from_numpy(x[:count]), ["logits"])["logits"]
        torch.testing.assert_close(logits, torch.from_numpy(expected[:count]), rtol=1e-4, atol=1e-5)
    assert network.classes == 1


CASTS = [onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16, onnx.TensorProto.DOUBLE]


@pytest.mark.parametrize("kind", CASTS)
@pytest.mark.parametrize("whole", [True, False])
def test_a_file_that_computes_in_another_number_type_computes_in_single_precision(tmp_path, kind, whole) -> None:
    """Exporters write Cast nodes at both ends of a network in float16, or around parts of it."""
    nodes = small()
    names = ["w1", "b1", "scale", "shift", "mean", "variance", "w2", "w3", "w4", "b4", "zero", "six"] if whole else []
    if whole:
        casts = [node("Cast", ["x"], ["narrow"], "narrow", to=kind), node("Cast", ["y"], ["wide"], "wide", to=FLOAT)]
        nodes[0].input[0], nodes[-1].input[0] = "narrow", "wide"
        nodes = [casts[0], *nodes[:-1], casts[1], nodes[-1]]
    else:
        nodes.insert(8, node("Cast", ["k"], ["narrow"], "narrow", to=kind))
        nodes.insert(9, node("Cast", ["narrow"], ["wide"], "wide", to=FLOAT))
        nodes[10].input[0] = "wide"
    path = write(tmp_path / "cast.onnx", nodes)
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.name in names:
            dtype = helper.tensor_dtype_to_np_dtype(kind)
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(dtype), tensor.name))
    path.write_bytes(model.SerializeToString())
    x = numbers(1, 3, 32, 32)
    plain = write(tmp_path / "small.onnx", small())
    expected = torch.from_numpy(reference(plain, x)["y"])
    network = inc.Network(read(path)[0], size=32)
    loose = 3e-2 if whole and kind != onnx.TensorProto.DOUBLE else 1e-5
    torch.testing.assert_close(
        network.activations(torch.from_numpy(x), ["logits"])["logits"], expected, rtol=loose, atol=loose
    )
    assert network.dtype("bf16") == torch.bfloat16
    half = network.activations(torch.from_numpy(x), ["logits"], torch.bfloat16)["logits"]
    torch.testing.assert_close(half, expected, rtol=0.1, atol=0.1)
    assert network.classes == 7
    if not whole:
        assert network.weights_hash == inc.Network(read(plain)[0], size=32).weights_hash


def test_integers_are_converted_to_the_type_in_which_the_network_computes(tmp_path) -> None:
    nodes = [
        node("Shape", ["x"], ["shape"]),
        node("Slice", ["shape", "two", "four"], ["sides"]),
        node("Cast", ["sides"], ["float"], "float", to=onnx.TensorProto.FLOAT16),
        node("ReduceMean", ["x"], ["mean_"], axes=[2, 3], keepdims=0),
        node("MatMul", ["mean_", "matrix"], ["pair"]),
        node("Mul", ["pair", "float"], ["probability"]),
    ]
    arrays = {"two": np.array([2]), "four": np.array([4]), "matrix": numbers(3, 2)}
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    path = write(tmp_path / "small.onnx", nodes, weights=weights, shape=(1, 3, 7, 9))
    x = numbers(1, 3, 7, 9)
    network = inc.Network(read(path)[0], size=(7, 9))
    expected = torch.from_numpy(x.mean((2, 3)) @ arrays["matrix"] * np.array([7, 9], np.float32))
    for dtype, tolerance in ((torch.float32, 1e-5), (torch.bfloat16, 0.05)):
        logits = network.activations(torch.from_numpy(x), ["logits"], dtype)["logits"]
        torch.testing.assert_close(logits, expected, rtol=tolerance, atol=tolerance)


def test_the_hash_of_the_weights_is_the_same_in_every_process(tmp_path) -> None:
    """Python orders sets of names differently in each process."""
    nodes = [
        node("Sum", ["x", *(f"{letter}{letter}" for letter in "abcdefgh")], ["sum"]),
        node("Where", ["sure", "sum", "other"], ["w"]),
        node("ReduceMean", ["w"], ["probability"], axes=[2, 3], keepdims=0),
    ]
    arrays = {f"{letter}{letter}": numbers(1, 3, 1, 1) for letter in "abcdefgh"}
    arrays |= {"sure": np.array([True]), "other": numbers(1, 3, 1, 1)}
    path = write(
        tmp_path / "small.onnx", nodes, weights=[numpy_helper.from_array(one, name) for name, one in arrays.items()]
    )
    program = """
import sys
from pathlib import Path
import inceptionism as inc
from inceptionism.networks.loaders.onnx import read
from tests.support import torchvision_operators
print(inc.Network(read(Path(sys.argv[1]))[0], size=32).weights_hash)
"""
    command = [sys.executable, "-c", program, str(path)]
    environment = {**os.environ, "PYTHONHASHSEED": "1"}
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == inc.Network(read(path)[0], size=32).weights_hash


def wrong_file(path: Path, nodes: list[onnx.NodeProto], shape: tuple = (1, 3, 32, 32), **arrays: np.ndarray) -> Path:
    weights = [numpy_helper.from_array(array, name) for name, array in arrays.items()]
    return write(path, nodes, weights=weights, shape=shape)


MEAN = node("ReduceMean", ["r"], ["probability"], "mean", axes=[2, 3], keepdims=0)

WRONG_VALUES: dict[str, tuple[list[onnx.NodeProto], dict[str, list]]] = {
    "Slice along an axis that does not exist": (
        [node("Slice", ["x", "s", "e", "a"], ["r"], "cut"), MEAN],
        {"s": [0], "e": [2], "a": [7]},
    ),
    "Slice with a step of zero": (
        [node("Slice", ["x", "s", "e", "a", "t"], ["r"], "cut"), MEAN],
        {"s": [0], "e": [2], "a": [2], "t": [0]},
    ),
    "Slice with starts that are computed": (
        [
            node("ReduceMax", ["x"], ["m"], keepdims=1),
            node("Reshape", ["m", "s"], ["flat"]),
            node("Slice", ["x", "flat", "e"], ["r"], "cut"),
            MEAN,
        ],
        {"s": [1], "e": [2]},
    ),
    "Reshape to another number of values": ([node("Reshape", ["x", "s"], ["r"], "fold"), MEAN], {"s": [1, 3, 31, 32]}),
    "Reshape with two unknown sides": ([node("Reshape", ["x", "s"], ["r"], "fold"), MEAN], {"s": [1, -1, -1, 32]}),
    "Reshape to nothing": ([node("Reshape", ["x", "s"], ["r"], "fold"), MEAN], {"s": []}),
    "Reshape with a negative side": ([node("Reshape", ["x", "s"], ["r"], "fold"), MEAN], {"s": [1, 3, -5, 32]}),
    "Reshape that keeps a side that does not exist": (
        [node("Reshape", ["x", "s"], ["r"], "fold"), MEAN],
        {"s": [1, 3, 32, 32, 0]},
    ),
    "Expand to a huge shape": ([node("Expand", ["x", "s"], ["r"], "grow"), MEAN], {"s": [2**31, 1, 1, 1]}),
    "Tile with a huge number of copies": ([node("Tile", ["x", "s"], ["r"], "copies"), MEAN], {"s": [1, 1, 2**20, 9]}),
    "Gather along a huge axis": ([node("Gather", ["x", "s"], ["r"], "pick", axis=2**31), MEAN], {"s": [0]}),
    "ConstantOfShape with a negative side": (
        [node("ConstantOfShape", ["s"], ["k"], "constant"), node("Add", ["x", "k"], ["r"]), MEAN],
        {"s": [1, -3]},
    ),
    "ConstantOfShape with sides that do not fit": (
        [node("ConstantOfShape", ["s"], ["k"], "constant"), node("Add", ["x", "k"], ["r"]), MEAN],
        {"s": [5, 7]},
    ),
    "ConstantOfShape with a huge side": (
        [node("ConstantOfShape", ["s"], ["k"], "constant"), node("Add", ["x", "k"], ["r"]), MEAN],
        {"s": [2**62]},
    ),
    "ConstantOfShape with a side that is read twice": (
        [node("ConstantOfShape", ["s"], ["k"], "constant"), node("Add", ["k", "k"], ["r"]), MEAN],
        {"s": [2**62]},
    ),
    "Gather beyond the end": ([node("Gather", ["x", "s"], ["r"], "pick", axis=2), MEAN], {"s": [40]}),
    "Tile with the wrong number of copies": ([node("Tile", ["x", "s"], ["r"], "copies"), MEAN], {"s": [1, 2]}),
    "Expand to a shape that does not fit": ([node("Expand", ["x", "s"], ["r"], "grow"), MEAN], {"s": [1, 3, 5, 5]}),
    "Unsqueeze beyond the end": ([node("Unsqueeze", ["x", "s"], ["r"], "more"), MEAN], {"s": [9]}),
    "Split in parts that do not fit": ([node("Split", ["x", "s"], ["r", "q"], "parts", axis=1), MEAN], {"s": [2, 4]}),
    "Transpose with wrong axes": ([node("Transpose", ["x"], ["r"], "turn", perm=[0, 1, 1, 9]), MEAN], {}),
    "Concat along a wrong axis": ([node("Concat", ["x", "x"], ["r"], "join", axis=9), MEAN], {}),
    "Resize to nothing": (
        [node("Resize", ["x", "", "s"], ["r"], "size", mode="linear"), MEAN],
        {"s": [1.0, 1.0, 0.0, 0.0]},
    ),
    "MaxPool larger than the map": ([node("MaxPool", ["x"], ["r"], "pool", kernel_shape=[99, 99]), MEAN], {}),
    "Convolution of other channels": ([node("Conv", ["x", "s"], ["r"], "filter"), MEAN], {"s": [[[[1.0]]] * 5]}),
}


@pytest.mark.parametrize("size", [32, "side"])
@pytest.mark.parametrize("case", WRONG_VALUES)
def test_a_node_with_wrong_arguments_is_reported_in_one_sentence(tmp_path, case, size) -> None:
    """A network for one size is refused when it is loaded. A network for all sizes is refused then or when it runs."""
    nodes, values = WRONG_VALUES[case]
    arrays = {
        name: np.array(numbers_, np.float32 if name == "s" and "." in str(numbers_) else np.int64)
        for name, numbers_ in values.items()
    }
    path = wrong_file(tmp_path / "wrong.onnx", nodes, (1, 3, size, size), **arrays)

    def load_and_run() -> None:
        module = read(path)[0]
        assert size == "side"
        inc.Network(module, size=32).activations(torch.rand(1, 3, 32, 32), ["logits"])

    with pytest.raises(InvalidSetting) as caught:
        load_and_run()
    message = str(caught.value)
    assert "\n" not in message
    known = r"is not valid ONNX|converted at node|layer \w+: |too large|layer \w+ that|does not exist|too much memory"
    assert re.search(known, message)


REFUSED = {
    "an unknown operator, and one of another domain": (
        {
            "nodes": [
                node("Frobnicate", ["x"], ["f"], "strange"),
                node("Swirl", ["f"], ["probability"], domain="com.acme"),
            ]
        },
        r"operators that onnx2torch does not support: Frobnicate of opset 17 \(first in node 'strange'\); "
        r"com.acme.Swirl of opset 1 \(first in node 'probability'\); "
        "export it with opset 17 or without these operators",
    ),
    "operators that cannot be translated": (
        {"nodes": [node("Gelu", ["x"], ["g"]), node("Conv", ["g", "w1"], ["probability"])], "opset": 22},
        r"does not support: Gelu of opset 22 \(first in node 'g'\); Conv of opset 22 \(first in node 'probability'\)",
    ),
    "an opset of the future": ({"opset": 99}, "uses opset 99, but the installed onnx supports opsets 1 to"),
    "no opset": ({"opset": 0}, "uses opset 0, but the installed onnx supports opsets 1 to"),
    "two pictures": (
        {"inputs": [value("z", FLOAT, [1, 3, 8, 8])]},
        r"has 2 inputs \('x', 'z'\), but a network must have one",
    ),
    "too many channels": (
        {"shape": (1, 5000, 8, 8)},
        "input of shape 1×5000×8×8, but a picture has the shape N×C×H×W$",
    ),
    "channels last": ({"shape": ("n", 8, 8, 3)}, r"has an input of shape \?×8×8×3, .*; export it with channels first"),
    "no picture": ({"shape": (1, 3)}, "has an input of shape 1×3, but a picture has"),
    "a scalar": ({"shape": ()}, "has an input of unknown shape, but a picture has"),
    "too many at once": ({"shape": (5000, 3, 8, 8)}, "has an input of shape 5000×3×8×8, but a picture has the shape"),
    "a huge size": (
        {"shape": (1, 3, 70_000, 70_000)},
        r"where 'x' has the shape \[1, 3, 70000, 70000\], which is too large",
    ),
    "an output that no node computes": ({"outputs": ["nothing"]}, "describes a network without an output"),
    "an output that is a constant": (
        {"nodes": [*small(), node("Identity", ["b4"], ["same"])], "outputs": ["same"]},
        "cannot be converted at the output: it does not depend on the picture",
    ),
    "nodes in disorder": ({"nodes": small()[::-1]}, "is not valid ONNX: Nodes in a graph must be topologically sorted"),
    "a missing attribute": (
        {"nodes": [node("MaxPool", ["x"], ["probability"])]},
        "is not valid ONNX: Required attribute 'kernel_shape' is missing",
    ),
    "weights that are computed": (
        {"nodes": [node("Neg", ["w1"], ["w"]), node("Conv", ["x", "w"], ["probability"], "end")]},
        r"cannot be converted at node 'end' \(Conv\): 'w' is not known before the network runs",
    ),
    "a setting that onnx2torch does not support": (
        {"nodes": [node("Conv", ["x", "w1"], ["probability"], "end", auto_pad="SAME_UPPER")]},
        r"cannot be converted at node 'end' \(Conv\): \"SAME_UPPER\" auto_pad is not implemented",
    ),
    "a kernel_shape that differs from the weights": (
        {"nodes": [node("Conv", ["x", "w1"], ["probability"], kernel_shape=[9**6, 9**6])], "shape": ("n", 3, "h", "w")},
        r"at node 'probability' \(Conv\): its kernel_shape differs from the kernel of its weights, \[3, 3\]",
    ),
    "weights in an unknown form": (
        {"weights": [onnx.TensorProto(name="w1", data_type=1, dims=[1], segment={"begin": 0, "end": 1})]},
        "has weights 'w1' that cannot be read",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_file_without_a_network_for_pictures_is_refused(tmp_path, case) -> None:
    settings, message = REFUSED[case]
    path = write(tmp_path / "bad.onnx", **({"nodes": small()} | settings | {"domains": ["com.acme"]}))
    with pytest.raises(InvalidSetting, match=message) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path} ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "dims", [(6, 3, 3), (6, 3, 3, 4), (2**40, 3, 3, 3), (2**40, 2**40, 2**40, 2**40), (-1, 3, 3, 3)]
)
@pytest.mark.parametrize("field", ["raw_data", "float_data", None])
def test_weights_of_another_shape_than_declared_are_refused(tmp_path, dims, field) -> None:
    tensor = onnx.TensorProto(name="w1", data_type=FLOAT, dims=dims)
    if field == "raw_data":
        tensor.raw_data = WEIGHTS["w1"].tobytes()
    elif field == "float_data":
        tensor.float_data.extend(WEIGHTS["w1"].ravel())
    for nodes, weights in (
        (small(), [tensor, *weights_of()[1:]]),
        ([node("Constant", [], ["w1"], value=tensor), *small()], weights_of()[1:]),
    ):
        with pytest.raises(
            InvalidSetting, match=r"has weights 'w1' that cannot be read: (cannot reshape array|their shape)"
        ):
            read(write(tmp_path / "bad.onnx", nodes, weights=weights))


@pytest.mark.parametrize("content", [b"not a network at all", b"\x89PNG\r\n\x1a\n" + bytes(99), "cut", "text"])
def test_damaged_files_are_refused(tmp_path, content) -> None:
    path = write(tmp_path / "bad.onnx", small())
    whole = path.read_bytes()
    if content == "cut":
        content = whole[: len(whole) // 2]
    elif content == "text":
        content = whole.replace(b"Relu", b"\xffelu")
    path.write_bytes(content)
    with pytest.raises(
        InvalidSetting, match=r"bad\.onnx is (not an ONNX file|damaged: it contains a name that is not text)"
    ):
        read(path)


def test_files_that_cannot_be_read_are_refused(tmp_path) -> None:
    with pytest.raises(UnreadableFile, match="there is no file"):
        read(tmp_path / "none.onnx")
    with pytest.raises(UnreadableFile, match="is a folder"):
        read(tmp_path)
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate(2**31 + 1)
    with pytest.raises(UnreadableFile, match=r"large\.onnx is larger than 2048 MiB"):
        read(tmp_path / "large.onnx")


def external_weights(location: str, dims: tuple[int, ...] = (6, 3, 3, 3), **entries: object) -> list[onnx.TensorProto]:
    """Return the weights of `small`, with the first tensor in another file."""
    tensor = onnx.TensorProto(name="w1", data_type=FLOAT, dims=dims, data_location=onnx.TensorProto.EXTERNAL)
    for key, entry in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(entry))
    return [tensor, *weights_of()[1:]]


def test_weights_can_be_in_other_files_of_the_folder(tmp_path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(8) + WEIGHTS["w1"].tobytes() + bytes(8))
    weights = external_weights("weights.bin", offset=8, length=WEIGHTS["w1"].nbytes)
    split, _ = read(write(tmp_path / "small.onnx", small(), weights=weights))
    whole, _ = read(write(tmp_path / "whole.onnx", small()))
    torch.testing.assert_close(split.state_dict(), whole.state_dict(), rtol=0, atol=0)


def test_files_outside_of_the_folder_and_damaged_files_are_not_read(tmp_path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for secret in (tmp_path / "secret.bin", folder / "weights.bin"):
        secret.write_bytes(WEIGHTS["w1"].tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "short.bin").write_bytes(bytes(8))
    for weights, reason in (
        (external_weights("../secret.bin"), "points outside"),
        (external_weights("../folder/../secret.bin"), "points outside"),
        (external_weights(str(tmp_path / "secret.bin")), "absolute path"),
        (external_weights("link.bin"), "symbolic link|points outside"),
        (external_weights("none.bin"), "none.bin, but it"),
        (external_weights("."), "not regular file"),
        (external_weights(""), "empty"),
        (external_weights("short.bin"), "cannot reshape array of size 2"),
        (external_weights("weights.bin", length=2**50), "exceeds available data"),
        (external_weights("weights.bin", offset=-1), "non-negative"),
        (external_weights("weights.bin", offset="no"), "invalid literal"),
        (external_weights("weights.bin", (2**20, 2**12, 1, 1)), "their shape .* is too large or negative"),
    ):
        with pytest.raises(InvalidSetting, match=f"has weights 'w1' that cannot be read: .*({reason})"):
            read(write(folder / "bad.onnx", small(), weights=weights))


def test_onnx2torch_must_be_installed(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(InvalidSetting, match=r'onnx2torch is not installed; .* pip install "inceptionism\[networks\]"'):
        read(write(tmp_path / "small.onnx", small()))


def test_a_torchvision_that_does_not_fit_is_reported_with_one_line() -> None:
    """The second import of such a torchvision raises another exception than the first."""
    program = """
from pathlib import Path
from inceptionism.errors import InceptionismError
from inceptionism.networks.loaders.onnx import read
for _ in range(2):
    try:
        read(Path("none.onnx"))
    except InceptionismError as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    if "there is no file none.onnx" in done.stdout:
        pytest.skip("needs a torchvision that does not fit torch, but the installed one fits")
    first, second = done.stdout.splitlines()
    assert first == second
    assert first.startswith("torchvision ")
    assert "does not fit torch" in first
    assert "https://pytorch.org/get-started" in first
