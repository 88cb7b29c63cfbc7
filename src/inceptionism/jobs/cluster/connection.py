"""A Ray cluster: the connection to it, and its resources."""

from __future__ import annotations

import math
import os
import re
import signal
import socket
import threading
from typing import Any, NamedTuple

from inceptionism.errors import InceptionismError, InvalidSetting, first_line, quote_value
from inceptionism.jobs.cluster.transfer import AUTO, TRANSFERS
from inceptionism.jobs.local import WORKER_BYTES
from inceptionism.validation import check_choice, check_integer

ADDRESS = re.compile(r"(?P<host>[^:/]+|\[[0-9A-Fa-f:]+\]):(?P<port>[0-9]{1,5})")
"""Form of the address of a cluster."""

MAX_CLUSTER_WORKERS = 10_000
"""Largest number of workers on a cluster."""

CONNECT_SECONDS = 10.0
"""Time in seconds in which a cluster must answer."""

ROUNDING = 1e-6
"""Share of a worker by which a number of workers may be wrong, because shares of a GPU are rounded."""


class ClusterError(InceptionismError):
    """The cluster cannot be reached, or it cannot start workers."""


class Resources(NamedTuple):
    """Share of a machine that a worker needs, in the units of Ray.

    Attributes:
        cpus: Number of processor cores.
        gpus: Number of GPUs. A fraction is a share of one.
        memory: Memory in bytes.
    """

    cpus: int
    gpus: float
    memory: int = WORKER_BYTES

    def fitting(self, node: dict[str, float]) -> int:
        """Return the number of workers that a machine has room for."""
        needed = {"CPU": self.cpus, "GPU": self.gpus, "memory": self.memory}
        return int(min(node.get(name, 0.0) / amount for name, amount in needed.items() if amount) + ROUNDING)


class Cluster:
    """A connection to a Ray cluster. A connection that the program has already is used, and it stays open.

    Args:
        address: Address of the cluster: "auto" for the one that this machine belongs to, or HOST:PORT.

    Raises:
        InvalidSetting: If Ray is not installed, if the address is not valid, or if the program is connected to another
            cluster.
        ClusterError: If no cluster answers at the address.
    """

    def __init__(self, address: str) -> None:
        self.ray = ray_for(address)
        self._is_own = not self.ray.is_initialized()
        if self._is_own:
            handler = signal.getsignal(signal.SIGTERM)
            try:
                self.ray.init(address, configure_logging=False, log_to_driver=False)
            except (ConnectionError, RuntimeError, ValueError, OSError, TimeoutError) as error:
                raise no_cluster(address, error) from None
            finally:
                # Ray has its own, which would lose the pictures in the making. Other threads cannot set one.
                if threading.current_thread() is threading.main_thread():
                    signal.signal(signal.SIGTERM, handler)

    def nodes(self) -> list[dict[str, float]]:
        """Return the resources of each machine that answers."""
        return [node["Resources"] for node in self.ray.nodes() if node["Alive"]]

    def resources(self, device: str, workers: int | None) -> Resources:
        """Return the resources of each worker.

        Args:
            device: Device of the recipes. "auto" means the GPUs if the cluster has any.
            workers: Number of workers. None for as many as have room, each with one core or one GPU.

        Raises:
            InvalidSetting: If the device is a certain GPU of a machine.
        """
        if ":" in device:
            raise InvalidSetting(
                f"device must be auto, cpu or cuda on a cluster, not {quote_value(device)}: Ray chooses the GPU"
            )
        nodes = self.nodes()
        cpus, gpus = ([node.get(name, 0.0) for node in nodes] for name in ("CPU", "GPU"))
        if device == "cuda" or (device == "auto" and any(gpus)):
            sharing = math.ceil(workers / sum(gpus)) if workers and any(gpus) else 1
            return Resources(1, 1 / sharing)
        return Resources(max(1, int(min(max(cpus), sum(cpus) / workers))) if workers else 1, 0.0)

    def room(self, resources: Resources) -> int:
        """Return the number of workers that the whole cluster has room for."""
        return sum(resources.fitting(node) for node in self.nodes())

    def close(self) -> None:
        """Close the connection, unless the program had it before."""
        if self._is_own:
            self.ray.shutdown()


def check_cluster(cluster: str | None, workers: int | None, transfer: str) -> None:
    """Check the settings of a cluster, and that something answers at its address.

    This takes less time than the connection, so it comes before the inputs are read.

    Args:
        cluster: Address of the cluster. None for none.
        workers: Number of workers. None for as many as there is room for.
        transfer: How files get to workers.

    Raises:
        InvalidSetting: If the way of transfer is unknown, or given without a cluster, if the number is out of range, or
            as for `Cluster`.
        ClusterError: If nothing answers at the address.
    """
    check_choice("transfer", transfer, TRANSFERS)
    if cluster is None and transfer != AUTO:
        raise InvalidSetting(f"transfer {transfer} is for the machines of a cluster; give a cluster, too")
    if cluster is not None and workers is not None:
        check_integer("workers", workers, 1, MAX_CLUSTER_WORKERS)
    if cluster is not None:
        ray_for(cluster)


def ray_for(address: str) -> Any:
    """Return the module `ray`, after a check that it can connect to a cluster.

    Raises:
        InvalidSetting: If Ray is not installed, if the address is not valid, or if the program is connected to another
            cluster.
        ClusterError: If nothing answers at the address.
    """
    try:
        import ray
    except ImportError:
        raise InvalidSetting(
            "a cluster needs the package ray; install it with: pip install 'inceptionism[cluster]'"
        ) from None
    if not ray.is_initialized():
        check_answers(address if address != "auto" else os.environ.get("RAY_ADDRESS", address))
    elif address != "auto":
        raise InvalidSetting(
            f"this program is connected to a cluster, so the cluster must be 'auto', not {quote_value(address)}"
        )
    return ray


def check_answers(address: str) -> None:
    """Check that something answers at the address of a cluster. Ray itself waits for minutes.

    Raises:
        InvalidSetting: If the address is not valid.
        ClusterError: If nothing answers.
    """
    if address == "auto":
        return
    match = ADDRESS.fullmatch(address)
    if match is None:
        raise InvalidSetting(f"cluster must be auto or HOST:PORT, not {quote_value(address)}")
    try:
        socket.create_connection((match["host"], int(match["port"])), CONNECT_SECONDS).close()
    except (OSError, OverflowError) as error:
        raise no_cluster(address, error) from None


def no_cluster(address: str, error: Exception) -> ClusterError:
    """Return the error for an address at which no cluster answers."""
    where = "on this machine" if address == "auto" else f"at {address}"
    return ClusterError(f"no Ray cluster answers {where}: {first_line(error)}; start one with: ray start --head")
