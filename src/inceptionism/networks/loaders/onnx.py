"""Networks in ONNX files: each node becomes a module, and the network runs the modules in the order of the file.

The modules come from onnx2torch. That library can also write Python code that runs the modules. This code would
contain names from the file without changes, so a malicious file could run any code. Therefore no code is written here,
and `GraphModule` runs the modules.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from onnx import GraphProto, ModelProto, TensorProto, numpy_helper
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, first_line, quote_path, quote_value
from inceptionism.networks.hooks import FORWARD_ERRORS
from inceptionism.networks.loaders.declared_input import DeclaredInput
from inceptionism.networks.loaders.graph import GraphModule, check_runs
from inceptionism.networks.loaders.onnx_files import MAX_VALUES, USUAL_SIZE, node_name, opset_of, read_model, reason
from inceptionism.networks.loaders.optional import import_library

CONSTANTS = {"value": None, "value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}
"""Attributes of a Constant node that can hold its value, with NumPy's type of the numbers. None means a tensor."""

FLOATS = {TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE}
"""ONNX's types of floating-point numbers."""


def read(path: Path, channels: int = 3) -> tuple[OnnxNetwork, DeclaredInput]:
    """Return the network in a file, and the shape of its input, as far as it is fixed.

    Args:
        path: Path of the file.
        channels: Number of channels of the picture, if the file does not declare it.

    Raises:
        UnreadableFile: If the file cannot be read.
        InvalidSetting: If the file is not a network for pictures or has operators that are not supported, or if
            onnx2torch is not installed.
    """
    import_library("onnx2torch", "networks")
    try:
        model, picture, declared = read_model(path, channels)
        fold_constants(model.graph)
        use_single_precision(model.graph)
        network = build_network(model, picture).eval()
        try:
            check_runs(network, declared.shape(USUAL_SIZE), MAX_VALUES)
        except RuntimeError as error:
            if declared.size:  # a network for any size may need another size
                raise InvalidSetting(f"describes layers that do not fit together: {first_line(error)}") from error
    except InvalidSetting as error:
        raise InvalidSetting(f"{quote_path(path)} {error}") from error
    return network, declared


def fold_constants(graph: GraphProto) -> None:
    """Turn the outputs of Constant nodes, and copies of weights, into weights, because some converters need weights."""
    weights = {tensor.name for tensor in graph.initializer}
    copies: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        node.input[:] = [copies.get(name, name) for name in node.input]
        if node.op_type == "Identity" and node.input[0] in weights:
            copies[node.output[0]] = node.input[0]
        elif node.op_type == "Constant" and node.attribute and node.attribute[0].name in CONSTANTS:
            dtype, value = CONSTANTS[node.attribute[0].name], onnx.helper.get_attribute_value(node.attribute[0])
            graph.initializer.append(numpy_helper.from_array(np.array(value, dtype)) if dtype else value)
            graph.initializer[-1].name = node.output[0]
            weights.add(node.output[0])
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def use_single_precision(graph: GraphProto) -> None:
    """Convert all floating-point numbers of a graph to float32. A network decides itself in which type it computes."""
    attributes = (attribute.t for node in graph.node for attribute in node.attribute if attribute.HasField("t"))
    for tensor in (*graph.initializer, *attributes):
        if tensor.data_type in FLOATS - {TensorProto.FLOAT}:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float32), tensor.name))


def build_network(model: ModelProto, picture: str) -> OnnxNetwork:
    """Return the network of a model whose input is the value `picture`.

    Raises:
        InvalidSetting: If a node cannot be converted, or if the output does not depend on the picture.
    """
    place = "the graph"
    try:
        graph = import_library("onnx2torch.onnx_graph", "networks").OnnxGraph(model.graph)
        output = graph.output_values[0]
        network = OnnxNetwork(picture, output)
        values = {"", picture, *graph.initializers}
        for node in graph.nodes.values():
            name = node_name(node.proto)
            place = f"node {quote_value(name)} ({node.operation_type})"
            module, reads = convert_node(node, graph, opset_of(model))
            if not values.issuperset(reads):
                raise ValueError(f"it reads {quote_value(min({*reads} - values))}, which no earlier node computes")
            # Recipes contain a hash of the weights, which depends on the order of the constants.
            for constant in [name for name in reads if name in graph.initializers]:
                network.hold(constant, graph.initializers[constant].to_torch())
            network.add(name, module, reads, node.output_values)
            values.update(node.output_values)
        place = "the output"
        if output not in values - {*graph.initializers}:
            raise ValueError("it does not depend on the picture")
    except FORWARD_ERRORS as error:  # onnx2torch raises the same exceptions as modules
        raise InvalidSetting(f"cannot be converted at {place}: {reason(error)}") from error
    return network


