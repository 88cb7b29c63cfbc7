"""A Jupyter kernel as a front end has it: cells go in, what they show comes out, and buttons can be clicked."""

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

PATIENCE = 120


@dataclass
class Cell:
    """What one cell has shown.

    Attributes:
        shown: Every output in its order, with what it holds by now; by MIME type.
        states: All pictures, also those that others took the place of.
        said: What it printed.
        failed: The lines of its error, if it had one.
        buttons: The ids of the buttons that it made.
    """

    shown: list[dict[str, Any]] = field(default_factory=list)
    states: list[Image.Image] = field(default_factory=list)
    said: str = ""
    failed: list[str] = field(default_factory=list)
    buttons: list[str] = field(default_factory=list)

    @property
    def texts(self) -> list[str]:
        return [one["text/plain"] for one in self.shown if set(one) == {"text/plain"}]

    @property
    def pictures(self) -> list[Image.Image]:
        return [picture_in(one) for one in self.shown if "image/jpeg" in one or "image/png" in one]


class Kernel:
    def __init__(self, manager: Any, client: Any) -> None:
        self.manager, self.client = manager, client

    def interrupt(self, _: Cell) -> None:
        self.manager.interrupt_kernel()

    def click(self, cell: Cell) -> None:
        """Send what a browser sends when the cell's button is clicked."""
        data = {"method": "custom", "content": {"event": "click"}}
        message = self.client.session.msg("comm_msg", {"comm_id": cell.buttons[0], "data": data})
        self.client.shell_channel.send(message)

    def run(self, code: str, once_shown: Callable[[Cell], None] | None = None) -> Cell:
        """Run a cell; call `once_shown` when it shows its first picture."""
        asked, cell = self.client.execute(code), Cell()
        places: dict[str, dict[str, Any]] = {}
        while True:
            message = self.client.get_iopub_msg(timeout=PATIENCE)
            if message["parent_header"].get("msg_id") != asked:
                continue
            kind, content = message["msg_type"], message["content"]
            if kind == "status" and content["execution_state"] == "idle":
                return cell
            if kind in ("display_data", "execute_result"):
                cell.shown.append(dict(content["data"]))
                places[content.get("transient", {}).get("display_id", "")] = cell.shown[-1]
            elif kind == "update_display_data":
                place = places[content["transient"]["display_id"]]
                place.clear()
                place.update(content["data"])
            elif kind == "stream":
                cell.said += content["text"]
            elif kind == "error":
                cell.failed = content["traceback"]
            elif kind == "comm_open" and content["data"]["state"].get("_model_name") == "ButtonModel":
                cell.buttons.append(content["comm_id"])
            if "image/jpeg" in content.get("data", {}):
                cell.states.append(picture_in(content["data"]))
                if len(cell.states) == 1 and once_shown is not None:
                    once_shown(cell)


def picture_in(data: dict[str, Any]) -> Image.Image:
    """Return the picture of an output."""
    encoded = data.get("image/jpeg") or data["image/png"]
    return Image.open(io.BytesIO(base64.b64decode("".join(encoded))))


@contextmanager
def running(folder: Path) -> Iterator[Kernel]:
    """Give a new kernel that runs in `folder`."""
    manager, client = start_new_kernel(startup_timeout=PATIENCE, cwd=str(folder))
    try:
        yield Kernel(manager, client)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)
