"""ONNX files as networks: OpenCV reads the same files by an importer of its own, and onnx has a reference in NumPy."""

from __future__ import annotations

import copy
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
from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders.onnx import read

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


def weights_of(**others: np.ndarray) -> list[onnx.TensorProto]:
    """Return the weights of `small`, some of them others."""
    return [numpy_helper.from_array(array, name) for name, array in (WEIGHTS | others).items()]


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
    taken = [value("x", FLOAT, shape), *inputs]
    graph = helper.make_graph(
        nodes, "graph", taken, [value(name, FLOAT, ["n", "m"]) for name in outputs], weights or weights_of()
    )
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
    outputs = [one.output[0] for one in small()[:-1]]
    for name, output in zip([*NAMES, "logits"], [*outputs, "y"], strict=True):
        values = torch.from_numpy(expected[output])
        torch.testing.assert_close(found[name], values, rtol=1e-4, atol=1e-5, msg=f"{name} differs")


def test_layers_are_called_as_in_the_file(tmp_path) -> None:
    module, _ = read(write(tmp_path / "small.onnx", small()))
    folders, inside = {"", "/stem/stem", "relu", "branch_"}, {"pool.0", "pool.1"}
    assert {name for name, _ in module.named_modules()} == {*NAMES, *folders, *inside}
    assert module.get_submodule("/stem/stem.0/Conv").weight.shape == (6, 3, 3, 3)
    assert {name for name, _ in module.named_parameters()} >= {"/stem/stem.0/Conv.weight", "branch_.wide.weight"}
    listed = [layer.name for layer in inc.Network(module, size=32).layers(all=True)]
    assert [name for name in listed if name not in inside] == NAMES[:10]


@pytest.mark.parametrize("name", ['c"),open("{}","w"),getattr(self,"c', "a\n b", "lambda", "..", "__class__", "_steps"])
def test_a_name_in_a_file_is_never_run(tmp_path, name) -> None:
    """torch.fx writes code with names in it as they are, which would make a file with the first of these."""
    made = tmp_path / "made"
    nodes = small()
    nodes[0].name, nodes[1].name = "c", name.format(made)
    path = write(tmp_path / "small.onnx", nodes)
    module, _ = read(path)
    x = numbers(1, 3, 32, 32)
    found = copy.deepcopy(module)(torch.from_numpy(x))
    torch.testing.assert_close(found, torch.from_numpy(reference(path, x)["y"]), rtol=1e-4, atol=1e-5)
    assert not made.exists()


