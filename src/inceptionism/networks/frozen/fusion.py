"""Search for modules that can be fused: a convolution with its batch norm and activation, or a series of modules.

The search tracks one run of the network.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.utils.parametrize import is_parametrized

from inceptionism.networks.frozen.convolution import Conv2dSame, padding_rule
from inceptionism.networks.frozen.kernels import Clamp
from inceptionism.networks.hooks import ViewAsReshape
from inceptionism.networks.torch_internals import has_forward_hooks, tensors_in

CLAMPS: dict[type[nn.Module], Clamp] = {nn.ReLU: Clamp(0, math.inf), nn.ReLU6: Clamp(0, 6)}
"""Activations that can be a part of a convolution's kernel."""

POOLING_DEVICES = ("cpu", "cuda")
"""Kinds of devices on which the backward pass of a max-pooling needs only the indices of the maxima.

On Apple's GPUs, torch reads the input of the pooling again.
"""

NON_READING = {"__get__", "untyped_storage"}
"""Functions that read a tensor's properties or its memory address, but not its values."""

SHAPE_PROPERTIES = {"shape", "ndim"}
"""Properties that may change when fusion replaces a tensor by another tensor."""


@dataclass(frozen=True)
class Chain:
    """A convolution and the modules that directly follow it, by name.

    Attributes:
        conv: The convolution.
        norm: The batch norm after the convolution. None if there is none.
        activation: The activation after the batch norm or after the convolution. None if there is none.
        hidden: Names of all modules whose outputs no longer exist when the chain is fused.
    """

    conv: str
    norm: str | None = None
    activation: str | None = None
    hidden: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Series:
    """Convolutions with their chains, and max-poolings, in order. Only the next one reads the output of each.

    Attributes:
        names: Names of the convolutions and poolings, in the order in which they run.
        same_output: For each of them, the names of the modules whose output is its output or the output of its chain.
    """

    names: tuple[str, ...]
    same_output: tuple[frozenset[str], ...]

    def split_at(self, layers: Collection[str]) -> Iterator[tuple[str, ...]]:
        """Yield the sequences of two or more modules that can run as one step.

        A sequence ends at each of `layers`, because the outputs of these layers are needed.
        """
        sequence: list[str] = []
        for name, outputs in zip(self.names, self.same_output, strict=True):
            sequence.append(name)
            if name == self.names[-1] or not outputs.isdisjoint(layers):
                if len(sequence) > 1:
                    yield tuple(sequence)
                sequence = []


class Fusion(NamedTuple):
    """The parts of a module that can be fused."""

    chains: Sequence[Chain] = ()
    series: Sequence[Series] = ()


def can_be_frozen(conv: nn.Module) -> bool:
    """Return whether `FrozenConv2d` can replace `conv`."""
    return isinstance(conv, nn.Conv2d) and is_plain(conv, nn.Conv2d, Conv2dSame) and padding_rule(conv) is not None


def can_be_sequenced(pool: nn.Module) -> bool:
    """Return whether `FrozenMaxPool2d` can replace `pool`."""
    return isinstance(pool, nn.MaxPool2d) and is_plain(pool, nn.MaxPool2d) and not pool.return_indices


def can_be_folded(norm: nn.Module) -> bool:
    """Return whether `norm` does the same to every picture: it multiplies and shifts each channel."""
    return isinstance(norm, nn.BatchNorm2d) and is_plain(norm, nn.BatchNorm2d) and norm.track_running_stats


