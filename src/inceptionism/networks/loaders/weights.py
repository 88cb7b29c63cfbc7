"""Weights from files, none of which is ever executed."""

from __future__ import annotations

import pickle
import re
import struct
import warnings
from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, first_line, printable, quote_value
from inceptionism.networks.loaders.optional import import_library

CONTAINERS = ("state_dict", "model_state_dict", "model", "state_dict_ema", "model_ema")
"""Where training programs keep the weights among other things; averages of weights only where there are no others."""

WRAPPERS = ("module.", "_orig_mod.")
"""What torch's DataParallel and compile put before every name."""

# What torch's readers raise for damaged files.
DAMAGE = (
    OSError, RuntimeError, ValueError, TypeError, EOFError, LookupError, AttributeError, AssertionError, OverflowError,
    MemoryError, struct.error,
)  # fmt: skip

SAFE = "save its module.state_dict(), or, if you trust it, wrap the module in inceptionism.Network in Python yourself"


def read_state_dict(path: Path) -> dict[str, Tensor]:
    """Return the weights in a file by the names of their parameters, on the processor and in the file's own numbers.

    Safetensors are known by the file's ending; anything else is read as what `torch.save` wrote. Weights are found
    inside of what training programs save with them, and names lose what torch's wrappers put before them.

    Raises:
        InvalidSetting: the file is missing, damaged or holds no weights; or it can only be read by executing it.
    """
    if not path.is_file():
        raise InvalidSetting(f"there is no file of weights {quote_value(str(path))}")
    if not path.stat().st_size:
        raise InvalidSetting(f"{path} holds no weights: it is empty")
    found = read_safetensors(path) if path.suffix == ".safetensors" else read_pickled(path)
    state = contained(found)
    if state is None:
        raise InvalidSetting(f"{path} holds no weights by name, but {described(found)}; {SAFE}")
    for wrapper in WRAPPERS:
        if all(name.startswith(wrapper) for name in state):
            state = {name.removeprefix(wrapper): value for name, value in state.items()}
    return state


def read_safetensors(path: Path) -> object:
    """Return what a file of safetensors holds."""
    reader = import_library("safetensors.torch", "timm")
    errors = (import_library("safetensors", "timm").SafetensorError, *DAMAGE)
    try:
        return reader.load_file(path)
    except errors as error:
        raise InvalidSetting(f"{path} is damaged, or no safetensors: {first_line(error)}") from error


def read_pickled(path: Path) -> object:
    """Return what a file of `torch.save` holds, unless that takes more than tensors, numbers and texts."""
    try:
        with warnings.catch_warnings():
            # What torch warns of is refused below, or was read well.
            for message in (
                "'torch.load' received a zip file that looks like a TorchScript",
                "Detected pickle protocol",
            ):
                warnings.filterwarnings("ignore", message, UserWarning)
            return torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        if named is None:  # torch says so of files too that are no pickles at all
            raise InvalidSetting(f"{path} is damaged, or no file of weights") from error
        raise InvalidSetting(
            f"{path} is not read: it holds {printable(named[1])}, which only executing the file would make; {SAFE}"
        ) from error
    except DAMAGE as error:
        if "TorchScript" in str(error):
            raise InvalidSetting(
                f"{path} is not read: it holds a TorchScript program, which only executing it would read; {SAFE}"
            ) from error
        reason = f": {first_line(error)}" if isinstance(error, (RuntimeError, OSError)) else ""
        raise InvalidSetting(f"{path} is damaged, or no file of weights{reason}") from error


def contained(found: object, deep: int = 2) -> dict[str, Tensor] | None:
    """Return the weights by name in what a file holds: all of it, or one of `CONTAINERS`, so many in each other."""
    if not isinstance(found, Mapping) or not found:
        return None
    if all(isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()):
        return dict(found)
    inside = next((found[name] for name in CONTAINERS if isinstance(found.get(name), Mapping)), None)
    return contained(inside, deep - 1) if deep else None


def described(found: object) -> str:
    """Return in a few words what a file holds in place of weights."""
    if isinstance(found, Mapping) and found:
        return listed([f"{quote_value(name)} ({type(value).__name__})" for name, value in found.items()])
    return f"a {type(found).__name__}"


def fill(module: nn.Module, state: Mapping[str, Tensor], source: str, name: str) -> None:
    """Put weights into the module that is called `name`.

    Raises:
        InvalidSetting: some are missing, not known there, or of another shape.
    """
    try:
        module.load_state_dict(dict(state))
    except RuntimeError as error:
        raise InvalidSetting(f"{source} does not fit {name}: {misfit(error)}") from error


def misfit(error: RuntimeError) -> str:
    """Return in a few words what `load_state_dict` says, which names every tensor of a network."""
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
    other = [f"{one} ({sides(here)}, not {sides(wanted)})" for one, here, wanted in shapes]
    said = {"missing": missing, "not known to it": unknown, "of another shape": other}
    return "; ".join(f"{what}: {listed(names)}" for what, names in said.items() if names) or first_line(error)


def sides(shape: str) -> str:
    """Return a shape as it stands in a sentence."""
    return shape.replace(", ", "×") or "a single number"


def listed(names: Sequence[str], limit: int = 3) -> str:
    """Return the first few of `names`, and how many more there are."""
    more = f" and {len(names) - limit} more" if len(names) > limit else ""
    return printable(", ".join(names[:limit])) + more
