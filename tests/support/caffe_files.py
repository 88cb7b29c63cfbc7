"""Small Caffe networks: the text of their layers, and files with random weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
"""Shapes of the weights of the layers in `PROTOTXT`."""


def write_caffe(folder: Path, seed: int = 0) -> tuple[Path, Path]:
    """Write the network of `PROTOTXT` with random weights into a folder, and return the paths of its two files."""
    generator = np.random.default_rng(seed)
    weights = {
        name: [generator.normal(size=shape) / np.sqrt(np.prod(shape[1:])) for shape in shapes]
        for name, shapes in SHAPES.items()
    }
    return write(folder, PROTOTXT, weights)


def write(folder: Path, text: str, weights: Mapping[str, Sequence[np.ndarray]]) -> tuple[Path, Path]:
    """Write deploy.prototxt and net.caffemodel with the weights of its layers into a folder, and return both paths."""
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "net.caffemodel"
    prototxt.write_text(text)
    caffemodel.write_bytes(serialize_weights(text, weights))
    return prototxt, caffemodel


def serialize_weights(text: str, weights: Mapping[str, Sequence[np.ndarray]]) -> bytes:
    """Return the content of a caffemodel.

    Args:
        text: The prototxt.
        weights: Weights by the names of their layers.
    """
    net = text_format.Parse(text, message_class("NetParameter")())
    for message in [*net.layer, *net.layers]:
        for values in weights.get(message.name, ()):
            blob = message.blobs.add(data=values.astype("<f4").tobytes())
            if message.DESCRIPTOR.name == "LayerParameter":
                blob.shape.dim.extend(values.shape)
            else:
                sides = (1,) * (4 - values.ndim) + values.shape
                blob.num, blob.channels, blob.height, blob.width = sides
    return net.SerializeToString()


def layer(name: str, kind: str, bottoms: str, tops: str, rest: str = "") -> str:
    """Return the text of a layer. The names of its blobs are separated by spaces."""
    return f"layer {{ {head(name, repr(kind), bottoms, tops)} {rest} }}\n"


def old_layer(name: str, kind: str, bottoms: str, tops: str, rest: str = "") -> str:
    """Return the text of a layer in the format before 2014."""
    return f"layers {{ {head(name, kind, bottoms, tops)} {rest} }}\n"


def head(name: str, kind: str, bottoms: str, tops: str) -> str:
    """Return the fields that the layers of both formats have."""
    lines = [f'name: "{name}" type: {kind}']
    lines += [f'bottom: "{name}"' for name in bottoms.split()] + [f'top: "{name}"' for name in tops.split()]
    return " ".join(lines)


def input_of(height: int, width: int) -> str:
    """Return the text of the input, for pictures of a height and width in pixels."""
    return f'input: "data" input_dim: 1 input_dim: 3 input_dim: {height} input_dim: {width}\n'