def convert_node(node: Any, graph: Any, opset: int) -> tuple[nn.Module, Sequence[str]]:
    """Return the module for a node of onnx2torch's graph, and the names of the values that the module reads."""
    weights = graph.initializers
    first, second = (*node.input_values, "", "")[:2]
    if node.operation_type == "Dropout":
        return nn.Identity(), [first]
    if node.operation_type == "Cast" and node.attributes.get("to") in FLOATS:
        return FloatCast(), [first]
    if node.operation_type == "Reshape" and second in weights:
        shape = weights[second].to_numpy().tolist()
        if not (node.attributes.get("allowzero") and 0 in shape):
            sides = graph.value_info[first].type.tensor_type.shape.dim if first in graph.value_info else []
            # A network that is exported for one picture has a 1 instead of the number of pictures.
            single = shape[:1] == [1] and sides and sides[0].dim_value == 1
            return Reshape([0, *shape[1:]] if single else shape), [first]
    if node.operation_type == "Slice":
        if not second:  # before opset 10, the numbers are attributes
            return Slice(*(node.attributes.get(name) for name in ("starts", "ends", "axes"))), [first]
        if {*node.input_values[1:]} <= {"", *weights}:
            numbers = [weights[name].to_numpy().tolist() if name else None for name in node.input_values[1:]]
            return Slice(*numbers), [first]
        return ComputedSlice(), node.input_values
    if node.operation_type == "Flatten" and node.attributes.get("axis", 1) != 1:
        return Flatten(node.attributes["axis"]), [first]
    if node.operation_type in ("Conv", "ConvTranspose") and second in weights:
        kernel = list(weights[second].proto.dims[2:])
        if node.attributes.get("kernel_shape", kernel) != kernel:
            raise ValueError(f"its kernel_shape differs from the kernel of its weights, {kernel}")
    converters = import_library("onnx2torch.node_converters", "networks")
    module, mapping = converters.get_converter(node.operation_type, opset)(node, graph)
    return module, mapping.inputs


class FloatCast(nn.Module):
    """Conversion of integers to floating-point numbers of the type in which the network computes.

    Difference from ONNX: floating-point numbers keep their type. A file that converts its numbers to float16 would
    otherwise work only in this type.
    """

    def __init__(self) -> None:
        super().__init__()
        # A buffer has the type in which the network computes. It is no part of the weights.
        self.register_buffer("like", torch.zeros(()), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        return x if x.is_floating_point() else x.to(self.get_buffer("like").dtype)


class Reshape(nn.Module):
    """Reshapes a tensor. In the shape, 0 keeps the size of an axis, and -1 is the size that remains.

    The module of onnx2torch reads the shape from a tensor, so each run has to wait for the GPU.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape([side or x.shape[index] for index, side in enumerate(self.shape)])


class Slice(nn.Module):
    """Part of a tensor: along some axes, the values from a start to before an end, with a step.

    The module of onnx2torch indexes with lists, which torch no longer supports.
    """

    def __init__(
        self,
        starts: Sequence[int] | None,
        ends: Sequence[int] | None,
        axes: Sequence[int] | None = None,
        steps: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        if starts is None or ends is None:
            raise ValueError("it has no starts or no ends")
        axes, steps = axes or range(len(starts)), steps or [1] * len(starts)
        self.slices = {
            axis: slice(start, end, step) for start, end, axis, step in zip(starts, ends, axes, steps, strict=True)
        }

    def forward(self, x: Tensor) -> Tensor:
        for axis, part in self.slices.items():
            start, end, step = part.indices(x.shape[axis])
            if step > 0:
                # A tensor with a negative step does not exist in torch.
                x = x.movedim(axis, 0)[start:end:step].movedim(0, axis)
            else:
                x = x.index_select(axis, torch.arange(start, end, step, device=x.device))
        return x


class ComputedSlice(nn.Module):
    """`Slice` whose numbers are computed by the network."""

    def forward(self, x: Tensor, *numbers: Tensor | None) -> Tensor:
        sliced: Tensor = Slice(*(None if one is None else one.tolist() for one in numbers))(x)
        return sliced


class Flatten(nn.Module):
    """Matrix whose rows are the axes before `axis`, and whose columns are the other axes."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        self.axis = axis

    def forward(self, x: Tensor) -> Tensor:
        axis = self.axis + x.ndim if self.axis < 0 else self.axis
        return x.reshape(math.prod(x.shape[:axis]), -1)


class OnnxNetwork(GraphModule):
    """Network of an ONNX graph, from N×C×H×W to N×classes logits.

    A layer has the name of its node. If the node has no name, the layer has the name of the node's output.

    Args:
        picture: Name of the input in the graph.
        output: Name of the output in the graph.
    """

    # Layers called "hold" or "add" get another name because of these methods. Recipes contain the names of layers, so
    # the methods must not be renamed.
    def hold(self, name: str, value: Tensor) -> None:
        """Add a constant that nodes read as `name`."""
        self._add_constant(name, value)

    def add(self, name: str, module: nn.Module, reads: Sequence[str], writes: Sequence[str]) -> None:
        """Add a node: its name, its module, and the names of the values that it reads and computes."""
        self._add_step(name, module, reads, writes)

    def _run(self, x: Tensor) -> Tensor:
        output = super()._run(x)
        if len(x) > 1 and output.shape[:1] != x.shape[:1]:
            shape = "×".join(map(str, output.shape)) or "one number"
            raise RuntimeError(f"it returns {shape} for {len(x)} pictures, because it is made for one at a time")
        return output
