"""Requests over http and https, and over no other protocol, with limits of time and size."""

from __future__ import annotations

import math
import re
import socket
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.error import HTTPError
from urllib.parse import quote, urlsplit, urlunsplit

from inceptionism.errors import first_line, quote_value
from inceptionism.version import __version__

ADDRESS = re.compile("https?://", re.IGNORECASE)
"""Beginning of an address that can be requested."""

USER_AGENT = f"inceptionism/{__version__} (https://pypi.org/project/inceptionism/)"
"""Name of this program for servers. Some servers refuse programs without an address for questions."""

STALL = 30.0
"""Time in seconds after which a source that sends no data has failed."""

HEADER_SECONDS = 60.0
"""Time in seconds in which a source must send the status and all headers of its response."""

WINDOW = 60.0
"""Time in seconds in which a source must send `MIN_WINDOW_BYTES`."""

MIN_WINDOW_BYTES = 60_000
"""Number of bytes in each `WINDOW` below which a source has failed."""

CHUNK = 2**20
"""Largest number of bytes that are read at a time."""

NETWORK_ERRORS = (OSError, HTTPException, ValueError)
"""Exceptions that urllib raises. A redirect to an invalid URL raises ValueError."""


class SourceError(Exception):
    """Failure of a source to send the file. The message is the reason.

    Attributes:
        midway: Whether the source failed after it had sent a part of the file.
    """

    def __init__(self, reason: str, *, midway: bool = False) -> None:
        super().__init__(reason)
        self.midway = midway


class TooManyBytes(SourceError):
    """The source sends more bytes than the limit."""


class TimedHTTPConnection(HTTPConnection):
    """Connection that ends if the headers of the response take too long. A socket limits only the time of each byte."""

    def getresponse(self) -> HTTPResponse:
        is_late = threading.Event()

        def hang_up() -> None:
            is_late.set()
            with suppress(OSError, AttributeError):  # the connection may be closed already
                self.sock.shutdown(socket.SHUT_RDWR)

        timer = threading.Timer(HEADER_SECONDS, hang_up)
        timer.daemon = True
        timer.start()
        try:
            response = super().getresponse()
        except NETWORK_ERRORS:
            if not is_late.is_set():
                raise
        finally:
            timer.cancel()
        if is_late.is_set():
            raise HTTPException(f"it did not send the beginning of its answer within {HEADER_SECONDS:g} seconds")
        return response


class TimedHTTPSConnection(TimedHTTPConnection, HTTPSConnection):
    """Encrypted `TimedHTTPConnection`."""


class TimedHTTPHandler(urllib.request.HTTPHandler):
    """Handler of urllib that opens a `TimedHTTPConnection`."""

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(TimedHTTPConnection, req)


class TimedHTTPSHandler(urllib.request.HTTPSHandler):
    """Handler of urllib that opens a `TimedHTTPSConnection`."""

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        return self.do_open(TimedHTTPSConnection, req)


def request(url: str, start: int) -> HTTPResponse:
    """Return the response to a request for the bytes of a file from the byte `start` on.

    Raises:
        OSError, HTTPException, ValueError: If the request fails, or if the response has an error status.
    """
    if not ADDRESS.match(url):
        raise ValueError("only http and https are supported")
    # urllib's default opener would also read local files and FTP, for example after a redirect or through a proxy.
    opener = urllib.request.OpenerDirector()
    proxies = {kind: proxy for kind, proxy in urllib.request.getproxies().items() if kind in ("http", "https")}
    for handler in (
        urllib.request.ProxyHandler(proxies),
        TimedHTTPHandler(),
        TimedHTTPSHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.UnknownHandler(),
    ):
        opener.add_handler(handler)
    headers = {"User-Agent": USER_AGENT} | ({"Range": f"bytes={start}-"} if start else {})
    response: HTTPResponse = opener.open(urllib.request.Request(in_ascii(url), headers=headers), timeout=STALL)
    return response


def in_ascii(url: str) -> str:
    """Return an address in which spaces and letters outside of ASCII are encoded, as browsers do it.

    Raises:
        ValueError: If the host is not a valid name.
    """
    parts = urlsplit(url)
    host = parts.netloc if parts.netloc.isascii() else parts.netloc.encode("idna").decode()
    path, query = (quote(text, safe="%/:=&?~+!$,;'@()*[]") for text in (parts.path, parts.query))
    return urlunsplit((parts.scheme, host, path, query, ""))


def received_chunks(
    response: HTTPResponse,
    *,
    limit: int,
    start: int = 0,
    limit_name: str = "the limit of",
    seconds: float = math.inf,
) -> Iterator[bytes]:
    """Yield the content of a response in chunks.

    A response without a declared length is read to its end, so that too many bytes are noticed.

    Args:
        response: Response of a source.
        limit: Largest number of the last byte.
        start: Number of the first byte of the response in the file.
        limit_name: Words before the limit in the message about too many bytes.
        seconds: Largest time of the whole transfer, in seconds.

    Raises:
        TooManyBytes: If the source sends more bytes than the limit.
        SourceError: If the source is too slow, or the connection fails.
    """
    received, length = start, response.length
    begin = time.monotonic()
    window_start, window_end = received, begin + WINDOW
    while length is None or received < start + length:
        try:
            chunk = response.read1(CHUNK)
        except NETWORK_ERRORS as error:
            raise SourceError(f"{reason(error)} after {received} bytes", midway=received > start) from error
        if not chunk:
            break
        if received + len(chunk) > limit:
            raise TooManyBytes(f"it sends more than {limit_name} {limit} bytes")
        received += len(chunk)
        yield chunk
        now = time.monotonic()
        if now > begin + seconds:
            raise SourceError(f"it sent only {received} bytes in {seconds:g} seconds")
        if now > window_end:
            if received < window_start + MIN_WINDOW_BYTES:
                raise SourceError(f"it sent only {received - window_start} bytes in {WINDOW:g} seconds")
            window_start, window_end = received, now + WINDOW
    if received < start + (length or 0):
        raise SourceError(f"the connection closed after {received} bytes", midway=received > start)


def fetch(url: str, *, limit: int, seconds: float) -> bytes:
    """Return the content of a file at an address. Redirects are followed.

    Args:
        url: Address, http or https.
        limit: Largest size of the file, in bytes.
        seconds: Largest time of the transfer, in seconds.

    Raises:
        SourceError: If the file cannot be fetched.
    """
    try:
        response = request(url, 0)
    except HTTPError as error:
        with error:
            raise SourceError(reason(error)) from error
    except NETWORK_ERRORS as error:
        raise SourceError(reason(error)) from error
    with response:
        if response.status != 200:
            raise SourceError(f"HTTP {response.status}")
        if response.headers.get_content_type() in ("text/html", "application/xhtml+xml"):
            raise SourceError("it sends a web page instead of the file")
        if response.length is not None and response.length > limit:
            raise TooManyBytes(f"its file has {response.length} bytes, more than the limit of {limit}")
        return b"".join(received_chunks(response, limit=limit, seconds=seconds))


def reason(error: Exception) -> str:
    """Return a short description of an exception of urllib."""
    if isinstance(error, HTTPError):
        redirect = f" to {quote_value(error.headers.get('Location'))}, which is not followed"
        return f"HTTP {error.code}{redirect if 300 <= error.code < 400 else ''}"
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return f"it sent nothing for {STALL:g} seconds"
    return first_line(cause)[:200]
