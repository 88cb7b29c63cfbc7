"""Which convolutions can take in the batch norm and the activation behind them: seen by watching one run."""

from __future__ import annotations

import math
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized
from torch.utils._pytree import tree_leaves

from inceptionism.networks.convolution import Conv2dSame, padding_of
from inceptionism.networks.kernels import Clamp
from inceptionism.networks.running import Reshaping

CLAMPS: dict[type[nn.Module], Clamp] = {nn.ReLU: Clamp(0, math.inf), nn.ReLU6: Clamp(0, 6)}


UNREAD = {"__get__", "untyped_storage"}
"""Functions that look at a tensor but not at its numbers: its properties, and where it lies."""


@dataclass(frozen=True)
class Chain:
    """A convolution and what directly follows it, by the names of the modules.

    Attributes:
        conv: The convolution.
        norm: The batch norm that nothing but it feeds.
        activation: The activation behind either.
        hidden: The names of all modules that gave what no longer is there when they are one.
    """

    conv: str
    norm: str | None = None
    activation: str | None = None
    hidden: frozenset[str] = frozenset()


def can_be_frozen(conv: nn.Module) -> bool:
    """Return whether `FrozenConv2d` does what `conv` does."""
    return isinstance(conv, nn.Conv2d) and is_plain(conv, nn.Conv2d, Conv2dSame) and padding_of(conv) is not None


def can_be_folded(norm: nn.Module) -> bool:
    """Return whether `norm` does the same to every picture: a factor and a shift for each channel."""
    return isinstance(norm, nn.BatchNorm2d) and is_plain(norm, nn.BatchNorm2d) and norm.track_running_stats


def is_plain(part: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Return whether `part` is one of `kinds`, not of a subclass, and does nothing more than they do."""
    return type(part) in kinds and not (is_parametrized(part) or part._forward_pre_hooks or part._forward_hooks)


def chains(module: nn.Module, x: Tensor) -> list[Chain]:
    """Run `module` on `x` and return its convolutions that are followed by a batch norm or an activation.

    A result counts as followed if what follows is all that reads it: no other operation does, and the network does
    not return it. So it is known without the module's code having to be of any form.
    """
    watch = _Watch(module)
    watch.run(x)
    found = [chain for name in watch.convs if (chain := _chain(watch, name))]
    # An activation at several places is dropped at all of them or at none.
    ends = [chain.activation for chain in found]
    kept = {name for name in ends if name is not None and ends.count(name) < len(watch.runs_of(name))}
    return [chain for name in watch.convs if (chain := _chain(watch, name, kept))]


def _chain(watch: _Watch, conv: str, kept: Iterable[str] = ()) -> Chain | None:
    """Return the chain that begins with `conv`, without the activations that are `kept`; none if nothing follows."""
    lost = watch.only_run(conv)
    assert lost is not None
    norm = activation = None
    hidden: set[str] = set()
    following = watch.only_reader(lost)
    if following is not None and following.name in watch.norms and watch.only_run(following.name):
        norm, hidden, lost = following.name, hidden | lost.shown, following
        following = watch.only_reader(lost)
    if following is not None and following.name in watch.activations and following.name not in kept:
        activation, hidden = following.name, hidden | lost.shown
    return Chain(conv, norm, activation, frozenset(hidden)) if norm or activation else None


@dataclass(eq=False)
class _Run:
    """A module that ran.

    Attributes:
        name: Of the module.
        readers: The runs inside which something read what it gave; none for what was not one of them.
        shown: The names of the modules that gave the same: this one, and those that end with it.
    """

    name: str
    readers: set[_Run | None] = field(default_factory=set)
    shown: set[str] = field(default_factory=set)


class _Watch(Reshaping):
    """Notes which operations read what the convolutions, batch norms and activations of a module give."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._module = module
        parts = dict(module.named_modules())
        self.convs = [name for name, part in parts.items() if name and can_be_frozen(part)]
        self.norms = {name for name, part in parts.items() if can_be_folded(part)}
        self.activations = {name for name, part in parts.items() if is_plain(part, *CLAMPS)}
        self._watched = {*self.convs, *self.norms, *self.activations}
        self._runs: list[_Run] = []
        self._running: list[_Run] = []
        self._held: list[Tensor] = []
        self._by_memory: dict[int, _Run] = {}

    def run(self, x: Tensor) -> None:
        """Run the module on `x`."""
        with ExitStack() as hooks:
            # Only now: a part that has hooks is not plain, and would not be watched.
            for name, part in self._module.named_modules():
                if name in self._watched:
                    before = part.register_forward_pre_hook(lambda _part, _inputs, name=name: self._begins(name))
                    hooks.callback(before.remove)
                after = part.register_forward_hook(lambda _part, _inputs, output, name=name: self._ended(name, output))
                hooks.callback(after.remove)
            with torch.no_grad(), self:
                output = self._module(x)
        self._read(output)
        self._held.clear()
        self.convs = [name for name in self.convs if self.only_run(name)]

    def _begins(self, name: str) -> None:
        self._running.append(_Run(name))
        self._runs.append(self._running[-1])

    def _ended(self, name: str, output: object) -> None:
        if name in self._watched:
            run = self._running.pop()
            if isinstance(output, Tensor):
                # Held, so that nothing else comes to lie in its memory.
                self._held.append(output)
                self._by_memory[output.untyped_storage().data_ptr()] = run
        if isinstance(output, Tensor) and (gave := self._gave(output)):
            gave.shown.add(name)

    def _gave(self, tensor: Tensor) -> _Run | None:
        if tensor.layout != torch.strided:
            return None
        return self._by_memory.get(tensor.untyped_storage().data_ptr())

    def _read(self, values: object) -> None:
        for value in tree_leaves(values):
            if isinstance(value, Tensor) and (gave := self._gave(value)):
                gave.readers.add(self._running[-1] if self._running else None)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", None) not in UNREAD:
            self._read((args, kwargs))
        return super().__torch_function__(func, types, args, kwargs)

    def runs_of(self, name: str) -> list[_Run]:
        """Return all runs of a module."""
        return [run for run in self._runs if run.name == name]

    def only_run(self, name: str) -> _Run | None:
        """Return the run of a module that ran once and gave a tensor."""
        runs = self.runs_of(name)
        return runs[0] if len(runs) == 1 and runs[0].shown else None

    def only_reader(self, run: _Run) -> _Run | None:
        """Return the run that is the only one to read what `run` gave."""
        return next(iter(run.readers)) if len(run.readers) == 1 else None
