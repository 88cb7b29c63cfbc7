"""Caffe's networks without Caffe: OpenCV reads the same files by an importer of its own."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from google.protobuf import text_format
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders.caffe import load as caffe
from inceptionism.networks.loaders.caffe.schema import message_class

GENERATOR = np.random.default_rng(7)


def numbers(*shape: int, positive: bool = False) -> np.ndarray:
    values = GENERATOR.normal(size=shape).astype(np.float32) * 0.5
    return np.abs(values) + 0.1 if positive else values


def head(name: str, kind: str, bottoms: str, tops: str) -> str:
    lines = [f'name: "{name}" type: {kind}']
    lines += [f'bottom: "{one}"' for one in bottoms.split()] + [f'top: "{one}"' for one in tops.split()]
    return " ".join(lines)


def layer(name: str, kind: str, bottoms: str, tops: str, rest: str = "") -> str:
    return f"layer {{ {head(name, repr(kind), bottoms, tops)} {rest} }}\n"


def old_layer(name: str, kind: str, bottoms: str, tops: str, rest: str = "") -> str:
    return f"layers {{ {head(name, kind, bottoms, tops)} {rest} }}\n"


def picture_of(height: int, width: int) -> str:
    return f'input: "data" input_dim: 1 input_dim: 3 input_dim: {height} input_dim: {width}\n'


def write(folder, text: str, weights: dict[str, list[np.ndarray]]):
    """Write a prototxt and a caffemodel in which each layer of the text has its weights."""
    net = text_format.Parse(text, message_class("NetParameter")())
    for one in [*net.layer, *net.layers]:
        for values in weights.get(one.name, ()):
            blob = one.blobs.add(data=values.astype("<f4").tobytes())
            if one.DESCRIPTOR.name == "LayerParameter":
                blob.shape.dim.extend(values.shape)
            else:
                sides = (1,) * (4 - values.ndim) + values.shape
                blob.num, blob.channels, blob.height, blob.width = sides
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "net.caffemodel"
    prototxt.write_text(text)
    caffemodel.write_bytes(net.SerializeToString())
    return prototxt, caffemodel


def agree(prototxt, caffemodel, size: tuple[int, int]) -> torch.Tensor:
    """Check that the network gives for a random picture what OpenCV's importer gives, and return it."""
    x = numbers(1, 3, *size)
    theirs = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
    theirs.enableFusion(False)
    theirs.setInput(x)
    expected = torch.from_numpy(theirs.forward())
    network, _ = caffe.read(prototxt, caffemodel)
    last = network.blobs[-1]
    found = []
    network.get_submodule(last).register_forward_hook(lambda m, i, output: found.append(output))
    with torch.no_grad():
        network(torch.from_numpy(x))
    torch.testing.assert_close(found[0].reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
    return found[0]


CONV = layer("c", "Convolution", "data", "c", "convolution_param { num_output: 6 kernel_size: 3 pad: 1 }")
CONV_WEIGHTS = {"c": [numbers(6, 3, 3, 3), numbers(6)]}

ONE_LAYER = {
    "groups, dilation and two sides": (
        layer(
            "d",
            "Convolution",
            "c",
            "d",
            "convolution_param { num_output: 8 kernel_h: 3 kernel_w: 2 stride_h: 2 stride_w: 1 pad_h: 2 pad_w: 1 "
            "dilation: 2 group: 2 bias_term: false }",
        ),
        {"d": [numbers(8, 3, 3, 2)]},
    ),
    "deconvolution": (
        layer(
            "d",
            "Deconvolution",
            "c",
            "d",
            "convolution_param { num_output: 4 kernel_size: 4 stride: 2 pad: 1 group: 2 }",
        ),
        {"d": [numbers(6, 2, 4, 4), numbers(4)]},
    ),
    "relu": (layer("r", "ReLU", "c", "r"), {}),
    "leaky relu in place": (layer("r", "ReLU", "c", "c", "relu_param { negative_slope: 0.2 }"), {}),
    "prelu": (layer("r", "PReLU", "c", "r"), {"r": [numbers(6)]}),
    "prelu of all channels": (
        layer("r", "PReLU", "c", "r", "prelu_param { channel_shared: true }"),
        {"r": [numbers(1)]},
    ),
    "elu": (layer("r", "ELU", "c", "r", "elu_param { alpha: 1 }"), {}),
    "sigmoid": (layer("r", "Sigmoid", "c", "r"), {}),
    "tanh": (layer("r", "TanH", "c", "r"), {}),
    "power": (
        layer("s", "Sigmoid", "c", "s") + layer("r", "Power", "s", "r", "power_param { power: 2.5 scale: 3 shift: 1 }"),
        {},
    ),
    "max pooling over the edge": (layer("p", "Pooling", "c", "p", "pooling_param { kernel_size: 3 stride: 2 }"), {}),
    "padded max pooling": (
        layer("p", "Pooling", "c", "p", "pooling_param { kernel_size: 3 stride: 2 pad: 1 }"),
        {},
    ),
    "average pooling": (
        layer("p", "Pooling", "c", "p", "pooling_param { pool: AVE kernel_size: 3 stride: 2 pad: 1 }"),
        {},
    ),
    "average pooling over the edge": (
        layer("p", "Pooling", "c", "p", "pooling_param { pool: AVE kernel_h: 4 kernel_w: 3 stride_h: 3 stride_w: 2 }"),
        {},
    ),
    "global pooling": (layer("p", "Pooling", "c", "p", "pooling_param { pool: AVE global_pooling: true }"), {}),
    "response norm": (
        layer("n", "LRN", "c", "n", "lrn_param { local_size: 3 alpha: 0.4 beta: 0.6 }"),
        {},
    ),
    "response norm within": (
        layer("n", "LRN", "c", "n", "lrn_param { local_size: 3 alpha: 0.4 norm_region: WITHIN_CHANNEL }"),
        {},
    ),
    "inner product": (
        layer("f", "InnerProduct", "c", "f", "inner_product_param { num_output: 5 }"),
        {"f": [numbers(5, 6 * 13 * 17), numbers(5)]},
    ),
    "batch norm and scale": (
        layer("b", "BatchNorm", "c", "b", "batch_norm_param { eps: 0.002 }")
        + layer("s", "Scale", "b", "b", "scale_param { bias_term: true }"),
        {"b": [numbers(6), numbers(6, positive=True), np.array([0.7])], "s": [numbers(6), numbers(6)]},
    ),
    "scale alone": (layer("s", "Scale", "c", "s"), {"s": [numbers(6)]}),
    "scale by another blob": (
        layer("g", "Pooling", "c", "g", "pooling_param { pool: AVE global_pooling: true }")
        + layer("s", "Scale", "c g", "s", "scale_param { axis: 0 }"),
        {},
    ),
    "concat": (layer("r", "TanH", "c", "r") + layer("k", "Concat", "c r", "k"), {}),
    "slice in parts": (
        layer("s", "Slice", "c", "a b", "slice_param { axis: 1 slice_point: 2 }") + layer("k", "Concat", "b a", "k"),
        {},
    ),
    "slice in halves": (layer("s", "Slice", "c", "a b") + layer("e", "Eltwise", "a b", "e"), {}),
    "split": (layer("s", "Split", "c", "a b") + layer("r", "TanH", "a", "a") + layer("k", "Concat", "b a", "k"), {}),
    "eltwise product": (
        layer("r", "TanH", "c", "r") + layer("e", "Eltwise", "c r", "e", "eltwise_param { operation: PROD }"),
        {},
    ),
    "eltwise maximum": (
        layer("r", "TanH", "c", "r") + layer("e", "Eltwise", "c r", "e", "eltwise_param { operation: MAX }"),
        {},
    ),
    "weighted eltwise sum": (
        layer("r", "TanH", "c", "r") + layer("e", "Eltwise", "c r", "e", "eltwise_param { coeff: 0.3 coeff: -2 }"),
        {},
    ),
    "crop": (
        layer("p", "Pooling", "c", "p", "pooling_param { kernel_size: 3 stride: 2 }")
        + layer("k", "Crop", "c p", "k", "crop_param { axis: 2 offset: 1 offset: 3 }"),
        {},
    ),
    "flatten": (layer("f", "Flatten", "c", "f"), {}),
    "reshape": (layer("f", "Reshape", "c", "f", "reshape_param { shape { dim: 0 dim: 3 dim: -1 dim: 17 } }"), {}),
    "dropout": (layer("d", "Dropout", "c", "c") + layer("r", "TanH", "c", "r"), {}),
    "softmax": (layer("p", "Softmax", "c", "p"), {}),
}


@pytest.mark.parametrize("name", ONE_LAYER)
def test_each_type_of_layer_does_what_opencv_does(tmp_path, name) -> None:
    text, weights = ONE_LAYER[name]
    agree(*write(tmp_path, picture_of(13, 17) + CONV + text, CONV_WEIGHTS | weights), (13, 17))


def test_a_bias_is_added_to_each_channel(tmp_path) -> None:
    """OpenCV does not know the type."""
    files = write(
        tmp_path, picture_of(13, 17) + CONV + layer("b", "Bias", "c", "b"), {**CONV_WEIGHTS, "b": [np.arange(6)]}
    )
    network, _ = caffe.read(*files)
    x = torch.from_numpy(numbers(1, 3, 13, 17))
    before, after = (inc.Network(network).activations(x, ["c", "b"])[name] for name in ("c", "b"))
    torch.testing.assert_close(after, before + torch.arange(6.0).view(1, 6, 1, 1))


def test_the_constant_of_a_response_norm_is_seen(tmp_path) -> None:
    """OpenCV passes it over."""
    text = layer("n", "LRN", "c", "n", "lrn_param { local_size: 3 alpha: 0.4 beta: 0.6 k: 2 }")
    network = inc.Network(caffe.read(*write(tmp_path, picture_of(13, 17) + CONV + text, CONV_WEIGHTS))[0])
    before, after = network.activations(torch.from_numpy(numbers(1, 3, 13, 17)), ["c", "n"]).values()
    squares = torch.nn.functional.pad(before.square(), (0, 0, 0, 0, 1, 1))
    near = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    torch.testing.assert_close(after, before / (2 + 0.4 / 3 * near) ** 0.6)


def test_old_layers_do_what_new_ones_do(tmp_path) -> None:
    text = (
        picture_of(31, 43)
        + old_layer("c", "CONVOLUTION", "data", "c", "convolution_param { num_output: 6 kernel_size: 3 stride: 2 }")
        + old_layer("r", "RELU", "c", "c")
        + old_layer("n", "LRN", "c", "n", "lrn_param { local_size: 3 alpha: 0.3 }")
        + old_layer("p", "POOLING", "n", "p", "pooling_param { kernel_size: 2 stride: 2 }")
        + old_layer("d", "DROPOUT", "p", "p")
        + old_layer("f", "INNER_PRODUCT", "p", "f", "inner_product_param { num_output: 5 }")
        + old_layer("s", "SOFTMAX", "f", "s")
    )
    weights = {"c": [numbers(6, 3, 3, 3), numbers(6)], "f": [numbers(5, 6 * 8 * 11), numbers(5)]}
    agree(*write(tmp_path, text, weights), (31, 43))


@pytest.mark.parametrize("size", [(227, 227), (258, 305)])
def test_squeezenet_has_the_logits_of_opencv(shared, size) -> None:
    folder = shared / "networks" / "squeezenet_v1.1"
    compare(folder / "deploy.prototxt", folder / "squeezenet_v1.1.caffemodel", shared, size, "pool10")


def test_googlenet_has_the_logits_of_opencv_and_sees_a_lion(shared) -> None:
    folder = shared / "networks" / "bvlc_googlenet"
    files = folder / "deploy.prototxt", folder / "bvlc_googlenet.caffemodel"
    logits = compare(*files, shared, (224, 224), "loss3/classifier")
    assert logits.argmax() == 291
    assert logits.softmax(1).max() > 0.99
    # Of every layer the last value, as the notebook of 2015 has it.
    network, size = caffe.read(*files)
    assert size == (224, 224)
    assert {"conv2/3x3", "inception_4c/output", "inception_3b/5x5_reduce", "pool5/7x7_s1"} <= set(network.blobs)


def compare(prototxt, caffemodel, shared, size: tuple[int, int], output: str) -> torch.Tensor:
    photo = cv2.imread(str(shared / "photos" / "lion.jpg"))
    x = cv2.dnn.blobFromImage(photo, 1, size[::-1], (104, 117, 123))
    theirs = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
    theirs.setInput(x)
    expected = torch.from_numpy(theirs.forward(output)).reshape(1, 1000)
    with torch.no_grad():
        found = caffe.read(prototxt, caffemodel)[0](torch.from_numpy(x))
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-4)
    return found


