"""Benchmark of speed beside other work: how much longer a dream takes while other programs compute.

Each kind of work runs on a quiet machine, beside one busy loop, beside a busy loop for each core, and beside another
program that computes with torch on all cores. They take turns, and each ratio is that of one round. A fair scheduler
gives half of each core to each of two programs, so 2 is the ratio beside a loop for each core.

Most desktop systems with Linux first divide the time between sessions, and then between the programs of a session. Each
terminal, each application and each notebook is a session of its own. So the loops are measured in both ways.

    python -m bench.busy PHOTO
    python -m bench.busy PHOTO --compare OMP_WAIT_POLICY=passive OMP_NUM_THREADS=1
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

from bench.batch import make_photographs
from bench.report import Report, machine_facts, speedups
from inceptionism.limits import available_cores

DREAM = [sys.executable, "-m", "inceptionism"]

LOOP = [sys.executable, "-c", "while True: pass"]

LOOPS = f"""
import os
for _ in range({available_cores() - 1}):
    if os.fork() == 0:
        break
while True:
    pass
"""
"""A program that computes on all cores, with a process for each core."""

OTHER_PROGRAM = """
import torch
maps, weights = torch.rand(4, 64, 96, 96), torch.rand(64, 64, 3, 3)
while True:
    torch.relu(torch.nn.functional.conv2d(maps, weights, padding=1))
"""
"""A program that computes with torch on all cores, without inceptionism."""

SERIES = """
import sys, time
{first}
import inceptionism as inc
photo = inc.load_photo(sys.argv[1])
inc.dream(photo, size=640, seed=0)
start = time.perf_counter()
for seed in range(1, 4):
    inc.dream(photo, size=640, seed=seed)
print(time.perf_counter() - start)
"""
"""A program that dreams three photographs after a first one, and prints their time."""

NOTEBOOK = """
import sys
import nbclient, nbformat

code = {series!r}.replace("sys.argv[1]", repr(sys.argv[1]))
notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(code)])
nbclient.NotebookClient(notebook, timeout=None).execute()
print("".join(output.text for output in notebook.cells[0].outputs if output.get("name") == "stdout"))
"""
"""A program that runs `SERIES` in the kernel of a notebook, and prints its time."""

BATCH = 8
"""Number of photographs of a batch."""

FINISHED = "finished"
"""Folder of a batch. It is deleted before each measurement, because a batch leaves out the pictures that are there."""

SETTLE = 2.0
"""Seconds from the start of other programs to the measurement."""

QUIET = "quiet"


class Others(NamedTuple):
    """Programs that compute at the same time.

    Attributes:
        commands: Their commands.
        apart: Whether they are in other sessions, as programs from another terminal are.
    """

    commands: Sequence[Sequence[str]]
    apart: bool = False


BESIDE = {
    QUIET: Others([]),
    "beside one loop": Others([LOOP]),
    "beside a loop for each core": Others([LOOP] * available_cores()),
    "beside a loop for each core, in another session": Others([[sys.executable, "-c", LOOPS]], apart=True),
    "beside another torch program": Others([[sys.executable, "-c", OTHER_PROGRAM]]),
}


def works(photo: Path, folder: str) -> dict[str, list[str]]:
    """Return the command of each kind of work."""
    torch_first = SERIES.format(first="import torch; torch.ones(10**6).exp()")
    still = [*DREAM, "photo", str(photo), "--size", "640", "-o", f"{folder}/a.png", "--overwrite"]
    photos = Path(folder) / "photos"
    photos.mkdir()
    make_photographs(photo, photos, BATCH)
    batch = [*DREAM, "batch", str(photos), "-o", f"{folder}/{FINISHED}", "--workers", f"{available_cores()}"]
    notebook = NOTEBOOK.format(series=SERIES.format(first=""))
    zoom = [*DREAM, "zoom", str(photo), "--size", "480x270", "--frames", "24", "-o", f"{folder}/a.mp4", "--overwrite"]
    return {
        "`dream photo --size 640`, with its start": still,
        "three more photographs in one process": [sys.executable, "-c", SERIES.format(first=""), str(photo)],
        "the same, if torch is imported first": [sys.executable, "-c", torch_first, str(photo)],
        "`dream zoom`, 24 frames of 480×270": zoom,
        f"`dream batch` of {BATCH} photographs, 640×360, a worker for each core": batch,
        "three more photographs in a notebook": [sys.executable, "-c", notebook, str(photo)],
    }


@contextmanager
def running(others: Others) -> Iterator[None]:
    """Let other programs compute inside the block."""
    with ExitStack() as stack:
        for command in others.commands:
            process = stack.enter_context(subprocess.Popen(command, start_new_session=others.apart))
            # The processes that a program of another session starts have its number as their group.
            stack.callback(partial(os.killpg, process.pid, signal.SIGKILL) if others.apart else process.kill)
        time.sleep(SETTLE if others.commands else 0)
        yield


def seconds_of(command: list[str], environment: dict[str, str]) -> float:
    """Run a command, and return the time that it prints, or else the time that it takes."""
    start = time.perf_counter()
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, env={**os.environ, **environment})
    seconds = time.perf_counter() - start
    return seconds if command[: len(DREAM)] == DREAM else float(done.stdout)


def measure_works(
    report: Report,
    photo: Path,
    rounds: int,
    chosen: Sequence[int] | None = None,
    variants: dict[str, dict[str, str]] | None = None,
) -> None:
    """Measure each kind of work on a quiet machine and beside other programs. The ratios say how much slower it is.

    Args:
        report: Report for the results.
        photo: Photograph to dream.
        rounds: Number of rounds.
        chosen: Numbers of the kinds of work, from 0. None means all.
        variants: Environment variables to compare, by the name of the variant. None means no variables.
    """
    variants = variants or {"": {}}
    with TemporaryDirectory() as folder:
        listed = list(works(photo, folder).items())
        for work, command in [listed[index] for index in chosen] if chosen else listed:
            times: dict[tuple[str, str], list[float]] = {(name, beside): [] for name in variants for beside in BESIDE}
            for _ in range(rounds):
                for beside, others in BESIDE.items():
                    for name, environment in variants.items():
                        shutil.rmtree(Path(folder, FINISHED), ignore_errors=True)
                        with running(others):
                            times[name, beside].append(seconds_of(command, environment))
            for name, beside in times:
                compared = () if beside == QUIET else (QUIET, speedups(times[name, beside], times[name, QUIET]))
                job = ", ".join(text for text in (work, name, beside) if text)
                report.add("busy", job, {"s": statistics.median(times[name, beside])}, *compared)


def main() -> None:
    """Measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--rounds", type=int, default=3, help="number of rounds, 3 by default")
    parser.add_argument("--work", type=int, nargs="*", help="numbers of the kinds of work, from 0; all by default")
    parser.add_argument("--compare", nargs="*", default=[], metavar="NAME=VALUE", help="variables to compare with")
    parser.add_argument("--json", type=Path, help="file for the results; none by default")
    arguments = parser.parse_args()
    variants: dict[str, dict[str, str]] = {"as installed": {}} if arguments.compare else {"": {}}
    variants |= {text: dict(one.split("=", 1) for one in text.split(",")) for text in arguments.compare}
    report = Report(machine_facts())
    measure_works(report, arguments.photo, arguments.rounds, arguments.work, variants)
    report.print_table()
    if arguments.json:
        report.save(arguments.json)


if __name__ == "__main__":
    main()
