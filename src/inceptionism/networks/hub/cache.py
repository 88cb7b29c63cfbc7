"""Cache of loaded networks."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from functools import lru_cache
from weakref import WeakValueDictionary

from inceptionism.networks.network import Network

RECENT = 4
"""Number of networks that stay in memory even if nobody uses them, so that the next run need not load them again."""


class NetworkCache:
    """A function that returns the same network for the same arguments, as long as somebody uses the network.

    The last `RECENT` networks stay in memory. So a program that loads many networks one after the other does not fill
    the memory.

    Args:
        load: Function that loads a network. Its arguments must be hashable.
    """

    def __init__(self, load: Callable[..., Network]) -> None:
        self._load = load
        self._used: WeakValueDictionary[tuple[object, ...], Network] = WeakValueDictionary()
        self._recent = lru_cache(RECENT)(self._find)

    def __call__(self, *key: Hashable) -> Network:
        return self._recent(*key)

    def _find(self, *key: Hashable) -> Network:
        network = self._used.get(key)
        # If several threads load the same network, all get the network of the first thread.
        return network if network is not None else self._used.setdefault(key, self._load(*key))

    def cache_clear(self) -> None:
        """Forget all networks."""
        self._recent.cache_clear()
        self._used.clear()
