"""Files from the web: continued where they left off, from the next place where one fails, and checked before use."""

from __future__ import annotations

import hashlib
import os
import re
import sys
import urllib.request
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import IO
from urllib.error import HTTPError

from inceptionism.errors import CannotDownload, CannotWrite, InvalidSetting, printable, quote_value

STALL = 30.0
"""How long a place may send nothing before it is given up, in seconds."""

RETRIES = 5
"""How often, in all, places that sent something and then broke off are asked for the rest."""

CHUNK = 2**20

NETWORK_ERRORS = (OSError, HTTPException, ValueError)
"""What urllib raises; the last for a URL that is none, as a redirect may give."""

Progress = Callable[[int, int | None], object]


@dataclass(frozen=True)
class RemoteFile:
    """A file that is known: where it can be had, and how to know that it is the right one.

    Attributes:
        name: What it is called in the folder it is downloaded to: letters, digits and . _ + - alone.
        urls: The places that have it, http or https, tried in turn.
        size: In bytes, where it is known. No more than that is ever written.
        checksum: "sha256:" and 64 hexadecimal digits, or "sha1:" and 40 where only that one was published.
    """

    name: str
    urls: tuple[str, ...]
    size: int | None
    checksum: str

    def __post_init__(self) -> None:
        if not re.fullmatch(r"\w[\w.+-]*", self.name):
            raise InvalidSetting(f"name must be of letters, digits and . _ + - alone, not {quote_value(self.name)}")
        if not re.fullmatch("sha256:[0-9a-f]{64}|sha1:[0-9a-f]{40}", self.checksum):
            raise InvalidSetting(
                f"checksum must be sha256: and 64 or sha1: and 40 digits, not {quote_value(self.checksum)}"
            )


class Failure(Exception):
    """A place did not give the file, and why; `midway` where it broke off after it had sent some of it."""

    def __init__(self, why: str, *, midway: bool = False) -> None:
        super().__init__(why)
        self.midway = midway


def verify(path: Path, checksum: str) -> bool:
    """Return whether the content of a file has this checksum, written as in `RemoteFile`."""
    algorithm, _, digits = checksum.partition(":")
    return digest(path, algorithm) == digits


def digest(path: Path, algorithm: str) -> str:
    """Return the checksum of a file, "sha256" or "sha1", in hexadecimal digits."""
    # Systems that forbid SHA-1 allow it where it guards no secret.
    found = hashlib.new(algorithm, usedforsecurity=False)
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            found.update(chunk)
    return found.hexdigest()


def download(
    file: RemoteFile, folder: Path, *, progress: Progress | None = None, say: Callable[[str], object] | None = None
) -> Path:
    """Return the path of `file` in `folder`, downloaded unless it is there already.

    What arrives is kept beside it, with .part at the end of its name, until it is whole and has the right checksum:
    a download that was interrupted goes on from there. A folder that is not there is made.

    Args:
        file: What to download.
        folder: Where to.
        progress: Called with the bytes there are so far, and of how many, if that is known.
        say: Called with a sentence for each place that fails.

    Raises:
        CannotDownload: every place failed; the sentence says how.
        CannotWrite: the folder cannot be written to, or the disk is full.
    """
    progress, say = progress or (lambda *_: None), say or (lambda *_: None)
    target, part = folder / file.name, folder / f"{file.name}.part"
    try:
        if target.exists() and verify(target, file.checksum):
            return target
        folder.mkdir(parents=True, exist_ok=True)
        with alone(part, say):
            if target.exists() and verify(target, file.checksum):  # by now: another program was at it
                return target
            fetch(file, part, progress, say)
            with part.open("r+b") as whole:
                os.fsync(whole.fileno())
            part.replace(target)
    except OSError as error:
        raise CannotWrite(f"{error.filename or target} cannot be written: {error.strerror or error}") from error
    return target


def fetch(file: RemoteFile, part: Path, progress: Progress, say: Callable[[str], object]) -> None:
    """Make `part` the whole file, from whichever place gives it; raise `CannotDownload` if none does."""
    places, reasons, retries = deque(file.urls), dict[str, str](), RETRIES
    while places:
        url = places.popleft()
        try:
            fetch_from(url, file, part, progress)
            return
        except Failure as failure:
            reasons[url] = str(failure)
            if failure.midway and retries:
                retries -= 1
                places.append(url)
        following = "no other place is left"
        if places:
            following = "trying again" if places[0] == url else "trying the next place"
        say(f"{url}: {reasons[url]}; {following}")
    tried = "; ".join(f"{url}: {why}" for url, why in reasons.items()) or "no place is known that has it"
    raise CannotDownload(
        f"{file.name} cannot be downloaded ({tried}); "
        "fetch it by other means and give it to `dream networks add NAME FILE…`"
    )


