"""The process of a local worker: it takes tasks on its standard input, and answers on its standard output.

Each message is a pickled object after its length. Run as `python -m inceptionism.jobs.process`.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
import sys
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import IO, Any

LENGTH = struct.Struct(">Q")
"""Length of a message in bytes."""

CALLS = 3
"""Number of calls at the same time: one reads files, one dreams, and one writes files."""


def send(stream: IO[bytes], message: Any) -> None:
    """Write a message to a stream.

    Raises:
        OSError: If nobody reads the stream any more.
    """
    content = pickle.dumps(message)
    stream.write(LENGTH.pack(len(content)) + content)
    stream.flush()


def receive(stream: IO[bytes]) -> Any:
    """Return the next message of a stream.

    Raises:
        EOFError: If the stream has ended.
    """
    header = stream.read(LENGTH.size)
    if len(header) < LENGTH.size:
        raise EOFError
    (length,) = LENGTH.unpack(header)
    content = stream.read(length)
    if len(content) < length:
        raise EOFError
    return pickle.loads(content)  # the other end is the program that has started this process


def main() -> None:
    """Work until standard input ends."""
    tasks, answers = sys.stdin.buffer, os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else may come between the answers
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the program that has started this process handles Ctrl-C
    from inceptionism.memory import own_process

    with own_process():
        work_until_end(tasks, answers)


def work_until_end(tasks: IO[bytes], answers: IO[bytes]) -> None:
    """Do the tasks of a stream until it ends, and write the answers to another stream."""
    settings, threads, share = receive(tasks)
    import torch

    from inceptionism.jobs.worker import Stopped, Worker
    from inceptionism.limits import share_memory

    torch.set_num_threads(threads)
    share_memory(share)
    worker, writing = Worker(settings), threading.Lock()

    def work(number: int, given: Sequence[Any]) -> None:
        try:
            outcomes = worker.work(given)
        except Stopped:
            return
        with writing:
            send(answers, (number, outcomes))

    with ThreadPoolExecutor(CALLS) as pool:
        try:
            while True:
                pool.submit(work, *receive(tasks))
        except EOFError:
            worker.stop()


if __name__ == "__main__":
    main()
