"""Nodes and processes of a Ray cluster on this machine."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import psutil


def actors_of(kind: str, address: str) -> list[psutil.Process]:
    """Return the processes of the actors of a class on the cluster with an address.

    Other tests may have clusters of their own at the same time.
    """
    name = f"ray::{kind}"[:15]  # Linux keeps the beginning of a name
    actors = []
    for one in psutil.process_iter(["name", "status"]):
        if one.info["name"].startswith(name) and one.info["status"] != psutil.STATUS_ZOMBIE:
            with suppress(psutil.Error):  # it has ended meanwhile
                if address in " ".join(one.parent().cmdline()):
                    actors.append(one)
    return actors


@contextmanager
def ignore_open_logs() -> Iterator[None]:
    """Do not warn inside the block about the files of logs that old versions of Ray leave open."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        yield


def add_node(cluster: Any, **resources: Any) -> Any:
    """Add a node to a cluster, and return it."""
    with ignore_open_logs():
        return cluster.add_node(object_store_memory=2**27, **resources)


def removable_node(cluster: Any) -> Any:
    """Return a node that this program is not connected with.

    On a cluster of one machine, some versions of Ray connect the program with a node, and others with the head.
    """
    import ray

    own = ray._private.worker.global_worker.node
    return next(node for node in cluster.worker_nodes if node._raylet_socket_name != own._raylet_socket_name)
