"""Layers of Caffe and of its versions, compared with plain transcriptions of their formulas in NumPy.

The formulas come from the sources of BVLC/caffe, NVIDIA/caffe, alexgkendall/caffe-segnet, hszhao/PSPNet and
weiliu89/caffe (SSD).
"""

from __future__ import annotations

import math
import re

import numpy as np
import pytest
import torch

from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders.caffe import load as caffe
from inceptionism.networks.loaders.caffe.layers import SUPPORTED
from tests.support.caffe_files import input_of, layer, old_layer, write
from tests.support.places import ROOT

GENERATOR = np.random.default_rng(11)

X = (3 * GENERATOR.normal(size=(1, 3, 7, 9))).astype(np.float32)
X[0, 1, 2, 3] = 0
X[0, 0, 0, 0] = -7
X[0, 2, 6, 8] = 8


def numbers(*shape: int, positive: bool = False) -> np.ndarray:
    values = GENERATOR.normal(size=shape).astype(np.float32)
    return np.abs(values) + 0.1 if positive else values


MEAN, VARIANCE, FACTORS, SHIFTS = numbers(3), numbers(3, positive=True), numbers(3), numbers(3)


def output_of(folder, text: str, weights: dict[str, list[np.ndarray]], x: np.ndarray = X) -> np.ndarray:
    """Return the output of the last layer of a network for the pictures `x`."""
    network, _ = caffe.read(*write(folder, input_of(*x.shape[2:]) + text, weights))
    outputs: list[torch.Tensor] = []
    network.get_submodule(network.blobs[-1]).register_forward_hook(lambda m, i, output: outputs.append(output))
    with torch.no_grad():
        network(torch.from_numpy(x))
    return outputs[0].numpy()


def per_channel(values: np.ndarray) -> np.ndarray:
    return values.reshape(1, 3, 1, 1)


def normalized(x: np.ndarray, mean: np.ndarray, variance: np.ndarray, eps: float) -> np.ndarray:
    return (x - per_channel(mean)) / np.sqrt(per_channel(variance) + eps)


def by_own_statistics(x: np.ndarray, eps: float) -> np.ndarray:
    return normalized(x, x.mean((0, 2, 3)), (x**2).mean((0, 2, 3)) - x.mean((0, 2, 3)) ** 2, eps)


def mean_variance(x: np.ndarray, first: int, variance: bool, eps: float) -> np.ndarray:
    """Return Caffe's MVN. The number `eps` is added to the standard deviation, not to the variance."""
    flat = x.reshape(*x.shape[:first], -1).astype(np.float64)
    flat = flat - flat.mean(-1, keepdims=True)
    if variance:
        flat = flat / (np.sqrt((flat**2).mean(-1, keepdims=True)) + eps)
    return flat.reshape(x.shape)


def arg_max(values: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray]:
    """Return indices and numbers as Caffe does: it sorts pairs of numbers and indices, largest first."""
    pairs = sorted(((float(value), index) for index, value in enumerate(values)), reverse=True)[:count]
    return np.array([index for _, index in pairs], np.float32), np.array([value for value, _ in pairs], np.float32)


ROWS = np.round(X)  # has equal numbers
FLAT_INDICES, FLAT_VALUES = arg_max(ROWS.ravel(), 4)
CHANNEL_INDICES = np.array(
    [[[arg_max(ROWS[0, :, row, column], 2)[0] for column in range(9)] for row in range(7)]]
).transpose(0, 3, 1, 2)
WIDTH_VALUES = np.array([[[arg_max(ROWS[0, channel, row], 2)[1] for row in range(7)] for channel in range(3)]])

SIGMOID = 1 / (1 + np.exp(-X.astype(np.float64)))

