"""Processes that are forked from a process that has computed."""

from __future__ import annotations

import os
from functools import cache

import torch


@cache
def prepare_for_fork() -> None:
    """Let processes that are forked from this one compute with one thread.

    With more threads, GNU's OpenMP waits forever for the threads of this process, which a forked process does not
    have. Systems without fork need no preparation.
    """
    if hasattr(os, "register_at_fork"):
        os.register_at_fork(after_in_child=use_one_thread)


def use_one_thread() -> None:
    """Let torch compute with one thread."""
    torch.set_num_threads(1)
