"""How much memory the machine has, and keeping what the next step will need again."""

from __future__ import annotations

import ctypes
import platform
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

import psutil
import torch
from torch import Tensor

# What glibc calls its settings (malloc.h), and what it sets them to by itself once large pieces have been freed.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
USUAL = {M_MMAP_THRESHOLD: 32 * 2**20, M_TRIM_THRESHOLD: 64 * 2**20}
# Larger pieces than the network's are whole pictures: few, and better handed back.
KEEPING = {M_MMAP_THRESHOLD: 256 * 2**20, M_TRIM_THRESHOLD: 2**31 - 1}

MADV_HUGEPAGE = 14  # of Linux (asm-generic/mman-common.h)
LARGE_PAGE = 2 * 2**20


def machine_memory(device: torch.device) -> int:
    """Return how many bytes of memory the device has, or the machine for its processor, whoever uses them now."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    if device.type == "mps":
        return torch.mps.recommended_max_memory()
    return int(psutil.virtual_memory().total)


@cache
def c_library() -> ctypes.CDLL | None:
    """Return glibc, or nothing on a system that has another C library."""
    return ctypes.CDLL(None) if platform.libc_ver()[0] == "glibc" else None


_keepers = 0
_lock = threading.Lock()


@contextmanager
def keep_memory() -> Iterator[None]:
    """Inside, keep memory that is freed for the next step, and hand it back to the system afterwards.

    Each step frees hundreds of megabytes and asks for as many. By default glibc hands large pieces back at once,
    and the system clears each page before it gives it again: for a large picture, that takes longer than the
    network does. On systems with another C library, this does nothing.
    """
    global _keepers
    library = c_library()
    if library is None:
        yield
        return
    with _lock:
        _keepers += 1
        for setting, value in KEEPING.items():
            library.mallopt(setting, value)
    try:
        yield
    finally:
        with _lock:
            _keepers -= 1
            if not _keepers:
                for setting, value in USUAL.items():
                    library.mallopt(setting, value)
                trim_memory()


def use_large_pages(tensor: Tensor) -> Tensor:
    """Return a new tensor, of which nothing was written yet; if it is large, the system gives it large pages.

    It clears a page when it is first written to, and 200,000 small ones a step take longer than all else that is done
    with a picture of 33 megapixels outside the network. It is advice, which a system may not take.
    """
    size = tensor.numel() * tensor.element_size()
    library = c_library() if tensor.device.type == "cpu" and size >= KEEPING[M_MMAP_THRESHOLD] else None
    if library is not None:
        begin, end = -(-tensor.data_ptr() // LARGE_PAGE) * LARGE_PAGE, tensor.data_ptr() + size
        length = (end - begin) // LARGE_PAGE * LARGE_PAGE
        library.madvise(ctypes.c_void_p(begin), ctypes.c_size_t(length), MADV_HUGEPAGE)
    return tensor


def trim_memory() -> None:
    """Give to the system what is kept and not in use, before what comes next and is of another size."""
    library = c_library()
    if library is not None:
        library.malloc_trim(0)
