"""The machine as `dream doctor` reports it: system, processor, threads, memory and GPU."""

from __future__ import annotations

import os
import platform
import re
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

from inceptionism.cli.doctor.report import Fact, Problem

# Each function imports torch itself, because it may be broken.

LEAST_MEMORY = 500 * 2**20
"""Memory in bytes that a small dream with the default network takes at its peak, measured on Linux."""


def versions() -> Iterator[Fact | Problem]:
    """Yield the versions and places of this package, Python and the system."""
    from inceptionism.version import __version__

    yield Fact("inceptionism", f"{__version__}, in {Path(__file__).parents[2]}")
    yield Fact("Python", f"{platform.python_version()} ({platform.python_implementation()}), {sys.executable}")
    library = " ".join(filter(None, platform.libc_ver()))
    yield Fact("system", ", ".join(filter(None, [platform.system(), platform.release(), library])))


def processor() -> Iterator[Fact | Problem]:
    """Yield the name of the processor, and the cores that this program may use."""
    from inceptionism.limits import available_cores

    yield Fact("processor", f"{processor_name()} ({platform.machine()})")
    yield Fact("cores", f"{available_cores()} for this program, {os.cpu_count()} in the machine")


def processor_name() -> str:
    """Return the name of the processor, as far as the system tells it."""
    information = Path("/proc/cpuinfo")
    text = information.read_text("utf-8", "replace") if information.is_file() else ""
    found = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return found[1] if found else platform.processor() or "not known"


def precision() -> Iterator[Fact | Problem]:
    """Yield the features of the processor that torch uses, and the precision that follows from them."""
    import torch

    from inceptionism.networks import cpu_features, has_fast_bfloat16

    yield Fact("features", ", ".join([torch.backends.cpu.get_cpu_capability(), *cpu_features()]))
    fast = has_fast_bfloat16(torch.device("cpu"))
    yield Fact("precision auto", "bf16" if fast else "fp32, because the processor has no fast bfloat16")


def threads() -> Iterator[Fact | Problem]:
    """Yield the number of threads with which torch computes."""
    import torch

    from inceptionism.threads import adapt_threads

    adapt_threads()
    chosen = os.environ.get("OMP_NUM_THREADS")
    yield Fact("threads", f"{torch.get_num_threads()}" + (f"; OMP_NUM_THREADS is {chosen}" if chosen else ""))


def memory() -> Iterator[Fact | Problem]:
    """Yield the memory of the machine, and the limits of the system."""
    import torch

    from inceptionism.limits import allowed_memory, default_memory, free_memory, machine_memory

    cpu = torch.device("cpu")
    machine, allowed, default = machine_memory(cpu), allowed_memory(cpu), default_memory(cpu)
    yield Fact("machine", f"{gibibytes(machine)}, of which {gibibytes(free_memory())} are free")
    yield Fact("limit of the system", gibibytes(allowed) if allowed < machine else "none")
    yield Fact("default of --memory", gibibytes(default))
    if default < LEAST_MEMORY:
        yield Problem(
            f"this program uses at most {gibibytes(default)} of memory here, but a small dream takes "
            f"{gibibytes(LEAST_MEMORY)}; raise the limit of the system or of the container"
        )


def gibibytes(size: int) -> str:
    """Return a size in bytes as text, for example "1.5 GiB"."""
    return f"{size / 2**30:.3g} GiB"


def gpu() -> Iterator[Fact | Problem]:
    """Yield the GPUs that torch can use, or the reason why it can use none."""
    import torch

    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        usable = torch.cuda.is_available()
        names = [torch.cuda.get_device_properties(index) for index in range(torch.cuda.device_count() if usable else 0)]
    for index, one in enumerate(names):
        capability = f"compute capability {one.major}.{one.minor}"
        yield Fact(f"cuda:{index}", f"{one.name}, {gibibytes(one.total_memory)}, {capability}")
    if torch.backends.mps.is_available():
        yield Fact("mps", f"Apple, {gibibytes(torch.mps.recommended_max_memory())}")
    elif not names:
        yield Fact("GPU", "none that torch can use")
    built = f"built for CUDA {torch.version.cuda}" if torch.version.cuda else "built without CUDA"
    hidden = os.environ.get("CUDA_VISIBLE_DEVICES")
    yield Fact("torch", built + (f"; CUDA_VISIBLE_DEVICES is {hidden!r}" if hidden is not None else ""))
    driver = Path("/proc/driver/nvidia/version").is_file()
    if driver and not torch.version.cuda:
        yield Fact("driver", "there is an NVIDIA driver, but this torch cannot use it")
    if driver and torch.version.cuda and not usable and hidden is None:
        reason = str(caught[0].message).partition("\n")[0] if caught else "torch gives no reason"
        yield Problem(f"torch cannot use the NVIDIA GPU: {reason}; install a driver and a torch that fit each other")
