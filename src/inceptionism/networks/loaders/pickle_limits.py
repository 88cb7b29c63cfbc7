"""Limits for pickled weights, checked before torch reads them.

torch runs no code in a file of weights, but a small file can keep it busy forever: tuples that contain the same tuple
several times, nested fifty times, have more items than any computer can count.
"""

from __future__ import annotations

import pickletools
import zipfile
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path
from pickle import UnpicklingError
from typing import IO, NamedTuple

from inceptionism.errors import first_line
from inceptionism.networks.torch_internals import read_archived_pickle

MAX_OPCODES = 2_000_000
"""Largest number of steps of a pickle. The weights of a network have about 50 for each tensor."""

MAX_TUPLE_ITEMS = 1000
"""Largest number of items of a tuple, together with the items of the tuples inside."""

MAX_NAME = 1000
"""Largest length of the name of a Python object in a pickle. torch searches a longer one for minutes."""

LEGACY_PICKLES = 5
"""Number of pickles, one after the other, at the beginning of a file that torch before 1.6 wrote."""

PUTS, GETS = ("PUT", "BINPUT", "LONG_BINPUT"), ("GET", "BINGET", "LONG_BINGET")
TUPLES = {"EMPTY_TUPLE": 0, "TUPLE1": 1, "TUPLE2": 2, "TUPLE3": 3}


class TooComplex(ValueError):
    """A pickle exceeds a limit."""


def check_weights_file(path: Path) -> None:
    """Check the pickles in a file of `torch.save`.

    Raises:
        TooComplex: If a pickle exceeds a limit, or if the file is compressed.
        UnpicklingError: If a pickle is damaged.
        OSError, RuntimeError: If the file cannot be read.
    """
    with path.open("rb") as file:
        if file.read(4) == b"PK\x03\x04":
            check_archive(path)
            check_pickle(BytesIO(read_archived_pickle(path)))
        else:
            file.seek(0)
            for _ in range(LEGACY_PICKLES):
                check_pickle(file)


def check_archive(path: Path) -> None:
    """Raise `TooComplex` if the files in an archive are larger than the archive. torch never compresses them."""
    try:
        with zipfile.ZipFile(path) as archive:
            total = sum(info.file_size for info in archive.infolist())
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        return  # torch refuses the file with its own message, or it can read it
    if total > path.stat().st_size:
        raise TooComplex("its content is compressed; save it again with torch.save")


class Step(NamedTuple):
    """A step of a pickle: the name of the opcode, its argument, and its effect on the stack.

    Attributes:
        name: Name of the opcode.
        argument: Argument of the opcode; None if it has none.
        removes: Number of items that it removes from the stack, besides those after the mark.
        to_mark: Whether it removes the last mark and all items after it.
        adds: Number of items that it adds to the stack.
    """

    name: str
    argument: object
    removes: int
    to_mark: bool
    adds: int


def steps_of(stream: IO[bytes]) -> Iterator[Step]:
    """Yield the steps of a pickle, up to its end.

    Raises:
        UnpicklingError: If a step cannot be read. torch might read it in another way, and the checks would miss the
            rest.
    """
    try:
        for opcode, argument, _ in pickletools.genops(stream):
            before = [one.name for one in opcode.stack_before]
            to_mark = "mark" in before
            removes = before.index("mark") if to_mark else len(before)
            yield Step(opcode.name, argument, removes, to_mark, len(opcode.stack_after))
    except (ValueError, OverflowError) as error:
        raise UnpicklingError(first_line(error)) from error


def check_pickle(stream: IO[bytes]) -> None:
    """Raise `TooComplex` if a pickle has too many steps, a tuple with too many items, or a name that is too long.

    `UnpicklingError` is raised if the pickle is damaged.

    A tuple in a tuple counts with all of its items, as often as it occurs. This is the work to hash or compare it.
    """
    # Number of items of each tuple on the stack and in the memo. It is 0 for everything else.
    stack: list[int] = []
    marks: list[int] = []
    memo: dict[object, int] = {}
    for count, step in enumerate(steps_of(stream)):
        if count >= MAX_OPCODES:
            raise TooComplex(f"it has more than {MAX_OPCODES} steps")
        if step.name == "GLOBAL" and len(str(step.argument)) > MAX_NAME:
            raise TooComplex(f"it has the name of an object with more than {MAX_NAME} characters")
        if step.name == "MARK":
            marks.append(len(stack))
        elif step.name in PUTS or step.name == "MEMOIZE":
            memo[len(memo) if step.name == "MEMOIZE" else step.argument] = stack[-1] if stack else 0
        elif step.name in GETS:
            stack.append(memo.get(step.argument, 0))
        elif step.name == "DUP":
            stack.extend(stack[-1:])
        else:
            begin = marks.pop() if step.to_mark and marks else len(stack)
            begin = max(0, begin - step.removes)
            items = stack[begin:]
            del stack[begin:]
            is_tuple = step.name in TUPLES or step.name == "TUPLE"
            size = sum(items) + len(items) if is_tuple else 0
            if size > MAX_TUPLE_ITEMS:
                raise TooComplex(f"it has a tuple with more than {MAX_TUPLE_ITEMS} items")
            stack.extend([size] * step.adds)
