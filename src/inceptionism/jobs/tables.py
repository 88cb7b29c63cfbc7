"""Lists of jobs in files: CSV, JSON lines and Parquet. Each row is a job, and each column is a setting.

The rows are read one after the other, so a list may have millions of them.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, TypeAlias

from inceptionism.errors import UnreadableFile, first_line, quote_path
from inceptionism.files import check_file

Row: TypeAlias = Mapping[str, Any]
"""Values of a row by the name of the column. A value of None, or an empty text, means that there is none."""

PARQUET_ROWS = 1000
"""Number of rows of a Parquet file that are read at once."""

MAX_LINE = 2**20
"""Largest number of characters of a line of JSON."""


def is_table(path: str | Path) -> bool:
    """Return whether the name of a file is that of a list of jobs."""
    return Path(path).suffix.lower() in READERS


def read_rows(path: Path) -> Iterator[tuple[int, Row]]:
    """Yield the number of each row, from 1, and the row.

    Raises:
        UnreadableFile: If the file is missing, is not a list of this format, or needs a package that is missing.
    """
    check_file(path)
    try:
        yield from enumerate(READERS[path.suffix.lower()](path), 1)
    except UnicodeDecodeError:
        raise UnreadableFile(f"{quote_path(path)} is not text in UTF-8; save it in this encoding") from None
    except (OSError, csv.Error) as error:
        raise UnreadableFile(f"{quote_path(path)} cannot be read: {first_line(error)}") from None


def read_csv(path: Path) -> Iterator[Row]:
    """Yield the rows of a text file with commas, semicolons or tabs between the columns.

    Raises:
        UnreadableFile: If a row has more values than there are columns.
    """
    with path.open(newline="", encoding="utf-8-sig") as file:
        heading = file.readline()
        file.seek(0)
        # Spreadsheets of many countries write semicolons.
        delimiter = max(",;\t", key=heading.count)
        reader = csv.DictReader(file, delimiter=delimiter)
        for row in reader:
            if None in row:
                raise UnreadableFile(f"{quote_path(path)}, line {reader.line_num}: more values than there are columns")
            yield {name.strip(): value.strip() for name, value in row.items() if value is not None}


def read_json_lines(path: Path) -> Iterator[Row]:
    """Yield the objects of a text file with a JSON object in each line.

    Raises:
        UnreadableFile: If a line is not a JSON object.
    """
    with path.open(encoding="utf-8-sig") as file:
        number = 0
        while line := file.readline(MAX_LINE):
            number += 1
            if not line.strip():
                continue
            try:
                row = json.loads(line)
            except (ValueError, RecursionError):
                row = None
            if not isinstance(row, dict):
                raise UnreadableFile(
                    f'{quote_path(path)}, line {number}: this is not a JSON object such as {{"seed": 1}}'
                )
            yield row


def read_parquet(path: Path) -> Iterator[Row]:
    """Yield the rows of a Parquet file.

    Raises:
        UnreadableFile: If pyarrow is not installed, or the file is not a Parquet file.
    """
    try:
        import pyarrow
        from pyarrow import parquet
    except ImportError:
        raise UnreadableFile(
            f"{quote_path(path)} needs the package pyarrow; install it with: pip install pyarrow"
        ) from None
    try:
        with parquet.ParquetFile(path) as file:
            for rows in file.iter_batches(PARQUET_ROWS):
                yield from rows.to_pylist()
    except pyarrow.ArrowException as error:
        raise UnreadableFile(f"{quote_path(path)} is not a Parquet file: {first_line(error)}") from None


READERS: Mapping[str, Callable[[Path], Iterator[Row]]] = {
    ".csv": read_csv,
    ".tsv": read_csv,
    ".jsonl": read_json_lines,
    ".parquet": read_parquet,
}
"""Functions that read a list, by the ending of the file's name."""
