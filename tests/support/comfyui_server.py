"""ComfyUI itself: its server runs on this machine, with the nodes in its folder `custom_nodes`."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.comfyui import NODES
from tests.support.places import ROOT

SECONDS = 120
"""Longest time in seconds to wait for the server or a workflow."""

MAIN = """
import runpy, sys
declared = runpy.run_path("tests/support/torchvision_operators.py")
sys.argv = ["main.py", *sys.argv[2:]]
sys.path[0] = {folder!r}
runpy.run_path({folder!r} + "/main.py", run_name="__main__")
"""
"""Program that starts ComfyUI after the operators of torchvision are declared, which it imports."""


@dataclass
class Server:
    """A running server.

    Attributes:
        folder: Folder with ComfyUI's folders `input`, `output` and `custom_nodes`.
        address: Address of the server.
        log: File with its output.
    """

    folder: Path
    address: str
    log: Path

    def ask(self, path: str, content: Any = None) -> Any:
        """Return the JSON at a path. If there is content, it is sent as JSON."""
        body = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self.address + path, body, {"Content-Type": "application/json"})
        try:
            with urllib.request.urlopen(request, timeout=SECONDS) as answer:
                text = answer.read()
        except urllib.error.HTTPError as error:
            text = error.read()
        return json.loads(text) if text else None

    def queue(self, workflow: dict[str, Any]) -> str:
        """Queue a workflow, as the editor does, and return its identifier."""
        answer = self.ask("/prompt", {"prompt": workflow, "extra_data": {"extra_pnginfo": {"workflow": {}}}})
        assert not answer.get("node_errors"), answer
        return answer["prompt_id"]

    def wait(self, identifier: str) -> dict[str, Any]:
        """Return the entry of a finished workflow in the history."""
        end = time.monotonic() + SECONDS
        while time.monotonic() < end:
            if entry := self.ask(f"/history/{identifier}").get(identifier):
                return entry
            time.sleep(0.1)
        raise TimeoutError(self.log.read_text())

    def run(self, workflow: dict[str, Any]) -> dict[str, Any]:
        """Run a workflow, and return its entry in the history."""
        return self.wait(self.queue(workflow))

    def pictures(self, entry: dict[str, Any]) -> list[Path]:
        """Return the pictures that a workflow saved."""
        assert entry["status"]["status_str"] == "success", entry["status"]
        saved = [image for outputs in entry["outputs"].values() for image in outputs.get("images", ())]
        return [self.folder / image["type"] / image["subfolder"] / image["filename"] for image in saved]


def message_of(entry: dict[str, Any], kind: str) -> dict[str, Any]:
    """Return the message of a kind in the status of a workflow."""
    return next(content for name, content in entry["status"]["messages"] if name == kind)


@contextmanager
def serving(comfyui: Path, folder: Path) -> Iterator[Server]:
    """Run the ComfyUI in a folder on the CPU, with its files in another folder, and stop it afterwards."""
    (folder / "custom_nodes").mkdir()
    (folder / "custom_nodes" / "inceptionism").symlink_to(NODES, target_is_directory=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    options = ["--cpu", "--port", str(port), "--base-directory", str(folder), "--disable-api-nodes"]
    program = MAIN.format(folder=str(comfyui))
    log = folder / "server.log"
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "src")}
    with log.open("w") as output:
        process = subprocess.Popen(
            [sys.executable, "-c", program, "-", *options], cwd=ROOT, env=environment, stdout=output, stderr=output
        )
    server = Server(folder, f"http://127.0.0.1:{port}", log)
    try:
        end = time.monotonic() + SECONDS
        while True:
            try:
                server.ask("/system_stats")
                break
            except urllib.error.URLError:
                assert process.poll() is None, log.read_text()
                assert time.monotonic() < end, log.read_text()
                time.sleep(0.2)
        yield server
    finally:
        process.terminate()
        process.wait(30)
