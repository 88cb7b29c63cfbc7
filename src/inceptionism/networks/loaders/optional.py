"""Import of optional libraries, which only some users have installed."""

from __future__ import annotations

import importlib
from importlib.metadata import version
from types import ModuleType

from inceptionism.errors import InvalidSetting, first_line

PACKAGES = {"google": "protobuf", "open_clip": "open_clip_torch", "umap": "umap-learn"}
"""Names of packages on PyPI whose modules have another name, by the top name of their modules."""


def import_library(name: str, extra: str = "") -> ModuleType:
    """Import a module that belongs to an optional library or needs one, and return the module.

    Args:
        name: Name of the module, for example torchvision.models.
        extra: Name of this package's extra that installs the library. Empty for a library of the default installation.

    Raises:
        InvalidSetting: If the library is not installed, does not fit the installed torch, or cannot be imported.
    """
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        missing = error.name or name
        package = PACKAGES.get(missing.partition(".")[0], missing)
        raise InvalidSetting(
            f"{package} is not installed; install it with: pip install {source_of(package, extra)}"
        ) from error
    # The compiled part of torchvision works with one version of torch only. With another version, the first import
    # raises RuntimeError. Later imports raise AttributeError, because a part of torchvision is already imported.
    except (RuntimeError, AttributeError, ImportError) as error:
        if "torchvision" in f"{error} {getattr(error, 'path', '')}":
            raise InvalidSetting(
                f"torchvision {version('torchvision')} does not fit torch {version('torch')}; install versions that "
                "belong together, see https://pytorch.org/get-started"
            ) from error
        if not isinstance(error, ImportError):
            raise
        package = (error.name or name).partition(".")[0]
        raise InvalidSetting(
            f"{package} is installed, but it cannot be imported: {first_line(error)}; install a newer version with: "
            f"pip install --upgrade {source_of(package, extra)}"
        ) from error


def source_of(package: str, extra: str) -> str:
    """Return the argument of `pip install` that installs a package: the extra of this package, if there is one."""
    return f'"inceptionism[{extra}]"' if extra else package
