"""Faults at random in commands that write: `make chaos`, or `python -m tests.chaos --rounds 200`.

Each round runs one command, lets one fault happen to it, checks what is left, and runs the same command again. At the
end, a table counts the rounds, and each violation is repeated. The exit status is 1 if there is one.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections import Counter
from contextlib import ExitStack, closing
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.chaos import process
from tests.chaos.checks import age, contents, files_in, problems_of_files, problems_of_outcome, problems_of_repetition
from tests.chaos.commands import COMMANDS, Command
from tests.chaos.disk import Disk
from tests.chaos.faults import KINDS, Fault, draw, kinds_for, run_with
from tests.chaos.process import Outcome
from tests.chaos.server import serve
from tests.chaos.stage import Stage


class Chaos:
    """Rounds on one stage.

    Args:
        stage: Folder of the rounds.
        disk: Disk on which it is.
        seed: Seed of all random choices.
    """

    def __init__(self, stage: Stage, disk: Disk, seed: int) -> None:
        self._stage, self._disk, self._seed = stage, disk, seed
        self._undisturbed: dict[Command, tuple[Outcome, int, dict[str, str]]] = {}
        pairs = [(command, kind) for command in COMMANDS for kind in kinds_for(command)]
        random.Random(seed).shuffle(pairs)
        self._pairs = pairs
        self.struck = 0

    def round(self, number: int) -> tuple[Command, Fault, list[str]]:
        """Run a round, and return its command, its fault and the violations."""
        command, kind = self._pairs[number % len(self._pairs)]
        generator = random.Random(f"{self._seed} {number}")
        stage = self._stage
        if command not in self._undisturbed:
            self._undisturbed[command] = self._run_undisturbed(command)
        undisturbed, written, expected = self._undisturbed[command]
        fault = draw(kind, generator, undisturbed, written)
        stage.reset(command)
        before = files_in(stage.folder)
        outcome = run_with(fault, command, stage, self._disk)
        self.struck += outcome.status != 0
        problems = [*problems_of_outcome(command, outcome, fault)]
        problems += problems_of_files(stage, command, fault, outcome, before)
        age(stage)
        again = stage.run(f"{command.arguments} {command.repeated}")
        problems += problems_of_repetition(stage, again, expected)
        return command, fault, problems

    def _run_undisturbed(self, command: Command) -> tuple[Outcome, int, dict[str, str]]:
        self._stage.reset(command)
        before = files_in(self._stage.folder)
        outcome = self._stage.run(command.arguments)
        if outcome.status:
            raise RuntimeError(f"{command.arguments} fails without a fault: {outcome.err}")
        after = files_in(self._stage.folder)
        written = sum(len(content) for path, content in after.items() if before.get(path) != content)
        return outcome, written, contents(self._stage)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make chaos", description=__doc__)
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--seed", type=int, default=None, help="Seed of all random choices; by default a new one.")
    parser.add_argument("--round", type=int, default=None, help="Number of the only round to run.")
    parser.add_argument("--verbose", action="store_true", help="Print each round.")
    options = parser.parse_args()
    seed = random.SystemRandom().randrange(10**6) if options.seed is None else options.seed
    started = time.monotonic()
    process.load_modules()
    print(f"seed {seed}; every round can be repeated: make chaos SEED={seed} ROUND=NUMBER", flush=True)
    numbers = range(options.rounds) if options.round is None else [options.round]
    rounds: list[tuple[Command, Fault]] = []
    violations: list[str] = []
    with ExitStack() as files:
        kept, root = [files.enter_context(TemporaryDirectory()) for _ in range(2)]
        disk = files.enter_context(closing(Disk(Path(root))))
        if not disk.is_mounted:
            print("a full disk is imitated by a limit on the size of files: only an administrator can mount a disk")
        served = Path(kept) / "served"
        served.mkdir()
        with serve(served) as address:
            stage = Stage(Path(root), Path(kept), served, address)
            chaos = Chaos(stage, disk, seed)
            for number in numbers:
                command, fault, problems = chaos.round(number)
                rounds.append((command, fault))
                if options.verbose:
                    print(f"{time.monotonic() - started:.0f} s: {command.name}, {fault}", flush=True)
                title = f"round {number}: {command.name}, {fault}"
                violations += [f"{title}: {problem}" for problem in problems]
                for problem in problems:
                    print(f"{title}: {problem}", flush=True)
            struck = chaos.struck
    print_table(rounds)
    print(
        f"{len(rounds)} rounds in {time.monotonic() - started:.0f} s; commands that the fault ended: {struck}; "
        f"violations: {len(violations)}"
    )
    print(*violations, sep="\n", end="\n" * bool(violations))
    return bool(violations)


def print_table(rounds: list[tuple[Command, Fault]]) -> None:
    """Print the number of rounds by command and kind of fault."""
    counts = Counter((command.name, fault.kind) for command, fault in rounds)
    width = max(len(command.name) for command in COMMANDS)
    print(" " * width, *KINDS, sep="  ")
    for name in [command.name for command in COMMANDS if any(command is one for one, _ in rounds)]:
        cells = [str(counts[name, kind] or "").rjust(len(kind)) for kind in KINDS]
        print(name.ljust(width), *cells, sep="  ")


if __name__ == "__main__":
    sys.exit(main())
