"""Fuzzing of every reader: `make fuzz`, or `python -m tests.fuzz --help`."""

from __future__ import annotations

import argparse
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.limits import is_read, peak_memory
from tests.fuzz.readers import READERS
from tests.fuzz.watcher import fuzz


def main() -> None:
    parser = argparse.ArgumentParser(description="Read damaged and hostile files with every reader.")
    parser.add_argument("--seconds", type=float, default=600, help="Duration, divided over the readers.")
    parser.add_argument("--seed", default=secrets.token_hex(4), help="Seed of all random choices.")
    parser.add_argument("--reader", action="append", choices=READERS, help="Only this reader. May be repeated.")
    parser.add_argument("--findings", type=Path, help="Folder for findings. By default a new folder in .fuzz.")
    parser.add_argument("--input", type=Path, help="With --reader, read only this file, for example a finding.")
    wanted = parser.parse_args()
    if wanted.input:
        read_once(wanted.reader[0], wanted.input.read_bytes())
        return
    names = wanted.reader or list(READERS)
    findings = wanted.findings or Path(".fuzz", time.strftime("%Y-%m-%d-%H-%M-%S"))
    write(f"{wanted.seconds:g} s for {len(names)} readers; to repeat the run, add --seed {wanted.seed}")
    write(f"{'reader':17}{'cases':>9}{'read':>9}")
    total = 0
    for name in names:
        cases, read = fuzz(name, wanted.seed, wanted.seconds / len(names), findings)
        write(f"{name:17}{cases:9,}{read:9,}")
        total += cases
    faults = sorted(findings.glob("*.input"))
    write(f"{'all':17}{total:9,}, {len(faults)} faults")
    for path in faults:
        write(f"{path}: {path.with_suffix('.txt').read_text('utf-8').strip().splitlines()[-1][:300]}")
    sys.exit(1 if faults else 0)


def read_once(name: str, content: bytes) -> None:
    """Read one input, and let every fault end the program with a traceback."""
    with tempfile.TemporaryDirectory() as folder:
        read = READERS[name].prepare(Path(folder))[1]
        write("read" if is_read(read, content, peak_memory()) else "refused")


def write(line: str) -> None:
    """Write a line to standard output."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
