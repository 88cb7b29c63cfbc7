"""Receive the click on a notebook's button while the cell that shows the button still runs.

A kernel handles messages from the notebook one after the other. A click that arrives while a cell runs would wait until
the cell ends. This module inspects the messages as they arrive: it takes the click out and passes every other message
on unchanged.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from inceptionism.notebook.kernel_internals import message_handler, message_thread, set_message_handler

CLICK = {"method": "custom", "content": {"event": "click"}}
"""Data of the message that a button of ipywidgets sends when it is clicked."""


@contextmanager
def listen_for_click(kernel: Any, button: str, on_click: Callable[[], object]) -> Iterator[Callable[[], object]]:
    """Call `on_click` when a button is clicked while the block runs.

    Args:
        kernel: An ipykernel: `can_receive_messages` must be true for it.
        button: Id of the button's widget model.
        on_click: Function that handles the click. It may be called in another thread.

    Yields:
        A function to call regularly while the block runs. Before ipykernel 7, messages are received only in this call.
    """
    original = message_handler(kernel)

    def handle(message: list[Any]) -> object:
        if is_click(kernel.session, message, button):
            return on_click()
        return original(message)

    set_message_handler(kernel, handle)
    try:
        yield kernel.shell_stream.flush if message_thread(kernel) is None else lambda: None
    finally:
        set_message_handler(kernel, original)


def is_click(session: Any, message: list[Any], button: str) -> bool:
    """Return whether a raw message is a click on a button. A message with a wrong signature is not a click."""
    _, frames = session.feed_identities(message, copy=False)
    signature, *parts = [bytes(frame.bytes) for frame in frames[:5]]
    header, _, _, content = parts
    if session.unpack(header)["msg_type"] != "comm_msg" or session.sign(parts) != signature:
        return False
    fields = session.unpack(content)
    return bool(fields["comm_id"] == button and fields["data"] == CLICK)
