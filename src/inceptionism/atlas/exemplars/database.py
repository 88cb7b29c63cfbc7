"""The file of an index of exemplars: an SQLite database with the photographs and the extremes of each channel.

Photographs and extremes are written in one transaction. So a killed program leaves the index as it was after the last
transaction, and no photograph counts twice.
"""

from __future__ import annotations

import os
import sqlite3
import weakref
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import torch

from inceptionism.atlas.exemplars.extremes import NO_PHOTO, Extremes
from inceptionism.atlas.photo_index import IndexedPhoto
from inceptionism.errors import CannotWrite, UnreadableFile, first_line, quote_path

TABLES = """
CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE photos (
    number INTEGER PRIMARY KEY, path BLOB NOT NULL UNIQUE, bytes INTEGER NOT NULL, changed INTEGER NOT NULL,
    height INTEGER NOT NULL, width INTEGER NOT NULL
);
CREATE TABLE extremes (
    sign INTEGER NOT NULL, channel INTEGER NOT NULL, rank INTEGER NOT NULL, score REAL NOT NULL,
    photo INTEGER NOT NULL REFERENCES photos, "row" INTEGER NOT NULL, "column" INTEGER NOT NULL,
    PRIMARY KEY (sign, channel, rank)
) WITHOUT ROWID;
"""
"""Tables of the database.

A path is stored as bytes, because a name of a file may be no valid text. In `extremes`, the sign is 1 for the largest
activations and -1 for the smallest. Rank 0 is the most extreme activation.
"""

WAIT_SECONDS = 5.0
"""Time to wait for another program that is writing the file."""

PHOTO = "CAST(path AS BLOB), bytes, changed, height, width"
"""Columns of a photograph, in the order of the fields of `IndexedPhoto`."""


class FoundExtreme(NamedTuple):
    """An extreme activation of a channel, with its photograph."""

    score: float
    row: int
    column: int
    photo: IndexedPhoto


class ExemplarDatabase:
    """The photographs and the extremes in an SQLite database.

    Changes belong to a transaction, which `commit` ends. Only one program at a time may change the file.

    Args:
        path: The file. It is created if it does not exist. None means a database in memory.

    Raises:
        UnreadableFile: If the file is no such database.
        CannotWrite: If the file cannot be created, or if another program is writing it.
    """

    def __init__(self, path: Path | None) -> None:
        self._name = "the index in memory" if path is None else quote_path(path)
        with self._access():
            # Several threads may use the index one after the other, for example in a notebook.
            self._connection = sqlite3.connect(
                path or ":memory:", WAIT_SECONDS, isolation_level=None, check_same_thread=False
            )
            weakref.finalize(self, self._connection.close)
            is_new = not self._rows("SELECT 1 FROM sqlite_master")
            if is_new:
                self._connection.executescript(f"BEGIN IMMEDIATE; {TABLES} COMMIT;")

    def facts(self) -> dict[str, str]:
        """Return the facts about the index by name. There are none in a new database."""
        with self._access():
            return dict(self._rows("SELECT name, value FROM facts"))

    def photo_count(self) -> int:
        """Return the number of photographs."""
        with self._access():
            return int(self._rows("SELECT ifnull(max(number) + 1, 0) FROM photos")[0][0])

    def find(self, path: Path) -> IndexedPhoto | None:
        """Return a photograph. None if the index does not have it."""
        with self._access():
            rows = self._rows(f"SELECT {PHOTO} FROM photos WHERE path = ?", os.fsencode(path))
        return photo_of(*rows[0]) if rows else None

    def extremes(self, sign: int, channel: int, count: int) -> list[FoundExtreme]:
        """Return at most `count` extremes of a channel, the most extreme first."""
        with self._access():
            rows = self._rows(
                f'SELECT score, "row", "column", {PHOTO} FROM extremes JOIN photos ON photo = number '
                "WHERE sign = ? AND channel = ? AND rank < ? ORDER BY rank",
                *(sign, channel, count),
            )
        return [FoundExtreme(score, row, column, photo_of(*photo)) for score, row, column, *photo in rows]

    def all_extremes(self, sign: int, channels: int, count: int) -> Extremes:
        """Return the extremes of all channels, with space for `count` of each channel."""
        extremes = Extremes.empty(channels, count)
        with self._access():
            rows = self._rows('SELECT channel, rank, score, photo, "row", "column" FROM extremes WHERE sign = ?', sign)
        if rows:
            channel, rank, score, *places = zip(*rows, strict=True)
            extremes.values[channel, rank] = sign * torch.tensor(score, dtype=torch.float32)
            for tensor, column in zip((extremes.photos, extremes.rows, extremes.columns), places, strict=True):
                tensor[channel, rank] = torch.tensor(column)
        return extremes

    def begin(self) -> None:
        """Begin a transaction, if none has begun.

        Raises:
            CannotWrite: If the file cannot be written, or if another program is changing it.
        """
        with self._access():
            if not self._connection.in_transaction:
                self._connection.execute("BEGIN IMMEDIATE")

    def clear(self, facts: Mapping[str, str]) -> None:
        """Remove all photographs and extremes, and set the facts about the index."""
        with self._access():
            for table in ("extremes", "photos", "facts"):
                self._connection.execute(f"DELETE FROM {table}")
            self._connection.executemany("INSERT INTO facts VALUES (?, ?)", facts.items())

    def add_photo(self, number: int, photo: IndexedPhoto) -> None:
        """Add a photograph."""
        row = number, os.fsencode(photo.path), photo.bytes, photo.changed, photo.height, photo.width
        with self._access():
            self._connection.execute("INSERT INTO photos VALUES (?, ?, ?, ?, ?, ?)", row)

    def set_extremes(self, sign: int, extremes: Extremes) -> None:
        """Replace the extremes of all channels with this sign."""
        kept = (extremes.photos != NO_PHOTO).nonzero(as_tuple=True)
        columns = [*kept, (sign * extremes.values[kept]).double()]
        columns += [tensor[kept] for tensor in (extremes.photos, extremes.rows, extremes.columns)]
        rows = zip(*(column.tolist() for column in columns), strict=True)
        with self._access():
            self._connection.executemany(f"INSERT OR REPLACE INTO extremes VALUES ({sign}, ?, ?, ?, ?, ?, ?)", rows)

    def commit(self) -> None:
        """End the transaction. Its changes are in the file from then on."""
        with self._access():
            self._connection.commit()

    def rollback(self) -> None:
        """Undo the transaction, if one has begun."""
        with self._access():
            self._connection.rollback()

    def _rows(self, text: str, *values: object) -> list[tuple]:  # type: ignore[type-arg]  # a query decides the types
        return self._connection.execute(text, values).fetchall()

    @contextmanager
    def _access(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.Error as error:
            if isinstance(error, sqlite3.OperationalError) and "no such" not in str(error):
                raise CannotWrite(
                    f"{self._name} cannot be opened or written: {first_line(error)}; if another program is writing it, "
                    "wait until it has ended"
                ) from error
            raise self.damaged(error) from error

    def damaged(self, error: Exception) -> UnreadableFile:
        """Return the error for a file with other content than an index."""
        return UnreadableFile(
            f"{self._name} is damaged, or no index of exemplars: {first_line(error)}; delete it, or choose another file"
        )


def photo_of(path: bytes, *numbers: int) -> IndexedPhoto:
    """Return the photograph of a row of the table."""
    return IndexedPhoto(os.fsdecode(path), *numbers)
