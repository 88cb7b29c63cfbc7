"""Memory, files, threads, hooks and processes that this process holds."""

from __future__ import annotations

import gc
import tempfile
from pathlib import Path
from typing import NamedTuple

import psutil

from inceptionism.memory import trim_memory
from tests.support.process_state import count_hooks

MAX_GROWTH = 0.03
"""Largest growth of the resident memory, as a share."""


class Resources(NamedTuple):
    """Resources that a process holds.

    Attributes:
        memory: Resident memory in bytes.
        files: Number of open files and connections.
        threads: Number of threads.
        hooks: Number of hooks of all modules.
        temporary: Number of files in the folder for temporary files.
        processes: Number of child processes.
    """

    memory: int
    files: int
    threads: int
    hooks: int
    temporary: int
    processes: int

    def growth(self, later: Resources) -> list[str]:
        """Return the names of the resources of which there are more later."""
        grown = ["memory"] if later.memory > self.memory * (1 + MAX_GROWTH) else []
        return grown + [name for name in self._fields[1:] if getattr(later, name) > getattr(self, name)]


def held_resources() -> Resources:
    """Return the resources that this process holds, after unreachable objects were deleted."""
    gc.collect()
    trim_memory()
    process = psutil.Process()
    return Resources(
        memory=process.memory_info().rss,
        files=process.num_fds(),
        threads=process.num_threads(),
        hooks=count_hooks(),
        temporary=sum(1 for _ in Path(tempfile.gettempdir()).rglob("*")),
        processes=len(process.children(recursive=True)),
    )