def test_the_hash_is_of_the_weights_in_the_file(tmp_path) -> None:
    hashes = [
        inc.Network(read(write(tmp_path / "small.onnx", small(), weights=weights))[0], size=32).weights_hash
        for weights in (None, None, weights_of(b4=numbers(7)))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


@pytest.mark.parametrize("row", [[1, -1], [1, 10], [-1, 10], [0, 10]])
@pytest.mark.parametrize("batch", [1, "n"])
def test_a_reshape_of_one_picture_serves_for_several(tmp_path, row, batch) -> None:
    path = write(tmp_path / "small.onnx", small(), weights=weights_of(row=np.array(row)), shape=(batch, 3, 32, 32))
    x = numbers(3, 3, 32, 32)
    if (batch, row[0]) == ("n", 1):  # such a network is for one
        x = x[:1]
    expected = np.concatenate([reference(path, picture[None])["y"] for picture in x])
    found = read(path)[0](torch.from_numpy(x))
    torch.testing.assert_close(found, torch.from_numpy(expected), rtol=1e-4, atol=1e-5)


def test_pictures_that_a_network_would_mix_are_not_seen_together(tmp_path) -> None:
    nodes = [*small()[:-1], node("Reshape", ["y", "row"], ["probability"])]
    nodes[10] = node("Flatten", ["g"], ["flat"])
    network = inc.Network(read(write(tmp_path / "small.onnx", nodes, shape=("n", 3, 32, 32)))[0], size=32)
    assert network.activations(torch.rand(1, 3, 32, 32), ["logits"])["logits"].shape == (1, 7)
    with pytest.raises(InvalidSetting, match=r"it gives 1×14 for 2 pictures, for it is made for one at a time"):
        network.activations(torch.rand(2, 3, 32, 32), ["logits"])


@pytest.mark.parametrize("shape", [("n", 3, "h", "w"), (1, 3, 32, "w"), (-1, "c", 0, 0)])
def test_a_network_for_any_size_has_none(tmp_path, shape) -> None:
    path = write(tmp_path / "small.onnx", small(), weights=weights_of(row=np.array([-1, 10])), shape=shape)
    module, size = read(path)
    assert size is None
    assert module(torch.rand(2, 3, 40, 33)).shape == (2, 7)


def test_what_comes_before_a_layer_for_one_size_sees_others(tmp_path) -> None:
    nodes = [*small()[:9], node("Flatten", ["d"], ["flat"]), node("Gemm", ["flat", "w4"], ["probability"])]
    path = write(tmp_path / "small.onnx", nodes, weights=weights_of(w4=numbers(10 * 8 * 8, 7)))
    network = inc.Network(read(path)[0], size=32)
    assert network.activations(torch.rand(1, 3, 32, 32), ["logits"])["logits"].shape == (1, 7)
    assert network.activations(torch.rand(1, 3, 50, 41), ["type_"])["type_"].shape == (1, 10, 12, 10)
    with pytest.raises(InvalidSetting, match="cannot see a picture of 50×41 pixels: mat1 and mat2 shapes"):
        network.activations(torch.rand(1, 3, 50, 41), ["logits"])


@pytest.mark.parametrize("softmax", ["Softmax", "LogSoftmax"])
@pytest.mark.parametrize("opset", [9, 13])
def test_logits_are_before_the_softmax(tmp_path, softmax, opset) -> None:
    """They are so too where another node reads what it gives, and where there are more outputs."""
    nodes = [*small(opset)[:-1], node(softmax, ["y"], ["probability"], "end", axis=1)]
    path = write(tmp_path / "small.onnx", nodes, opset=opset)
    read_twice = [*nodes, node("Relu", ["probability"], ["other"], "more")]
    more = write(tmp_path / "more.onnx", read_twice, opset=opset, outputs=("probability", "other"))
    x = torch.from_numpy(numbers(1, 3, 32, 32))
    one, two = (read(file)[0] for file in (path, more))
    torch.testing.assert_close(one(x), inc.Network(two, size=32).activations(x, ["fc"])["fc"])
    torch.testing.assert_close(two(x), one(x))
    assert not hasattr(one, "end")
    assert hasattr(two, "end")


def test_weights_that_nodes_give_are_weights(tmp_path) -> None:
    """Exporters have nodes for constants, and for weights that are equal to others."""
    nodes = small()
    nodes[4].input[1], nodes[5].input[1], nodes[6].input[1], nodes[10].input[1] = "w", "same", "low", "shape"
    first = [
        node("Constant", [], ["w"], value=numpy_helper.from_array(WEIGHTS["w2"])),
        node("Constant", [], ["shape"], value_ints=[1, 10]),
        node("Constant", [], ["low"], value_float=0.25),
        node("Identity", ["w3"], ["equal"]),
        node("Identity", ["equal"], ["same"]),
    ]
    path = write(tmp_path / "small.onnx", [*first, *nodes])
    module, _ = read(path)
    x = numbers(1, 3, 32, 32)
    found = module(torch.from_numpy(x))
    torch.testing.assert_close(found, torch.from_numpy(reference(path, x)["y"]), rtol=1e-4, atol=1e-5)
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
    path = write(tmp_path / "small.onnx", nodes, weights=weights, opset=13)
    x = numbers(1, 3, 12, 10)
    torch.testing.assert_close(read(path)[0](torch.from_numpy(x)), torch.from_numpy(reference(path, x)["probability"]))


def test_what_no_node_reads_any_more_is_let_go(tmp_path) -> None:
    module, _ = read(write(tmp_path / "small.onnx", small()))
    made = []
    module.get_submodule("relu.out").register_forward_hook(lambda m, i, output: made.append(weakref.ref(output)))
    module.get_submodule("branch").register_forward_hook(lambda m, i, output: made.append(made[0]()))
    with torch.no_grad():
        module(torch.rand(1, 3, 32, 32))
    assert made[1] is None


def test_the_usual_operators_may_be_called_those_of_ai_onnx(tmp_path) -> None:
    path = write(tmp_path / "small.onnx", small())
    model = onnx.load(path)
    expected = read(path)[0](torch.ones(1, 3, 32, 32))
    for one in (*model.opset_import, *model.graph.node):
        one.domain = "ai.onnx"
    path.write_bytes(model.SerializeToString())
    torch.testing.assert_close(read(path)[0](torch.ones(1, 3, 32, 32)), expected)


def test_sparse_weights_are_refused(tmp_path) -> None:
    nodes = [*small()[:-1], node("Add", ["y", "sparse"], ["probability"], "end")]
    path = write(tmp_path / "small.onnx", nodes)
    model = onnx.load(path)
    values, places = numpy_helper.from_array(numbers(1), "sparse"), numpy_helper.from_array(np.array([3]))
    model.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [7]))
    path.write_bytes(model.SerializeToString())
    with pytest.raises(InvalidSetting, match=r"at node 'end' \(Add\): nothing gives 'sparse', which it reads"):
        read(path)