CASES: dict[str, tuple[str, list[np.ndarray], np.ndarray]] = {
    "AbsVal": ("", [], np.abs(X)),
    "BNLL": ("", [], np.log1p(np.exp(X.astype(np.float64)))),
    "ReLU6": ("", [], np.minimum(np.maximum(X, 0), 6)),
    "ReLU6 with a slope": (
        "relu6_param { negative_slope: 0.2 }",
        [],
        np.minimum(np.maximum(X, 0) + 0.2 * np.minimum(X, 0), 6),
    ),
    "Clip": ("clip_param { min: -1.5 max: 2.5 }", [], np.clip(X, -1.5, 2.5)),
    "Swish": ("", [], X * SIGMOID),
    "Swish with a factor": ("swish_param { beta: -0.4 }", [], X / (1 + np.exp(0.4 * X.astype(np.float64)))),
    "Exp": ("", [], np.exp(X)),
    "Exp with a base": ("exp_param { base: 2 scale: -0.5 shift: 1.5 }", [], 2 ** (1.5 - 0.5 * X)),
    "Log": ("log_param { scale: 0.3 shift: 12 }", [], np.log(12 + 0.3 * X)),
    "Log with a base": ("log_param { base: 10 scale: -0.3 shift: 12 }", [], np.log10(12 - 0.3 * X)),
    "Threshold": ("threshold_param { threshold: 0.5 }", [], (X > 0.5).astype(np.float32)),
    "Threshold of zero": ("", [], (X > 0).astype(np.float32)),
    "Tile": ("tile_param { tiles: 3 }", [], np.concatenate([X, X, X], 1)),
    "Tile along the last axis": ("tile_param { axis: -1 tiles: 2 }", [], np.concatenate([X, X], 3)),
    "Reduction": ("reduction_param { axis: 1 }", [], X.reshape(1, -1).sum(1)),
    "Reduction to one number": ("reduction_param { coeff: 0.5 }", [], 0.5 * X.sum()),
    "Reduction by mean": ("reduction_param { operation: MEAN axis: 2 coeff: -2 }", [], -2 * X.mean((2, 3))),
    "Reduction by absolute values": ("reduction_param { operation: ASUM axis: -2 }", [], np.abs(X).sum((2, 3))),
    "Reduction by squares": ("reduction_param { operation: SUMSQ axis: 3 }", [], (X**2).sum(3)),
    "MVN": ("", [], mean_variance(X, 2, True, 1e-9)),
    "MVN across channels": (
        "mvn_param { across_channels: true eps: 0.3 }",
        [],
        mean_variance(X, 1, True, 0.3),
    ),
    "MVN without variance": ("mvn_param { normalize_variance: false }", [], mean_variance(X, 2, False, 0)),
    "Normalize": ("", [np.array(20.0)], 20 * X / np.sqrt((X**2).sum() + 1e-10)),
    "Normalize each position": (
        "norm_param { across_spatial: false channel_shared: false eps: 0.2 }",
        [FACTORS],
        X / np.sqrt((X**2).sum(1, keepdims=True) + 0.2) * per_channel(FACTORS),
    ),
    "BatchNorm": (
        "batch_norm_param { eps: 0.01 }",
        [MEAN, VARIANCE, np.array([0.7])],
        normalized(X, MEAN / 0.7, VARIANCE / 0.7, 0.01),
    ),
    "BatchNorm of the picture": (
        "batch_norm_param { use_global_stats: false eps: 0.01 }",
        [MEAN, VARIANCE, np.array([0.7])],
        by_own_statistics(X, 0.01),
    ),
    "BatchNorm of NVIDIA": (
        "batch_norm_param { scale_bias: true eps: 0.000000001 }",
        [MEAN, VARIANCE, np.array([0.7]), FACTORS, SHIFTS],
        normalized(X, MEAN, VARIANCE, 1e-5) * per_channel(FACTORS) + per_channel(SHIFTS),
    ),
    "BatchNorm of NVIDIA with fillers": (
        "batch_norm_param { scale_filler { value: 1 } bias_filler { value: 0 } eps: 0.02 }",
        [MEAN, VARIANCE, np.array([0.0]), FACTORS, SHIFTS],
        normalized(X, MEAN, VARIANCE, 0.02) * per_channel(FACTORS) + per_channel(SHIFTS),
    ),
    "BN of SegNet": (
        "bn_param { bn_mode: INFERENCE scale_filler { value: 1 } shift_filler { value: 0.001 } }",
        [per_channel(FACTORS), per_channel(SHIFTS)],
        X * per_channel(FACTORS) + per_channel(SHIFTS),
    ),
    "BN of SegNet that learns": (
        "",
        [per_channel(FACTORS), per_channel(SHIFTS)],
        by_own_statistics(X, 1e-9) * per_channel(FACTORS) + per_channel(SHIFTS),
    ),
    "BN of PSPNet": (
        "bn_param { slope_filler { value: 1 } bias_filler { value: 0 } frozen: true momentum: 0.95 }",
        [*map(per_channel, (FACTORS, SHIFTS, MEAN, VARIANCE))],
        normalized(X, MEAN, VARIANCE, 1e-5) * per_channel(FACTORS) + per_channel(SHIFTS),
    ),
    "BN with its own eps": (
        "bn_param { var_eps: 0.05 }",
        [*map(per_channel, (FACTORS, SHIFTS, MEAN, VARIANCE))],
        normalized(X, MEAN, VARIANCE, 0.05) * per_channel(FACTORS) + per_channel(SHIFTS),
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_layer_computes_the_formula_of_caffe(tmp_path, case) -> None:
    settings, weights, expected = CASES[case]
    text = layer("x", case.partition(" ")[0], "data", "x", settings)
    output = output_of(tmp_path, text, {"x": weights})
    assert output.shape == np.shape(expected)
    np.testing.assert_allclose(output, expected, rtol=2e-5, atol=2e-5)


@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("argmax_param { top_k: 4 }", FLAT_INDICES.reshape(1, 1, 4)),
        ("argmax_param { top_k: 4 out_max_val: true }", np.stack([FLAT_INDICES, FLAT_VALUES])[None]),
        ("argmax_param { top_k: 2 axis: 1 }", CHANNEL_INDICES),
        ("argmax_param { top_k: 2 axis: -1 out_max_val: true }", WIDTH_VALUES),
        ("", FLAT_INDICES[:1].reshape(1, 1, 1)),
    ],
)
def test_arg_max_returns_the_higher_index_of_equal_numbers_first(tmp_path, settings, expected) -> None:
    output = output_of(tmp_path, layer("x", "ArgMax", "data", "x", settings), {}, ROWS)
    assert output.shape == expected.shape
    np.testing.assert_array_equal(output, expected)


