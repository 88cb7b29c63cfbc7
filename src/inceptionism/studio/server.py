"""The server of the studio: its address, its security, and its end."""

from __future__ import annotations

import errno
import ipaddress
import logging
import os
import queue
import signal
import socket
import sys
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from types import FrameType

from starlette.middleware import Middleware

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.interruption import SIGNALS, Interrupted, handle_signals
from inceptionism.memory import finish_start
from inceptionism.studio.defaults import HOST, MAX_PIXELS, PORT
from inceptionism.studio.guard import MAX_FILE, Guard
from inceptionism.studio.page import draw_page
from inceptionism.studio.style import CSS, HEAD, THEME
from inceptionism.studio.unfinished import UNFINISHED
from inceptionism.studio.workshop import PHOTOGRAPHS, Workshop

MAX_SESSIONS = 100
"""Largest number of pages whose state is kept. gradio keeps it for an hour after a page is closed."""

LOOPBACK = ("127.0.0.1", "localhost", "::1")
"""Names of this machine that only programs on it can reach."""


def launch(
    *,
    host: str = HOST,
    port: int = PORT,
    browser: bool = True,
    output: str | os.PathLike[str] | None = None,
    max_pixels: int = MAX_PIXELS,
    auth: str | None = None,
    no_auth: bool = False,
    names: Sequence[str] = (),
    on_ready: Callable[[str], object] | None = None,
) -> None:
    """Start the studio, and serve it until Ctrl-C. Then stop the work, and keep the pictures so far.

    Args:
        host: Address to listen on. Another one than that of this machine needs `auth` or `no_auth`.
        port: Port to listen on. 0 takes a free one.
        browser: Whether to open the page in the browser.
        output: Folder of the pictures. By default, the folder "inceptionism" in the user's folder of pictures.
        max_pixels: Largest area of a photograph and of a result, in pixels.
        auth: Name and password that visitors must give, as `USER:PASSWORD`.
        no_auth: Whether everybody who can reach the address may use the studio.
        names: Further names of the server in the addresses that visitors open, for example that of a proxy.
        on_ready: Function that is called with the address as soon as the page can be used. By default, it is printed.

    Raises:
        InvalidSetting: If the host, the port or the password is not valid, or if the port is taken.
        CannotWrite: If the folder cannot be made.
        KeyboardInterrupt: At the end, after Ctrl-C or a request to terminate.
    """
    credentials = checked_auth(host, auth, no_auth)
    port = checked_port(host, port)
    workshop = Workshop(output, max_pixels, downloads=are_downloads_allowed(host, auth))
    arrived: queue.Queue[int] = queue.Queue()

    def end(number: int, frame: FrameType | None) -> None:  # noqa: ARG001  # a signal handler's signature
        arrived.put(number)

    with workshop.worker.all_threads():
        page = draw_page(workshop)
        with handle_signals(end, [one for one in SIGNALS if one in (signal.SIGINT, signal.SIGTERM)]):
            page.queue(max_size=100, api_open=False)
            leave_proxies_out(host)
            page.launch(
                server_name=f"[{host}]" if ":" in host else host,
                server_port=port,
                quiet=True,
                prevent_thread_lock=True,
                share=False,
                inbrowser=False,
                auth=credentials,
                allowed_paths=[str(workshop.output)],
                blocked_paths=[str(workshop.output / name) for name in (PHOTOGRAPHS, UNFINISHED)],
                max_file_size=MAX_FILE,
                show_error=False,
                ssr_mode=False,
                enable_monitoring=False,
                mcp_server=False,
                run_history=False,
                state_session_capacity=MAX_SESSIONS,
                footer_links=[],
                theme=THEME,
                css=CSS,
                head=HEAD,
                app_kwargs={
                    "middleware": [Middleware(Guard, hosts=[*own_names(host), *names], numbers=not is_loopback(host))]
                },
            )
            try:
                finish_start()
                address = page_address(host, port)
                (on_ready or print_address)(address)
                if browser:
                    webbrowser.open(address)
                with redirect_stdout(sys.stderr):  # gradio prints some errors
                    number = wait_for(arrived)
            finally:
                workshop.worker.close()
                # The connections of open pages would delay the end, so they are cut. uvicorn reports this as an error.
                logging.getLogger("uvicorn.error").disabled = True
                page.server.force_exit = True
                page.close(verbose=False)
    raise Interrupted(number)


def leave_proxies_out(host: str) -> None:
    """Let the program reach its own server without a proxy. gradio tests at the start whether it answers."""
    for name in ("no_proxy", "NO_PROXY"):
        known = [one for one in os.environ.get(name, "").split(",") if one.strip()]
        os.environ[name] = ",".join(dict.fromkeys([*known, *LOOPBACK, host]))


def wait_for(arrived: queue.Queue[int]) -> int:
    """Return the first number in a queue. A signal is handled while this waits."""
    while True:
        with suppress(queue.Empty):
            return arrived.get(timeout=0.5)


def print_address(address: str) -> None:
    """Print the address as a line on standard output."""
    sys.stdout.write(f"{address}\n")
    sys.stdout.flush()


def checked_auth(host: str, auth: str | None, no_auth: bool) -> tuple[str, str] | None:
    """Return the name and the password that visitors must give; None if they need none.

    Raises:
        InvalidSetting: If other machines could use the studio without a password, and the user has not allowed it.
    """
    if auth is not None and no_auth:
        raise InvalidSetting("--auth and --no-auth exclude each other; leave one of them out")
    if auth is not None:
        user, separator, password = auth.partition(":")
        if not user or not separator or not password:
            raise InvalidSetting("--auth must be USER:PASSWORD, for example --auth ada:a-long-password")
        return user, password
    if not is_loopback(host) and not no_auth:
        raise InvalidSetting(
            f"with --host {host}, other machines can use the studio; add --auth USER:PASSWORD, "
            "or --no-auth if everybody may use it"
        )
    return None


def are_downloads_allowed(host: str, auth: str | None) -> bool:
    """Return whether visitors may download networks: only if all of them are on this machine, without a password."""
    return is_loopback(host) and auth is None


def is_loopback(host: str) -> bool:
    """Return whether only programs on this machine can reach an address."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def own_names(host: str) -> list[str]:
    """Return the names of this machine that the Host header of a request may have."""
    machine = [] if is_loopback(host) else [socket.gethostname(), socket.getfqdn(), f"{socket.gethostname()}.local"]
    return [host, *LOOPBACK, *machine]


def checked_port(host: str, port: int) -> int:
    """Return the port, or a free one in place of 0.

    Raises:
        InvalidSetting: If the port is taken or out of range, or if the host is not an address of this machine.
    """
    if not 0 <= port <= 65535:
        raise InvalidSetting(f"--port must be from 0 to 65535, not {port}")
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as listener:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            return int(listener.getsockname()[1])
    except PermissionError:
        raise InvalidSetting(f"port {port} is reserved for other programs; choose a port from 1024 on") from None
    except socket.gaierror:
        raise InvalidSetting(f"there is no host {quote_value(host)}; try --host 127.0.0.1") from None
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise InvalidSetting(
                f"port {port} is taken by another program; choose another one, or --port 0 for a free one"
            ) from None
        raise InvalidSetting(f"{quote_value(host)} is not an address of this machine; try --host 127.0.0.1") from None


def page_address(host: str, port: int) -> str:
    """Return the address of the page for a browser on this machine."""
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, f"[{host}]" if ":" in host else host)
    return f"http://{shown}:{port}"