REFUSED = {
    "an operator that nobody knows, and one of another domain": (
        {
            "nodes": [
                node("Frobnicate", ["x"], ["f"], "strange"),
                node("Swirl", ["f"], ["probability"], domain="com.acme"),
            ]
        },
        r"operators that onnx2torch does not know: Frobnicate of opset 17 \(first as 'strange'\); "
        r"com.acme.Swirl of opset 1 \(first as 'probability'\); export it with opset 17, or without them",
    ),
    "operators that cannot be translated": (
        {"nodes": [node("Gelu", ["x"], ["g"]), node("Conv", ["g", "w1"], ["probability"])], "opset": 22},
        r"does not know: Gelu of opset 22 \(first as 'g'\); Conv of opset 22 \(first as 'probability'\)",
    ),
    "an opset of the future": ({"opset": 99}, "is written in opset 99, and the installed onnx knows 1 to"),
    "no opset": ({"opset": 0}, "is written in opset 0, and the installed onnx knows 1 to"),
    "two pictures": (
        {"inputs": [value("z", FLOAT, [1, 3, 8, 8])]},
        r"a network with 2 inputs \('x', 'z'\), not one for",
    ),
    "one channel": ({"shape": (1, 1, 8, 8)}, "whose input is 1×1×8×8, where a picture is N×3×H×W$"),
    "channels last": ({"shape": ("n", 8, 8, 3)}, r"whose input is \?×8×8×3, .*; export it with channels first"),
    "no picture": ({"shape": (1, 3)}, "whose input is 1×3, where a picture is"),
    "a scalar": ({"shape": ()}, "whose input is of no known shape, where a picture is"),
    "eight at once": ({"shape": (8, 3, 8, 8)}, "whose input is 8×3×8×8; export it for one picture, or any number"),
    "an absurd size": (
        {"shape": (1, 3, 70_000, 70_000)},
        r"where 'x' has the shape \[1, 3, 70000, 70000\]: that is absurd",
    ),
    "an output that nothing gives": ({"outputs": ["nothing"]}, "holds a network without an output"),
    "an output that is a constant": (
        {"nodes": [*small(), node("Identity", ["b4"], ["same"])], "outputs": ["same"]},
        "cannot be converted, at the output: it is the same for each picture",
    ),
    "nodes in disorder": ({"nodes": small()[::-1]}, "is not valid ONNX: Nodes in a graph must be topologically sorted"),
    "an attribute that is not there": (
        {"nodes": [node("MaxPool", ["x"], ["probability"])]},
        "is not valid ONNX: Required attribute 'kernel_shape' is missing",
    ),
    "weights that are computed": (
        {"nodes": [node("Neg", ["w1"], ["w"]), node("Conv", ["x", "w"], ["probability"], "end")]},
        r"cannot be converted, at node 'end' \(Conv\): 'w' is not known beforehand",
    ),
    "what onnx2torch cannot do": (
        {"nodes": [node("Conv", ["x", "w1"], ["probability"], "end", auto_pad="SAME_UPPER")]},
        r"cannot be converted, at node 'end' \(Conv\): \"SAME_UPPER\" auto_pad is not implemented",
    ),
    "a kernel that is not that of the weights": (
        {"nodes": [node("Conv", ["x", "w1"], ["probability"], kernel_shape=[9**6, 9**6])], "shape": ("n", 3, "h", "w")},
        r"at node 'probability' \(Conv\): its kernel_shape is not that of its weights, \[3, 3\]",
    ),
    "weights in no known form": (
        {"weights": [onnx.TensorProto(name="w1", data_type=1, dims=[1], segment={"begin": 0, "end": 1})]},
        "has weights 'w1' that cannot be read",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_is_no_network_for_pictures_is_refused(tmp_path, case) -> None:
    settings, reason = REFUSED[case]
    path = write(tmp_path / "bad.onnx", **({"nodes": small()} | settings | {"domains": ["com.acme"]}))
    with pytest.raises(InvalidSetting, match=reason) as caught:
        read(path)
    assert str(caught.value).startswith(f"{path} ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "dims", [(6, 3, 3), (6, 3, 3, 4), (2**40, 3, 3, 3), (2**40, 2**40, 2**40, 2**40), (-1, 3, 3, 3)]
)
@pytest.mark.parametrize("field", ["raw_data", "float_data", None])
def test_weights_that_are_not_as_declared_are_refused(tmp_path, dims, field) -> None:
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


@pytest.mark.parametrize("content", [b"", b"no network at all", b"\x89PNG\r\n\x1a\n" + bytes(99), "cut", "text"])
def test_damaged_files_are_refused(tmp_path, content) -> None:
    path = write(tmp_path / "bad.onnx", small())
    whole = path.read_bytes()
    if content == "cut":
        content = whole[: len(whole) // 2]
    elif content == "text":
        content = whole.replace(b"Relu", b"\xffelu")
    path.write_bytes(content)
    with pytest.raises(InvalidSetting, match=r"bad\.onnx is (not an ONNX file|damaged: a name in it is no text)"):
        read(path)


def test_files_that_cannot_be_read_are_refused(tmp_path) -> None:
    with pytest.raises(InvalidSetting, match=r"none\.onnx cannot be read: No such file"):
        read(tmp_path / "none.onnx")
    with pytest.raises(InvalidSetting, match="cannot be read: Is a directory"):
        read(tmp_path)
    with (tmp_path / "large.onnx").open("wb") as file:
        file.truncate(2**31)
    with pytest.raises(InvalidSetting, match=r"large\.onnx is larger than 2 GB, which no ONNX file is"):
        read(tmp_path / "large.onnx")


def outside(location: str, dims: tuple[int, ...] = (6, 3, 3, 3), **entries: object) -> list[onnx.TensorProto]:
    """Return the weights of `small`, the first of which are in another file."""
    tensor = onnx.TensorProto(name="w1", data_type=FLOAT, dims=dims, data_location=onnx.TensorProto.EXTERNAL)
    for key, entry in {"location": location, **entries}.items():
        tensor.external_data.add(key=key, value=str(entry))
    return [tensor, *weights_of()[1:]]


def test_weights_may_be_in_other_files_of_the_folder(tmp_path) -> None:
    (tmp_path / "weights.bin").write_bytes(bytes(8) + WEIGHTS["w1"].tobytes() + bytes(8))
    there = outside("weights.bin", offset=8, length=WEIGHTS["w1"].nbytes)
    one, _ = read(write(tmp_path / "small.onnx", small(), weights=there))
    two, _ = read(write(tmp_path / "whole.onnx", small()))
    torch.testing.assert_close(one.state_dict(), two.state_dict(), rtol=0, atol=0)


def test_other_files_are_not_read(tmp_path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    for secret in (tmp_path / "secret.bin", folder / "weights.bin"):
        secret.write_bytes(WEIGHTS["w1"].tobytes())
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    (folder / "short.bin").write_bytes(bytes(8))
    for weights, reason in (
        (outside("../secret.bin"), "points outside"),
        (outside("../folder/../secret.bin"), "points outside"),
        (outside(str(tmp_path / "secret.bin")), "absolute path"),
        (outside("link.bin"), "symbolic link|points outside"),
        (outside("none.bin"), "none.bin, but it"),
        (outside("."), "not regular file"),
        (outside(""), "empty"),
        (outside("short.bin"), "cannot reshape array of size 2"),
        (outside("weights.bin", length=2**50), "exceeds available data"),
        (outside("weights.bin", offset=-1), "non-negative"),
        (outside("weights.bin", offset="no"), "invalid literal"),
        (outside("weights.bin", (2**20, 2**12, 1, 1)), "their shape .* is absurd"),
    ):
        with pytest.raises(InvalidSetting, match=f"has weights 'w1' that cannot be read: .*({reason})"):
            read(write(folder / "bad.onnx", small(), weights=weights))


def test_onnx2torch_must_be_installed(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(InvalidSetting, match=r'onnx2torch is not installed; .* pip install "inceptionism\[onnx\]"'):
        read(write(tmp_path / "small.onnx", small()))


def test_a_torchvision_that_does_not_fit_is_one_sentence() -> None:
    """The second attempt fails otherwise than the first."""
    program = """
from pathlib import Path
from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders.onnx import read
for _ in range(2):
    try:
        read(Path("none.onnx"))
    except InvalidSetting as error:
        print(error)
"""
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    if "none.onnx cannot be read" in done.stdout:
        pytest.skip("this torchvision fits this torch")
    first, second = done.stdout.splitlines()
    assert first == second
    assert first.startswith("torchvision ")
    assert "does not fit torch" in first
    assert "https://pytorch.org/get-started" in first
