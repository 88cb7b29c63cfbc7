"""Settings and weights of a Caffe layer, checked."""

from __future__ import annotations

from torch import Tensor

from inceptionism.errors import InvalidSetting, printable
from inceptionism.networks.loaders.caffe.description import CaffeLayer

MAX_SIDE = 1024
"""Largest kernel side, padding, stride and dilation, in neurons. Larger ones would fill the memory."""


def weight_and_bias(layer: CaffeLayer) -> tuple[Tensor, Tensor | None]:
    """Return the weights of a layer, and its bias or None."""
    biased = layer.settings.bias_term
    check_weights(layer, 1 + biased)
    return layer.blobs[0], layer.blobs[1].flatten() if biased else None


def check_weights(layer: CaffeLayer, count: int) -> None:
    """Raise `InvalidSetting` unless the caffemodel has `count` weights for a layer."""
    if len(layer.blobs) != count:
        raise layer_error(layer, f"has {len(layer.blobs)} weights in the caffemodel, but needs {count}")


def axis_of(layer: CaffeLayer, old_field: str) -> int:
    """Return the axis of a layer. Old files have it in the field `old_field`."""
    settings = layer.settings
    return int(getattr(settings, old_field if settings.HasField(old_field) else "axis"))


def rows_and_columns(layer: CaffeLayer, name: str, default: int) -> tuple[int, int]:
    """Return the setting `name` for rows and columns.

    A file has one number for both, a list of two numbers, or two fields that end with _h and _w. If it has none of
    these, both are `default`.
    """
    settings, stem = layer.settings, name.removesuffix("_size")
    if f"{stem}_h" in settings.DESCRIPTOR.fields_by_name and (
        settings.HasField(f"{stem}_h") or settings.HasField(f"{stem}_w")
    ):
        values = [getattr(settings, f"{stem}_h"), getattr(settings, f"{stem}_w")]
    else:
        value = getattr(settings, name)
        values = ([value] if isinstance(value, int) else list(value)) or [default]
    if len(values) not in (1, 2):
        raise layer_error(layer, f"has a {name} of {values}, but it needs one number or two: rows and columns")
    rows, columns = (check_limit(layer, name, value) for value in (values[0], values[-1]))
    if name != "pad" and 0 in (rows, columns):
        raise layer_error(layer, f"has a {name} of 0, but it must be at least 1")
    return rows, columns


def check_limit(layer: CaffeLayer, name: str, value: int) -> int:
    """Return `value`, a length in neurons; raise `InvalidSetting` if it is more than `MAX_SIDE`."""
    if value > MAX_SIDE:
        raise layer_error(layer, f"has a {name} of {value}; the maximum is {MAX_SIDE}")
    return value


def enum_name(layer: CaffeLayer, field: str) -> str:
    """Return the name of the value of an enum field."""
    settings = layer.settings
    value = settings.DESCRIPTOR.fields_by_name[field].enum_type.values_by_number[getattr(settings, field)]
    return str(value.name)


def layer_error(layer: CaffeLayer, problem: str) -> InvalidSetting:
    """Return the error for a problem of a layer. `problem` continues a sentence that begins with the layer's name."""
    return InvalidSetting(f"layer {printable(layer.name)} ({layer.type}) {problem}")
