"""A tiny Caffe network with random weights, as files."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from google.protobuf import text_format

from inceptionism.networks.loaders.caffe.schema import message_class

PROTOTXT = """
input: "data" input_dim: 1 input_dim: 3 input_dim: 32 input_dim: 32
layer { name: "first" type: "Convolution" bottom: "data" top: "first"
        convolution_param { num_output: 6 kernel_size: 3 pad: 1 stride: 2 } }
layer { name: "relu" type: "ReLU" bottom: "first" top: "first" }
layer { name: "second" type: "Convolution" bottom: "first" top: "second"
        convolution_param { num_output: 5 kernel_size: 3 pad: 1 stride: 2 } }
layer { name: "pool" type: "Pooling" bottom: "second" top: "pool" pooling_param { pool: AVE global_pooling: true } }
layer { name: "fc" type: "InnerProduct" bottom: "pool" top: "fc" inner_product_param { num_output: 4 } }
"""

SHAPES = {"first": [(6, 3, 3, 3), (6,)], "second": [(5, 6, 3, 3), (5,)], "fc": [(4, 5), (4,)]}
"""Shapes of the weights of the layers."""


def write_caffe(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """Write deploy.prototxt and net.caffemodel into a folder, and return their paths."""
    generator = np.random.default_rng(seed)
    net = text_format.Parse(PROTOTXT, message_class("NetParameter")())
    for layer in net.layer:
        for shape in SHAPES.get(layer.name, ()):
            values = generator.normal(size=shape) / np.sqrt(np.prod(shape[1:]))
            layer.blobs.add(data=values.astype("<f4").tobytes()).shape.dim.extend(shape)
    prototxt, weights = folder / "deploy.prototxt", folder / "net.caffemodel"
    prototxt.write_text(PROTOTXT)
    weights.write_bytes(net.SerializeToString())
    return prototxt, weights
