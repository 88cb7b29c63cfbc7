"""Objects that other installed packages register with entry points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import EntryPoint, entry_points

from inceptionism.errors import InceptionismError, InvalidSetting, describe_error


def points_of(group: str) -> list[EntryPoint]:
    """Return the entry points of a group, in an order that is the same on every machine."""
    return sorted(entry_points(group=group), key=lambda point: point.value)


def point_text(point: EntryPoint) -> str:
    """Return an entry point in words, for messages."""
    return f"the entry point {point.name} = {point.value}"


@contextmanager
def explained_failure(point: EntryPoint, failure: str) -> Iterator[None]:
    """Turn any error of the code behind an entry point into an `InvalidSetting`.

    The errors of this package stay as they are.

    Args:
        point: The entry point.
        failure: Rest of a sentence that begins with the entry point, for example "cannot be loaded".
    """
    try:
        yield
    except InceptionismError:
        raise
    except Exception as error:  # code of another package can raise any exception
        raise InvalidSetting(f"{point_text(point)} {failure}: {describe_error(error)}") from error
