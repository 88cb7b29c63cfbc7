"""The command `dream`, which is also `python -m inceptionism`."""

from __future__ import annotations

import signal


def main() -> None:
    """Run the command line."""
    # Ctrl-C just ends the program while there is no result to keep, without a traceback from the imports.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    from inceptionism.cli import main as command_line

    command_line()


if __name__ == "__main__":
    main()
