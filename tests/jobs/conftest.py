"""A real Ray cluster for the tests of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster with a head that has no cores for work, and two nodes with a core each."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs the package ray: inceptionism[cluster]")
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 2**27}
    started = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            started.add_node(num_cpus=1, object_store_memory=2**27)
        yield started
    finally:
        started.shutdown()
