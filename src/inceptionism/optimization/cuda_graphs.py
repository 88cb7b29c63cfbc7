"""CUDA graphs: the hundreds of kernels of an evaluation are recorded once, and then start as one."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any, TypeAlias

import torch
from torch import Tensor

from inceptionism.errors import is_out_of_memory

Evaluation: TypeAlias = Callable[[Tensor], tuple[Tensor, Tensor]]
"""Function that computes scores and gradients from views. Apart from the views, all its inputs are constant."""

WARM_UP_CALLS = 2
"""Number of calls before the recording. During these, libraries choose their kernels and allocate their memory."""

_DEVICE = threading.RLock()
"""Lock of the GPUs. Two threads at the same time would not be faster, and could disturb each other's recordings."""


class CUDAGraphed:
    """An evaluation of views of one size on a CUDA device. From the third call on, it replays a CUDA graph.

    Python and torch need more time to launch the kernels of a small picture than the device needs to run them. An
    evaluation that waits for numbers from the device cannot be recorded. Such an evaluation runs normally at each call.

    Args:
        pool: Memory pool that other graphs share. Graphs that share a pool must not run at the same time.
    """

    def __init__(self, pool: Any) -> None:
        self.pool = pool
        self._calls = 0
        self._graph: torch.cuda.CUDAGraph | None = None
        self._view: Tensor
        self._outputs: tuple[Tensor, Tensor]

    @property
    def is_recorded(self) -> bool:
        """Whether calls replay a graph."""
        return self._graph is not None

    def __call__(self, evaluate: Evaluation, view: Tensor) -> tuple[Tensor, Tensor]:
        """Return the outputs of `evaluate(view)`. The evaluation must be the same at each call."""
        self._calls += 1
        if self._calls == WARM_UP_CALLS + 1:
            self._record(evaluate, view)
        if self._graph is None:
            return evaluate(view)
        self._view.copy_(view)
        self._graph.replay()
        # The next replay overwrites the outputs, so return copies.
        return self._outputs[0].clone(), self._outputs[1].clone()

    def _record(self, evaluate: Evaluation, view: Tensor) -> None:
        graph = torch.cuda.CUDAGraph()
        fixed_view = view.clone()
        torch.cuda.synchronize(view.device)
        torch.cuda.empty_cache()  # the graph takes its memory from its own pool
        try:
            # `torch.cuda.graph` does the same, but if the recording fails, it leaves the thread on this stream.
            with torch.cuda.stream(recording_stream(view.device)), no_garbage_collection():
                # "thread_local", because other threads of the program may use the device at the same time.
                graph.capture_begin(self.pool, capture_error_mode="thread_local")
                try:
                    outputs = evaluate(fixed_view)
                finally:
                    graph.capture_end()
        except RuntimeError as error:
            if is_out_of_memory(error):
                raise
        else:
            self._graph, self._view, self._outputs = graph, fixed_view, outputs


@cache
def recording_stream(device: torch.device) -> torch.cuda.Stream:
    """Return the stream on which all evaluations of a device are recorded.

    torch hands out the same few streams again and again, so a new one may be in use by another thread.
    """
    return torch.cuda.Stream(device)  # type: ignore[no-untyped-call]


@contextmanager
def no_garbage_collection() -> Iterator[None]:
    """Keep Python from collecting garbage. A graph that is freed during a recording would end the recording."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


@contextmanager
def exclusive_use() -> Iterator[None]:
    """Let only this thread evaluate on a GPU, and let float32 be exact.

    By default, torch's convolutions on a GPU round the factors of float32 to 10 bits (TF32). Then the same picture
    differs between a batch and a single run, and between a GPU and a CPU.
    """
    with _DEVICE:
        was_allowed = torch.backends.cudnn.allow_tf32
        torch.backends.cudnn.allow_tf32 = False
        try:
            yield
        finally:
            torch.backends.cudnn.allow_tf32 = was_allowed
