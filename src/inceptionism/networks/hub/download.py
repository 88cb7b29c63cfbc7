"""Downloads of files that have several sources and a checksum.

An interrupted download is resumed. If a source fails, the next one is tried. A file is used only if its checksum is
right. A file without a published checksum is never resumed, because its two parts could come from different files.
"""

from __future__ import annotations

import os
import re
from collections import deque
from collections.abc import Callable
from http.client import HTTPResponse
from pathlib import Path
from urllib.error import HTTPError

from inceptionism.errors import CannotDownload, CannotWrite, first_line, quote_path
from inceptionism.files import hash_file
from inceptionism.networks.hub.lock import exclusive_lock
from inceptionism.networks.hub.remote_file import RemoteFile
from inceptionism.web import NETWORK_ERRORS, SourceError, TooManyBytes, reason, received_chunks, request

MAX_BYTES = 16 * 10**9
"""Largest size of a file whose size is not known in advance, in bytes."""

MAX_RETRIES = 5
"""Largest number of retries after connections that closed in the middle of the file, for all sources together."""

Progress = Callable[[int, int | None], object]
"""Function that takes the number of bytes so far, and the size of the file or None if it is not known."""

Report = Callable[[str], object]
"""Function that takes a message for the user."""


def verify(path: Path, checksum: str | None) -> bool:
    """Return whether a file has the checksum of a `RemoteFile`. None allows any file."""
    if checksum is None:
        return True
    algorithm, _, digits = checksum.partition(":")
    return hash_file(path, algorithm) == digits


def download(file: RemoteFile, folder: Path, *, progress: Progress | None = None, report: Report | None = None) -> Path:
    """Return the path of `file` in `folder`. It is downloaded unless it exists there.

    Until the file is complete and has the right checksum, its name ends with .part. An interrupted download continues
    this file. If the folder does not exist, it is created.

    Args:
        file: File to download.
        folder: Folder to download to.
        progress: Called after each chunk with the number of bytes so far, and the size or None if it is not known.
        report: Called with a message for each source that fails, and for a file with a wrong checksum that exists.

    Raises:
        CannotDownload: If every source failed. The message has the reasons.
        CannotWrite: If the folder cannot be written to, or if the disk is full.
    """
    progress, report = progress or (lambda *_: None), report or (lambda *_: None)
    target, part = folder / file.name, folder / f"{file.name}.part"
    try:
        if target.exists() and verify(target, file.checksum):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with exclusive_lock(part, report):
            if target.exists() and verify(target, file.checksum):  # another program has downloaded it meanwhile
                return target
            if target.exists():
                report(f"{quote_path(target)} has a wrong checksum, so it is not {file}; it is downloaded again")
            fetch(file, part, progress, report)
            with part.open("r+b") as complete:
                os.fsync(complete.fileno())
            part.replace(target)
    except OSError as error:
        raise CannotWrite(f"{quote_path(error.filename or target)} cannot be written: {first_line(error)}") from error
    return target


def fetch(file: RemoteFile, part: Path, progress: Progress, report: Report) -> None:
    """Download the complete file to `part` from the first source that has it.

    Raises:
        CannotDownload: If every source failed.
    """
    sources, reasons, retries = deque(file.urls), dict[str, str](), MAX_RETRIES
    while sources:
        url = sources.popleft()
        try:
            fetch_from(url, file, part, progress)
            return
        except SourceError as error:
            reasons[url] = str(error)
            if error.midway and retries:
                retries -= 1
                sources.append(url)
        next_step = "there is no other source"
        if sources:
            next_step = "trying again" if sources[0] == url else "trying the next source"
        report(f"{url}: {reasons[url]}; {next_step}")
    tried = "; ".join(f"{url}: {reason}" for url, reason in reasons.items()) or "no source is known"
    raise CannotDownload(f"{file.name} cannot be downloaded ({tried})")


def fetch_from(url: str, file: RemoteFile, part: Path, progress: Progress) -> None:
    """Download the complete file to `part` from one source; raise `SourceError` if the source fails."""
    resumed = append_rest(url, file, part, progress)
    if verify(part, file.checksum):
        return
    os.truncate(part, 0)
    if not resumed:
        raise SourceError("it sends a file with the wrong checksum")
    # The old part may come from another version of the file, so the download starts again from the beginning.
    fetch_from(url, file, part, progress)


def append_rest(url: str, file: RemoteFile, part: Path, progress: Progress) -> bool:
    """Append the missing bytes to `part`, and return whether it had some bytes before.

    Raises:
        SourceError: If the source does not send the missing bytes.
    """
    received = part.stat().st_size if part.exists() and file.checksum is not None else 0
    if file.size is not None and received >= file.size > 0:
        return True
    try:
        response = request(url, received)
    except HTTPError as error:
        with error:
            if error.code == 416 and received:  # the part already has all bytes of the file
                return True
            raise SourceError(reason(error)) from error
    except NETWORK_ERRORS as error:
        raise SourceError(reason(error)) from error
    with response, part.open("ab") as written:
        start, total = content_range(response, received, file)
        written.truncate(start)
        received = start
        progress(received, total)
        limit, limit_name = (MAX_BYTES, "the limit of") if file.size is None else (file.size, "the expected")
        try:
            for chunk in received_chunks(response, start=start, limit=limit, limit_name=limit_name):
                written.write(chunk)
                received += len(chunk)
                progress(received, total)
        except TooManyBytes:
            written.truncate(start)
            raise
        if received < (file.size or 0):
            raise SourceError(f"the connection closed after {received} bytes", midway=received > start)
    return start > 0


def content_range(response: HTTPResponse, requested: int, file: RemoteFile) -> tuple[int, int | None]:
    """Return the first byte of a response, and the size of the complete file or None if it is not known.

    Args:
        response: Response of a source.
        requested: First byte of the request.
        file: The expected file.

    Raises:
        SourceError: If the response is another file, as far as its headers show, or does not begin at the requested
            byte.
    """
    start, total, size = 0, response.length, file.size
    if response.status != 200:
        match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
        if response.status != 206 or not match or int(match[1]) != requested:
            raise SourceError(f"HTTP {response.status}, without the requested bytes from {requested} on")
        start, total = requested, None if match[2] == "*" else int(match[2])
    if size is None and total is not None and total > MAX_BYTES:
        raise SourceError(f"its file has {total} bytes, more than the limit of {MAX_BYTES}")
    if size is not None and total not in (None, size):
        raise SourceError(f"its file has {total} bytes, not {size}")
    is_page = response.headers.get_content_type() == "text/html"
    if is_page and (file.checksum is None or (size is not None and total is None)):
        raise SourceError("it sends a web page instead of the file")
    if file.checksum is None and total is None and not response.chunked:
        raise SourceError("it does not say how long the file is, and without a checksum nobody could see its end")
    return start, size or total
