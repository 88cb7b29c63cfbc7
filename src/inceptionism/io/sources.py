"""Pictures that are not in a file of this machine: at a web address, or on standard input."""

from __future__ import annotations

import os
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import BinaryIO
from urllib.parse import SplitResult, unquote, urlsplit, urlunsplit

from inceptionism.errors import UnreadablePicture, first_line, quote_path
from inceptionism.files import text_of_name
from inceptionism.web import ADDRESS, SourceError, fetch

STANDARD_STREAM = "-"
"""Name of standard input or standard output in place of a path."""

MAX_SENT_BYTES = 2**28
"""Largest size of a picture from a web address or from standard input, in bytes."""

MAX_SECONDS = 300.0
"""Largest time in seconds in which a web address must send a picture."""


def named_source(name: str) -> Path | str:
    """Return the path that a name stands for. The name of standard input and a web address are returned unchanged."""
    return name if is_address(name) or name == STANDARD_STREAM else Path(name)


def is_address(source: str | os.PathLike[str]) -> bool:
    """Return whether a source is a web address, http or https."""
    return address_of(source) is not None


def address_of(source: str | os.PathLike[str]) -> str | None:
    """Return the web address that a source is, or None if it is the path of a file.

    A `Path` of a web address has one slash too few. It gets the slash back.
    """
    text = re.sub("^(https?):/(?=[^/])", r"\1://", os.fspath(source), flags=re.IGNORECASE)
    return text if ADDRESS.match(text) else None


def read_source(source: str | os.PathLike[str]) -> bytes | None:
    """Return the content of a picture at a web address or on standard input. None if the source is a path.

    Raises:
        UnreadablePicture: If the picture cannot be fetched or read, or if it is too large.
    """
    address = address_of(source)
    if address is not None:
        return fetch_picture(address)
    return read_standard_input() if os.fspath(source) == STANDARD_STREAM else None


def fetch_picture(address: str) -> bytes:
    """Return the content of a picture at a web address.

    Raises:
        UnreadablePicture: If the picture cannot be fetched, or is too large.
    """
    if "@" in split_address(address).netloc:
        raise UnreadablePicture(
            f"the address of {source_name(address) or 'a picture'} contains a user name or a password, which would be "
            "in the recipe; download the file first, and give the file"
        )
    try:
        content = fetch(address, limit=MAX_SENT_BYTES, seconds=MAX_SECONDS)
    except SourceError as error:
        raise UnreadablePicture(f"{quote_path(address)} cannot be fetched: {error}") from error
    if not content:
        raise UnreadablePicture(f"{quote_path(address)} is empty: the file has no content")
    return content


def read_standard_input() -> bytes:
    """Return the content of standard input. It is read once; later calls return the same content.

    Raises:
        UnreadablePicture: If standard input is a terminal, is empty, is too large or cannot be read.
    """
    stream = getattr(sys.stdin, "buffer", None)
    if stream is None:
        raise UnreadablePicture("this program has no standard input to read a picture from; give a file")
    return read_stream(stream)


@lru_cache(1)
def read_stream(stream: BinaryIO) -> bytes:
    """Return the content of a stream, as in `read_standard_input`."""
    try:
        if stream.isatty():
            raise UnreadablePicture(
                "standard input is a terminal, which sends no picture; give a file, or send a picture with | or <"
            )
        content = stream.read(MAX_SENT_BYTES + 1)
    except (OSError, ValueError) as error:
        raise UnreadablePicture(f"standard input cannot be read: {first_line(error)}") from error
    if len(content) > MAX_SENT_BYTES:
        raise UnreadablePicture(f"standard input sends more than {MAX_SENT_BYTES} bytes, the limit for a picture")
    if not content:
        raise UnreadablePicture("standard input is empty: it sends no picture")
    return content


def source_label(source: str | os.PathLike[str]) -> str:
    """Return the name of a source in messages: its path or address, or "standard input"."""
    text = os.fspath(source)
    return "standard input" if text == STANDARD_STREAM else quote_path(address_of(text) or text)


def source_name(source: str | os.PathLike[str]) -> str | None:
    """Return the name of the file that a source is, without its folder. None if the source has no such name."""
    address = address_of(source)
    if address is not None:
        return unquote(split_address(address).path).rstrip("/").rpartition("/")[2] or None
    return None if os.fspath(source) == STANDARD_STREAM else text_of_name(Path(source).name)


def recorded_address(source: str | os.PathLike[str]) -> str | None:
    """Return the address of a picture as a recipe records it, without a fragment. None if the source is no address."""
    address = address_of(source)
    return address and urlunsplit((*split_address(address)[:4], ""))


def split_address(address: str) -> SplitResult:
    """Return the parts of a web address.

    Raises:
        UnreadablePicture: If it is not valid.
    """
    try:
        return urlsplit(address)
    except ValueError as error:
        raise UnreadablePicture(f"{quote_path(address)} is not a web address: {first_line(error)}") from None
