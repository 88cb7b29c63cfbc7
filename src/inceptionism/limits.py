"""Limits of this program: the memory and the processor cores that the system lets it use.

A container, a batch system or an administrator may give a program only a part of the machine. Linux limits groups of
processes (cgroups, version 1 and 2), single processes (resource limits) and the cores of a process (affinity).
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    # The program imports this module when it starts. torch and psutil are imported when they are needed.
    import torch

MACHINE_SHARE = 0.5
"""Share of the machine's memory that is used by default. The rest is for the system and other programs."""

LIMIT_SHARE = 0.8
"""Share of a smaller limit that is used by default. Only this program and programs beside it share the limit."""

ROOT = Path("/")
"""Folder in which the files of the system are found."""

_share = 1.0


def share_memory(share: float) -> None:
    """Let this process use only a share of the memory, from 0 to 1, because others work beside it."""
    global _share
    _share = share


def default_memory(device: torch.device) -> int:
    """Return the memory in bytes that is used on a device if the user gives no limit.

    On the CPU, it is half of the machine's memory, or 80% of a smaller limit of the system.
    """
    return int(min(machine_memory(device) * MACHINE_SHARE, allowed_memory(device) * LIMIT_SHARE))


def allowed_memory(device: torch.device) -> int:
    """Return the memory of a device in bytes that the system lets this program use, used or not.

    Without limits of the system, it is more than any machine has: a user may want to use swap space. If several
    processes of this package work together, it is the share of this process.
    """
    if device.type != "cpu":
        return sys.maxsize
    groups = (int(_share * limit) for limit in group_memory_limits(ROOT))
    return max(0, min([*groups, *process_memory_limits(), sys.maxsize]))


def machine_memory(device: torch.device) -> int:
    """Return the total memory of a device in bytes, used or not. For the CPU, it is the memory of the machine.

    If several processes of this package work together, it is the share of this process.
    """
    import psutil
    import torch

    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    return int(psutil.virtual_memory().total * _share)


def free_memory() -> int:
    """Return the memory of the machine in bytes that new processes of this program can use."""
    import psutil

    free = [psutil.virtual_memory().available]
    for folder in group_folders(ROOT, "memory"):
        used = text_of(folder / "memory.current") or text_of(folder / "memory.usage_in_bytes")
        # The system reads files into free memory, and takes it back when a program needs it.
        files = re.search(r"^(?:total_)?inactive_file (\d+)$", text_of(folder / "memory.stat"), re.MULTILINE)
        taken = (int(used) if used.isdecimal() else 0) - (int(files[1]) if files else 0)
        free += [int(LIMIT_SHARE * limit) - taken for limit in limits_of(folder)]
    return max(0, min(free))


def process_memory_limits() -> list[int]:
    """Return limits of the memory of this process in bytes. Address space that needs no memory does not count."""
    try:
        import resource
    except ImportError:  # Windows has no such limits
        return []
    import psutil

    limits = []
    memory = psutil.Process().memory_info()
    for kind, size in (("RLIMIT_AS", memory.vms), ("RLIMIT_DATA", getattr(memory, "data", 0))):
        limit = resource.getrlimit(getattr(resource, kind))[0] if hasattr(resource, kind) else resource.RLIM_INFINITY
        if limit != resource.RLIM_INFINITY:
            limits.append(limit - max(0, size - memory.rss))
    return limits


def group_memory_limits(root: Path) -> list[int]:
    """Return the limits of the memory of this process's groups, in bytes.

    Args:
        root: Folder in which the files of the system are found.
    """
    return [limit for folder in group_folders(root, "memory") for limit in limits_of(folder)]


def limits_of(folder: Path) -> list[int]:
    """Return the limits of the memory of the group that a folder describes, in bytes."""
    texts = [text_of(folder / name) for name in ("memory.max", "memory.high", "memory.limit_in_bytes")]
    return [int(text) for text in texts if text.isdecimal()]


def available_cores() -> int:
    """Return the number of processor cores that this program may use. A part of a core is rounded, 1 is the least."""
    return max(1, min([visible_cores(), *map(round, group_core_limits(ROOT))]))


def visible_cores() -> int:
    """Return the number of processor cores on which threads of this process may run, for any part of the time."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@cache
def group_core_limits(root: Path) -> tuple[float, ...]:
    """Return the limits of the processor time of this process's groups, in cores.

    They hardly ever change, and they are needed often. So they are read once.

    Args:
        root: Folder in which the files of the system are found.
    """
    limits = []
    for folder in group_folders(root, "cpu"):
        version_1 = [text_of(folder / name) for name in ("cpu.cfs_quota_us", "cpu.cfs_period_us")]
        numbers = text_of(folder / "cpu.max").split() or version_1
        if len(numbers) == 2 and all(number.isdecimal() for number in numbers) and int(numbers[1]):
            limits.append(int(numbers[0]) / int(numbers[1]))
    return tuple(limits)


def text_of(path: Path) -> str:
    """Return the text of a file, without a line feed at its end. It is empty if the file cannot be read."""
    try:
        return path.read_text("utf-8", "surrogateescape").strip()
    except OSError:  # another version of the groups, or the top group, which has no limits
        return ""


def group_folders(root: Path, controller: str) -> Iterator[Path]:
    """Yield the folders that describe this process's groups, from the own group up to the top.

    See proc_pid_mountinfo(5) and cgroups(7) for the two files that are read.

    Args:
        root: Folder in which the files of the system are found.
        controller: What the groups limit: "memory" or "cpu".
    """
    paths: dict[str, str] = {}
    for line in text_of(root / "proc/self/cgroup").split("\n"):
        fields = line.split(":", 2)
        if len(fields) == 3:
            paths.update(dict.fromkeys(fields[1].split(","), fields[2]))  # version 2 has no list of controllers
    for line in text_of(root / "proc/self/mountinfo").split("\n"):
        mount, _, system = line.partition(" - ")
        fields, (kind, *others) = mount.split(" "), system.split(" ")
        if kind == "cgroup2":
            path = paths.get("", "/")
        elif kind == "cgroup" and controller in others[-1].split(","):
            path = paths.get(controller, "/")
        else:
            continue
        top, point = fields[3:5]
        folder = root / unescaped(point).lstrip("/")
        # In a container, the mounted top may be the own group itself, although the path is the one outside.
        own_path = PurePosixPath(path)
        below = own_path.relative_to(top).parts if own_path.is_relative_to(top) else ()
        for count in range(len(below), -1, -1):
            yield folder.joinpath(*below[:count])


def unescaped(path: str) -> str:
    r"""Return a path of mountinfo, in which spaces and some other characters are octal numbers such as \040."""
    return re.sub(r"\\([0-7]{3})", lambda match: chr(int(match[1], 8)), path)
