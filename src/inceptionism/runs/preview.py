"""Pace of the previews of a run: at most a few pictures in a second, and only a small share of the run's time."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

MAX_SHARE = 0.1
"""Largest share of the run's time that is spent on previews."""

MIN_INTERVAL = 0.2
"""Shortest time between two previews by default, in seconds."""


class PreviewPace:
    """Decides when the next preview is due.

    if pace.is_due:
        with pace.preview():
            show(step.image)

    Args:
        interval: Shortest time between two previews, in seconds.
    """

    def __init__(self, interval: float = MIN_INTERVAL) -> None:
        self._interval = interval
        self._next = 0.0

    @property
    def is_due(self) -> bool:
        """Whether enough time has passed since the last preview. The first preview is due at once."""
        return time.monotonic() >= self._next

    @contextmanager
    def preview(self) -> Iterator[None]:
        """Measure the time that the block takes to show a preview, and set the time of the next one."""
        start = time.monotonic()
        yield
        end = time.monotonic()
        self._next = end + max(self._interval, (end - start) / MAX_SHARE)