def is_plain(part: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Return whether the class of `part` is one of `kinds`, and no subclass, parametrization or hook changes it."""
    return type(part) in kinds and not (is_parametrized(part) or has_forward_hooks(part))


def find_fusions(module: nn.Module, x: Tensor) -> Fusion:
    """Run `module` on `x`, N×C×H×W, and return which of its modules can be fused.

    A module can be fused with the next module if only the next module reads its output: no other operation reads the
    output, and the network does not return it. The run is tracked, so the code of the network can have any form.
    """
    tracker = _ReadTracker(module)
    if x.device.type not in POOLING_DEVICES:
        tracker.pools.clear()
    tracker.run(x)
    ends = [link.activation.name for name in tracker.convs if (link := _Link.of(tracker, name)).activation]
    # If a network uses one activation module at several places, it is fused at all of these places or at none.
    unfused = {name for name in ends if ends.count(name) < len(tracker.runs_of(name))}
    links = {name: _Link.of(tracker, name, unfused) for name in tracker.convs}
    chains = [link.chain() for link in links.values() if len(link.runs) > 1]
    links |= {name: _Link(run, None, None) for name in tracker.pools if (run := tracker.only_run(name))}
    return Fusion(chains, list(_series(tracker, links)))


def _series(tracker: _ReadTracker, links: dict[str, _Link]) -> Iterator[Series]:
    """Yield the series of two or more links. Each is as long as possible."""
    following = {name: next_.name for name, link in links.items() if (next_ := link.only_follower(tracker)) is not None}
    following = {name: next_ for name, next_ in following.items() if next_ in links}
    for first in links:
        if first in following.values():
            continue
        names = [first]
        while names[-1] in following:
            names.append(following[names[-1]])
        if len(names) > 1:
            yield Series(tuple(names), tuple(frozenset(links[name].runs[-1].same_output) for name in names))


class _Link(NamedTuple):
    """The run of a pooling, or the runs of a convolution, its batch norm, and the activation after them.

    The runs of a link can be fused.
    """

    first: _Run
    norm: _Run | None
    activation: _Run | None

    @classmethod
    def of(cls, tracker: _ReadTracker, name: str, unfused: Collection[str] = ()) -> _Link:
        """Return the link of the convolution called `name`, without an activation whose name is in `unfused`."""
        conv = tracker.only_run(name)
        assert conv is not None
        norm, following = None, tracker.only_reader(conv)
        if following is not None and following.name in tracker.norms and tracker.only_run(following.name):
            norm, following = following, tracker.only_reader(following)
        fusible = following is not None and following.name in tracker.activations and following.name not in unfused
        return cls(conv, norm, following if fusible else None)

    @property
    def runs(self) -> list[_Run]:
        """All runs of the link, in order."""
        return [run for run in self if run is not None]

    def hidden(self) -> frozenset[str]:
        """Return the names of the modules whose outputs no longer exist when the runs are fused."""
        return frozenset[str]().union(*(run.same_output for run in self.runs[:-1]))

    def chain(self) -> Chain:
        """Return the modules of the link as a chain."""
        first, norm, activation = (None if run is None else run.name for run in self)
        assert first is not None
        return Chain(first, norm, activation, self.hidden())

    def only_follower(self, tracker: _ReadTracker) -> _Run | None:
        """Return the only run that reads the output of the link. None if another run reads the shape of an output."""
        follower = tracker.only_reader(self.runs[-1])
        shape_readers = set[_Run | None]().union(*(run.shape_readers for run in self.runs))
        return follower if shape_readers <= {*self.runs, follower} else None


@dataclass(eq=False)
class _Run:
    """One run of a module.

    Attributes:
        name: Name of the module.
        readers: Runs in which an operation reads the output; None stands for an operation outside of all tracked runs.
        shape_readers: Runs in which an operation reads the shape of the output. None is as for `readers`.
        same_output: Names of the modules with this output: this module, and for example a block that ends with it.
    """

    name: str
    readers: set[_Run | None] = field(default_factory=set)
    shape_readers: set[_Run | None] = field(default_factory=set)
    same_output: set[str] = field(default_factory=set)


class _ReadTracker(ViewAsReshape):
    """Records which operations read the outputs of a module's convolutions, poolings, batch norms and activations."""

    def __init__(self, module: nn.Module) -> None:
        super().__init__()
        self._module = module
        parts = dict(module.named_modules())
        self.convs = [name for name, part in parts.items() if name and can_be_frozen(part)]
        self.norms = {name for name, part in parts.items() if can_be_folded(part)}
        self.activations = {name for name, part in parts.items() if is_plain(part, *CLAMPS)}
        self.pools = [name for name, part in parts.items() if name and can_be_sequenced(part)]
        self._tracked = {*self.convs, *self.norms, *self.activations, *self.pools}
        self._runs: list[_Run] = []
        self._running: list[_Run] = []
        self._outputs: list[Tensor] = []
        self._by_address: dict[int, _Run] = {}

    def run(self, x: Tensor) -> None:
        """Run the module on `x`. Afterwards, `convs` has only the convolutions that ran once."""
        with ExitStack() as hooks:
            # The hooks come after `__init__` because a module with hooks is not plain, and would not be tracked.
            for name, part in self._module.named_modules():
                if name in self._tracked:
                    before = part.register_forward_pre_hook(lambda _part, _inputs, name=name: self._start(name))
                    hooks.callback(before.remove)
                after = part.register_forward_hook(lambda _part, _inputs, output, name=name: self._end(name, output))
                hooks.callback(after.remove)
            with torch.no_grad(), self:
                output = self._module(x)
        self._record_readers(output)
        self._outputs.clear()
        self.convs = [name for name in self.convs if self.only_run(name)]

    def _start(self, name: str) -> None:
        self._running.append(_Run(name))
        self._runs.append(self._running[-1])

    def _end(self, name: str, output: object) -> None:
        if name in self._tracked:
            run = self._running.pop()
            if isinstance(output, Tensor):
                # The output is kept, so that no other tensor gets its memory address.
                self._outputs.append(output)
                self._by_address[output.untyped_storage().data_ptr()] = run
        if isinstance(output, Tensor) and (source := self._source(output)):
            source.same_output.add(name)

    def _source(self, tensor: Tensor) -> _Run | None:
        """Return the run whose output shares the memory of `tensor`."""
        if tensor.layout != torch.strided:
            return None
        return self._by_address.get(tensor.untyped_storage().data_ptr())

    def _sources(self, values: object) -> Iterator[_Run]:
        for tensor in tensors_in(values):
            if source := self._source(tensor):
                yield source

    def _record_readers(self, values: object) -> None:
        for source in self._sources(values):
            source.readers.add(self._running[-1] if self._running else None)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", None) not in NON_READING:
            self._record_readers((args, kwargs))
        elif getattr(getattr(func, "__self__", None), "__name__", None) in SHAPE_PROPERTIES:
            for source in self._sources(args):
                source.shape_readers.add(self._running[-1] if self._running else None)
        return super().__torch_function__(func, types, args, kwargs)

    def runs_of(self, name: str) -> list[_Run]:
        """Return all runs of a module."""
        return [run for run in self._runs if run.name == name]

    def only_run(self, name: str) -> _Run | None:
        """Return the run of a module, if it ran exactly once and its output is a tensor."""
        runs = self.runs_of(name)
        return runs[0] if len(runs) == 1 and runs[0].same_output else None

    def only_reader(self, run: _Run) -> _Run | None:
        """Return the only run that reads the output of `run`, if there is exactly one."""
        return next(iter(run.readers)) if len(run.readers) == 1 else None
