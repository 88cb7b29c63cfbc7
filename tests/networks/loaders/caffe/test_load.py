"""Caffe networks, compared with OpenCV's own importer for the same files."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnreadableFile
from inceptionism.networks.loaders.caffe import load as caffe
from inceptionism.networks.loaders.caffe.schema import message_class
from tests.support.caffe_files import input_of, layer, old_layer, write

GENERATOR = np.random.default_rng(7)


def numbers(*shape: int, positive: bool = False) -> np.ndarray:
    values = GENERATOR.normal(size=shape).astype(np.float32) * 0.5
    return np.abs(values) + 0.1 if positive else values


def check_with_opencv(prototxt, caffemodel, size: tuple[int, int]) -> torch.Tensor:
    """Check that the output for a random picture equals that of OpenCV's importer. Return the output."""
    x = numbers(1, 3, *size)
    opencv = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
    opencv.enableFusion(False)
    opencv.setInput(x)
    expected = torch.from_numpy(opencv.forward())
    network, _ = caffe.read(prototxt, caffemodel)
    last = network.blobs[-1]
    outputs = []
    network.get_submodule(last).register_forward_hook(lambda m, i, output: outputs.append(output))
    with torch.no_grad():
        network(torch.from_numpy(x))
    torch.testing.assert_close(outputs[0].reshape(expected.shape), expected, rtol=1e-4, atol=1e-4)
    return outputs[0]


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
    "response norm within a channel": (
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
def test_each_type_of_layer_agrees_with_opencv(tmp_path, name) -> None:
    text, weights = ONE_LAYER[name]
    check_with_opencv(*write(tmp_path, input_of(13, 17) + CONV + text, CONV_WEIGHTS | weights), (13, 17))


def test_a_bias_is_added_to_each_channel(tmp_path) -> None:
    """The test does not use OpenCV, because OpenCV does not support the layer type Bias."""
    files = write(
        tmp_path, input_of(13, 17) + CONV + layer("b", "Bias", "c", "b"), {**CONV_WEIGHTS, "b": [np.arange(6)]}
    )
    network, _ = caffe.read(*files)
    x = torch.from_numpy(numbers(1, 3, 13, 17))
    before, after = (inc.Network(network).activations(x, ["c", "b"])[name] for name in ("c", "b"))
    torch.testing.assert_close(after, before + torch.arange(6.0).view(1, 6, 1, 1))


def test_the_constant_of_a_response_norm_is_used(tmp_path) -> None:
    """The test does not use OpenCV, because OpenCV ignores the constant."""
    text = layer("n", "LRN", "c", "n", "lrn_param { local_size: 3 alpha: 0.4 beta: 0.6 k: 2 }")
    network = inc.Network(caffe.read(*write(tmp_path, input_of(13, 17) + CONV + text, CONV_WEIGHTS))[0])
    before, after = network.activations(torch.from_numpy(numbers(1, 3, 13, 17)), ["c", "n"]).values()
    squares = torch.nn.functional.pad(before.square(), (0, 0, 0, 0, 1, 1))
    neighborhood = squares[:, :-2] + squares[:, 1:-1] + squares[:, 2:]
    torch.testing.assert_close(after, before / (2 + 0.4 / 3 * neighborhood) ** 0.6)


def test_layers_of_the_old_format_agree_with_opencv(tmp_path) -> None:
    text = (
        input_of(31, 43)
        + old_layer("c", "CONVOLUTION", "data", "c", "convolution_param { num_output: 6 kernel_size: 3 stride: 2 }")
        + old_layer("r", "RELU", "c", "c")
        + old_layer("n", "LRN", "c", "n", "lrn_param { local_size: 3 alpha: 0.3 }")
        + old_layer("p", "POOLING", "n", "p", "pooling_param { kernel_size: 2 stride: 2 }")
        + old_layer("d", "DROPOUT", "p", "p")
        + old_layer("f", "INNER_PRODUCT", "p", "f", "inner_product_param { num_output: 5 }")
        + old_layer("s", "SOFTMAX", "f", "s")
    )
    weights = {"c": [numbers(6, 3, 3, 3), numbers(6)], "f": [numbers(5, 6 * 8 * 11), numbers(5)]}
    check_with_opencv(*write(tmp_path, text, weights), (31, 43))


@pytest.mark.parametrize("size", [(227, 227), (258, 305)])
def test_logits_of_squeezenet_agree_with_opencv(shared, size) -> None:
    folder = shared / "networks" / "squeezenet_v1.1"
    compare_logits(folder / "deploy.prototxt", folder / "squeezenet_v1.1.caffemodel", shared, size, "pool10")


def test_logits_of_googlenet_agree_with_opencv_and_recognize_a_lion(shared) -> None:
    folder = shared / "networks" / "bvlc_googlenet"
    files = folder / "deploy.prototxt", folder / "bvlc_googlenet.caffemodel"
    logits = compare_logits(*files, shared, (224, 224), "loss3/classifier")
    assert logits.argmax() == 291
    assert logits.softmax(1).max() > 0.99
    # These are the names in the notebook of 2015.
    network, declared = caffe.read(*files)
    assert declared == ((224, 224), 3, None)
    assert {"conv2/3x3", "inception_4c/output", "inception_3b/5x5_reduce", "pool5/7x7_s1"} <= set(network.blobs)


def compare_logits(prototxt, caffemodel, shared, size: tuple[int, int], output: str) -> torch.Tensor:
    photo = cv2.imread(str(shared / "photos" / "lion.jpg"))
    x = cv2.dnn.blobFromImage(photo, 1, size[::-1], (104, 117, 123))
    opencv = cv2.dnn.readNetFromCaffe(str(prototxt), str(caffemodel))
    opencv.setInput(x)
    expected = torch.from_numpy(opencv.forward(output)).reshape(1, 1000)
    with torch.no_grad():
        logits = caffe.read(prototxt, caffemodel)[0](torch.from_numpy(x))
    torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
    return logits


def test_a_file_written_by_caffe_is_read(shared) -> None:
    folder = shared / "networks" / "mtcnn"
    check_with_opencv(folder / "det1.prototxt", folder / "det1.caffemodel", (37, 61))


def test_a_blob_has_its_final_value_and_earlier_values_have_names_too(tmp_path) -> None:
    text = (
        input_of(9, 11)
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
    activations = network.activations(x, ["c", "c/before", "t", "s.x", "type_"])
    torch.testing.assert_close(activations["c/before"], conv, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(activations["t"], conv.tanh(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(activations["c"], conv.relu(), rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(activations["s.x"], conv.relu().sigmoid(), rtol=1e-4, atol=1e-5)


def test_a_larger_picture_is_processed_window_by_window(tmp_path) -> None:
    """The output is the mean of the logits of all windows of the trained size."""
    text = (
        input_of(9, 9)
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
        with pytest.raises(RuntimeError, match="294 inputs"):
            network(x[..., :8, :8])


def test_layers_for_training_are_left_out(tmp_path) -> None:
    text = (
        'layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TRAIN } '
        "transform_param { crop_size: 9 mirror: true } data_param { source: 'x' batch_size: 3 } }\n"
        'layer { name: "d" type: "Data" top: "data" top: "label" include { phase: TEST } '
        "transform_param { crop_size: 13 } }\n"
        + CONV
        + layer("a", "Accuracy", "c label", "a")
        + layer("l", "SoftmaxWithLoss", "c label", "l")
    )
    network, declared = caffe.read(*write_for_training(tmp_path, text, CONV_WEIGHTS))
    assert declared.size == (13, 13)
    assert network.blobs == ["c"]


def write_for_training(folder, text: str, weights: dict[str, list[np.ndarray]]):
    """Write files as `write` does, but with a prototxt that has settings for training."""
    files = write(folder, input_of(9, 9) + CONV, weights)
    files[0].write_text(text)
    return files


def test_a_mean_picture_is_read_as_the_mean_of_each_channel(shared) -> None:
    blue, green, red = caffe.read_mean(shared / "networks" / "bvlc_googlenet" / "imagenet_mean.binaryproto")
    assert (round(blue), round(green), round(red)) == (104, 117, 123)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            layer("x", "SPP", "c", "x"),
            "layer x has the type SPP, which is not supported; the supported types are Input, AbsVal, ArgMax",
        ),
        (layer("x", "ReLU", "d", "x"), "layer x (ReLU) reads 'd', which no earlier layer computes"),
        (layer("x", "ReLU", "", "x"), "layer x (ReLU) reads 0 blobs, but this type reads 1"),
        (layer("x", "ReLU", "c c", "x"), "layer x (ReLU) reads 2 blobs, but this type reads 1"),
        (layer("x", "Crop", "c", "x"), "layer x (Crop) reads 1 blobs, but this type reads 2"),
        (layer("x", "Eltwise", "", "x"), "layer x (Eltwise) reads 0 blobs, but this type reads 1 or more"),
        (
            layer("x", "Pooling", "c", "x", "pooling_param { pool: STOCHASTIC kernel_size: 2 }"),
            "has stochastic pooling",
        ),
        (
            layer("x", "Pooling", "c", "x", "pooling_param { kernel_size: 3 dilations: 2 }"),
            'no field named "dilations"',
        ),
        (layer("x", "Pooling", "c", "x", "pooling_param { stride: 2 }"), "has a kernel_size of 0"),
        (
            layer("x", "Pooling", "c", "x", "pooling_param { kernel_size: 2000000 }"),
            "has a kernel_size of 2000000; the maximum is 1024",
        ),
        (layer("x", "Convolution", "c", "x", "convolution_param { num_output: 9 kernel_size: 1 }"), "has 0 weights"),
        (layer("x", "InnerProduct", "c", "x", "inner_product_param { num_output: 1000000000 }"), "has 0 weights"),
        (layer("x", "Eltwise", "c data", "x"), "do not fit together"),
        ("layer { name: 'x'", "Expected"),
        ("nonsense", "Expected"),
    ],
)
def test_a_network_that_cannot_be_read_is_refused_with_one_line(tmp_path, text, message) -> None:
    prototxt, caffemodel = write(tmp_path, input_of(9, 11) + CONV, CONV_WEIGHTS)
    prototxt.write_text(input_of(9, 11) + CONV + text)
    with pytest.raises(InvalidSetting) as error:
        caffe.read(prototxt, caffemodel)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: net.layer[0].blobs[0].shape.dim.append(10**15), "the file is damaged"),
        (lambda net: net.layer[0].blobs[0].shape.dim.__setitem__(0, -6), "the file is damaged"),
        (lambda net: net.layer[0].blobs[0].ClearField("data"), "the file is damaged"),
        (lambda net: setattr(net.layer[0].blobs[1], "data", b"\0\0\xc0\x7f" * 6), "not finite"),
        (lambda net: net.layer[0].blobs.pop(), "has 1 weights in the caffemodel, but needs 2"),
        (lambda net: net.ClearField("layer"), "contains no layers"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, change, message) -> None:
    prototxt, caffemodel = write(tmp_path, input_of(9, 11) + CONV, CONV_WEIGHTS)
    net = message_class("NetParameter")()
    net.ParseFromString(caffemodel.read_bytes())
    change(net)
    caffemodel.write_bytes(net.SerializeToString())
    with pytest.raises(InvalidSetting, match=message):
        caffe.read(prototxt, caffemodel)


def test_a_huge_size_is_refused_before_anything_is_computed(tmp_path) -> None:
    prototxt, caffemodel = write(tmp_path, input_of(100_000, 100_000) + CONV, CONV_WEIGHTS)
    with pytest.raises(InvalidSetting, match="100000×100000 pixels; each side must be between 1 and 4096"):
        caffe.read(prototxt, caffemodel)
    wide = layer("d", "Deconvolution", "c", "d", "convolution_param { num_output: 6 kernel_size: 3 stride: 1000 }")
    files = write(tmp_path, input_of(30, 30) + CONV + wide, {**CONV_WEIGHTS, "d": [numbers(6, 6, 3, 3), numbers(6)]})
    with pytest.raises(InvalidSetting, match=r"has a layer d that computes 5401080054 values, which are too many"):
        caffe.read(*files)


@example(start=472, junk=b"\x01\\", cut=False)  # an escape sequence that does not exist
@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(start=st.integers(0, 1500), junk=st.binary(max_size=40), cut=st.booleans())
def test_a_damaged_file_is_refused_or_read_as_another_network(tmp_path, start, junk, cut) -> None:
    prototxt, caffemodel = write(tmp_path, input_of(9, 11) + CONV, CONV_WEIGHTS)
    messages: list[str] = []
    for path in (prototxt, caffemodel):
        whole = path.read_bytes()
        offset = start % len(whole)
        path.write_bytes(whole[:offset] + junk + (b"" if cut else whole[offset + len(junk) :]))
        try:
            caffe.read(prototxt, caffemodel)
        except (InvalidSetting, UnreadableFile) as error:
            messages.append(str(error))
        path.write_bytes(whole)
    assert "\n" not in "".join(messages)


def test_a_photograph_of_odd_size_is_dreamed_with_googlenet(shared) -> None:
    folder = shared / "networks" / "bvlc_googlenet"
    module, declared = caffe.read(folder / "deploy.prototxt", folder / "bvlc_googlenet.caffemodel")
    network = inc.Network(module, mean=(104, 117, 123), range=255, channels="BGR", size=declared.size)
    photo = np.asarray(Image.open(shared / "photos" / "lion.jpg").resize((157, 93)))
    result = inc.dream(photo, network=network, layer="inception_4c/output", octaves=1, steps=4)
    assert result.scores[-1] > 1.5 * result.scores[0]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (
            b"\x2a\x04\x00\x00\x80\x3f",
            r"contains numbers of shape \[\], which is not a picture; give the mean of each channel with --mean",
        ),
        (b"\x2a\x01\x00\x08\x01\x10", "is not a Caffe file, or it is damaged"),
        (b"\x2a\x00\x10\x03\x08\x00", r"shape \[0, 3, 0, 0\], which is not a picture"),
        (b"\x08\x01\x10\x03\x18\x00", "which is not a picture"),
        (b"\x08\x01\x10\x03\x18\x01", "which is not a picture"),
        (b"mean12", "damaged"),
    ],
)
def test_a_mean_of_six_bytes_is_refused(tmp_path, content, message) -> None:
    path = tmp_path / "mean.binaryproto"
    path.write_bytes(content)
    with pytest.raises(InvalidSetting, match=message):
        caffe.read_mean(path)
