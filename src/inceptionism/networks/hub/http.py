"""Requests over http and https, and over no other protocol, with limits of time."""

from __future__ import annotations

import re
import socket
import threading
import urllib.request
from contextlib import suppress
from http.client import HTTPConnection, HTTPException, HTTPResponse, HTTPSConnection
from urllib.error import HTTPError

from inceptionism.errors import first_line, quote_value

STALL = 30.0
"""Time in seconds after which a source that sends no data has failed."""

HEADER_SECONDS = 60.0
"""Time in seconds in which a source must send the status and all headers of its response."""

NETWORK_ERRORS = (OSError, HTTPException, ValueError)
"""Exceptions that urllib raises. A redirect to an invalid URL raises ValueError."""


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
    if not re.match("https?://", url, re.IGNORECASE):
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
    headers = {"User-Agent": "inceptionism"} | ({"Range": f"bytes={start}-"} if start else {})
    response: HTTPResponse = opener.open(urllib.request.Request(url, headers=headers), timeout=STALL)
    return response


def reason(error: Exception) -> str:
    """Return a short description of an exception of urllib."""
    if isinstance(error, HTTPError):
        redirect = f" to {quote_value(error.headers.get('Location'))}, which is not followed"
        return f"HTTP {error.code}{redirect if 300 <= error.code < 400 else ''}"
    cause = getattr(error, "reason", error)
    if isinstance(cause, TimeoutError):
        return f"it sent nothing for {STALL:g} seconds"
    return first_line(cause)[:200]
