"""What a GPU does again and again, recorded once and played: its hundreds of kernels then start as one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from inceptionism.errors import is_out_of_memory

Work = Callable[[Tensor], tuple[Tensor, Tensor]]

WARM_UP = 2
"""How often work is done before it is recorded: libraries choose their kernels and fetch their memory meanwhile."""


class CUDAGraphed:
    """Work on pictures of one size on a CUDA device, which from the third time on is a CUDA graph.

    Python and torch take longer to ask for a small picture's kernels than the device takes to run them. What
    cannot be recorded, because it waits for numbers from the device, is done as it is each time.

    Args:
        work: Of a picture makes two tensors, from nothing else that changes.
        pool: Of the memory that it may share with what was recorded before, and is never played at the same time.
    """

    def __init__(self, work: Work, pool: Any) -> None:
        self._work = work
        self.pool = pool
        self._done = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._view: Tensor
        self._found: tuple[Tensor, Tensor]

    def __call__(self, view: Tensor) -> tuple[Tensor, Tensor]:
        if self._done < WARM_UP:
            self._done += 1
            return aside(self._work, view)
        if self._done == WARM_UP:
            self._done += 1
            self._record(view)
        if self._graph is None:
            return self._work(view)
        self._view.copy_(view)
        self._graph.replay()
        # Copies, for the next time this is played, what was found lies in the same memory.
        return self._found[0].clone(), self._found[1].clone()

    def _record(self, view: Tensor) -> None:
        graph = torch.cuda.CUDAGraph()
        self._view = view.clone()
        try:
            # Another thread may look at a picture meanwhile.
            with torch.cuda.graph(graph, pool=self.pool, capture_error_mode="thread_local"):
                self._found = self._work(self._view)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            del self._view
        else:
            self._graph = graph


def aside(work: Work, view: Tensor) -> tuple[Tensor, Tensor]:
    """Do `work` on a stream of its own, as what is to be recorded has to have run."""
    here, beside = torch.cuda.current_stream(view.device), torch.cuda.Stream(view.device)  # type: ignore[no-untyped-call]
    beside.wait_stream(here)
    with torch.cuda.stream(beside):
        found = work(view)
    here.wait_stream(beside)
    for tensor in found:
        tensor.record_stream(here)
    return found
