"""Guard of the server: refuses odd hosts and requests from other websites, and lets the page load nothing from them."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

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

UPLOAD_PATH = "/gradio_api/upload"

UNUSED_PATH = "/gradio_api/component_server"
"""Path of functions of controls. That of the painting keeps any number of bytes, and the page does not use it."""

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

    Args:
        app: The application behind the guard.
        hosts: Names and addresses of the server, without ports. Empty if any name is allowed.
    """

    def __init__(self, app: ASGIApp, hosts: Collection[str] = ()) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        status, problem = 403, self.problem(headers)
        if not problem and str(scope["path"]).endswith(UNUSED_PATH):
            status, problem = 403, "This page does not use this address."
        if not problem:
            most = MAX_UPLOAD if str(scope["path"]).endswith(UPLOAD_PATH) else MAX_BODY
            status, problem = 413, body_problem(headers, most)
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
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            name = ""
        if not name or (self.hosts and name not in self.hosts):
            return "This server does not have the name in the request. Open the address that the program printed."
        origin = headers.get("origin")
        if origin is not None and urlsplit(origin).netloc != host:
            return "This request comes from another website, so it was refused."
        site = headers.get("sec-fetch-site")
        if site == "cross-site" and headers.get("sec-fetch-mode") != "navigate":
            return "This request comes from another website, so it was refused."
        return ""


def body_problem(headers: Headers, most: int) -> str:
    """Return the reason why the body of a request is refused, as a sentence; empty if it has at most `most` bytes."""
    if "transfer-encoding" in headers:
        return "This request does not say how long it is, so it was refused."
    length = headers.get("content-length", "0")
    if length.isdecimal() and int(length) <= most:
        return ""
    return f"This request is longer than {most:,} bytes, so it was refused."
