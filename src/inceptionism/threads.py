"""The threads of torch: how many there are, and how they wait for each other while other programs use the processor.

torch divides an operation among threads, and each thread waits at the end for the slowest one. GNU's OpenMP library
lets it wait busily for some milliseconds, because a thread that sleeps wakes up late. On a free processor, that is
fastest. Beside other programs, the busy threads occupy the cores that the slowest thread needs: a step then takes up
to ten times as long. So the threads of this package wait busily on a free processor, and sleep beside other work.
"""

from __future__ import annotations

import ctypes
import os
import threading
import time
from functools import cache
from pathlib import Path

from inceptionism.limits import available_cores, visible_cores

# The program imports this module when it starts. torch is imported when it is needed.

WINDOW_SECONDS = 0.1
"""Time in seconds over which the competition for the processor is measured. The first measurement is about all that the
program has done so far, so that not even the first operation is slow."""

NOISE = 0.03
"""Share of a window in which each thread waits for a core, even on a free processor. It is subtracted."""

BUSY, FREE = 0.2, 0.1
"""Limits of the share in which all threads together wait for a core, above the noise: beside other work, and free.

Two threads on two cores waited, without the noise, for 0 to 0.05 of the time on a free processor, for about 0.2 beside
a program that uses 20% of a core, and for 0.3 to 1.1 beside programs that always compute.
"""

FREE_WINDOWS = 5
"""Number of consecutive windows with a free processor after which threads wait busily again."""

IDLE_SECONDS = 2.0
"""Time in seconds without a measurement after which threads wait busily again, as the user's own work expects.

If steps take longer, it is three times the time between two measurements.
"""

MAX_IDLE_THREADS = 64
"""Largest number of threads of the team that does nothing."""

TASKS = Path("/proc/self/task")
"""Folder in which Linux describes the threads of this process."""


def adapt_threads() -> None:
    """Choose the number of torch's threads by the limits of the system, and how they wait by the competition.

    Call this often, for example before each run of the network. torch does not know of limits of processor time, which
    containers often have. A number of threads in the variable OMP_NUM_THREADS is never changed. The way of waiting
    changes only with GNU's OpenMP library, which is part of torch for Linux.
    """
    import torch

    if torch.get_num_threads() > 1:
        cores = available_cores()
        if torch.get_num_threads() > cores and "OMP_NUM_THREADS" not in os.environ:
            torch.set_num_threads(cores)
    _waiting.adapt()


class Waiting:
    """How the threads of torch wait for each other in this process: busily or asleep.

    The OpenMP library has no function for that. But threads wait only for a moment before they sleep if there are more
    of them than cores (see GOMP_SPINCOUNT in its manual). To let threads sleep, a Python thread starts a team of idle
    threads. To let them wait busily, that thread ends, and its team ends with it.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._changing = threading.Lock()
        self._wake: threading.Event | None = None
        self._measured_at = 0.0
        self._passed = 0.0
        self._waited = 0.0
        self._free_windows = 0

    @property
    def is_asleep(self) -> bool:
        """Whether threads sleep while they wait."""
        return self._wake is not None

    def adapt(self) -> None:
        """Measure the competition for the processor if a window has passed, and choose."""
        import torch

        threads = torch.get_num_threads()
        if threads == 1 or openmp() is None:
            self.wake()
            return
        with self._lock:
            now, is_first = time.perf_counter(), not self._measured_at
            passed = now - self._measured_at
            if passed < WINDOW_SECONDS:
                return
            waited = waited_seconds()
            if is_first:
                # So far one thread has imported torch. It has computed, or waited for a core.
                passed, threads = time.process_time() + waited, 1
            share = (waited - self._waited) / passed - NOISE * threads
            self._measured_at, self._waited = now, waited
            self._passed = 0.0 if is_first else passed
            self._free_windows = self._free_windows + 1 if share < FREE else 0
            if share > BUSY and not self.is_asleep:
                self.sleep()
            elif self._free_windows >= FREE_WINDOWS and self.is_asleep:
                self.wake()

    def sleep(self) -> None:
        """Let threads sleep while they wait. If that needs too many threads, nothing changes."""
        import torch

        library = openmp()
        # The OpenMP library counts the cores that it sees. It does not know of limits of processor time.
        idle_threads = max(2, visible_cores() - torch.get_num_threads() + 2)
        # The OpenMP library ends the program if it cannot start a thread.
        if library is None or idle_threads > MAX_IDLE_THREADS:
            return
        ready, wake = threading.Event(), threading.Event()

        def keep() -> None:
            # The team calls free(NULL), which does nothing, and then sleeps until its first thread ends.
            try:
                library.GOMP_parallel(ctypes.cast(ctypes.CDLL(None).free, ctypes.c_void_p), None, idle_threads, 0)
            finally:
                ready.set()
            while not wake.wait(IDLE_SECONDS) and self._is_needed():
                pass
            with self._changing:
                if self._wake is wake:
                    self._wake = None

        self._wake = wake  # so that an interruption below does not lose the team
        try:
            threading.Thread(target=keep, name="inceptionism-waiting", daemon=True).start()
        except RuntimeError:  # the system allows no more threads
            self._wake = None
            return
        ready.wait()

    def _is_needed(self) -> bool:
        """Return whether there was a measurement lately. Otherwise the work of this package has ended."""
        return time.perf_counter() - self._measured_at < max(IDLE_SECONDS, 3 * self._passed)

    def wake(self) -> None:
        """Let threads wait busily."""
        with self._changing:
            wake, self._wake = self._wake, None
        if wake is not None:
            wake.set()


_waiting = Waiting()


@cache
def openmp() -> ctypes.CDLL | None:
    """Return GNU's OpenMP library, as torch has loaded it. None if torch uses another one."""
    import torch

    if not TASKS.exists():
        return None
    library = ctypes.CDLL(torch._C.__file__)
    # The libraries of LLVM and Intel have the same functions for programs that were made for GNU's.
    return library if hasattr(library, "GOMP_parallel") and not hasattr(library, "kmp_set_blocktime") else None


def waited_seconds() -> float:
    """Return the time in seconds in which threads of this process could have run, but waited for a core.

    It is the sum over all threads. It is 0 if the system does not measure it.
    """
    total = 0
    for thread in TASKS.iterdir():
        try:
            total += int((thread / "schedstat").read_text().split()[1])
        except OSError:  # the thread has ended, or the system does not tell
            continue
    return total / 1e9
