"""A real Ray cluster for the tests of jobs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.cluster import add_node, ignore_open_logs


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """A cluster with a head that has no cores for work, and two nodes with a core each."""
    cluster_utils = pytest.importorskip("ray.cluster_utils", reason="needs the package ray: inceptionism[cluster]")
    head = {"num_cpus": 0, "include_dashboard": False, "object_store_memory": 2**27}
    with ignore_open_logs():
        started = cluster_utils.Cluster(initialize_head=True, head_node_args=head)
    try:
        for _ in range(2):
            add_node(started, num_cpus=1)
        yield started
    finally:
        started.shutdown()
