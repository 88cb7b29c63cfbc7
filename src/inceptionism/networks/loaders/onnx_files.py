"""Reading of ONNX files. The result is a checked model whose operators onnx2torch supports."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError
from onnx import GraphProto, ModelProto, NodeProto, checker, numpy_helper, shape_inference, version_converter
from onnx import external_data_helper as external

from inceptionism.errors import InvalidSetting, first_line, printable, quote_value
from inceptionism.files import read_limited
from inceptionism.networks.loaders.declared_input import DeclaredInput
from inceptionism.networks.loaders.optional import import_library

MAX_BYTES = 2**31
"""Largest size of a file and of all its tensors together, in bytes: protobuf reads no larger file."""

MAX_VALUES = 2**28
"""Largest number of values that a node may compute for a picture of the described size. No real network has more."""

MAX_AXES = 64
"""Largest number of axes of a tensor: torch's own limit."""

USUAL_SIZE = (224, 224)
"""Height and width in pixels of the picture with which a network for any size is checked."""

MAX_CHANNELS = 1024
"""Largest number of channels of a picture. Hyperspectral pictures have a few hundred."""

MAX_BATCH = 1024
"""Largest number of pictures that a network takes at once."""

OPSET = 17
"""Version of ONNX's operators that onnx2torch supports best."""

INVALID = (checker.ValidationError, shape_inference.InferenceError, version_converter.ConvertError, RuntimeError)
"""Exceptions that onnx raises for a model that is not valid or that onnx cannot process."""


def read_model(path: Path, channels: int) -> tuple[ModelProto, str, DeclaredInput]:
    """Return the model in a file, the name of its input, and the shape that the file declares for it.

    The input of the model is a picture, its only output is the logits, and onnx2torch supports its operators.

    Args:
        path: Path of the file.
        channels: Number of channels of the picture, if the file does not declare it.

    Raises:
        UnreadableFile: If the file cannot be read.
        InvalidSetting: If the file is not a network for pictures, or has unsupported operators. The message is the rest
            of a sentence that begins with the path.
    """
    model = parse_model(path)
    load_tensors(model.graph, path.parent)
    picture, declared = find_picture(model.graph)
    declared = declared._replace(channels=declared.channels or channels)
    check_axes(model.graph)
    keep_logits(model.graph)
    model = infer_shapes(translate_operators(model))
    check_shapes(model, picture, declared.shape(USUAL_SIZE))
    return model, picture, declared


def parse_model(path: Path) -> ModelProto:
    """Return the model in a file, without the tensors that the file keeps in other files."""
    try:
        model = onnx.load_from_string(read_limited(path, MAX_BYTES))
    except DecodeError as error:
        raise InvalidSetting(f"is not an ONNX file, or it is damaged: {reason(error)}") from error
    nodes = model.graph.node
    if not nodes:
        raise InvalidSetting("is not an ONNX file: it contains no operators")
    named: list[Any] = [*nodes, *model.graph.initializer, *model.graph.input, *model.graph.output]
    texts = [text for node in nodes for text in (node.op_type, node.domain, *node.input, *node.output)]
    # A name that is not valid UTF-8 is read as bytes.
    if not all(isinstance(text, str) for text in (*texts, *(item.name for item in named))):
        raise InvalidSetting("is damaged: it contains a name that is not text")
    scoped: list[Any] = [*nodes, *model.opset_import]
    for item in scoped:
        if item.domain == "ai.onnx":  # the long name of the default domain
            item.domain = ""
    return model


def load_tensors(graph: GraphProto, folder: Path) -> None:
    """Load the tensors that a model keeps in other files of its folder, and check all tensors.

    Raises:
        InvalidSetting: If a tensor cannot be read or does not have the declared shape.
    """
    attributes = (attribute.t for node in graph.node for attribute in node.attribute if attribute.HasField("t"))
    total = 0
    for tensor in (*graph.initializer, *attributes):
        try:
            total += math.prod(tensor.dims) * onnx.helper.tensor_dtype_to_np_dtype(tensor.data_type).itemsize
            if min(tensor.dims, default=0) < 0 or total > MAX_BYTES:
                raise ValueError(f"their shape {quote_value(list(tensor.dims))} is too large or negative")
            if external.uses_external_data(tensor):
                external.load_external_data_for_tensor(tensor, str(folder))
                # onnx before 1.23 still marks the loaded tensor as external.
                tensor.data_location = onnx.TensorProto.DEFAULT
                del tensor.external_data[:]
            numpy_helper.to_array(tensor)
        except (checker.ValidationError, LookupError, OSError, TypeError, ValueError) as error:
            raise InvalidSetting(
                f"has weights {quote_value(tensor.name)} that cannot be read: {reason(error)}"
            ) from error


def check_axes(graph: GraphProto) -> None:
    """Raise `InvalidSetting` if a node names an axis that no tensor has. Some operators would count up to it."""
    for node in graph.node:
        for attribute in node.attribute:
            axes = [attribute.i, *attribute.ints] if attribute.name in ("axis", "axes", "batch_dims", "perm") else []
            if any(abs(axis) >= MAX_AXES for axis in axes):
                raise InvalidSetting(
                    f"has a node {quote_value(node_name(node))} ({printable(node.op_type)}) with the axis "
                    f"{max(axes, key=abs)}, which does not exist"
                )


