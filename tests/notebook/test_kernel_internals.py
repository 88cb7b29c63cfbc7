"""The internals of ipykernel and IPython that the notebook package uses still exist in the installed versions."""

from __future__ import annotations

import inspect
from importlib.metadata import version
from pathlib import Path

from IPython.core.formatters import IPythonDisplayFormatter
from IPython.core.interactiveshell import InteractiveShell

from inceptionism.notebook import kernel_internals
from tests.support.notebook_kernel import running_kernel

CHECK = """
from inceptionism.notebook.kernel_internals import KERNEL_ATTRIBUTES, KERNEL_THREAD_ATTRIBUTES, missing_attributes
kernel = get_ipython().kernel
print(missing_attributes(kernel, KERNEL_ATTRIBUTES), missing_attributes(kernel, KERNEL_THREAD_ATTRIBUTES))
"""


def test_a_kernel_has_all_attributes_that_the_stop_button_uses(tmp_path: Path) -> None:
    with running_kernel(tmp_path) as kernel:
        cell = kernel.run(CHECK)
    assert not cell.error
    has_thread = int(version("ipykernel").partition(".")[0]) >= 7
    thread_attributes = [] if has_thread else list(kernel_internals.KERNEL_THREAD_ATTRIBUTES)
    assert cell.printed == f"[] {thread_attributes}\n"


def test_missing_attributes_are_listed() -> None:
    class Kernel:
        session = "a text, which has no method sign"

    assert kernel_internals.missing_attributes(Kernel(), ("session.upper", "session.sign", "shell_stream.flush")) == [
        "session.sign",
        "shell_stream.flush",
    ]


def test_ipython_calls_the_method_that_renders_tracebacks() -> None:
    assert f".{kernel_internals.RENDER_TRACEBACK}(" in inspect.getsource(InteractiveShell)


def test_ipython_calls_the_method_that_shows_values() -> None:
    assert IPythonDisplayFormatter().print_method == kernel_internals.IPYTHON_DISPLAY


def test_internals_are_used_in_one_module_only() -> None:
    folder = Path(kernel_internals.__file__).parent
    others = [path for path in folder.glob("*.py") if path.name != "kernel_internals.py"]
    assert len(others) >= 3
    for path in others:
        text = path.read_text("utf-8")
        for name in ("_recv_callback", "on_recv", "shell_channel_thread", "_render_traceback_", "_ipython_display_"):
            assert name not in text, path.name
