"""CUDA graphs: the hundreds of kernels of an evaluation are recorded once, and then start as one."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import Tensor

from inceptionism.errors import is_out_of_memory

Evaluation: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Function that computes scores and gradients from views. Apart from the views, all its inputs are constant."""

WARM_UP_CALLS = 2
"""Number of calls before the recording. During these, libraries choose their kernels and allocate their memory."""

_RECORDING = threading.Lock()
"""Lock of the stream that records. Two threads on it would record each other's operations."""


class CUDAGraphed:
    """An evaluation of views of one size on a CUDA device. From the third call on, it replays a CUDA graph.

    Python and torch need more time to launch the kernels of a small picture than the device needs to run them. An
    evaluation that waits for numbers from the device cannot be recorded. Such an evaluation runs normally at each call.

    Args:
        evaluate: The evaluation.
        pool: Memory pool that other graphs share. Graphs that share a pool must not run at the same time.
    """

    def __init__(self, evaluate: Evaluation, pool: Any) -> None:
        self._evaluate = evaluate
        self.pool = pool
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._view: Tensor
        self._outputs: tuple[Tensor, Tensor]

    def __call__(self, view: Tensor) -> tuple[Tensor, Tensor]:
        if self._calls < WARM_UP_CALLS:
            self._calls += 1
            return self._evaluate(view)
        if self._calls == WARM_UP_CALLS:
            self._calls += 1
            self._record(view)
        if self._graph is None:
            return self._evaluate(view)
        self._view.copy_(view)
        self._graph.replay()
        # The next replay overwrites the outputs, so return copies.
        return self._outputs[0].clone(), self._outputs[1].clone()

    def _record(self, view: Tensor) -> None:
        graph = torch.cuda.CUDAGraph()
        self._view = view.clone()
        try:
            # "thread_local", because another thread may use the device at the same time.
            with (
                _RECORDING,
                torch.cuda.graph(
                    graph, pool=self.pool, stream=recording_stream(view.device), capture_error_mode="thread_local"
                ),
            ):
                self._outputs = self._evaluate(self._view)
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
            del self._view
        else:
            self._graph = graph


@cache
def recording_stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream on which all evaluations of a device are recorded.

    torch hands out the same few streams again and again, so a new one may be in use by another thread.
    """
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]
