"""Guard of the server: refuses odd hosts and requests from other websites, and lets the page load nothing from them."""

from __future__ import annotations

import ipaddress
import json
from collections.abc import Collection, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from inceptionism.studio.upload import is_upload

POLICY = (
    "default-src 'self'; script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data: blob:; media-src 'self' data: blob:; font-src 'self' data:; connect-src 'self' data: blob:; "
    "worker-src 'self' blob:; frame-ancestors 'self'; form-action 'self'; base-uri 'self'; object-src 'none'"
)
"""Content security policy: gradio's own scripts are inline and evaluated, but nothing comes from another address."""

MAX_BODY = 4 * 2**20
"""Largest body of a request in bytes, for example a frame of a camera."""

MAX_FILE = 200 * 2**20
"""Largest size of an uploaded file in bytes."""

MAX_UPLOAD = MAX_FILE + 10 * 2**20
"""Largest body of an upload in bytes: one file of the largest size, and the text around it."""

API = "gradio_api"

UPLOAD = "upload"

PAGE_PARTS = (
    *("", "assets", "config", "favicon.ico", "login", "logout", "manifest.json"),
    *("pwa_icon", "robots.txt", "static", "svelte", "theme.css"),
)
"""First parts of the addresses that the page uses."""

API_PARTS = (
    *("app_id", "call", "cancel", "heartbeat", "info", "login_check", "queue", "run", "startup-events"),
    *("stream", "theme.css", "token", UPLOAD, "upload_progress", "user"),
)
"""Next parts of the addresses below `API` that the page uses, besides those of files.

gradio has more: some fetch other websites, and some keep any number of bytes.
"""

FORMS = ("multipart/form-data", "application/x-www-form-urlencoded")
"""Types of the bodies of forms, which are no JSON."""

FILE = "file="
"""Beginning of the part of the address of a file."""

HEADERS = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


class Guard:
    """ASGI middleware that answers requests only if they are meant for this server.

    - The Host header must name this server. So a website whose name points to this machine (DNS rebinding) is refused.
    - A request that a page of another website sends is refused, whatever its method is.
    - A request must say how long its body is, and only uploads may have a long one.
    - Only addresses that the page uses are answered, and a request can name no file that was not uploaded.

    Args:
        app: The application behind the guard.
        hosts: Names and addresses of the server, without ports.
        numbers: Whether the Host header may also be any IP address. No website has a name of this kind.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str], *, numbers: bool = False) -> None:
        self.app = app
        self.hosts = frozenset(host.lower() for host in hosts)
        self.numbers = numbers

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        status, problem = 403, self.problem(headers) or address_problem(str(scope["path"]))
        uploads = is_upload_address(str(scope["path"]))
        if not problem:
            status, problem = 413, body_problem(headers, MAX_UPLOAD if uploads else MAX_BODY)
        if not problem and not uploads and scope["type"] == "http" and scope["method"] == "POST":
            body = await read_body(receive)
            receive = Replay(body, receive)
            # Without a type, gradio takes a body for JSON, too.
            is_form = headers.get("content-type", "").lower().startswith(FORMS)
            status, problem = 403, "" if is_form else file_problem(body)
        if problem:
            await PlainTextResponse(problem, status_code=status)(scope, receive, send)
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    headers[name] = value
            await send(message)

        await self.app(scope, receive, send_with_headers)

    def problem(self, headers: Headers) -> str:
        """Return the reason why a request is refused, as a sentence; empty if it is allowed."""
        host = headers.get("host", "")
        name = host_name(f"//{host}")
        if name not in self.hosts and not (self.numbers and is_number(name)):
            return "This server does not have the name in the request. Open the address that the program printed."
        origin = headers.get("origin")
        if origin is not None and (not host_name(origin) or urlsplit(origin).netloc != host):
            return "This request comes from another website, so it was refused."
        site = headers.get("sec-fetch-site")
        if site == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return "This request comes from another website, so it was refused."
        return ""


def host_name(address: str) -> str:
    """Return the name or the IP address of the host in an address; empty if there is none."""
    try:
        return urlsplit(address).hostname or ""
    except ValueError:
        return ""


def is_number(name: str) -> bool:
    """Return whether the name of a host is an IP address."""
    with suppress(ValueError):
        return bool(ipaddress.ip_address(name))
    return False


def parts_of(path: str) -> tuple[bool, str]:
    """Return whether the path of a request is below `API`, and its first part after that."""
    first, _, rest = path.lstrip("/").partition("/")
    return (True, rest.split("/")[0]) if first == API else (False, first)


def is_upload_address(path: str) -> bool:
    """Return whether the path of a request is that of uploads."""
    return parts_of(path) == (True, UPLOAD)


def address_problem(path: str) -> str:
    """Return the reason why the path of a request is refused, as a sentence; empty if the page uses it."""
    is_api, part = parts_of(path)
    if part in (API_PARTS if is_api else PAGE_PARTS):
        return ""
    if is_api and part.startswith(FILE) and Path(path.partition(FILE)[2]).is_absolute():  # gradio also takes websites
        return ""
    return "This page does not use this address."


async def read_body(receive: Receive) -> bytes:
    """Return the body of a request. Its length was checked before."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if not message.get("more_body", False):
            return bytes(body)


class Replay:
    """The messages of a request whose body was read: the body again, and then the rest.

    Args:
        body: The body.
        receive: Function that returns the next message.
    """

    def __init__(self, body: bytes, receive: Receive) -> None:
        self._body: bytes | None = body
        self._receive = receive

    async def __call__(self) -> Message:
        body, self._body = self._body, None
        if body is None:
            return await self._receive()
        return {"type": "http.request", "body": body, "more_body": False}


def file_problem(body: bytes) -> str:
    """Return the reason why the JSON of a request is refused, as a sentence; empty if it names only uploaded files."""
    try:
        content = json.loads(body or b"null")
    except (ValueError, RecursionError):
        return "This request is not JSON, so it was refused."
    if all(path is None or is_upload(path) for path in paths_in(content)):
        return ""
    return "This request names a file that was not uploaded, so it was refused."


def paths_in(content: Any) -> Iterator[Any]:
    """Yield each value with the name `path` in the content of JSON, at any depth."""
    waiting = [content]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            if "path" in one:
                yield one["path"]
            waiting += one.values()
        elif isinstance(one, list):
            waiting += one


def body_problem(headers: Headers, most: int) -> str:
    """Return the reason why the body of a request is refused, as a sentence; empty if it has at most `most` bytes."""
    if "transfer-encoding" in headers:
        return "This request does not say how long it is, so it was refused."
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) <= most:
        return ""
    return f"This request is longer than {most:,} bytes, so it was refused."
