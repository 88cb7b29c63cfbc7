"""`dream`, also as `python -m inceptionism`."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line."""
    # Until there is something to keep or to say, Ctrl-C just ends the program.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from inceptionism.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
