"""Reading of weights from files. No code in a file is ever executed."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, first_line, printable, quote_path, quote_value
from inceptionism.files import check_file
from inceptionism.networks.loaders.optional import import_library
from inceptionism.networks.loaders.pickle_limits import TooComplex, check_weights_file

CONTAINERS = ("state_dict", "model_state_dict", "model", "state_dict_ema", "model_ema")
"""Keys under which training programs save the weights. The first key that is found is used. Averages (EMA) are last."""

WRAPPERS = ("module.", "_orig_mod.")
"""Prefixes that torch's DataParallel and compile add to all names of parameters."""

DAMAGE = (
    OSError, RuntimeError, ValueError, TypeError, EOFError, LookupError, AttributeError, AssertionError, OverflowError,
    MemoryError, struct.error,
)  # fmt: skip
"""Exceptions that torch's readers raise for damaged files."""

SAFE = "save its module.state_dict(), or, if you trust the file, load the module and wrap it in inceptionism.Network"
"""Advice for a file that cannot be read without running code."""


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the weights in a file by the names of their parameters, on the CPU and in the dtype of the file.

    A file that ends with .safetensors is read in this format. Any other file is read as an output of `torch.save`. The
    weights can be one of several items in the checkpoint of a training program. The prefixes in `WRAPPERS` are removed
    from the names.

    Raises:
        InvalidSetting: If the file is missing, empty or damaged, contains no weights, or cannot be read without running
            code.
    """
    check_file(path, InvalidSetting)
    content = read_safetensors(path) if path.suffix == ".safetensors" else read_pickled(path)
    state = find_state_dict(content)
    if state is None:
        raise InvalidSetting(
            f"{quote_path(path)} contains no weights with names, but {describe_content(content)}; {SAFE}"
        )
    for wrapper in WRAPPERS:
        if all(name.startswith(wrapper) for name in state):
            state = {name.removeprefix(wrapper): value for name, value in state.items()}
    return state


def read_safetensors(path: Path) -> object:
    """Return the content of a safetensors file."""
    reader = import_library("safetensors.torch")
    errors = (import_library("safetensors").SafetensorError, *DAMAGE)
    try:
        return reader.load_file(path)
    except errors as error:
        raise InvalidSetting(
            f"{quote_path(path)} is damaged, or it is not a safetensors file: {first_line(error)}"
        ) from error


def read_pickled(path: Path) -> object:
    """Return the content of a file that `torch.save` wrote.

    Raises:
        InvalidSetting: If the file is damaged, contains anything but tensors, numbers, texts and their containers, or
            is too complex to be read in a reasonable time.
    """
    try:
        with warnings.catch_warnings():
            # Torch warns about files that are either refused below or read without a problem.
            for message in (
                "'torch.load' received a zip file that looks like a TorchScript",
                "Detected pickle protocol",
            ):
                warnings.filterwarnings("ignore", message, UserWarning)
            check_weights_file(path)
            return torch.load(path, map_location="cpu", weights_only=True)
    except TooComplex as error:
        raise InvalidSetting(f"{quote_path(path)} cannot be read safely: {error}; {SAFE}") from error
    except pickle.UnpicklingError as error:
        global_name = re.search(r"GLOBAL (\S+)", str(error))
        if global_name is None:  # torch raises this error also for a file that is no pickle
            raise InvalidSetting(f"{quote_path(path)} is damaged, or it is not a file of weights") from error
        raise InvalidSetting(
            f"{quote_path(path)} cannot be read safely: it contains {printable(global_name[1])}, "
            f"which only code in the file can create; {SAFE}"
        ) from error
    except DAMAGE as error:
        if "TorchScript" in str(error):
            raise InvalidSetting(
                f"{quote_path(path)} cannot be read safely: it contains a TorchScript program, which would have to "
                f"run; {SAFE}"
            ) from error
        reason = f": {first_line(error)}" if isinstance(error, (RuntimeError, OSError)) else ""
        raise InvalidSetting(f"{quote_path(path)} is damaged, or it is not a file of weights{reason}") from error


def find_state_dict(content: object, depth: int = 2) -> dict[str, Tensor] | None:
    """Return the weights in the content of a file, by name. None if there are none.

    The weights are the whole content, or one of the items in `CONTAINERS`. Such items are nested at most `depth` times.
    """
    if not isinstance(content, Mapping) or not content:
        return None
    if all(isinstance(name, str) and isinstance(value, Tensor) for name, value in content.items()):
        return dict(content)
    inner = next((content[name] for name in CONTAINERS if isinstance(content.get(name), Mapping)), None)
    return find_state_dict(inner, depth - 1) if depth else None


def describe_content(content: object) -> str:
    """Return a short description of the content of a file that contains no weights."""
    if isinstance(content, Mapping) and content:
        return join_names([f"{quote_value(name)} ({type(value).__name__})" for name, value in content.items()])
    return f"a {type(content).__name__}"


def load_weights(module: nn.Module, state: Mapping[str, Tensor], source: str, name: str) -> None:
    """Load weights into a module.

    Args:
        module: Module that gets the weights.
        state: Weights by the names of the parameters.
        source: Path or address of the weights, for error messages.
        name: Name of the network, for error messages.

    Raises:
        InvalidSetting: If weights are missing, have names that the module does not have, or have other shapes.
    """
    versioned: OrderedDict[str, Tensor] = OrderedDict(state)
    # The reader drops the versions of modules. Torchvision's MNASNet needs its own.
    versioned._metadata = {"": {"version": module._version}}  # type: ignore[attr-defined]
    try:
        module.load_state_dict(versioned)
    except RuntimeError as error:
        raise InvalidSetting(f"{source} does not fit {name}: {describe_mismatch(error)}") from error


def describe_mismatch(error: RuntimeError) -> str:
    """Return a short form of an error message of `load_state_dict`, which can name every tensor of a network."""
    text = str(error)
    missing, unknown = (
        [
            name
            for line in re.findall(rf"{kind} key\(s\) in state_dict: (.*)", text)
            for name in re.findall('"(.+?)"', line)
        ]
        for kind in ("Missing", "Unexpected")
    )
    shapes = re.findall(
        r"size mismatch for (\S+): .*?torch\.Size\(\[([\d, ]*)\]\).*?torch\.Size\(\[([\d, ]*)\]\)", text
    )
    wrong = [f"{name} ({format_shape(shape)}, not {format_shape(expected)})" for name, shape, expected in shapes]
    problems = {"missing": missing, "unknown": unknown, "of another shape": wrong}
    return "; ".join(f"{what}: {join_names(names)}" for what, names in problems.items() if names) or first_line(error)


def format_shape(shape: str) -> str:
    """Return a shape for a message, for example 3×4."""
    return shape.replace(", ", "×") or "a single number"


def join_names(names: Sequence[str], limit: int = 3) -> str:
    """Return the first `limit` of `names` for a message, and the number of the others."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return printable(", ".join(names[:limit])) + more
