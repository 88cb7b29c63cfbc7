"""A soak: many pictures, frames and networks in one process: `make soak`, or `python -m tests.soak`.

For each part, a table shows the memory, files, threads, hooks, temporary files and child processes after a tenth of the
part and at its end. The exit status is 1 if the memory has grown by more than 3 %, or if there is more of anything
else.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from tests.soak.parts import PARTS, Part
from tests.soak.resources import Resources, held_resources

WARM_UP = 4
"""Smallest number of times before the first measurement. By then, each library is loaded."""


def main() -> int:
    """Run the parts that the command line chooses, and print the table."""
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    for name, (_, usual) in PARTS.items():
        parser.add_argument(f"--{name}", type=int, default=usual, metavar="NUMBER", help=f"By default {usual}.")
    options = vars(parser.parse_args())
    violations: list[str] = []
    print(f"{'part':10} {'':12} " + " ".join(name.rjust(10) for name in ("MB", *Resources._fields[1:], "seconds")))
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryDirectory() as temporary:
        tempfile.tempdir = temporary
        for name, (part, _) in PARTS.items():
            if options[name]:
                violations += soak(name, part, options[name], Path(folder))
    print(*violations or ["nothing has grown"], sep="\n")
    return bool(violations)


def soak(name: str, part: Part, count: int, parent: Path) -> list[str]:
    """Run a part, print its rows of the table, and return a sentence about each resource that has grown.

    Args:
        name: Name of the part.
        part: The part.
        count: Number of times.
        parent: Folder for its files.
    """
    folder = parent / name
    folder.mkdir()
    started = time.monotonic()
    early: list[Resources] = []
    number = 0

    def done() -> None:
        nonlocal number
        number += 1
        if number == max(WARM_UP, count // 10):
            early.append(held_resources())
            print_row(name, f"after {number}", early[0], started)

    part(count, folder, done)
    late = held_resources()
    print_row(name, f"after {number}", late, started)
    return [
        f"{name}: {grown} has grown from {getattr(early[0], grown)} to {getattr(late, grown)}"
        for grown in early[0].growth(late)
    ]


def print_row(name: str, when: str, held: Resources, started: float) -> None:
    """Print a row of the table."""
    numbers = [f"{held.memory / 1e6:.1f}", *map(str, held[1:]), f"{time.monotonic() - started:.0f}"]
    print(f"{name:10} {when:12} " + " ".join(number.rjust(10) for number in numbers), flush=True)


if __name__ == "__main__":
    sys.exit(main())
