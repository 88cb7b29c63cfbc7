"""A server on this machine that sends files well or badly."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

MODES = [
    "slow",
    "cut",
    "stall",
    "drip",
    "short",
    "long",
    "wrong",
    "page",
    "loop",
    "circle",
    "gone",
    "broken",
    "garbage",
]
"""Ways in which the server can send a file, besides "good". Only "slow" sends the whole file."""

STALLED_SECONDS = 1.5
"""Time for which a stalling server sends nothing. The commands of the rounds wait for a shorter time."""


def handler_for(folder: Path) -> type[BaseHTTPRequestHandler]:
    """Return a handler of requests for /MODE/FILE, where FILE is in a folder."""

    class Handler(BaseHTTPRequestHandler):
        def log_message(self, *arguments: object) -> None:
            pass

        def do_GET(self) -> None:
            _, mode, name = self.path.split("/")
            with suppress(OSError):  # the command may have ended
                getattr(self, f"send_{mode}")((folder / name).read_bytes(), name)

        def begin(self, content: bytes, status: int = 200, length: int | None = None, **headers: str) -> bytes:
            """Send the head of an answer, and return the requested part of the content."""
            match = re.fullmatch(r"bytes=(\d+)-", self.headers["Range"] or "")
            start = int(match[1]) if match and status == 200 and int(match[1]) < len(content) else 0
            self.send_response(206 if start else status)
            if start:
                self.send_header("Content-Range", f"bytes {start}-{len(content) - 1}/{len(content)}")
            for header, value in headers.items():
                self.send_header(header, value)
            self.send_header("Content-Length", str(len(content) - start if length is None else length))
            self.end_headers()
            return content[start:]

        def send_good(self, content: bytes, name: str) -> None:
            self.wfile.write(self.begin(content))

        def send_slow(self, content: bytes, name: str) -> None:
            rest = self.begin(content)
            for start in range(0, len(rest), 1 + len(content) // 8):
                self.wfile.write(rest[start : start + 1 + len(content) // 8])
                time.sleep(0.02)

        def send_cut(self, content: bytes, name: str) -> None:
            rest = self.begin(content)
            self.wfile.write(rest[: len(rest) // 2])

        def send_stall(self, content: bytes, name: str) -> None:
            rest = self.begin(content)
            self.wfile.write(rest[: len(rest) // 2])
            time.sleep(STALLED_SECONDS)

        def send_drip(self, content: bytes, name: str) -> None:
            rest = self.begin(content)
            for index in range(10):
                self.wfile.write(rest[index : index + 1])
                time.sleep(STALLED_SECONDS / 10)

        def send_short(self, content: bytes, name: str) -> None:
            self.wfile.write(self.begin(content, length=len(content) // 2)[: len(content) // 2])

        def send_long(self, content: bytes, name: str) -> None:
            self.wfile.write(self.begin(content, length=len(content) * 3) + bytes(2 * len(content)))

        def send_wrong(self, content: bytes, name: str) -> None:
            self.wfile.write(self.begin(bytes(byte ^ 1 for byte in content)))

        def send_page(self, content: bytes, name: str) -> None:
            self.wfile.write(self.begin(b"<html>Please log in</html>", **{"Content-Type": "text/html"}))

        def send_loop(self, content: bytes, name: str) -> None:
            self.begin(b"", 302, Location=self.path)

        def send_circle(self, content: bytes, name: str) -> None:
            self.begin(b"", 302, Location=f"/back/{name}")

        def send_back(self, content: bytes, name: str) -> None:
            self.begin(b"", 302, Location=f"/circle/{name}")

        def send_gone(self, content: bytes, name: str) -> None:
            self.begin(b"", 404)

        def send_broken(self, content: bytes, name: str) -> None:
            self.begin(b"", 503)

        def send_garbage(self, content: bytes, name: str) -> None:
            self.wfile.write(b"\x1b[2Jwhat?\r\n\r\n")

    return Handler


@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """Serve the files in a folder from another process, and return the address."""
    with ThreadingHTTPServer(("127.0.0.1", 0), handler_for(folder)) as server:
        process = os.fork()
        if not process:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            server.daemon_threads = True
            server.serve_forever()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            os.kill(process, signal.SIGKILL)
            os.waitpid(process, 0)


def description(folder: Path, names: list[str], sources: list[str]) -> dict[str, object]:
    """Return the description of a network, as another package gives it. Each file has all sources."""
    return {
        "name": "served",
        "architecture": "caffe",
        "mean": [104, 117, 123],
        "files": [
            {
                "name": name,
                "size": (folder / name).stat().st_size,
                "checksum": f"sha256:{hashlib.sha256((folder / name).read_bytes()).hexdigest()}",
                "urls": [f"{source}/{name}" for source in sources],
            }
            for name in names
        ],
    }
