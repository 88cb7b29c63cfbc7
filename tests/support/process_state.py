"""Everything in a process that a run must leave as it was: threads, files, hooks, settings of torch, handlers."""

from __future__ import annotations

import gc
import os
import random
import signal
import sys
import threading
import warnings
from pathlib import Path

import numpy as np
import psutil
import torch
from torch import nn
from torch.nn.modules import module as torch_modules

HOOKS = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
"""Attributes with the hooks of a module. Torch has global ones, whose names begin with "_global"."""


def count_hooks() -> int:
    """Return the number of hooks of all modules in this process."""
    modules = [one for one in gc.get_objects() if issubclass(type(one), nn.Module)]
    own = sum(len(vars(one).get(name) or ()) for one in modules for name in HOOKS)
    return own + sum(len(getattr(torch_modules, f"_global{name}", ())) for name in HOOKS)


def process_state(folder: Path) -> dict[str, object]:
    """Return the parts of the state of this process by their names.

    Args:
        folder: Folder whose files and folders belong to the state.
    """
    gc.collect()
    process = psutil.Process()
    return {
        "threads": sorted(thread.name for thread in threading.enumerate()),
        "open files": process.num_fds(),
        "child processes": [child.pid for child in process.children()],
        "files": sorted(map(str, folder.rglob("*"))),
        "hooks": count_hooks(),
        "signal handlers": {number: signal.getsignal(number) for number in signal.valid_signals()},
        "warnings": list(warnings.filters),
        "environment": dict(os.environ),
        "current folder": Path.cwd(),
        "recursion limit": sys.getrecursionlimit(),
        "random numbers": (
            random.getstate(),
            [part.tobytes() if isinstance(part, np.ndarray) else part for part in np.random.get_state()],
            torch.random.get_rng_state().numpy().tobytes(),
        ),
        **torch_settings(),
    }


def torch_settings() -> dict[str, object]:
    """Return the settings of torch for the whole process and for this thread."""
    # Older versions of torch lack this function.
    top_hooks = getattr(torch._C._autograd, "_top_saved_tensors_default_hooks", lambda _: None)
    return {
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "anomaly mode": torch.is_anomaly_enabled(),
        "autocast": torch.is_autocast_enabled("cpu"),
        "number of threads": (torch.get_num_threads(), torch.get_num_interop_threads()),
        "default dtype": torch.get_default_dtype(),
        "default device": torch.get_default_device(),
        "deterministic": (
            torch.are_deterministic_algorithms_enabled(),
            torch.is_deterministic_algorithms_warn_only_enabled(),
        ),
        "precision of products": torch.get_float32_matmul_precision(),
        "cudnn": (
            torch.backends.cudnn.enabled,
            torch.backends.cudnn.benchmark,
            torch.backends.cudnn.deterministic,
            torch.backends.cudnn.allow_tf32,
        ),
        "oneDNN": torch.backends.mkldnn.enabled,
        "default tensor hooks": top_hooks(False) is not None,
        "function modes": torch.overrides._get_current_function_mode_stack(),
    }
