"""A web server on this machine for tests."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """A server on this machine.

    Attributes:
        server: Server that runs in a thread.
        answers: Answers by path. Each request takes the next one, and the last one is repeated.
        requests: Path and requested range of each request so far.
    """

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        self.answers: dict[str, list[Answer]] = {}
        self.requests: list[tuple[str, str | None]] = []

    def serve(self, name: str, *answers: Answer) -> str:
        """Answer each request for `name` with the next of `answers`, and repeat the last one. Return the URL."""
        self.answers[f"/{name}"] = list(answers)
        return f"http://127.0.0.1:{self.server.server_port}/{name}"


@contextmanager
def serving(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """Run a server that no proxy hides, and yield it."""
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.requests.append((self.path, self.headers["Range"]))
            answers = web.answers[self.path]
            with suppress(OSError):  # the client may have closed the connection
                (answers.pop(0) if len(answers) > 1 else answers[0])(self)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        web = Web(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield web
        server.shutdown()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str | int) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def send_whole(handler: BaseHTTPRequestHandler, content: bytes, **headers: str) -> None:
    """Send the complete content, whatever range is requested."""
    send(handler, 200, content, Content_Length=len(content), **headers)
