"""Libraries of networks that only some users have installed."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from types import ModuleType

import torch

from inceptionism.errors import InvalidSetting


def import_library(name: str, extra: str) -> ModuleType:
    """Return the library that is imported as `name`.

    Args:
        name: torchvision, timm or safetensors.
        extra: With which of this package's extras it gets installed.

    Raises:
        InvalidSetting: it is not installed, or it does not fit the torch that is.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        raise InvalidSetting(
            f'{error.name} is not installed; install it with: pip install "inceptionism[{extra}]"'
        ) from error
    # Torchvision's compiled part is made for one version of torch; the first attempt raises RuntimeError, and those
    # after it AttributeError, for half of torchvision is there by then.
    except (RuntimeError, AttributeError, ImportError) as error:
        if "torchvision" not in f"{error} {getattr(error, 'path', '')}":
            raise
        raise InvalidSetting(
            f"torchvision {version('torchvision')} does not fit torch {torch.__version__}; install the pair that "
            "belongs together, see https://pytorch.org/get-started"
        ) from error
