"""A small disk that can be full, and folders that can be read-only even for the administrator."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CLONE_NEWNS = 0x20000
"""Flag of Linux's unshare: mounts of this process are invisible to others, and end with it."""

MS_REC, MS_PRIVATE = 0x4000, 0x40000
"""Flags of Linux's mount: the mounts of this process do not spread to others."""

MNT_DETACH = 2
"""Flag of Linux's umount2: files that are still open do not keep the file system from being removed."""

CAPABILITY_VERSION = 0x20080522
"""Version of the structures of Linux's capset."""

DISK_BYTES = 64 * 2**20
"""Size of the small disk."""


class Disk:
    """Disk on which the commands run.

    Args:
        folder: Folder of the disk. On Linux, the administrator gets a new file system there, which is limited in size.
            For others, it is an ordinary folder, and a full disk is imitated by a limit on the size of each file.

    Attributes:
        folder: Folder of the disk.
        is_mounted: Whether the disk is a file system of its own.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.is_mounted = mount_in_memory(folder, DISK_BYTES)
        self._ballast = folder / "ballast"

    def close(self) -> None:
        """Remove the file system with all its files."""
        if self.is_mounted:
            ctypes.CDLL(None).umount2(os.fsencode(self.folder), MNT_DETACH)

    @contextmanager
    def nearly_full(self, free_bytes: int | None) -> Iterator[None]:
        """Leave only `free_bytes` on the disk inside the block, if the disk is mounted. None leaves all."""
        if free_bytes is None or not self.is_mounted:
            yield
            return
        stats = os.statvfs(self.folder)
        with self._ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, max(1, stats.f_bavail * stats.f_frsize - free_bytes))
        try:
            yield
        finally:
            self._ballast.unlink()

    def limit_files(self, max_bytes: int) -> None:
        """Limit the size of each file that this process writes, if the disk is not mounted."""
        if not self.is_mounted:
            resource.setrlimit(resource.RLIMIT_FSIZE, (max_bytes, max_bytes))


def mount_in_memory(folder: Path, size: int) -> bool:
    """Mount a new file system of a size in bytes, for this process and its children. Return whether it worked."""
    if sys.platform != "linux":
        return False
    libc = ctypes.CDLL(None)
    return (
        libc.unshare(CLONE_NEWNS) == 0
        and libc.mount(b"none", b"/", None, ctypes.c_ulong(MS_REC | MS_PRIVATE), None) == 0
        and libc.mount(b"tmpfs", os.fsencode(folder), b"tmpfs", ctypes.c_ulong(0), b"size=%d" % size) == 0
    )


def obey_permissions() -> None:
    """Give up the administrator's right to write into read-only folders, in this process."""
    if sys.platform == "linux" and os.geteuid() == 0:
        header, nothing = (ctypes.c_uint32 * 2)(CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
        if ctypes.CDLL(None, use_errno=True).capset(header, nothing):
            raise OSError(ctypes.get_errno(), "the administrator's rights cannot be given up")
