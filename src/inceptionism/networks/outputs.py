"""The output of a network: the choice of the logits among several outputs, and their shape."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import is_dataclass
from typing import Any

from torch import Tensor

from inceptionism.errors import InvalidSetting, quote_value


def choose_output(output: object, key: str | int | None = None) -> Tensor:
    """Return the tensor with the logits from the output of a module.

    Args:
        output: A tensor; or a dictionary, a tuple, a list or a data class with tensors.
        key: Name or index of the tensor in the output. None means the only tensor.

    Raises:
        InvalidSetting: If there is no such tensor, or if `key` is None and there are several tensors.
    """
    if isinstance(output, Tensor) and key is None:
        return output
    outputs = outputs_by_key(output)
    tensors = {one: value for one, value in outputs.items() if isinstance(value, Tensor)}
    if key is None and len(tensors) == 1:
        return next(iter(tensors.values()))
    kind = type(output).__name__
    if isinstance(output, Tensor):
        raise InvalidSetting(f"the network outputs only one tensor; leave output={quote_value(key)} out")
    if not tensors:
        raise InvalidSetting(f"the network outputs a {kind}, not a tensor; wrap the module so that it returns logits")
    choices = " or ".join(map(repr, tensors))
    if key is None:
        raise InvalidSetting(
            f"the network outputs a {kind}, not a tensor; choose its logits with Network(module, output=...): {choices}"
        )
    if key not in tensors:
        raise InvalidSetting(f"the network has no output {quote_value(key)} that is a tensor; output can be {choices}")
    return tensors[key]


def outputs_by_key(output: object) -> Mapping[Any, object]:
    """Return the parts of an output by their names, or by their indices if they have no names."""
    if isinstance(output, Mapping):
        return {key: value for key, value in output.items() if isinstance(key, (str, int))}
    if is_dataclass(output):
        return dict(vars(output))
    if isinstance(output, tuple) and hasattr(output, "_asdict"):
        return dict(output._asdict())
    return dict(enumerate(output)) if isinstance(output, Sequence) and not isinstance(output, str) else {}


def shape_logits(logits: Tensor, count: int) -> Tensor:
    """Return the logits of `count` pictures with an axis for the pictures and one for the classes.

    Some networks squeeze their output. An axis of length 1 is then missing.
    """
    return logits if logits.ndim >= 2 else logits.reshape(count, -1)
