"""Conditions that hold after a fault, and after the same command has run again."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path

import av
from PIL import Image, ImageSequence

from inceptionism.film import CODECS
from inceptionism.io import FORMATS, read_recipe
from inceptionism.jobs.report import LOCK as REPORT_LOCK
from inceptionism.jobs.report import REPORT
from inceptionism.networks.hub.download import verify
from inceptionism.networks.hub.store import DESCRIPTION, LOCK, NEW, OLD, read_entry
from inceptionism.recipes import Recipe
from tests.chaos.commands import STORE, Command
from tests.chaos.faults import FULL_DISKS, VANISHED, Fault
from tests.chaos.process import CRASHED, Outcome
from tests.chaos.stage import Stage

WITHOUT_RECIPE = ("sheet", "layers")
"""Beginnings of the names of pictures without a recipe: they show several pictures."""

MESSAGES = ("dream: ", "note: ", "http://")
"""Beginnings of lines on standard error."""

BATCH_TABLE = ("done ", "skipped ", "failed ", "report ")
"""Beginnings of further lines, of the table at the end of a batch."""

LOCKS = (LOCK, REPORT_LOCK)
"""Names of files that programs lock. They stay."""

PATHS_IN_MESSAGES = re.compile(r"(?:saved to|so far is in) ([^;\n]+?)(?:;|$)", re.MULTILINE)
"""Paths of files that were kept, in messages."""


def problems_of_outcome(command: Command, outcome: Outcome, fault: Fault) -> Iterator[str]:
    """Yield everything that is wrong with the exit status and the messages of a command after a fault."""
    if outcome.status is None:
        yield "it hangs"
        return
    allowed = {0, 1}
    if fault.signals:
        allowed = {0, *(-number for number in fault.signals), *(128 + number for number in fault.signals)}
    if outcome.status not in allowed:
        yield f"its exit status is {outcome.status}"
    if outcome.status == CRASHED or "unexpected error" in outcome.err or "Traceback" in outcome.err:
        yield f"it ends with an unexpected error: {outcome.err[-900:]}"
    lines = outcome.err.splitlines()
    known = (*MESSAGES, *BATCH_TABLE) if command.is_batch else MESSAGES
    if any(not line.startswith(known) for line in lines):
        yield f"standard error has other lines than messages: {outcome.err[-900:]!r}"
    if outcome.status > 0 and not any(line.startswith("dream: ") for line in lines):
        yield "it fails without a message"


def problems_of_files(stage: Stage, command: Command, fault: Fault, outcome: Outcome, before: Files) -> Iterator[str]:
    """Yield everything that is wrong with the files after a fault.

    Args:
        stage: Folder of the round.
        command: The command.
        fault: The fault that happened to it.
        outcome: Outcome of the command.
        before: All files before the command.
    """
    after = files_in(stage.folder) | files_in(stage.rescue)
    for path, content in before.items():
        is_input = command.folder not in str(path)
        if path not in after and not (path.suffix == ".part" or PARTS in str(path)):
            yield f"{path} is lost"
        elif is_input and after[path] != content:
            yield f"{path} was changed"
    new = [path for path, content in after.items() if before.get(path) != content]
    whole = 0
    for path in new:
        if is_hidden(path):
            if fault.can_clean_up:
                yield f"{path} is left over"
        elif PARTS in str(path):
            if outcome.status == 0 and fault.kind != VANISHED:
                yield f"{path} is left over"
        elif path.suffix == ".part":
            if not command.downloads:
                yield f"{path} is left over"
        elif wrong := problem_of_file(path):
            yield wrong
        else:
            whole += path.suffix in FORMATS and not path.name.startswith(WITHOUT_RECIPE)
    if command.folder == STORE:
        yield from problems_of_store(stage, command)
    can_keep = not fault.is_kill and fault.kind != FULL_DISKS and not command.is_batch
    if can_keep and outcome.status and whole < outcome.results:
        yield f"{outcome.results} pictures were finished, but only {whole} were kept"
    named = [path for text in PATHS_IN_MESSAGES.findall(outcome.err) for path in text.split(", ")]
    named += [line for line in outcome.out.splitlines() if Path(line).suffix in (*FORMATS, *CODECS)]
    for name in named:
        if not (stage.folder / name).exists() and fault.kind != VANISHED:
            yield f"the message names {name}, which does not exist"


def problems_of_store(stage: Stage, command: Command) -> Iterator[str]:
    """Yield everything that is wrong with the store of networks after a fault."""
    store = stage.folder / STORE
    names = [path.name for path in store.iterdir()] if store.exists() else []
    for name in names:
        path = store / name
        if name.endswith((NEW, OLD)) or not path.is_dir():
            continue
        if not (path / DESCRIPTION).exists():
            if not command.downloads:
                yield f"{path} has no description"
            continue
        for file in read_entry(path).files:
            if not verify(path / file.name, file.checksum):
                yield f"{path / file.name} is damaged"
    if command.earlier and not {"mine", f".mine{OLD}"} & {*names}:
        yield "the network that was to be replaced is lost"


def age(stage: Stage) -> None:
    """Let temporary files that a command could not delete look old, so that the next command deletes them."""
    for path in stage.folder.rglob(".*.part"):
        os.utime(path, (0, 0))


def problems_of_repetition(stage: Stage, outcome: Outcome, expected: Contents) -> Iterator[str]:
    """Yield everything that is wrong after the same command has run again, without a fault.

    Args:
        stage: Folder of the round.
        outcome: Outcome of the second run.
        expected: Contents of the outputs of an undisturbed run.
    """
    if outcome.status != 0:
        yield f"the same command fails afterwards: {outcome.status} {outcome.err[-600:]}"
        return
    made = contents(stage)
    for path in sorted(made.keys() | expected.keys()):
        if path not in made:
            yield f"the same command does not write {path} afterwards"
        elif path not in expected:
            yield f"{path} is still left over"
        elif made[path] != expected[path]:
            yield f"the same command writes another {path} afterwards"


Files = dict[Path, bytes]
"""Contents of files by their paths."""

Contents = dict[str, str]
"""Hashes of the outputs of a command by their paths: of the pixels and the recipe, or of the bytes."""

PARTS = ".parts/"
"""End of the name of a folder with the segments of an unfinished film."""


def files_in(folder: Path) -> Files:
    """Return the contents of all files in a folder."""
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} if folder.exists() else {}


def is_hidden(path: Path) -> bool:
    """Return whether a file is hidden, or in a hidden folder. Locks and segments do not count."""
    return path.name not in LOCKS and PARTS not in str(path) and any(part.startswith(".") for part in path.parts)


def contents(stage: Stage) -> Contents:
    """Return the contents of the outputs of a command."""
    folders = [stage.folder / "out", stage.folder / STORE]
    paths = sorted(path for folder in folders for path in folder.rglob("*") if path.name not in LOCKS)
    return {str(path.relative_to(stage.folder)): content_hash(path) for path in paths if path.is_file()}


def content_hash(path: Path) -> str:
    """Return a hash of the pixels and the recipe of a picture or a film, or of the bytes of another file.

    The times in the report of a batch do not count.
    """
    digest = hashlib.sha256()
    if path.suffix in (*FORMATS, *CODECS):
        for frame in pixels(path):
            digest.update(frame)
        digest.update((read_recipe(path) or "").encode())
    elif path.name == REPORT:
        lines = [json.loads(text) for text in path.read_text().splitlines()]
        digest.update(json.dumps([line | {"seconds": None, "stamp": None} for line in lines]).encode())
    else:
        digest.update(path.read_bytes())
    return digest.hexdigest()


def pixels(path: Path) -> Iterator[bytes]:
    """Yield the pixels of each frame of a picture or a film."""
    if path.suffix in (".mp4", ".webm"):
        with av.open(str(path)) as film:
            for decoded in film.decode(video=0):
                yield f"{decoded.time}".encode() + decoded.to_ndarray(format="rgb24").tobytes()
    else:
        with Image.open(path) as image:
            for frame in ImageSequence.Iterator(image):
                yield frame.convert("RGBA").tobytes()


def problem_of_file(path: Path) -> str | None:
    """Return what is wrong with a file that has its final name. None if nothing is."""
    if not path.stat().st_size:
        return f"{path} is empty" if path.name not in (*LOCKS, REPORT) else None
    try:
        if path.suffix in (*FORMATS, *CODECS):
            if not sum(1 for _ in pixels(path)):
                return f"{path} has no frames"
            if not path.name.startswith(WITHOUT_RECIPE):
                text = read_recipe(path)
                if text is None:
                    return f"{path} has no recipe"
                Recipe.from_json(text)
        elif path.suffix == ".json":
            json.loads(path.read_text())
    except Exception as error:  # whatever a decoder raises, the file is not whole
        return f"{path} is not whole: {type(error).__name__}: {error}"
    return None
