"""The fast copies of one frozen module, and the choice between them."""

from __future__ import annotations

import threading
from collections.abc import Collection
from functools import cached_property

import torch
from torch import Tensor, nn

from inceptionism.errors import is_out_of_memory
from inceptionism.networks.frozen.freeze import forget_derived, fuse_frozen, join_sequences
from inceptionism.networks.frozen.fusion import Fusion, find_fusions
from inceptionism.networks.hooks import FORWARD_ERRORS, run

CPU = torch.device("cpu")


class FusedCopies:
    """Fast copies of a frozen module. Each is made when it is first needed, and then kept.

    Args:
        module: The frozen module. It computes in float32.
        shape: Shape of the input with which the module is tested: N×C×H×W.
        device: Device of the module.

    Attributes:
        lock: Must be held while the module or a copy runs forward: hooks belong to one run at a time. Threads can hold
            it several times.
    """

    def __init__(self, module: nn.Module, shape: tuple[int, int, int, int], device: torch.device = CPU) -> None:
        self._module, self._shape = module, shape
        self.lock = threading.RLock()
        self._device = device
        self._supported: dict[torch.dtype, bool] = {}
        self._fused: dict[torch.dtype, nn.Module] = {}
        self._joined: dict[tuple[torch.dtype, tuple[tuple[str, ...], ...]], nn.Module] = {}

    def __getstate__(self) -> dict[str, object]:
        return {**self.__dict__, "lock": None}  # a lock cannot be copied

    def __setstate__(self, state: dict[str, object]) -> None:
        self.__dict__.update(state, lock=threading.RLock())

    @property
    def first_dtype(self) -> torch.dtype:
        """The number type of the first copy. It is float32 if there is no copy yet."""
        return next(iter(self._fused), torch.float32)

    @cached_property
    def fusion(self) -> Fusion:
        """The modules that can be fused. There are none if the test picture cannot be processed."""
        try:
            return find_fusions(self._module, self._picture(torch.float32))
        except FORWARD_ERRORS as error:  # pictures of another size may work, without fusion
            if is_out_of_memory(error):
                raise
            return Fusion()

    def module_for(
        self, layers: Collection[str], dtype: torch.dtype, shapes_of: Collection[str] = ()
    ) -> tuple[nn.Module, torch.dtype]:
        """Return the fastest module in which the outputs of `layers` exist, and the number type of its input.

        Args:
            layers: Names of modules.
            dtype: Number type to compute with. Float32 is used instead if only the frozen module has the outputs, or if
                `supports` has found that the network cannot compute in this type.
            shapes_of: Names of further modules, whose outputs must have the right shape.
        """
        if not self._hidden.isdisjoint(layers):
            return self._module, torch.float32
        if not self._supported.get(dtype, True):
            dtype = torch.float32
        held = {*layers, *shapes_of}
        sequences = tuple(names for series in self.fusion.series for names in series.split_at(held))
        if (dtype, sequences) not in self._joined:
            self._joined[dtype, sequences] = join_sequences(self._in_dtype(dtype), sequences)
        return self._joined[dtype, sequences], dtype

    def supports(self, dtype: torch.dtype) -> bool:
        """Return whether all modules of the network can compute with numbers of type `dtype`."""
        with self.lock:
            if dtype not in self._supported:
                self._supported[dtype] = self._runs_in(dtype)
            return self._supported[dtype]

    def _runs_in(self, dtype: torch.dtype) -> bool:
        known = dtype in self._fused
        module = self._in_dtype(dtype)
        try:
            with torch.no_grad():
                run(module, self._picture(dtype))
        except FORWARD_ERRORS as error:
            out_of_memory = is_out_of_memory(error)
            if not (known and out_of_memory):
                self._forget(dtype)
            if out_of_memory:
                raise
            return False
        if self._device.type == "cpu":
            forget_derived(module)  # most runs need fewer layers and other picture sizes
        return True

    def _forget(self, dtype: torch.dtype) -> None:
        """Free the copies that compute in `dtype`."""
        del self._fused[dtype]
        self._joined = {key: joined for key, joined in self._joined.items() if key[0] != dtype}

    def _picture(self, dtype: torch.dtype) -> Tensor:
        return torch.zeros(self._shape, device=self._device, dtype=dtype)

    def _in_dtype(self, dtype: torch.dtype) -> nn.Module:
        if dtype not in self._fused:
            self._fused[dtype] = fuse_frozen(self._module, dtype, self.fusion.chains)
        return self._fused[dtype]

    @cached_property
    def _hidden(self) -> frozenset[str]:
        """Names of the modules whose outputs exist only in the frozen module."""
        return frozenset[str]().union(*(chain.hidden for chain in self.fusion.chains))
