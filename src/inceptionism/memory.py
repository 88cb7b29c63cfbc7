"""Settings that keep freed memory for the next step, and return it where a large picture needs it.

Other settings leave out Python's search for garbage while the program starts and when it ends.
"""

from __future__ import annotations

import atexit
import ctypes
import gc
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

# Names of settings in glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3

DEFAULT_SETTINGS = {M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: 64 * 2**20}
"""Settings that glibc chooses by itself after large blocks have been freed."""

KEEP_SETTINGS = {M_MMAP_THRESHOLD: 256 * 2**20, M_TRIM_THRESHOLD: 2**31 - 1}
"""Settings that keep freed blocks in the process.

Blocks above the first limit are whole pictures. They are few, and most of them are still returned to the system.
"""

MADV_HUGEPAGE = 14
"""Advice "use large pages", from Linux's asm-generic/mman-common.h."""

LARGE_PAGE = 2 * 2**20
"""Size of a large page, in bytes."""


USUAL_THRESHOLDS = gc.get_threshold()
"""Numbers of new objects and of earlier searches after which Python searches for garbage."""

START_OBJECTS = 500_000
"""Number of new objects after which Python searches for garbage while the program starts.

The import of torch and the first network make 300,000 objects, and nearly all of them stay. By default, Python looks
through all of them several times, which takes an eighth of the time of a small photograph.
"""


@cache
def glibc() -> ctypes.CDLL | None:
    """Return the C library, or None if it is not glibc."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


_owns_process = False
_active_keepers = 0
_lock = threading.Lock()


@contextmanager
def own_process() -> Iterator[None]:
    """Declare that the process runs only this package inside the block, as the process of the command `dream` does.

    The settings of malloc and of Python's search for garbage apply to the whole process. So they are changed only in
    such a process. Python hardly searches for garbage until `finish_start`, and not at all when the process ends,
    because the system then takes back all memory.
    """
    global _owns_process
    before, _owns_process = _owns_process, True
    gc.set_threshold(START_OBJECTS, *USUAL_THRESHOLDS[1:])
    atexit.register(gc.freeze)
    try:
        yield
    finally:
        gc.set_threshold(*USUAL_THRESHOLDS)
        gc.unfreeze()
        _owns_process = before


def finish_start() -> None:
    """Let Python search for garbage as usual, but not among the objects that exist now, because most of them stay.

    In a process of another program, and after the first call, this does nothing.
    """
    if _owns_process and gc.get_threshold()[0] == START_OBJECTS:
        gc.freeze()
        gc.set_threshold(*USUAL_THRESHOLDS)


@contextmanager
def keep_memory() -> Iterator[None]:
    """Keep freed memory for the next step inside the block, and return it to the system afterwards.

    Each step frees hundreds of megabytes and allocates as many again. By default, glibc returns large blocks to the
    system at once, and the system clears each page before it hands it out again. For a large picture, that takes
    longer than the network. With another C library, or in a process of another program, this does nothing.

    The start of the program ends here (see `finish_start`).
    """
    global _active_keepers
    finish_start()
    library = glibc() if _owns_process else None
    if library is None:
        yield
        return
    with _lock:
        _active_keepers += 1
        for setting, value in KEEP_SETTINGS.items():
            library.mallopt(setting, value)
    try:
        yield
    finally:
        with _lock:
            _active_keepers -= 1
            if not _active_keepers:
                for setting, value in DEFAULT_SETTINGS.items():
                    library.mallopt(setting, value)
                trim_memory()


def use_large_pages(tensor: Tensor) -> Tensor:
    """Ask the system for large pages for a tensor if it is large and on the CPU, and return the same tensor.

    The tensor must be newly allocated, and nothing may have been written to it yet. The system may ignore the request.

    The system clears a page at the first write to it. For a picture of 33 megapixels, a step writes to 200,000 small
    pages. Clearing these takes longer than all other work on the picture outside of the network.
    """
    library = glibc() if is_large(tensor) else None
    if library is not None:
        begin, end = -(-tensor.data_ptr() // LARGE_PAGE) * LARGE_PAGE, tensor.data_ptr() + tensor.nbytes
        length = (end - begin) // LARGE_PAGE * LARGE_PAGE
        library.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(length), MADV_HUGEPAGE)
    return tensor


def is_large(tensor: Tensor) -> bool:
    """Return whether a tensor on the CPU is so large that copies of it decide how much memory the program takes."""
    return tensor.device.type == "cpu" and tensor.nbytes >= KEEP_SETTINGS[M_MMAP_THRESHOLD]


def trim_memory_beside(tensor: Tensor) -> None:
    """Return unused memory to the system if a tensor is large, before another tensor of its size is allocated."""
    if is_large(tensor):
        trim_memory()


def trim_memory() -> None:
    """Return unused memory to the system, for example before a picture of another size."""
    library = glibc()
    if library is not None:
        library.malloc_trim(0)
