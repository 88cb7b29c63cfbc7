"""Hearing the click on a button of a notebook while the cell that waits for it runs.

A kernel takes what a notebook sends one after the other: a click that comes while a cell runs waits until the cell is
over. But what waits can be looked at. That is all that is done here: the click is taken out, and everything else goes
its way as it came.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

CLICK = {"method": "custom", "content": {"event": "click"}}
"""What a button of ipywidgets sends."""


def can_hear(kernel: Any) -> bool:
    """Return whether `kernel` is one whose messages can be looked at: ipykernel's."""
    return hasattr(getattr(kernel, "shell_stream", None), "on_recv")


@contextmanager
def hearing(kernel: Any, button: str, clicked: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """Call `clicked` when a button is clicked.

    Args:
        kernel: Of which `can_hear` is true.
        button: The id of the button's model.
        clicked: Called, maybe in another thread.

    Yields:
        What the cell is to call now and then, for some kernels look at what has come only then.
    """
    stream = kernel.shell_stream
    before = stream._recv_callback
    # From ipykernel 7 on, a thread of its own takes what comes, and the stream is its alone.
    thread = getattr(kernel, "shell_channel_thread", None)

    def look(message: list[Any]) -> object:
        if is_click(kernel.session, message, button):
            return clicked()
        return before(message)

    def listen(with_what: Callable[[list[Any]], object]) -> None:
        if thread is None:
            stream.on_recv(with_what, copy=False)
        else:
            thread.io_loop.add_callback(stream.on_recv, with_what, copy=False)

    listen(look)
    try:
        yield stream.flush if thread is None else lambda: None
    finally:
        listen(before)


def is_click(session: Any, message: list[Any], button: str) -> bool:
    """Return whether a message, as it came, is a click on a button, and signed by who may send one."""
    _, frames = session.feed_identities(message, copy=False)
    signature, *parts = [bytes(frame.bytes) for frame in frames[:5]]
    header, _, _, content = parts
    if session.unpack(header)["msg_type"] != "comm_msg" or session.sign(parts) != signature:
        return False
    said = session.unpack(content)
    return bool(said["comm_id"] == button and said["data"] == CLICK)
