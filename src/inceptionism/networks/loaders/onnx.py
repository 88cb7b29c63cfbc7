"""Networks in ONNX files: each node becomes a module, and is called as the file calls it.

The modules are those of onnx2torch. It also writes Python code that runs them, in which the names of the file stand
as they are, so that a file could have anything run: here one network runs them all, and no code is made.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, checker, numpy_helper, shape_inference, version_converter
from onnx import external_data_helper as external
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, first_line, printable, quote_value
from inceptionism.networks.loaders.optional import import_library
from inceptionism.networks.loaders.submodules import place

LARGEST = 2**31
"""Of all that a file holds, in bytes: protobuf reads none that is larger."""

LARGEST_MAP = 2**28
"""How many numbers a node may give for a picture of the described size: more is no network."""

OPSET = 17
"""The version of ONNX's operators that onnx2torch knows best."""

CONSTANTS = {"value": None, "value_float": "f4", "value_floats": "f4", "value_int": "i8", "value_ints": "i8"}
"""Where a node that gives a constant may have it, and the kind of its numbers."""

INVALID = (checker.ValidationError, shape_inference.InferenceError, version_converter.ConvertError, RuntimeError)
"""What onnx raises of a model that is wrong, or in a way that it cannot deal with."""

FAILURES = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)
"""What onnx2torch raises where a node is not as it expects."""


def read(path: Path) -> tuple[OnnxNetwork, tuple[int, int] | None]:
    """Return the network in a file, and the height and width in pixels that it is made for, if that is one size.

    Raises:
        InvalidSetting: the file cannot be read, holds no network for pictures, or one with operators that are not
            supported; or what converts it is not installed.
    """
    import_library("onnx2torch", "onnx")
    try:
        model = parsed(path)
        check_tensors(model.graph, path.parent)
        picture, size = picture_of(model.graph)
        keep_logits(model.graph)
        model = inferred(supported(model))
        hold_constants(model.graph)
        return network_of(model, picture).eval(), size
    except InvalidSetting as error:
        raise InvalidSetting(f"{path} {error}") from error


def parsed(path: Path) -> ModelProto:
    """Return what is in a file, without what it keeps in others."""
    try:
        if path.stat().st_size >= LARGEST:
            raise InvalidSetting("is larger than 2 GB, which no ONNX file is")
        model = onnx.load_from_string(path.read_bytes())
    except OSError as error:
        raise InvalidSetting(f"cannot be read: {reason(error)}") from error
    except DecodeError as error:
        raise InvalidSetting(f"is not an ONNX file, or damaged: {reason(error)}") from error
    nodes = model.graph.node
    if not nodes:
        raise InvalidSetting("is not an ONNX file: it holds no operators")
    named: list[Any] = [*nodes, *model.graph.initializer, *model.graph.input, *model.graph.output]
    texts = [text for node in nodes for text in (node.op_type, node.domain, *node.input, *node.output)]
    if not all(isinstance(text, str) for text in (*texts, *(one.name for one in named))):  # but bytes: no UTF-8
        raise InvalidSetting("is damaged: a name in it is no text")
    scoped: list[Any] = [*nodes, *model.opset_import]
    for one in scoped:
        if one.domain == "ai.onnx":  # the name of the domain that needs none
            one.domain = ""
    return model


def check_tensors(graph: GraphProto, folder: Path) -> None:
    """Load the numbers that a file keeps in others of its folder; raise `InvalidSetting` if any are not as declared."""
    attributes = (attribute.t for node in graph.node for attribute in node.attribute if attribute.HasField("t"))
    total = 0
    for tensor in (*graph.initializer, *attributes):
        try:
            total += math.prod(tensor.dims) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            if min(tensor.dims, default=0) < 0 or total > LARGEST:
                raise ValueError(f"their shape {quote_value(list(tensor.dims))} is absurd")
            if external.uses_external_data(tensor):
                external.load_external_data_for_tensor(tensor, str(folder))
            numpy_helper.to_array(tensor)
        except (checker.ValidationError, LookupError, OSError, TypeError, ValueError) as error:
            raise InvalidSetting(
                f"has weights {quote_value(tensor.name)} that cannot be read: {reason(error)}"
            ) from error


def picture_of(graph: GraphProto) -> tuple[str, tuple[int, int] | None]:
    """Return what a graph calls the picture, and its height and width where they are fixed."""
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(quote_value(value.name) for value in inputs)
        raise InvalidSetting(f"holds a network with {len(inputs)} inputs ({names}), not one for a picture")
    sides = [max(dim.dim_value, 0) for dim in inputs[0].type.tensor_type.shape.dim]
    text = "×".join(str(side or "?") for side in sides) or "of no known shape"
    if len(sides) != 4 or sides[1] not in (0, 3):
        hint = "; export it with channels first" if sides[3:] == [3] else ""
        raise InvalidSetting(f"holds a network whose input is {text}, where a picture is N×3×H×W{hint}")
    if sides[0] > 1:
        raise InvalidSetting(f"holds a network whose input is {text}; export it for one picture, or any number")
    return inputs[0].name, (sides[2], sides[3]) if sides[2] and sides[3] else None


