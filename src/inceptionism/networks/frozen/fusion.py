"""What can be one: a convolution with the batch norm and activation behind it, and convolutions that follow each other.

It is seen by watching one run.
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
from torch.utils._pytree import tree_leaves

from inceptionism.networks.frozen.convolution import Conv2dSame, padding_of
from inceptionism.networks.frozen.kernels import Clamp
from inceptionism.networks.hooks import Reshaping

CLAMPS: dict[type[nn.Module], Clamp] = {nn.ReLU: Clamp(0, math.inf), nn.ReLU6: Clamp(0, 6)}


UNREAD = {"__get__", "untyped_storage"}
"""Functions that look at a tensor but not at its numbers: its properties, and where it lies."""

SIZES = {"shape", "ndim"}
"""The properties that another tensor in its place may not have."""


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


@dataclass(frozen=True)
class Series:
    """Convolutions with what is one with them, each of which alone looks at what the one before it gave.

    Attributes:
        convs: Their names, in turn.
        shown: Of each, the names of the modules that give what it gives in the end.
    """

    convs: tuple[str, ...]
    shown: tuple[frozenset[str], ...]

    def parts(self, layers: Collection[str]) -> Iterator[tuple[str, ...]]:
        """Yield the parts of it that can be one where `layers` are looked at, each of two or more."""
        part: list[str] = []
        for conv, shown in zip(self.convs, self.shown, strict=True):
            part.append(conv)
            if conv == self.convs[-1] or not shown.isdisjoint(layers):
                if len(part) > 1:
                    yield tuple(part)
                part = []


class Fusion(NamedTuple):
    """What of a module can be one."""

    chains: Sequence[Chain] = ()
    series: Sequence[Series] = ()


def can_be_frozen(conv: nn.Module) -> bool:
    """Return whether `FrozenConv2d` does what `conv` does."""
    return isinstance(conv, nn.Conv2d) and is_plain(conv, nn.Conv2d, Conv2dSame) and padding_of(conv) is not None


def can_be_folded(norm: nn.Module) -> bool:
    """Return whether `norm` does the same to every picture: a factor and a shift for each channel."""
    return isinstance(norm, nn.BatchNorm2d) and is_plain(norm, nn.BatchNorm2d) and norm.track_running_stats


def is_plain(part: nn.Module, *kinds: type[nn.Module]) -> bool:
    """Return whether `part` is one of `kinds`, not of a subclass, and does nothing more than they do."""
    return type(part) in kinds and not (is_parametrized(part) or part._forward_pre_hooks or part._forward_hooks)


def find_fusions(module: nn.Module, x: Tensor) -> Fusion:
    """Run `module` on `x` and return what can be one.

    A result counts as followed if what follows is all that reads it: no other operation does, and the network does
    not return it. So it is known without the module's code having to be of any form.
    """
    watch = _Watch(module)
    watch.run(x)
    ends = [link.activation.name for name in watch.convs if (link := _Link.of(watch, name)).activation]
    # An activation at several places is dropped at all of them or at none.
    kept = {name for name in ends if ends.count(name) < len(watch.runs_of(name))}
    links = {name: _Link.of(watch, name, kept) for name in watch.convs}
    return Fusion([link.chain() for link in links.values() if len(link.runs) > 1], list(_series(watch, links)))


def _series(watch: _Watch, links: dict[str, _Link]) -> Iterator[Series]:
    """Yield the longest series of links, of two or more."""
    following = {name: end.name for name, link in links.items() if (end := link.only_follower(watch)) is not None}
    following = {name: end for name, end in following.items() if end in links}
    for first in links:
        if first in following.values():
            continue
        convs = [first]
        while convs[-1] in following:
            convs.append(following[convs[-1]])
        if len(convs) > 1:
            yield Series(tuple(convs), tuple(frozenset(links[name].runs[-1].shown) for name in convs))


class _Link(NamedTuple):
    """The runs that may be one: of a convolution, of the batch norm behind it, and of the activation behind either."""

    conv: _Run
    norm: _Run | None
    activation: _Run | None

    @classmethod
    def of(cls, watch: _Watch, name: str, kept: Collection[str] = ()) -> _Link:
        """Return that of the convolution called `name`, without the activations that are `kept`."""
        conv = watch.only_run(name)
        assert conv is not None
        norm, following = None, watch.only_reader(conv)
        if following is not None and following.name in watch.norms and watch.only_run(following.name):
            norm, following = following, watch.only_reader(following)
        plain = following is not None and following.name in watch.activations and following.name not in kept
        return cls(conv, norm, following if plain else None)

    @property
    def runs(self) -> list[_Run]:
        """All of them, in turn."""
        return [run for run in self if run is not None]

    def hidden(self) -> frozenset[str]:
        """Return the names of the modules that gave what is no longer there when the runs are one."""
        return frozenset[str]().union(*(run.shown for run in self.runs[:-1]))

    def chain(self) -> Chain:
        """Return it as a chain."""
        conv, norm, activation = (None if run is None else run.name for run in self)
        assert conv is not None
        return Chain(conv, norm, activation, self.hidden())

    def only_follower(self, watch: _Watch) -> _Run | None:
        """Return the run that alone reads what these gave, if none but they and it asks for its size."""
        follower = watch.only_reader(self.runs[-1])
        measured = set[_Run | None]().union(*(run.measured for run in self.runs))
        return follower if measured <= {*self.runs, follower} else None


@dataclass(eq=False)
class _Run:
    """A module that ran.

    Attributes:
        name: Of the module.
        readers: The runs inside which something read what it gave; none for what was not one of them.
        measured: Those inside which something asked for its size.
        shown: The names of the modules that gave the same: this one, and those that end with it.
    """

    name: str
    readers: set[_Run | None] = field(default_factory=set)
    measured: set[_Run | None] = field(default_factory=set)
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
        for gave in self._given(values):
            gave.readers.add(self._running[-1] if self._running else None)

    def _given(self, values: object) -> Iterator[_Run]:
        for value in tree_leaves(values):
            if isinstance(value, Tensor) and (gave := self._gave(value)):
                yield gave

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if getattr(func, "__name__", None) not in UNREAD:
            self._read((args, kwargs))
        elif getattr(getattr(func, "__self__", None), "__name__", None) in SIZES:
            for gave in self._given(args):
                gave.measured.add(self._running[-1] if self._running else None)
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
