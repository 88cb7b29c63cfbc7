"""Functions that run the command `dream`, in a new process or in the process of the tests."""

from __future__ import annotations

import functools
import io
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import typer.main
from PIL import Image

from inceptionism.cli.app import app, main

# Typer makes the objects of all commands again whenever the program is called. This takes longer than a small dream.
typer.main.get_command = functools.cache(typer.main.get_command)

DREAM = [sys.executable, "-m", "inceptionism"]

PHOTO_SETTINGS = {
    "network": "efficientnet-lite1",
    "layer": ["blocks.3=2"],
    "octaves": 3,
    "octave_scale": 1.5,
    "steps": 1,
    "step_size": 3.5,
    "jitter": 9,
    "size": 60,
    "seed": 11,
    "device": "cpu",
    "precision": "bf16",
    "memory": "3GB",
    "prior": "0.1*tv + laplacian(decay=0.25)",
    "strength": 0.75,
    "colors": "cup.jpg",
    "contrast": 1.25,
    "saturation": 0.5,
    "guide": "cup.jpg",
    "mask": "cup.jpg",
}
"""A value for every setting of a photograph except the objective, which replaces the layers."""

PHOTO_FLAGS = [
    part
    for name, value in PHOTO_SETTINGS.items()
    for part in ("--" + name.replace("_", "-"), *(value if isinstance(value, list) else [value]))
]
"""The same settings as options of the command line."""


def commands(group: Any = None, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yield the name and the definition of every command of the program, for example `networks add`."""
    for name, one in (group or typer.main.get_command(app)).commands.items():
        if hasattr(one, "commands"):
            yield from commands(one, f"{path}{name} ")
        else:
            yield f"{path}{name}", one


def dream_process(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*DREAM, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, check=False)


def dream(*arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run `dream` in the process of the tests, so that torch is loaded only once. Return its output and exit status."""
    done = piped(*arguments, cwd=cwd)
    return subprocess.CompletedProcess(arguments, done.returncode, os.fsdecode(done.stdout), os.fsdecode(done.stderr))


def piped(*arguments: object, cwd: Path, content: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    """Run `dream` in the process of the tests, with `content` as standard input, and return the bytes of its output."""
    names = [os.fsdecode(one) if isinstance(one, bytes) else str(one) for one in arguments]
    streams = {"stdin": io.BytesIO(content), "stdout": io.BytesIO(), "stderr": io.BytesIO()}
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(cwd)
        for name, stream in streams.items():
            patch.setattr(sys, name, io.TextIOWrapper(stream, "utf-8", write_through=True))
        with pytest.raises(SystemExit) as left:
            main(names)
        out, err = streams["stdout"].getvalue(), streams["stderr"].getvalue()
    return subprocess.CompletedProcess(arguments, left.value.code, out, err)


def on_terminal(*arguments: object, cwd: Path, until: str | None = None, then: int = signal.SIGINT) -> tuple[str, int]:
    """Run `dream` on a pseudo-terminal and return its output and exit status. It is killed if it takes five minutes.

    When the output matches the pattern `until`, the signal `then` is sent.
    """
    control, terminal = pty.openpty()
    environment = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"}
    process = subprocess.Popen(
        [*DREAM, *map(str, arguments)], cwd=cwd, stdin=terminal, stdout=terminal, stderr=terminal, env=environment
    )
    os.close(terminal)
    shown = b""
    deadline = time.monotonic() + 300
    interrupted = False
    while time.monotonic() < deadline:
        if not select.select([control], [], [], 1)[0]:
            continue
        try:
            part = os.read(control, 4096)
        except OSError:  # the terminal is closed: the process has ended
            break
        if not part:
            break
        shown += part
        if until and not interrupted and re.search(until.encode(), shown):
            process.send_signal(then)
            interrupted = True
    else:
        process.kill()
    os.close(control)
    return shown.decode(), process.wait()


def refused(done: subprocess.CompletedProcess[str], reason: str, status: int) -> None:
    """Check that `dream` printed one line with the reason on standard error and nothing else, and its exit status."""
    assert re.search(reason, done.stderr), done.stderr
    assert done.stderr.startswith("dream: ")
    assert done.stderr.count("\n") == 1
    assert done.stdout == ""
    assert done.returncode == status


def pixels(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)