def find_picture(graph: GraphProto) -> tuple[str, DeclaredInput]:
    """Return the name of the input of a graph, and the shape that the graph declares for it.

    Raises:
        InvalidSetting: If the graph does not have exactly one input, or if the input is not N×C×H×W.
    """
    constants = {tensor.name for tensor in graph.initializer}
    inputs = [value for value in graph.input if value.name not in constants]
    if len(inputs) != 1:
        names = ", ".join(quote_value(value.name) for value in inputs)
        raise InvalidSetting(f"has {len(inputs)} inputs ({names}), but a network must have one input, the picture")
    sides = [max(dim.dim_value, 0) for dim in inputs[0].type.tensor_type.shape.dim]
    shape = f"of shape {'×'.join(str(side or '?') for side in sides)}" if sides else "of unknown shape"
    channels_last = sides[3:] in ([1], [3]) and sides[1] not in (0, 1, 3)
    if len(sides) != 4 or channels_last or sides[1] > MAX_CHANNELS or sides[0] > MAX_BATCH:
        hint = "; export it with channels first" if channels_last else ""
        raise InvalidSetting(f"has an input {shape}, but a picture has the shape N×C×H×W{hint}")
    size = (sides[2], sides[3]) if sides[2] and sides[3] else None
    return inputs[0].name, DeclaredInput(size, sides[1] or None, sides[0] if sides[0] > 1 else None)


def keep_logits(graph: GraphProto) -> None:
    """Keep only the first output of a graph. If a softmax computes it, the output becomes the input of the softmax.

    Raises:
        InvalidSetting: If no node computes the output.
    """
    del graph.output[1:]
    name = graph.output[0].name if graph.output else ""
    last = next((node for node in graph.node if name in node.output), None)
    if last is None:
        raise InvalidSetting("describes a network without an output")
    if last.op_type in ("Softmax", "LogSoftmax") and last.input:
        graph.output[0].name = last.input[0]
        if not any(name in node.input for node in graph.node):
            graph.node.remove(last)


def translate_operators(model: ModelProto) -> ModelProto:
    """Return a model whose operators onnx2torch supports. If necessary, it is converted to another opset.

    Raises:
        InvalidSetting: If onnx does not know the opset, or if there is an operator that onnx2torch does not support.
    """
    opset, latest = opset_of(model), onnx.defs.onnx_opset_version()
    if not 1 <= opset <= latest:
        raise InvalidSetting(
            f"uses opset {opset}, but the installed onnx supports opsets 1 to {latest}; "
            f"export it with opset {OPSET} or install a newer onnx"
        )
    unsupported = unsupported_operators(model)
    if not unsupported:
        return model
    try:
        checker.check_model(model)
        model = version_converter.convert_version(model, OPSET)
        unsupported = unsupported_operators(model)
    except (*INVALID, ValueError):
        pass
    if unsupported:
        raise InvalidSetting(
            f"has operators that onnx2torch does not support: {'; '.join(unsupported)}; "
            f"export it with opset {OPSET} or without these operators"
        )
    return model


def opset_of(model: ModelProto) -> int:
    """Return the opset of a model, which is the version of its operators; 0 if the model does not declare it."""
    return next((entry.version for entry in model.opset_import if not entry.domain), 0)


def unsupported_operators(model: ModelProto) -> list[str]:
    """Return a description of each operator that onnx2torch does not support: name, opset and first node."""
    converters = import_library("onnx2torch.node_converters", "networks")
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    first_nodes: dict[str, str] = {}
    for node in model.graph.node:
        supported = not node.domain
        try:
            if supported and node.op_type != "Dropout":
                converters.get_converter(node.op_type, opsets[""])
        except NotImplementedError:
            supported = False
        if not supported:
            name = ".".join(filter(None, (node.domain, node.op_type)))
            first_nodes.setdefault(f"{printable(name)} of opset {opsets.get(node.domain)}", node_name(node))
    return [f"{operator} (first in node {quote_value(name)})" for operator, name in first_nodes.items()]


def node_name(node: NodeProto) -> str:
    """Return the name of a node. If the node has no name, return the name of its output or else of its operator."""
    return node.name or next(filter(None, node.output), "") or node.op_type


def infer_shapes(model: ModelProto) -> ModelProto:
    """Return a model with the shapes of all values that its nodes compute.

    Raises:
        InvalidSetting: If the model is not valid.
    """
    try:
        model = shape_inference.infer_shapes(model)
        checker.check_model(model)
    except (*INVALID, ValueError) as error:
        raise InvalidSetting(f"is not valid ONNX: {reason(error)}") from error
    return model


def check_shapes(model: ModelProto, picture: str, input_shape: tuple[int, int, int, int]) -> None:
    """Check how many values the nodes compute for an input of a shape, as far as the shapes are known.

    Raises:
        InvalidSetting: If a value is too large.
    """
    sized = ModelProto()
    sized.CopyFrom(model)
    shape = next(value.type.tensor_type.shape for value in sized.graph.input if value.name == picture)
    for dim, side in zip(shape.dim, input_shape, strict=True):
        dim.dim_value = side
    # The known shapes would be kept, with all sides that depend on the size as unknown.
    del sized.graph.value_info[:]
    with suppress(*INVALID, ValueError):  # the network may not accept this size
        sized = shape_inference.infer_shapes(sized)
    for value in (*sized.graph.input, *sized.graph.value_info, *sized.graph.output):
        sides = [dim.dim_value for dim in value.type.tensor_type.shape.dim]
        if math.prod(max(abs(side), 1) for side in sides) > MAX_VALUES:
            raise InvalidSetting(
                f"describes a network where {quote_value(value.name)} has the shape {quote_value(sides)}, "
                "which is too large"
            )


def reason(error: Exception) -> str:
    """Return the first line of the message of an error from onnx or onnx2torch."""
    if isinstance(error, KeyError):
        return f"{error} is not known before the network runs"
    return first_line(error)
