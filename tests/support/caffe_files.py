"""Small Caffe networks: the text of their layers, and files with random weights."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from google.protobuf import text_format

from inceptionism.networks.loaders.caffe.schema import message_class


def head(name: str, kind: str, bottoms: str, tops: str) -> str:
    lines = [f'name: "{name}" type: {kind}']
    lines += [f'bottom: "{name}"' for name in bottoms.split()] + [f'top: "{name}"' for name in tops.split()]
    return " ".join(lines)


def layer(name: str, kind: str, bottoms: str, tops: str, rest: str = "") -> str:
    return f"layer {{ {head(name, repr(kind), bottoms, tops)} {rest} }}\n"


def old_layer(name: str, kind: str, bottoms: str, tops: str, rest: str = "") -> str:
    return f"layers {{ {head(name, kind, bottoms, tops)} {rest} }}\n"


def input_of(height: int, width: int) -> str:
    return f'input: "data" input_dim: 1 input_dim: 3 input_dim: {height} input_dim: {width}\n'


def write(folder: Path, text: str, weights: dict[str, list[np.ndarray]]) -> tuple[Path, Path]:
    """Write a prototxt and a caffemodel with the weights of its layers; return both paths."""
    net = text_format.Parse(text, message_class("NetParameter")())
    for message in [*net.layer, *net.layers]:
        for values in weights.get(message.name, ()):
            blob = message.blobs.add(data=values.astype("<f4").tobytes())
            if message.DESCRIPTOR.name == "LayerParameter":
                blob.shape.dim.extend(values.shape)
            else:
                sides = (1,) * (4 - values.ndim) + values.shape
                blob.num, blob.channels, blob.height, blob.width = sides
    prototxt, caffemodel = folder / "deploy.prototxt", folder / "net.caffemodel"
    prototxt.write_text(text)
    caffemodel.write_bytes(net.SerializeToString())
    return prototxt, caffemodel
