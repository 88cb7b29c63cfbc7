"""The layers of a Caffe network that are used, and its output."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders.caffe import load as caffe
from inceptionism.networks.loaders.caffe.schema import message_class
from tests.support.caffe_files import input_of, layer, old_layer, write

GENERATOR = np.random.default_rng(3)


def numbers(*shape: int) -> np.ndarray:
    return GENERATOR.normal(size=shape).astype(np.float32)


DATA = (
    "layer { name: 'data' type: 'Data' top: 'data' top: 'label' include { phase: TEST } "
    "transform_param { crop_size: 13 } }\n"
)
CONV = layer("c", "Convolution", "data", "c", "convolution_param { num_output: 4 kernel_size: 3 }")
POOL = layer("p", "Pooling", "c", "p", "pooling_param { pool: AVE global_pooling: true }")
FC = layer("f", "InnerProduct", "p", "f", "inner_product_param { num_output: 5 }")
NETWORK = CONV + POOL + FC
WEIGHTS = {"c": [numbers(4, 3, 3, 3), numbers(4)], "f": [numbers(5, 4), numbers(5)]}


def logits(x: torch.Tensor) -> torch.Tensor:
    kernels, shifts, matrix, bias = map(torch.from_numpy, WEIGHTS["c"] + WEIGHTS["f"])
    return torch.conv2d(x, kernels, shifts).mean((2, 3)) @ matrix.T + bias


def read(folder, text: str, weights=WEIGHTS) -> caffe.CaffeNetwork:
    prototxt, caffemodel = write(folder, input_of(13, 13) + NETWORK, weights)
    prototxt.write_text(text)
    return caffe.read(prototxt, caffemodel)[0]


def check(network: caffe.CaffeNetwork, blobs: list[str]) -> None:
    assert network.blobs == blobs
    x = torch.from_numpy(numbers(2, 3, 13, 13))
    with torch.no_grad():
        torch.testing.assert_close(network(x), logits(x), rtol=1e-4, atol=1e-5)


LOSSES = {
    "sigmoid": layer("l", "SigmoidCrossEntropyLoss", "f label", "l", "loss_weight: 0.3"),
    "information gain": layer("l", "InfogainLoss", "f label", "l", "infogain_loss_param { source: 'x' }"),
    "multinomial": layer("l", "MultinomialLogisticLoss", "f label", "l"),
    "contrastive": layer("l", "ContrastiveLoss", "f c label", "l", "contrastive_loss_param { margin: 1 }"),
    "hinge": layer("l", "HingeLoss", "f label", "l", "hinge_loss_param { norm: L2 }"),
    "of another version": layer("l", "CenterLoss", "f label", "l", "center_loss_param { num_output: 9 }"),
    "written in Python": layer("l", "Python", "f", "l", "loss_weight: 1 python_param { module: 'x' layer: 'Y' }"),
    "that another layer reads": layer("l", "SoftmaxWithLoss", "f label", "l s")
    + layer("a", "Accuracy", "s label", "a")
    + layer("w", "Power", "l", "w", "power_param { scale: 2 }"),
    "made of other layers": layer("e", "Eltwise", "f label", "e", "eltwise_param { coeff: 1 coeff: -1 }")
    + layer("r", "Reduction", "e", "r", "loss_weight: 1 reduction_param { operation: SUMSQ }"),
    "with its own labels": layer("s", "Slice", "label", "one two")
    + layer("l", "EuclideanLoss", "f one", "l")
    + layer("m", "L1Loss", "f two", "m"),
    "and stored results": layer("h", "HDF5Output", "f label", "", "hdf5_output_param { file_name: 'x' }")
    + layer("q", "Silence", "label", ""),
}


@pytest.mark.parametrize("name", LOSSES)
def test_losses_and_layers_that_read_labels_are_left_out(tmp_path, name) -> None:
    check(read(tmp_path, DATA + NETWORK + LOSSES[name]), ["c", "p", "f"])


def test_losses_of_the_old_format_are_left_out(tmp_path) -> None:
    text = (
        input_of(13, 13)
        + old_layer("c", "CONVOLUTION", "data", "c", "convolution_param { num_output: 4 kernel_size: 3 }")
        + old_layer("p", "POOLING", "c", "p", "pooling_param { pool: AVE kernel_size: 11 }")
        + old_layer("f", "INNER_PRODUCT", "p", "f", "inner_product_param { num_output: 5 }")
    )
    files = write(tmp_path, text, WEIGHTS)
    kinds = ("CONTRASTIVE_LOSS", "INFOGAIN_LOSS", "MULTINOMIAL_LOGISTIC_LOSS", "SIGMOID_CROSS_ENTROPY_LOSS")
    losses = "".join(old_layer(f"l{index}", kind, "f", f"l{index}") for index, kind in enumerate(kinds))
    files[0].write_text(text + losses + old_layer("h", "HDF5_OUTPUT", "f", ""))
    check(caffe.read(*files)[0], ["c", "p", "f"])


def test_a_branch_that_cannot_run_and_leads_away_from_the_output_is_left_out(tmp_path) -> None:
    auxiliary = (
        layer("strange", "Frobnicate", "c", "strange", "frobnicate_param { swirl: 3 }")
        + layer("after", "ReLU", "strange", "after")
        + layer("head", "InnerProduct", "c", "head", "inner_product_param { num_output: 5 }")
        + layer("squashed", "Sigmoid", "head", "squashed")
        + layer("other", "TanH", "c", "other")
    )
    check(read(tmp_path, input_of(13, 13) + CONV + auxiliary + POOL + FC), ["c", "other", "p", "f"])
    with pytest.raises(InvalidSetting, match="layer strange has the type Frobnicate, which is not supported"):
        read(tmp_path, input_of(13, 13) + CONV + layer("strange", "Frobnicate", "c", "c") + POOL + FC)
    with pytest.raises(InvalidSetting, match=r"layer c \(Convolution\) has 0 weights in the caffemodel"):
        read(tmp_path, input_of(13, 13) + NETWORK, {"f": WEIGHTS["f"]})


def test_layers_that_read_a_second_input_are_left_out(tmp_path) -> None:
    text = 'input: "data" input_shape { dim: 1 dim: 3 dim: 13 dim: 13 } input: "info" input_shape { dim: 1 dim: 3 }\n'
    proposals = layer("regions", "Python", "c info", "regions") + layer("r", "ReLU", "regions", "regions")
    check(read(tmp_path, text + NETWORK + proposals), ["c", "p", "f"])


def test_logits_are_the_input_of_a_softmax_and_of_an_arg_max(tmp_path) -> None:
    ends = layer("s", "Softmax", "f", "s") + layer("a", "ArgMax", "s", "a", "argmax_param { top_k: 5 }")
    network = read(tmp_path, input_of(13, 13) + NETWORK + ends)
    check(network, ["c", "p", "f", "s", "a"])
    x = torch.from_numpy(numbers(1, 3, 13, 13))
    ranks = inc.Network(network, size=13).activations(x, ["a"])["a"]
    assert ranks.flatten().tolist() == logits(x)[0].argsort(descending=True).tolist()


def test_weights_are_found_by_names_in_any_encoding(tmp_path) -> None:
    prototxt, caffemodel = write(tmp_path, input_of(13, 13) + NETWORK, WEIGHTS)
    name = "卷积".encode("gb2312")
    prototxt.write_bytes(prototxt.read_bytes().replace(b'name: "c"', b'name: "' + name + b'"'))
    net = message_class("NetWeights")()
    net.ParseFromString(caffemodel.read_bytes())
    net.layer[0].name = name
    caffemodel.write_bytes(net.SerializeToString())
    check(caffe.read(prototxt, caffemodel)[0], ["c", "p", "f"])