def test_a_file_that_caffe_wrote_loads(shared) -> None:
    folder = shared / "networks" / "mtcnn"
    agree(folder / "det1.prototxt", folder / "det1.caffemodel", (37, 61))


def test_layers_in_place_give_their_last_value_and_the_others_have_names_too(tmp_path) -> None:
    text = (
        picture_of(9, 11)
        + CONV
        + layer("t", "TanH", "c", "t")
        + layer("r", "ReLU", "c", "c")
        + layer("s.x", "Sigmoid", "c", "s.x")
        + layer("type", "TanH", "s.x", "type")
    )
    network = inc.Network(caffe.read(*write(tmp_path, text, CONV_WEIGHTS))[0])
    x = torch.from_numpy(numbers(1, 3, 9, 11))
    weight, bias = map(torch.from_numpy, CONV_WEIGHTS["c"])
    conv = torch.conv2d(x, weight, bias, padding=1)
    found = network.activations(x, ["c", "c/before", "t", "s.x", "type_"])
    torch.testing.assert_close(found["c/before"], conv, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["t"], conv.tanh(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["c"], conv.relu(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(found["s.x"], conv.relu().sigmoid(), rtol=1e-4, atol=1e-5)


def test_a_larger_picture_is_seen_window_by_window(tmp_path) -> None:
    """The logits of each window of the trained size, and the mean of them all."""
    text = (
        picture_of(9, 9)
        + layer("c", "Convolution", "data", "c", "convolution_param { num_output: 6 kernel_size: 3 }")
        + layer("f", "InnerProduct", "c", "f", "inner_product_param { num_output: 5 }")
        + layer("r", "ReLU", "f", "f")
        + layer("g", "InnerProduct", "f", "g", "inner_product_param { num_output: 4 }")
        + layer("p", "Softmax", "g", "p")
    )
    weights = {
        "c": [numbers(6, 3, 3, 3), numbers(6)],
        "f": [numbers(5, 6 * 7 * 7), numbers(5)],
        "g": [numbers(4, 5), numbers(4)],
    }
    network, _ = caffe.read(*write(tmp_path, text, weights))
    x = torch.from_numpy(numbers(1, 3, 10, 12))
    with torch.no_grad():
        windows = [network(x[..., row : row + 9, column : column + 9]) for row in range(2) for column in range(4)]
        torch.testing.assert_close(network(x), torch.stack(windows).mean(0), rtol=1e-4, atol=1e-5)
        with pytest.raises(RuntimeError, match="294 numbers"):
            network(x[..., :8, :8])


def test_what_is_for_training_is_left_out(tmp_path) -> None:
    text = (
        'layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN } '
        "transform_param { crop_size: 9 mirror: true } data_param { source: 'x' batch_size: 3 } }\n"
        'layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST } '
        "transform_param { crop_size: 13 } }\n"
        + CONV
        + layer("a", "Accuracy", "c label", "a")
        + layer("l", "SoftmaxWithLoss", "c label", "l")
    )
    network, size = caffe.read(*write_all(tmp_path, text, CONV_WEIGHTS))
    assert size == (13, 13)
    assert network.blobs == ["c"]


def write_all(folder, text: str, weights: dict[str, list[np.ndarray]]):
    """Write as `write` does, a text with settings for training."""
    files = write(folder, picture_of(9, 9) + CONV, weights)
    files[0].write_text(text)
    return files


def test_the_mean_is_that_of_each_channel(shared) -> None:
    blue, green, red = caffe.read_mean(shared / "networks" / "bvlc_googlenet" / "imagenet_mean.binaryproto")
    assert (round(blue), round(green), round(red)) == (104, 117, 123)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (layer("x", "SPP", "c", "x"), "layer x is of type SPP, which is not supported; there are Input, BatchNorm"),
        (layer("x", "ReLU", "d", "x"), "layer x (ReLU) reads 'd', which no layer before it gives"),
        (layer("x", "ReLU", "", "x"), "layer x (ReLU) reads 0 blobs, where it takes 1"),
        (layer("x", "ReLU", "c c", "x"), "layer x (ReLU) reads 2 blobs, where it takes 1"),
        (layer("x", "Crop", "c", "x"), "layer x (Crop) reads 1 blobs, where it takes 2"),
        (layer("x", "Eltwise", "", "x"), "layer x (Eltwise) reads 0 blobs, where it takes 1 or more"),
        (layer("x", "Pooling", "c", "x", "pooling_param { pool: STOCHASTIC kernel_size: 2 }"), "pools at random"),
        (
            layer("x", "Pooling", "c", "x", "pooling_param { kernel_size: 3 dilations: 2 }"),
            'no field named "dilations"',
        ),
        (layer("x", "Pooling", "c", "x", "pooling_param { stride: 2 }"), "has a kernel_size of 0"),
        (layer("x", "Pooling", "c", "x", "pooling_param { kernel_size: 2000000 }"), "more than 1024"),
        (layer("x", "Convolution", "c", "x", "convolution_param { num_output: 9 kernel_size: 1 }"), "has 0 weights"),
        (layer("x", "InnerProduct", "c", "x", "inner_product_param { num_output: 1000000000 }"), "has 0 weights"),
        (layer("x", "Eltwise", "c data", "x"), "do not fit each other"),
        ("layer { name: 'x'", "Expected"),
        ("nonsense", "Expected"),
    ],
)
def test_a_network_that_cannot_be_had_is_said_in_one_sentence(tmp_path, text, sentence) -> None:
    prototxt, caffemodel = write(tmp_path, picture_of(9, 11) + CONV, CONV_WEIGHTS)
    prototxt.write_text(picture_of(9, 11) + CONV + text)
    with pytest.raises(InvalidSetting) as error:
        caffe.read(prototxt, caffemodel)
    assert sentence in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (lambda net: net.layer[0].blobs[0].shape.dim.append(10**15), "the file is damaged"),
        (lambda net: net.layer[0].blobs[0].shape.dim.__setitem__(0, -6), "the file is damaged"),
        (lambda net: net.layer[0].blobs[0].ClearField("data"), "the file is damaged"),
        (lambda net: setattr(net.layer[0].blobs[1], "data", b"\0\0\xc0\x7f" * 6), "not finite"),
        (lambda net: net.layer[0].blobs.pop(), "has 1 weights in the caffemodel, where 2 are needed"),
        (lambda net: net.ClearField("layer"), "holds no layers"),
    ],
)
def test_weights_that_do_not_fit_are_said_in_one_sentence(tmp_path, change, sentence) -> None:
    prototxt, caffemodel = write(tmp_path, picture_of(9, 11) + CONV, CONV_WEIGHTS)
    net = message_class("NetParameter")()
    net.ParseFromString(caffemodel.read_bytes())
    change(net)
    caffemodel.write_bytes(net.SerializeToString())
    with pytest.raises(InvalidSetting, match=sentence):
        caffe.read(prototxt, caffemodel)


