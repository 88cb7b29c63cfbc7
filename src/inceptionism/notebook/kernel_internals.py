"""Internals of ipykernel and IPython that this package uses.

ipykernel has no documented way to receive a message while a cell runs. All attributes for that are listed in
`KERNEL_ATTRIBUTES`. A test fails if a new version of ipykernel or IPython drops one of the names in this module.
"""

from __future__ import annotations

from typing import Any

KERNEL_ATTRIBUTES = (
    "session.feed_identities",
    "session.sign",
    "session.unpack",
    "shell_stream._recv_callback",
    "shell_stream.flush",
    "shell_stream.on_recv",
)
"""Attributes of the kernel that every supported version of ipykernel has."""

KERNEL_THREAD_ATTRIBUTES = ("shell_channel_thread.io_loop.add_callback",)
"""Further attributes since ipykernel 7, in which a separate thread receives the messages."""

RENDER_TRACEBACK = "_render_traceback_"
"""Method of an exception that returns the lines that IPython shows instead of a traceback."""

IPYTHON_DISPLAY = "_ipython_display_"
"""Method of a value that shows it. If it raises NotImplementedError, IPython shows the value in the usual way."""


def missing_attributes(kernel: Any, names: tuple[str, ...]) -> list[str]:
    """Return the dotted names that are not attributes of `kernel`."""
    missing = []
    for name in names:
        value = kernel
        for attribute in name.split("."):
            value = getattr(value, attribute, None)
        if value is None:
            missing.append(name)
    return missing


def can_receive_messages(kernel: Any) -> bool:
    """Return whether `kernel` is an ipykernel, whose messages can be received while a cell runs."""
    return hasattr(getattr(kernel, "shell_stream", None), "on_recv")


def message_thread(kernel: Any) -> Any:
    """Return the thread that receives the messages of an ipykernel. None before ipykernel 7."""
    return getattr(kernel, "shell_channel_thread", None)


def message_handler(kernel: Any) -> Any:
    """Return the function that an ipykernel calls with each message from the notebook."""
    return kernel.shell_stream._recv_callback


def set_message_handler(kernel: Any, handler: Any) -> None:
    """Replace the function that an ipykernel calls with each message from the notebook."""
    stream, thread = kernel.shell_stream, message_thread(kernel)
    if thread is None:
        stream.on_recv(handler, copy=False)
    else:  # only the thread that owns the stream may use it
        thread.io_loop.add_callback(stream.on_recv, handler, copy=False)
