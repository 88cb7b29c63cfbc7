"""The options of the commands that can work on a Ray cluster, and their standard output."""

from __future__ import annotations

import io
import sys
import threading
from contextlib import AbstractContextManager, nullcontext, redirect_stdout
from typing import Annotated, TextIO

from inceptionism.cli.options import MACHINE, option

ClusterAddress = Annotated[
    str | None,
    option(
        "--cluster",
        group=MACHINE,
        metavar="ADDRESS",
        help="Ray cluster whose machines do the work: auto for the one that this machine belongs to, or HOST:PORT.",
    ),
]

Transfer = Annotated[
    str,
    option(
        "--transfer",
        group=MACHINE,
        metavar="WAY",
        help="How files get to the machines of a cluster: paths, through folders that all machines see; objects, "
        "through the memory of the cluster; or auto, to find out for each folder.",
    ),
]

RAY_THREAD = "ray_listen_error_messages"
"""Name of the thread in which Ray prints messages of the cluster."""


class OwnLines(io.TextIOBase):
    """Standard output without the messages of Ray, which prints the logs of a machine that is lost.

    Args:
        stream: Standard output.
    """

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return len(text) if threading.current_thread().name == RAY_THREAD else self._stream.write(text)

    def flush(self) -> None:
        self._stream.flush()

    def isatty(self) -> bool:
        return self._stream.isatty()

    def fileno(self) -> int:
        return self._stream.fileno()


def own_lines(cluster: str | None) -> AbstractContextManager[object]:
    """Return a block in which Ray prints nothing on standard output, because programs read paths there.

    Args:
        cluster: Address of the cluster. None for none.
    """
    return nullcontext() if cluster is None else redirect_stdout(OwnLines(sys.stdout))
