"""The parts of the soak. Each calls a function after each picture, frame or network."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from skimage.data import coffee

import inceptionism as inc
from inceptionism.networks.hub import Entry, store
from tests.support import torchvision_operators  # noqa: F401  # onnx2torch imports torchvision
from tests.support.caffe_files import write_caffe
from tests.support.tiny_networks import tiny_module

PHOTO = np.ascontiguousarray(coffee()[100:244:3, 150:333:3])
"""A photograph of 48×61 pixels."""

Part = Callable[[int, Path, Callable[[], object]], None]
"""Function that does something a number of times, writes to an empty folder, and calls a function after each time."""


def pictures(count: int, folder: Path, done: Callable[[], object]) -> None:
    """Dream a small photograph with the default network, and save each result."""
    for number in range(count):
        result = inc.dream(PHOTO, octaves=1 + number % 2, steps=2, jitter=4, seed=number, device="cpu")
        result.save(folder / f"picture.{('png', 'jpg', 'webp', 'gif')[number % 4]}")
        done()


def classes(count: int, folder: Path, done: Callable[[], object]) -> None:
    """Generate small pictures of classes with the default network."""
    for number in range(count):
        inc.visualize(19 * number % 1000, size=(48, 61), steps=3, seed=number, device="cpu").save(folder / "class.png")
        done()


def frames(count: int, folder: Path, done: Callable[[], object]) -> None:
    """Make the frames of one zoom with a tiny network, and write them to a film."""
    network = inc.Network(tiny_module(), size=(32, 32))
    settings = {"layer": "first", "size": (48, 60), "octaves": 1, "steps": 1, "jitter": 4}
    run = inc.zoom(PHOTO, network=network, fps=25, seconds=count / 25, **settings)
    run.save(folder / "zoom.mp4", on_frame=lambda frame: done())


def networks(count: int, folder: Path, done: Callable[[], object]) -> None:
    """Load networks of several kinds, each time from another file, and run each once."""
    for number in range(count):
        files = folder / str(number)
        files.mkdir()
        network = LOADERS[number % len(LOADERS)](files, number)
        network.activations(torch.full((1, 3, 37, 41), 0.5), [network.default_layer])
        done()


def load_default(folder: Path, number: int) -> inc.Network:
    """Load the default network. Networks that were loaded in between have taken its place in the cache."""
    return inc.load_network("efficientnet-lite0", "cpu")


def load_caffe(folder: Path, number: int) -> inc.Network:
    """Load a new Caffe network from its files."""
    return load_described("caffe", write_caffe(folder, number))


def load_onnx(folder: Path, number: int) -> inc.Network:
    """Load a new ONNX network from its file."""
    generator = np.random.default_rng(number)
    weights = [
        numpy_helper.from_array(generator.normal(size=shape).astype(np.float32), name)
        for name, shape in {"w": (40, 3, 3, 3), "v": (50, 40, 3, 3), "f": (50, 4)}.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["a"], "first", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["a"], ["b"], "relu"),
        helper.make_node("Conv", ["b", "v"], ["c"], "second", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("GlobalAveragePool", ["c"], ["d"], "pool"),
        helper.make_node("Flatten", ["d"], ["e"], "flatten"),
        helper.make_node("MatMul", ["e", "f"], ["y"], "classifier"),
    ]
    ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, (1, 3, 32, 32))]
    outputs = [helper.make_tensor_value_info("y", TensorProto.FLOAT, (1, 4))]
    model = helper.make_model(
        helper.make_graph(nodes, "graph", ends, outputs, weights),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    path = folder / "net.onnx"
    path.write_bytes(model.SerializeToString())
    return load_described("onnx", [path])


def load_described(architecture: str, paths: Sequence[Path]) -> inc.Network:
    """Load a network from its files and a new description in their folder."""
    files = tuple(map(store.local_file, paths))
    store.write_entry(paths[0].parent, Entry("net", architecture, mean=(0, 0, 0), range=1, files=files))
    return inc.load_network(paths[0].parent, "cpu")


def load_module(folder: Path, number: int) -> inc.Network:
    """Make a network of a new module."""
    return inc.load_network(tiny_module(number), "cpu")


LOADERS = [load_default, load_caffe, load_onnx, load_module]
"""Functions that load a network, by turns."""

PARTS: dict[str, tuple[Part, int]] = {
    "pictures": (pictures, 500),
    "classes": (classes, 50),
    "frames": (frames, 1000),
    "networks": (networks, 100),
}
"""The parts by name, each with its usual number."""