def test_an_absurd_size_is_refused_before_anything_is_computed(tmp_path) -> None:
    prototxt, caffemodel = write(tmp_path, picture_of(100_000, 100_000) + CONV, CONV_WEIGHTS)
    with pytest.raises(InvalidSetting, match="100000×100000 pixels, which is absurd"):
        caffe.read(prototxt, caffemodel)
    wide = layer("d", "Deconvolution", "c", "d", "convolution_param { num_output: 6 kernel_size: 3 stride: 1000 }")
    files = write(tmp_path, picture_of(30, 30) + CONV + wide, {**CONV_WEIGHTS, "d": [numbers(6, 6, 3, 3), numbers(6)]})
    with pytest.raises(InvalidSetting, match="which is absurd"):
        caffe.read(*files)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 1500), junk=st.binary(max_size=40), cut=st.booleans())
def test_a_damaged_file_is_an_error_or_another_network_but_nothing_else(tmp_path, start, junk, cut) -> None:
    prototxt, caffemodel = write(tmp_path, picture_of(9, 11) + CONV, CONV_WEIGHTS)
    sentences: list[str] = []
    for path in (prototxt, caffemodel):
        whole = path.read_bytes()
        at = start % len(whole)
        path.write_bytes(whole[:at] + junk + (b"" if cut else whole[at + len(junk) :]))
        try:
            caffe.read(prototxt, caffemodel)
        except InvalidSetting as error:
            sentences.append(str(error))
        path.write_bytes(whole)
    assert "\n" not in "".join(sentences)


def test_googlenet_dreams_a_photograph_of_odd_size(shared) -> None:
    folder = shared / "networks" / "bvlc_googlenet"
    module, size = caffe.read(folder / "deploy.prototxt", folder / "bvlc_googlenet.caffemodel")
    network = inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR", size=size)
    photo = np.asarray(Image.open(shared / "photos" / "lion.jpg").resize((157, 93)))
    result = inc.dream(photo, network=network, layer="inception_4c/output", octaves=1, steps=4)
    assert result.scores[-1] > 1.5 * result.scores[0]