def test_layers_of_the_old_format_compute_the_same(tmp_path) -> None:
    text = (
        old_layer("a", "ABSVAL", "data", "a")
        + old_layer("e", "EXP", "a", "e", "exp_param { scale: -1 }")
        + old_layer("b", "BNLL", "e", "b")
        + old_layer("m", "MVN", "b", "m", "mvn_param { eps: 0.1 }")
        + old_layer("t", "THRESHOLD", "m", "t", "threshold_param { threshold: -0.2 }")
    )
    softplus = np.log1p(np.exp(np.exp(-np.abs(X.astype(np.float64)))))
    expected = (mean_variance(softplus, 2, True, 0.1) > -0.2).astype(np.float32)
    np.testing.assert_array_equal(output_of(tmp_path, text, {}), expected)


def pooled(x: np.ndarray, kernel: int, stride: int, pad: int, method: str, rounding: str) -> np.ndarray:
    """Return Caffe's pooling, transcribed from pooling_layer.cpp."""
    height, width = x.shape[2:]
    round_ = math.ceil if rounding == "CEIL" else math.floor
    rows, columns = (round_((side + 2 * pad - kernel) / stride) + 1 for side in (height, width))
    if pad:
        rows -= (rows - 1) * stride >= height + pad
        columns -= (columns - 1) * stride >= width + pad
    y = np.zeros((*x.shape[:2], rows, columns), np.float32)
    for row in range(rows):
        for column in range(columns):
            top, left = row * stride - pad, column * stride - pad
            bottom, right = min(top + kernel, height + pad), min(left + kernel, width + pad)
            area = (bottom - top) * (right - left)
            window = x[:, :, max(top, 0) : min(bottom, height), max(left, 0) : min(right, width)]
            y[:, :, row, column] = window.max((2, 3)) if method == "MAX" else window.sum((2, 3)) / area
    return y


@pytest.mark.parametrize("method", ["MAX", "AVE"])
@pytest.mark.parametrize("rounding", ["CEIL", "FLOOR"])
@pytest.mark.parametrize(
    ("kernel", "stride", "pad"), [(3, 2, 0), (3, 2, 1), (2, 2, 1), (4, 3, 2), (5, 3, 1), (2, 3, 1)]
)
@pytest.mark.parametrize("size", [(7, 9), (8, 11), (6, 13)])
def test_pooling_rounds_and_clips_the_last_window_as_caffe_does(
    tmp_path, size, kernel, stride, pad, rounding, method
) -> None:
    x = numbers(1, 3, *size) - 3  # almost all numbers are negative
    settings = f"pool: {method} kernel_size: {kernel} stride: {stride} pad: {pad}"
    expected = pooled(x, kernel, stride, pad, method, rounding)
    spellings = [f"round_mode: {rounding}", f"ceil_mode: {'true' if rounding == 'CEIL' else 'false'}"]
    for spelling in spellings + [""] * (rounding == "CEIL"):
        text = layer("p", "Pooling", "data", "p", f"pooling_param {{ {settings} {spelling} }}")
        output = output_of(tmp_path, text, {}, x)
        assert output.shape == expected.shape
        np.testing.assert_allclose(output, expected, rtol=1e-5, atol=1e-6)


