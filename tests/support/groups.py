"""Groups of processes (cgroups) with limits of memory and processor time, where the tests may make them."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path

import pytest

from inceptionism.limits import ROOT, group_folders


def own_group(controller: str) -> Path | None:
    """Return the folder of this process's group if it is of version 1 and a group may be made in it."""
    for folder in group_folders(ROOT, controller):
        if (folder / "cgroup.clone_children").exists() and os.access(folder, os.W_OK):
            return folder
    return None


def remove(group: Path) -> None:
    """Delete an empty group. Its last process may still be ending."""
    for _ in range(20):
        with suppress(OSError):
            return group.rmdir()
        time.sleep(0.1)
    return group.rmdir()


needs_groups = pytest.mark.skipif(
    own_group("memory") is None or own_group("cpu") is None,
    reason="needs the right to make groups of processes (cgroups of version 1)",
)


@contextmanager
def in_group(*, memory: int | None = None, cores: float | None = None) -> Iterator[list[str]]:
    """Make groups with limits, and return the beginning of a command that runs in them.

    Args:
        memory: Limit of the memory in bytes.
        cores: Limit of the processor time in cores.
    """
    limits = {
        "memory": {"memory.limit_in_bytes": memory} if memory else {},
        "cpu": {"cpu.cfs_quota_us": int(100_000 * cores), "cpu.cfs_period_us": 100_000} if cores else {},
    }
    with ExitStack() as stack:
        enter = []
        for controller, files in limits.items():
            if files:
                parent = own_group(controller)
                assert parent is not None
                group = Path(tempfile.mkdtemp(prefix="inceptionism-", dir=parent))
                stack.callback(remove, group)
                for name, value in files.items():
                    (group / name).write_text(str(value))
                enter.append(f"echo $$ > {group}/cgroup.procs")
        yield ["sh", "-c", " && ".join([*enter, 'exec "$@"']), "sh"]