def fetch_from(url: str, file: RemoteFile, part: Path, progress: Progress) -> None:
    """Make `part` the whole file from one place; raise `Failure` if that does not give it."""
    resumed = add_rest(url, file, part, progress)
    if verify(part, file.checksum):
        return
    os.truncate(part, 0)
    if not resumed:
        raise Failure("what it sends has the wrong checksum")
    # What was there before may have been of another version: once more, from the beginning.
    fetch_from(url, file, part, progress)


def add_rest(url: str, file: RemoteFile, part: Path, progress: Progress) -> bool:
    """Add to `part` what it lacks, and return whether some of it was there before; raise `Failure` otherwise."""
    have = part.stat().st_size if part.exists() else 0
    if file.size is not None and have >= file.size:
        return True
    try:
        response = request(url, have)
    except HTTPError as error:
        with error:
            if error.code == 416 and have:  # there is no more than we have
                return True
            raise Failure(reason(error)) from error
    except NETWORK_ERRORS as error:
        raise Failure(reason(error)) from error
    with response, part.open("ab") as written:
        start, total = extent(response, have, file.size)
        written.truncate(start)
        have, length = start, response.length
        progress(have, total)
        # Where the answer does not say its length, only reading on shows that it is longer than the file.
        while length is None or have < start + length:
            try:
                chunk = response.read1(CHUNK)
            except NETWORK_ERRORS as error:
                raise Failure(f"{reason(error)} after {have} bytes", midway=have > start) from error
            if not chunk:
                break
            if file.size is not None and have + len(chunk) > file.size:
                written.truncate(start)
                raise Failure(f"it sends more than the {file.size} bytes there should be")
            written.write(chunk)
            have += len(chunk)
            progress(have, total)
        if have < (file.size or start + (length or 0)):
            raise Failure(f"it broke off after {have} bytes", midway=have > start)
    return start > 0


def request(url: str, start: int) -> HTTPResponse:
    """Ask a place for a file from the byte `start` on; raise one of `NETWORK_ERRORS` unless it answers with success."""
    if not re.match("https?://", url, re.IGNORECASE):
        raise ValueError("only http and https are downloaded from")
    # urllib's usual opener reads files and FTP besides, and a redirect can lead to FTP, directly or by a proxy.
    opener = urllib.request.OpenerDirector()
    proxies = {kind: proxy for kind, proxy in urllib.request.getproxies().items() if kind in ("http", "https")}
    for handler in (
        urllib.request.ProxyHandler(proxies),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    headers = {"User-Agent": "inceptionism"} | ({"Range": f"bytes={start}-"} if start else {})
    response: HTTPResponse = opener.open(urllib.request.Request(url, headers=headers), timeout=STALL)
    return response


def extent(response: HTTPResponse, asked: int, size: int | None) -> tuple[int, int | None]:
    """Return at which byte an answer begins, and how many the whole file has, as far as is known.

    Raises:
        Failure: the answer is not of a file of `size` bytes, or not from the byte that was asked for.
    """
    start, total = 0, response.length
    if response.status != 200:
        match = re.fullmatch(r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)", response.headers.get("Content-Range", ""))
        if response.status != 206 or not match or int(match[1]) != asked:
            raise Failure(f"HTTP {response.status}, which does not give the bytes from {asked} on that were asked for")
        start, total = asked, None if match[2] == "*" else int(match[2])
    if size is not None and total not in (None, size):
        raise Failure(f"it has {total} bytes there, not {size}")
    if size is not None and total is None and response.headers.get_content_type() == "text/html":
        raise Failure("it sends a web page in place of the file")
    return start, size or total


def reason(error: Exception) -> str:
    """Return in a few words what urllib complains about."""
    if isinstance(error, HTTPError):
        leads = f", to {quote_value(error.headers.get('Location'))}, which is not followed"
        return f"HTTP {error.code}{leads if 300 <= error.code < 400 else ''}"
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return f"it sent nothing for {STALL:g} seconds"
    return printable(str(getattr(cause, "strerror", None) or cause) or type(cause).__name__)[:200]


@contextmanager
def alone(part: Path, say: Callable[[str], object]) -> Iterator[None]:
    """Keep other programs from `part`: one that wants the same file waits, so that nothing is downloaded twice.

    The lock goes with the process, however that ends. Windows has no such lock, but it moves no file away that another
    program has open, so that there too nothing comes to stand under the final name that can still change.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl

    while True:
        with part.open("ab") as held:
            try:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                say(f"another program is downloading {part.stem}; waiting for it")
                fcntl.flock(held, fcntl.LOCK_EX)
            if not leads_to(part, held):  # it was moved away while we waited, and is no longer ours to write to
                continue
            try:
                yield
            finally:
                if leads_to(part, held) and not part.stat().st_size:
                    part.unlink()
            return


def leads_to(path: Path, file: IO[bytes]) -> bool:
    """Return whether `path` is the name of an open file, still."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