REFUSED = {
    "a BatchNorm with four weights": (layer("x", "BatchNorm", "data", "x"), 4, "has 4 weights, but needs 3: a mean"),
    "a BatchNorm without its scale": (
        layer("x", "BatchNorm", "data", "x", "batch_norm_param { scale_bias: true }"),
        3,
        "has 3 weights, but needs 5: a mean, a variance, their factor, factors and shifts",
    ),
    "a BN with three weights": (layer("x", "BN", "data", "x"), 3, "has 3 weights, but needs 2 or 4: factors, shifts"),
    "a BN of rows": (layer("x", "BN", "data", "x", "bn_param { axis: 2 }"), 2, "only axis 1, the channels"),
    "a range without a maximum": (layer("x", "Clip", "data", "x", "clip_param { min: 1 }"), 0, "needs a min and a"),
    "a negative base": (layer("x", "Exp", "data", "x", "exp_param { base: -2 }"), 0, "has the base -2, but"),
    "a logarithm to the base 1": (layer("x", "Log", "data", "x", "log_param { base: 1 }"), 0, "has the base 1, but"),
    "no tiles": (layer("x", "Tile", "data", "x"), 0, "makes 0 tiles, but it must make at least 1"),
    "a million tiles": (layer("x", "Tile", "data", "x", "tile_param { tiles: 1000000 }"), 0, "the maximum is 1024"),
    "no largest number": (layer("x", "ArgMax", "data", "x", "argmax_param { top_k: 0 }"), 0, "at least 1"),
    "more numbers than exist": (
        layer("x", "ArgMax", "data", "x", "argmax_param { top_k: 4 axis: 1 }"),
        0,
        "the 4 largest of 3 numbers do not exist",
    ),
    "no factor": (layer("x", "Normalize", "data", "x"), 0, "has 0 weights in the caffemodel, but needs 1"),
    "a setting that is no number": (
        layer("x", "Swish", "data", "x", "swish_param { beta: nan }"),
        0,
        "layer 'x' has a beta that is not a finite number",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_settings_that_are_not_possible_are_refused(tmp_path, case) -> None:
    text, count, message = REFUSED[case]
    with pytest.raises(InvalidSetting, match=message):
        output_of(tmp_path, text, {"x": [MEAN, VARIANCE, np.array([1.0]), FACTORS][:count]})


def test_the_documentation_names_all_supported_types() -> None:
    text = (ROOT / "docs" / "networks.md").read_text("utf-8")
    section = text.partition("## Caffe\n")[2].partition("\n## ")[0]
    assert [name for name in SUPPORTED if not re.search(rf"\b{name}\b", section)] == []


WRONG_VALUES = {
    "Slice": [
        ("slice_param { axis: 4 }", "layer a: .*out of range"),
        ("slice_param { axis: -5 }", "layer a: .*out of range"),
        ("slice_param { slice_point: 9 }", "layer a: a slice from 0 to 9 is not possible on an axis of 3"),
        ("slice_param { slice_point: 0 }", "layer a: a slice from 0 to 0 is not possible"),
        ("", "layer a: an axis of 3 cannot be cut into 2 equal parts"),
        ("slice_param { slice_dim: 7 }", "layer a: .*out of range"),
    ],
    "Reshape": [
        ("", "layer a: shape .* is invalid"),
        ("reshape_param { shape {} }", "layer a: shape .* is invalid"),
        ("reshape_param { shape { dim: -1 dim: -1 } }", "layer a: only one dimension can be inferred"),
        ("reshape_param { shape { dim: -7 } }", "layer a: invalid shape dimension"),
        ("reshape_param { shape { dim: 9223372036854775807 } }", "layer a: "),
        ("reshape_param { shape { dim: 0 dim: 0 dim: 0 dim: 0 dim: 0 } }", "layer a: .*out of range"),
        ("reshape_param { shape { dim: 3 } axis: 9 }", "layer a: axes 9 to 4 do not exist in a blob of 4 axes"),
        ("reshape_param { shape { dim: 3 } axis: -9 }", "layer a: axes -4 to 4 do not exist"),
        ("reshape_param { shape { dim: 3 } num_axes: 8 }", "layer a: axes 0 to 8 do not exist"),
    ],
    "Softmax": [("softmax_param { axis: 5 }", "layer a: Dimension out of range")],
    "Flatten": [
        ("flatten_param { axis: 4 }", "layer a: Dimension out of range"),
        ("flatten_param { axis: 3 end_axis: 1 }", "layer a: flatten"),
    ],
    "Concat": [("concat_param { axis: -8 }", "layer a: Dimension out of range")],
    "Reduction": [("reduction_param { axis: 4 }", "layer a: Dimension out of range")],
    "Tile": [
        ("tile_param { tiles: 1024 axis: 4 }", "layer a: Dimension out of range"),
        ("tile_param { tiles: -1 }", "makes -1 tiles"),
    ],
    "ArgMax": [("argmax_param { axis: 6 }", "layer a: .*out of range")],
    "Crop": [
        ("crop_param { axis: 9 }", "layer a: axis 9 does not exist in a blob of 4 axes"),
        ("crop_param { offset: 1 }", "layer a: .*exceeds dimension size"),
        ("crop_param { offset: 1 offset: 1 offset: 1 }", "layer a: "),
    ],
    "LRN": [("lrn_param { local_size: 0 }", "normalizes over 0 channels")],
    "Convolution": [
        ("convolution_param { num_output: 3 kernel_size: 1 group: 0 }", "cannot be divided into 0 equal groups"),
        ("convolution_param { num_output: 3 kernel_size: 1 pad: 1025 }", "has a pad of 1025; the maximum is 1024"),
        ("convolution_param { num_output: 0 kernel_size: 1 }", "needs 0 kernels"),
    ],
    "Pooling": [("pooling_param { kernel_size: 20 round_mode: FLOOR }", "layer a: .*too small")],
}
"""Settings with wrong values, and the errors, by the type of the layer. Each layer reads a blob of 3×7×9 numbers."""


@pytest.mark.parametrize("kind", WRONG_VALUES)
def test_a_setting_that_does_not_fit_is_reported_when_the_network_is_loaded(tmp_path, kind) -> None:
    bottoms, tops = "data data" if kind == "Crop" else "data", "a b" if kind == "Slice" else "a"
    weights = {"a": [numbers(3, 3, 1, 1), numbers(3)]} if kind == "Convolution" else {}
    for settings, message in WRONG_VALUES[kind]:
        with pytest.raises(InvalidSetting, match=message) as caught:
            output_of(tmp_path, layer("a", kind, bottoms, tops, settings), weights)
        assert str(caught.value).startswith(str(tmp_path))
        assert "\n" not in str(caught.value)


def test_layers_with_one_name_and_names_with_many_dots_have_a_limit(tmp_path) -> None:
    name = ".".join("x" * 5000)
    output = output_of(tmp_path, layer("deep", "TanH", "data", name), {})
    np.testing.assert_allclose(output, np.tanh(X), atol=1e-6)
    text = layer("r", "ReLU", "data", "r") + layer("s", "Split", "r", " ".join(["t"] * 1200))
    with pytest.raises(InvalidSetting, match="more than 1000 layers have the name 't/before'"):
        output_of(tmp_path, text, {})


def test_numbers_that_would_fill_the_memory_are_not_computed(tmp_path) -> None:
    tiles = layer("t", "Tile", "data", "t", "tile_param { tiles: 1024 }") + layer(
        "u", "Tile", "t", "u", "tile_param { tiles: 1024 axis: 2 }"
    )
    more = layer("v", "Tile", "u", "v", "tile_param { tiles: 1024 axis: 3 }")
    with pytest.raises(InvalidSetting, match=r"has a layer u that computes 198180864 values, which are too many"):
        output_of(tmp_path, tiles + more, {})
    products = (
        layer("p", "Reshape", "data", "p", "reshape_param { shape { dim: 1 dim: 189 dim: 1 } }")
        + layer("q", "Reshape", "data", "q", "reshape_param { shape { dim: 1 dim: 1 dim: 189 } }")
        + layer("e", "Eltwise", "p q", "e")
    )
    with pytest.raises(InvalidSetting, match=r"layer e: its blobs have the shapes \[189, 1\], \[1, 189\]"):
        output_of(tmp_path, products, {})
    scaled = products.replace("'Eltwise'", "'Scale'").replace('name: "e"', 'name: "e" scale_param { axis: 0 }')
    with pytest.raises(InvalidSetting, match=r"layer e: numbers of shape \[1, 1, 189\] do not fit a blob of shape"):
        output_of(tmp_path, scaled, {})
