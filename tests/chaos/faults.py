"""The faults that happen to a command, drawn at random."""

from __future__ import annotations

import os
import random
import shutil
import signal
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.chaos.commands import Command
from tests.chaos.disk import Disk, obey_permissions
from tests.chaos.process import Moment, Outcome
from tests.chaos.server import MODES
from tests.chaos.stage import Stage

SIGNALS = {
    "SIGKILL": [signal.SIGKILL],
    "SIGTERM": [signal.SIGTERM],
    "SIGINT": [signal.SIGINT],
    "SIGINT twice": [signal.SIGINT, signal.SIGINT],
}
"""Signals that end a command, in their order."""

FULL_DISK, FULL_DISKS, FULL_OUTPUT = "full disk", "all disks full", "full stdout"
READ_ONLY, VANISHED, SERVER = "read-only", "vanished", "bad server"

KINDS = [*SIGNALS, FULL_DISK, FULL_DISKS, FULL_OUTPUT, READ_ONLY, VANISHED, SERVER]
"""Kinds of faults, the columns of the table."""

PAGE = 4096
"""Unit of the size of files on the small disk, in bytes."""

FULL_DEVICE = Path("/dev/full")
"""Device on which every write fails as on a full disk. Only some systems have it."""


@dataclass(frozen=True)
class Fault:
    """A fault.

    Attributes:
        kind: One of `KINDS`.
        moment: Moment at which it happens. None if it is there from the beginning.
        group: Whether the signals go to the whole process group.
        gap: Time in seconds between two signals.
        free_bytes: Free bytes on the disk.
        sources: Modes of the server's sources.
    """

    kind: str
    moment: Moment | None = None
    group: bool = False
    gap: float = 0.0
    free_bytes: int | None = None
    sources: tuple[str, ...] = ()

    def __str__(self) -> str:
        parts = [self.kind, "of the process group" * self.group, str(self.moment or "")]
        parts += [f"with {self.free_bytes} bytes free" if self.free_bytes is not None else "", "+".join(self.sources)]
        return " ".join(filter(None, parts))

    @property
    def signals(self) -> list[signal.Signals]:
        """Signals that the fault sends."""
        return SIGNALS.get(self.kind, [])

    @property
    def can_clean_up(self) -> bool:
        """Whether the command can delete its temporary files."""
        return self.kind not in ("SIGKILL", READ_ONLY, VANISHED)

    @property
    def is_kill(self) -> bool:
        """Whether the command has no chance to react."""
        return self.kind == "SIGKILL"


def kinds_for(command: Command) -> list[str]:
    """Return the kinds of faults that can happen to a command."""
    kinds = [kind for kind in KINDS if kind != SERVER or command.downloads]
    if not FULL_DEVICE.exists():
        kinds.remove(FULL_OUTPUT)
    if command.name.startswith("show"):  # it writes no file
        kinds = [kind for kind in kinds if kind in (*SIGNALS, FULL_OUTPUT)]
    return kinds


def draw(kind: str, generator: random.Random, undisturbed: Outcome, written: int) -> Fault:
    """Return a random fault of a kind.

    Args:
        kind: One of `KINDS`.
        generator: Source of the random numbers.
        undisturbed: Outcome of the command without a fault.
        written: Bytes that the command writes without a fault.
    """
    at_change = Moment(change=generator.randrange(undisturbed.changes + 1))
    at_time = Moment(seconds=generator.uniform(0, undisturbed.seconds))
    if kind in SIGNALS:
        moment = at_time if kind == "SIGINT twice" or generator.random() < 0.5 else at_change
        return Fault(kind, moment, group=generator.random() < 0.3, gap=generator.uniform(0, 0.1))
    if kind in (FULL_DISK, FULL_DISKS):
        return Fault(kind, free_bytes=generator.randrange(0, written + PAGE))
    if kind in (READ_ONLY, VANISHED):
        return Fault(kind, at_change)
    if kind == SERVER:
        sources = generator.sample(MODES, generator.randrange(1, 4)) + ["good"] * generator.randrange(2)
        return Fault(kind, sources=tuple(sources))
    return Fault(kind)


def run_with(fault: Fault, command: Command, stage: Stage, disk: Disk) -> Outcome:
    """Run a command while a fault happens to it, and return the outcome."""
    folder = stage.folder / command.folder

    def prepare() -> None:
        if fault.free_bytes is not None:
            disk.limit_files(fault.free_bytes)
        elif fault.kind == FULL_OUTPUT:
            os.dup2(os.open(FULL_DEVICE, os.O_WRONLY), 1)
        elif fault.kind == READ_ONLY:
            obey_permissions()

    with disk.nearly_full(fault.free_bytes):
        outcome = stage.run(
            command.arguments,
            sources=[*fault.sources],
            temporary=stage.folder / "tmp" if fault.kind == FULL_DISKS else None,
            moment=fault.moment,
            fault=lambda process: happen(fault, folder, process),
            prepare=prepare,
        )
    if fault.kind == READ_ONLY:
        make_writable(folder)
    elif fault.kind == VANISHED:
        bring_back(folder)
    return outcome


def happen(fault: Fault, folder: Path, process: int) -> None:
    """Let a fault happen to a process that writes into a folder."""
    for index, number in enumerate(fault.signals):
        time.sleep(fault.gap if index else 0)
        with suppress(ProcessLookupError):
            (os.killpg if fault.group else os.kill)(process, number)
    if fault.kind == READ_ONLY and folder.exists():
        folder.chmod(0o555)
    if fault.kind == VANISHED and folder.exists():
        folder.rename(gone(folder))


def make_writable(folder: Path) -> None:
    """Allow writing into a folder again."""
    if folder.exists():
        folder.chmod(0o755)


def bring_back(folder: Path) -> None:
    """Bring a vanished folder back. If the command has made a new one, add the files that it does not have."""
    if not gone(folder).exists():
        return
    folder.mkdir(exist_ok=True)
    for path in gone(folder).iterdir():
        if not (folder / path.name).exists():
            path.rename(folder / path.name)
    shutil.rmtree(gone(folder))


def gone(folder: Path) -> Path:
    """Return the place to which a folder vanishes."""
    return folder.with_name(f"{folder.name} (gone)")
