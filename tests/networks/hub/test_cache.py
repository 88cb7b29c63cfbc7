"""Networks that stay in memory."""

from __future__ import annotations

import gc
import weakref

import inceptionism as inc
from inceptionism.networks.hub.cache import RECENT, NetworkCache
from tests.support.tiny_networks import tiny_module


def test_a_network_that_nobody_uses_leaves_memory_after_a_few_others() -> None:
    cache = NetworkCache(lambda number: inc.Network(tiny_module(number)))
    used = cache(-1)
    networks = [weakref.ref(cache(number)) for number in range(10)]
    gc.collect()
    assert [network() is not None for network in networks] == [False] * (10 - RECENT) + [True] * RECENT
    assert cache(-1) is used
    assert cache(9) is networks[9]()
    cache.cache_clear()
    assert cache(-1) is not used