def keep_logits(graph: GraphProto) -> None:
    """Leave a graph one output, the first: before the softmax, if one gives it."""
    del graph.output[1:]
    name = graph.output[0].name if graph.output else ""
    last = next((node for node in graph.node if name in node.output), None)
    if last is None:
        raise InvalidSetting("holds a network without an output")
    if last.op_type in ("Softmax", "LogSoftmax") and last.input:
        graph.output[0].name = last.input[0]
        if not any(name in node.input for node in graph.node):
            graph.node.remove(last)


def supported(model: ModelProto) -> ModelProto:
    """Return a model whose operators onnx2torch knows: translated to another version of them, if need be."""
    opset, latest = opset_of(model), onnx.defs.onnx_opset_version()
    if not 1 <= opset <= latest:
        raise InvalidSetting(
            f"is written in opset {opset}, and the installed onnx knows 1 to {latest}; "
            f"export it with opset {OPSET}, or try a newer onnx"
        )
    unknown = unknown_operators(model)
    if not unknown:
        return model
    try:
        checker.check_model(model)
        model = version_converter.convert_version(model, OPSET)
        unknown = unknown_operators(model)
    except (*INVALID, ValueError):
        pass
    if unknown:
        raise InvalidSetting(
            f"has operators that onnx2torch does not know: {'; '.join(unknown)}; "
            f"export it with opset {OPSET}, or without them"
        )
    return model


def opset_of(model: ModelProto) -> int:
    """Return the version of the operators that a model is written in; 0 if it does not say."""
    return next((entry.version for entry in model.opset_import if not entry.domain), 0)


def unknown_operators(model: ModelProto) -> list[str]:
    """Return of each operator that onnx2torch does not know its name, its version and where it is first."""
    converters = import_library("onnx2torch.node_converters", "onnx")
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    found: dict[str, str] = {}
    for node in model.graph.node:
        known = not node.domain
        try:
            if known and node.op_type != "Dropout":
                converters.get_converter(node.op_type, opsets[""])
        except NotImplementedError:
            known = False
        if not known:
            name = ".".join(filter(None, (node.domain, node.op_type)))
            found.setdefault(f"{printable(name)} of opset {opsets.get(node.domain)}", node_name(node))
    return [f"{operator} (first as {quote_value(name)})" for operator, name in found.items()]


def node_name(node: NodeProto) -> str:
    """Return what a layer is called: as its node, or as what that gives."""
    return node.name or next(filter(None, node.output), "") or node.op_type


def inferred(model: ModelProto) -> ModelProto:
    """Return a model with the shapes of what its nodes give; raise `InvalidSetting` if those or the model are wrong."""
    try:
        model = shape_inference.infer_shapes(model)
        checker.check_model(model)
    except (*INVALID, ValueError) as error:
        raise InvalidSetting(f"is not valid ONNX: {reason(error)}") from error
    for value in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        sides = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if math.prod(max(abs(side), 1) for side in sides) > LARGEST_MAP:
            raise InvalidSetting(
                f"holds a network where {quote_value(value.name)} has the shape {quote_value(sides)}: that is absurd"
            )
    return model


def hold_constants(graph: GraphProto) -> None:
    """Hold what nodes only repeat or say as the weights are held, which converters want to know beforehand."""
    held = {tensor.name for tensor in graph.initializer}
    same: dict[str, str] = {}
    nodes = []
    for node in graph.node:
        node.input[:] = [same.get(name, name) for name in node.input]
        if node.op_type == "Identity" and node.input[0] in held:
            same[node.output[0]] = node.input[0]
        elif node.op_type == "Constant" and node.attribute and node.attribute[0].name in CONSTANTS:
            kind, value = CONSTANTS[node.attribute[0].name], onnx.helper.get_attribute_value(node.attribute[0])
            graph.initializer.append(numpy_helper.from_array(np.array(value, kind)) if kind else value)
            graph.initializer[-1].name = node.output[0]
            held.add(node.output[0])
        else:
            nodes.append(node)
    del graph.node[:]
    graph.node.extend(nodes)


