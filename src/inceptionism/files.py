"""Reading of files: the checks before a file is opened, limits of size, and text in every usual encoding.

Every reader of this package uses these functions, so a device, a pipe or a huge file cannot fill the memory or make
the program wait forever.
"""

from __future__ import annotations

import codecs
import hashlib
import os
import re
import stat
from collections.abc import Iterable
from pathlib import Path

from platformdirs import user_cache_path

from inceptionism.errors import InceptionismError, UnreadableFile, first_line, quote_path

MAX_TEXT_BYTES = 2**20
"""Largest size of a text file, in bytes, unless its reader sets another limit."""

BYTE_ORDER_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),  # begins with the mark of UTF-16, so it comes first
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks at the beginning of a text, each with the name of the encoding that it stands for."""

ENCODINGS = ("utf-8", "gb2312", "cp1252", "latin-1")
"""Encodings of text without a byte order mark, in the order in which they are tried.

Text in one of them is hardly ever valid in an earlier one: a Chinese character in GB 2312 has two bytes above 160, and
in Western text a letter with an accent rarely follows another.
"""


def check_file(path: Path, error: type[InceptionismError] = UnreadableFile, max_bytes: int | None = None) -> None:
    """Check that `path` is a regular file that is not empty.

    Args:
        path: The file.
        error: Type of the error that is raised if it is not.
        max_bytes: Largest size of the file in bytes. None means no limit.

    Raises:
        UnreadableFile: If there is no such file, or it is a folder, a pipe or a device, or it is empty or too large. It
            is the type `error` if another type is given.
    """
    try:
        status = path.stat()
    except (FileNotFoundError, NotADirectoryError):
        if re.match("[A-Za-z][A-Za-z0-9+.-]+:/", str(path)):
            raise error(f"{quote_path(path)} is an address, not a file; download the file first") from None
        if str(path) == "-":
            raise error("standard input is not read; save it in a file, and give the file") from None
        raise error(f"there is no file {quote_path(path)}") from None
    except (OSError, ValueError) as reason:  # a name that is too long or has a null byte, or a link to itself
        raise error(f"{quote_path(path)} cannot be opened: {first_line(reason)}") from None
    if stat.S_ISDIR(status.st_mode):
        raise error(f"{quote_path(path)} is a folder, not a file")
    if not stat.S_ISREG(status.st_mode):
        raise error(f"{quote_path(path)} is a pipe or a device, not a file")
    if status.st_size == 0:
        raise error(f"{quote_path(path)} is empty: the file has no content")
    if max_bytes is not None and status.st_size > max_bytes:
        raise error(too_large(path, max_bytes))


def path_exists(path: str | os.PathLike[str]) -> bool:
    """Return whether there is a file or a folder at a path.

    A path that cannot be looked up does not exist: for example, its name is too long or its folder cannot be searched.
    `Path.exists` raises an error for such a path.
    """
    return os.path.exists(path)  # noqa: PTH110


def is_folder(path: str | os.PathLike[str]) -> bool:
    """Return whether there is a folder at a path. A path that cannot be looked up is not a folder."""
    return os.path.isdir(path)  # noqa: PTH112


def is_file(path: str | os.PathLike[str]) -> bool:
    """Return whether there is a regular file at a path. A path that cannot be looked up is no file."""
    return os.path.isfile(path)  # noqa: PTH113


def is_link(path: str | os.PathLike[str]) -> bool:
    """Return whether there is a symbolic link at a path. A path that cannot be looked up is no link."""
    return os.path.islink(path)  # noqa: PTH114


def cache_folder(kind: str) -> Path:
    """Return the folder in the user's cache for one kind of file. It does not have to exist."""
    return user_cache_path("inceptionism", appauthor=False) / kind


def files_in(folder: Path) -> list[Path]:
    """Return the files in a folder, sorted by name. Hidden files and folders are left out.

    Raises:
        UnreadableFile: If the folder cannot be read.
    """
    try:
        return sorted(path for path in folder.iterdir() if path.is_file() and not path.name.startswith("."))
    except OSError as error:
        raise UnreadableFile(f"{quote_path(folder)} cannot be read: {first_line(error)}") from None


def text_of_name(path: str | os.PathLike[str]) -> str:
    """Return a file name as Unicode text. Bytes that are not UTF-8 are written as in addresses, for example %FF."""
    text = os.fsencode(path).decode("utf-8", "surrogateescape")
    return re.sub("[\udc80-\udcff]", lambda byte: f"%{ord(byte[0]) - 0xDC00:02X}", text)


def too_large(path: Path, max_bytes: int) -> str:
    """Return a sentence about a file that has more bytes than its limit."""
    unit, name = (2**20, "MiB") if max_bytes >= 2**20 else (2**10, "KiB")
    return f"{quote_path(path)} is larger than {max_bytes // unit} {name}, the limit for a file of this type"


def read_limited(path: Path, max_bytes: int) -> bytes:
    """Return the content of a file.

    Raises:
        UnreadableFile: If the file cannot be read, is empty, or has more than `max_bytes` bytes.
    """
    check_file(path, max_bytes=max_bytes)
    try:
        with path.open("rb") as file:
            content = file.read(max_bytes + 1)
    except OSError as error:
        raise UnreadableFile(f"{quote_path(path)} cannot be read: {first_line(error)}") from None
    if len(content) > max_bytes:  # the file has grown in the meantime
        raise UnreadableFile(too_large(path, max_bytes))
    return content


def hash_file(path: Path, algorithm: str = "sha256") -> str:
    """Return the checksum of a file in hexadecimal digits. `algorithm` is "sha256", "sha384" or "sha1".

    Raises:
        OSError: If the file cannot be read.
    """
    # Systems that forbid SHA-1 allow it if it is not used for security.
    checksum = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while block := file.read(2**20):
            checksum.update(block)
    return checksum.hexdigest()


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal digits."""
    return hashlib.sha256(text.encode()).hexdigest()


def hash_files(paths: Iterable[Path]) -> str:
    """Return the SHA-256 of the SHA-256s of several files, in hexadecimal digits.

    Raises:
        OSError: If a file cannot be read.
    """
    return hash_text("".join(map(hash_file, paths)))


def read_text(path: Path, max_bytes: int = MAX_TEXT_BYTES) -> str:
    """Return the text of a file with a line feed at the end of each line.

    A byte order mark decides the encoding and is removed. Without a mark, the first of `ENCODINGS` in which the text
    is valid is used.

    Raises:
        UnreadableFile: If the file cannot be read, is empty, has more than `max_bytes` bytes, or is not text.
    """
    content = read_limited(path, max_bytes)
    marked = next((name for mark, name in BYTE_ORDER_MARKS if content.startswith(mark)), None)
    try:
        text = content.decode(marked) if marked else decode(content)
    except UnicodeDecodeError:
        raise UnreadableFile(f"{quote_path(path)} is damaged: its text is not valid {marked}") from None
    if "\0" in text:
        raise UnreadableFile(f"{quote_path(path)} is not a text file; save it as text in UTF-8")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def decode(content: bytes) -> str:
    """Return text without a byte order mark. The last of `ENCODINGS` can decode all bytes."""
    for name in ENCODINGS[:-1]:
        try:
            return content.decode(name)
        except UnicodeDecodeError:
            continue
    return content.decode(ENCODINGS[-1])
