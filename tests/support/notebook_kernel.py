"""A Jupyter kernel and a front end for it, which runs cells, collects their outputs and clicks their buttons."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jupyter_client.manager import start_new_kernel
from PIL import Image

TIMEOUT = 120
"""Longest wait for a message from the kernel, in seconds."""


@dataclass
class Cell:
    """Outputs of one cell.

    Attributes:
        outputs: Current content of each output, in order: data by MIME type.
        states: All pictures that were shown, including those that were replaced.
        printed: Text that the cell printed.
        error: Lines of the cell's error. Empty if the cell did not fail.
        buttons: Ids of the buttons that the cell created.
    """

    outputs: list[dict[str, Any]] = field(default_factory=list)
    states: list[Image.Image] = field(default_factory=list)
    printed: str = ""
    error: list[str] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [data["text/plain"] for data in self.outputs if set(data) == {"text/plain"}]

    @property
    def pictures(self) -> list[Image.Image]:
        return [picture_in(data) for data in self.outputs if "image/jpeg" in data or "image/png" in data]


class Kernel:
    """A running kernel with a client."""

    def __init__(self, manager: Any, client: Any) -> None:
        self.manager, self.client = manager, client

    def interrupt(self, _: Cell) -> None:
        self.manager.interrupt_kernel()

    def click(self, cell: Cell) -> None:
        """Send the message that a browser sends after a click on the cell's button."""
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": cell.buttons[0], "data": data})
        self.client.shell_channel.send(message)

    def run(self, code: str, on_first_picture: Callable[[Cell], None] | None = None) -> Cell:
        """Run a cell. Call `on_first_picture` when the cell shows its first picture."""
        request, cell = self.client.execute(code), Cell()
        by_display_id: dict[str, dict[str, Any]] = {}
        while True:
            message = self.client.get_iopub_msg(timeout=TIMEOUT)
            if message["parent_header"].get("msg_id") != request:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return cell
            if kind in ("display_data", "execute_result"):
                cell.outputs.append(dict(content["data"]))
                by_display_id[content.get("transient", {}).get("display_id", "")] = cell.outputs[-1]
            elif kind == "update_display_data":
                output = by_display_id[content["transient"]["display_id"]]
                output.clear()
                output.update(content["data"])
            elif kind == "stream":
                cell.printed += content["text"]
            elif kind == "error":
                cell.error = content["traceback"]
            elif kind == "comm_open" and content["data"]["state"].get("_model_name") == "ButtonModel":
                cell.buttons.append(content["comm_id"])
            if "image/jpeg" in content.get("data", {}):
                cell.states.append(picture_in(content["data"]))
                if len(cell.states) == 1 and on_first_picture is not None:
                    on_first_picture(cell)


def picture_in(data: dict[str, Any]) -> Image.Image:
    """Return the picture in the data of an output."""
    encoded = data.get("image/jpeg") or data["image/png"]
    return Image.open(io.BytesIO(base64.b64decode("".join(encoded))))


@contextmanager
def running_kernel(folder: Path) -> Iterator[Kernel]:
    """Start a kernel with `folder` as its working directory, and stop it at the end of the block."""
    manager, client = start_new_kernel(startup_timeout=TIMEOUT, cwd=str(folder))
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
