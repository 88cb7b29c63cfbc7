"""Waiting for another thread or process."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Callable
from typing import Any


def wait_until(
    condition: Callable[[], bool], process: subprocess.Popen[Any] | None = None, seconds: float = 120
) -> None:
    """Return as soon as a condition holds.

    Args:
        condition: The condition.
        process: Process that makes the condition hold, and that must not end before.
        seconds: Time in which the condition must hold. It is long enough for a busy machine.
    """
    end = time.monotonic() + seconds
    while not condition():
        assert process is None or process.poll() is None, "the process has ended"
        assert time.monotonic() < end, "the condition does not hold in time"
        time.sleep(0.01)