def network_of(model: ModelProto, picture: str) -> OnnxNetwork:
    """Return the network of a graph of known operators, in which the picture is called `picture`."""
    where = "the graph"
    try:
        graph = import_library("onnx2torch.onnx_graph", "onnx").OnnxGraph(model.graph)
        output = graph.output_values[0]
        network = OnnxNetwork(picture, output)
        there = {"", picture, *graph.initializers}
        for node in graph.nodes.values():
            name = node_name(node.proto)
            where = f"node {quote_value(name)} ({node.operation_type})"
            module, reads = module_of(node, graph, opset_of(model))
            if not there.issuperset(reads):
                raise ValueError(f"nothing gives {quote_value(min({*reads} - there))}, which it reads")
            for read in graph.initializers.keys() & reads:
                network.hold(read, graph.initializers[read].to_torch())
            network.add(name, module, reads, node.output_values)
            there.update(node.output_values)
        where = "the output"
        if output not in there - {*graph.initializers}:
            raise ValueError("it is the same for each picture")
    except FAILURES as error:
        raise InvalidSetting(f"cannot be converted, at {where}: {reason(error)}") from error
    return network


def module_of(node: Any, graph: Any, opset: int) -> tuple[nn.Module, Sequence[str]]:
    """Return the module that does what one of onnx2torch's nodes does, and the names of what it reads when it runs."""
    held = graph.initializers
    first, second = (*node.input_values, "", "")[:2]
    if node.operation_type == "Dropout":
        return nn.Identity(), [first]
    if node.operation_type == "Reshape" and second in held:
        shape = held[second].to_numpy().tolist()
        if not (node.attributes.get("allowzero") and 0 in shape):
            known = graph.value_info[first].type.tensor_type.shape.dim if first in graph.value_info else []
            # What is exported for one picture says 1 where it means as many as there are.
            alone = shape[:1] == [1] and known and known[0].dim_value == 1
            return Reshape([0, *shape[1:]] if alone else shape), [first]
    if node.operation_type in ("Conv", "ConvTranspose") and second in held:
        kernel = list(held[second].proto.dims[2:])
        if node.attributes.get("kernel_shape", kernel) != kernel:
            raise ValueError(f"its kernel_shape is not that of its weights, {kernel}")
    converters = import_library("onnx2torch.node_converters", "onnx")
    module, mapping = converters.get_converter(node.operation_type, opset)(node, graph)
    return module, mapping.inputs


def reason(error: Exception) -> str:
    """Return the first line of what an error says."""
    if isinstance(error, KeyError):
        return f"{error} is not known beforehand"
    return first_line(error)


class Reshape(nn.Module):
    """Gives the same numbers in another shape, in which 0 is the size that this side had, and -1 what is left.

    onnx2torch's has the shape as a tensor, for which a GPU is waited at each run.
    """

    def __init__(self, shape: Sequence[int]) -> None:
        super().__init__()
        self.shape = shape

    def forward(self, x: Tensor) -> Tensor:
        return x.reshape([side or x.shape[index] for index, side in enumerate(self.shape)])


class OnnxNetwork(nn.Module):
    """From N×3×H×W to N×classes logits by the nodes of a graph, in the order in which they are added.

    Its parts are called as the nodes; those without a name, as what they give (see `place`).

    Args:
        picture, output: What the graph calls what it takes and what it gives.
    """

    def __init__(self, picture: str, output: str) -> None:
        super().__init__()
        self._picture, self._output = picture, output
        self._held: dict[str, str] = {}
        self._steps: list[tuple[str, Sequence[str], Sequence[str]]] = []
        self._last: dict[str, int] = {}

    def hold(self, name: str, value: Tensor) -> None:
        """Have `value` read as `name`."""
        if name not in self._held:
            self._held[name] = f"_held_{len(self._held)}"
            self.register_buffer(self._held[name], value)

    def add(self, name: str, module: nn.Module, reads: Sequence[str], gives: Sequence[str]) -> None:
        """Add a node, which reads and gives what is called so in the graph; what is called "" is not there."""
        self._last |= dict.fromkeys(reads, len(self._steps))
        self._steps.append((place(self, name, module), reads, gives))

    def forward(self, x: Tensor) -> Tensor:
        values = {"": None, self._picture: x} | {name: self.get_buffer(held) for name, held in self._held.items()}
        for index, (name, reads, gives) in enumerate(self._steps):
            found = self.get_submodule(name)(*(values[read] for read in reads))
            values.update(zip(gives, found if isinstance(found, (tuple, list)) else [found], strict=False))
            for read in {*reads} - {"", self._output}:
                if self._last[read] == index:
                    del values[read]
        output = values[self._output]
        assert isinstance(output, Tensor)
        if len(x) > 1 and len(output) != len(x):
            shape = "×".join(map(str, output.shape))
            raise RuntimeError(f"it gives {shape} for {len(x)} pictures, for it is made for one at a time")
        # The mean of the logits of all places, where the network sees a larger picture than it was trained on.
        return output.mean((2, 3)) if output.ndim == 4 else output
