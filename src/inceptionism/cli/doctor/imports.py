"""Attempts to import libraries, in another process: a library for another processor can end the process."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from inceptionism.errors import InceptionismError, describe_error
from inceptionism.networks.loaders import import_library

PROGRAM = """
import sys
sys.path[:] = {path!r}
from inceptionism.cli.doctor.imports import import_all
import_all({modules!r})
"""

MAX_SECONDS = 120
"""Longest time in seconds that the import of all libraries may take."""


class Source(NamedTuple):
    """The origin of a module.

    Attributes:
        package: Name of the package that contains it.
        extra: Name of the extra that installs the package. Empty for the default installation.
    """

    package: str
    extra: str


def broken_libraries(modules: Mapping[str, Source]) -> dict[str, str]:
    """Return a sentence about each module that cannot be imported, by the name of the module."""
    broken: dict[str, str] = {}
    left = dict(modules)
    while left:
        tried, end = imported(left)
        broken |= {name: text for name, text in tried.items() if text}
        left = {name: source for name, source in left.items() if name not in tried}
        if left:  # the process ended during the import of the next module
            name = next(iter(left))
            package = left.pop(name).package
            broken[name] = f"the import of {name} ends Python ({end}); {again(package)}"
    return broken


def again(package: str) -> str:
    """Return the end of a sentence about a package that is damaged or was built for another machine."""
    return f"install it again with: pip install --force-reinstall --no-cache-dir {package}"


def imported(modules: Mapping[str, Source]) -> tuple[dict[str, str], str]:
    """Import modules in a new process, in their order.

    Returns:
        The error of each module that was tried, which is empty for a success; and the end of the process in words.
    """
    code = PROGRAM.format(
        path=[folder for folder in sys.path if folder],
        modules={name: tuple(source) for name, source in modules.items()},
    )
    # Not all libraries are as quiet as Python: only lines that are JSON are results.
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    try:
        output, _ = process.communicate(timeout=MAX_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        output, _ = process.communicate()
        return dict(results(output)), f"it took more than {MAX_SECONDS} seconds"
    return dict(results(output)), ending(process.returncode)


def results(output: bytes) -> Iterator[tuple[str, str]]:
    """Yield the names of the modules in the output of the process, with their errors."""
    for line in output.splitlines():
        with contextlib.suppress(ValueError, TypeError):
            name, error = json.loads(line)
            yield name, error


def ending(status: int) -> str:
    """Return the end of a process in words, for example "signal SIGILL"."""
    if status >= 0:
        return f"exit status {status}"
    try:
        return f"signal {signal.Signals(-status).name}"
    except ValueError:
        return f"signal {-status}"


def import_all(modules: Mapping[str, tuple[str, str]]) -> None:
    """Import modules in this process, and print each name with its error, or with an empty text."""
    with os.fdopen(os.dup(sys.stdout.fileno()), "w") as out:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # libraries print to standard output as well
        for name, source in modules.items():
            print(json.dumps([name, import_error(name, *source)]), file=out, flush=True)


def import_error(name: str, package: str, extra: str) -> str:
    """Return a sentence about the error of an import, or an empty text."""
    try:
        import_library(name, extra)
    except InceptionismError as error:
        return str(error)
    except BaseException as error:  # noqa: BLE001  # a broken library may even exit
        return f"{package} is installed, but it cannot be imported: {describe_error(error)}; {again(package)}"
    return ""
