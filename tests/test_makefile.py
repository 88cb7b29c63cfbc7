"""The target demo of the Makefile, with a command that only writes down its arguments."""

from __future__ import annotations

import os
import pty
import subprocess
from pathlib import Path

import pytest

from inceptionism.networks.hub import known_entries
from tests.support.places import ROOT

if not (ROOT / "Makefile").is_file():
    pytest.skip("needs the Makefile of the project", allow_module_level=True)


@pytest.fixture
def command(tmp_path: Path) -> list[str | Path]:
    """Return the command that runs the demo in a folder. It needs no environment."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "dream").write_text('#!/bin/sh\necho "$@" >> commands.txt\n')
    (tmp_path / "bin" / "dream").chmod(0o755)
    (tmp_path / "mine.jpg").touch()
    done = ".venv/.with-demo"
    return ["make", "--file", ROOT / "Makefile", "--old-file", done, "demo", "BIN=bin", "PHOTO=mine.jpg"]


def run(command: list[str | Path], folder: Path, **how: int) -> tuple[str, list[str]]:
    """Return the output of the demo, and the commands of `dream` that it has run."""
    done = subprocess.run(command, cwd=folder, stdout=subprocess.PIPE, text=True, check=True, timeout=60, **how)
    commands = (folder / "commands.txt").read_text().splitlines()
    assert [line.split()[0] for line in commands[:2]] == ["photo", "class"]
    return done.stdout, commands[2:]


def test_without_a_terminal_the_demo_says_how_to_get_googlenet(command, tmp_path) -> None:
    output, more = run(command, tmp_path, stdin=subprocess.DEVNULL)
    entry = known_entries()["googlenet"]
    facts = f"({entry.download_size / 1e6:.0f} MB, license: {entry.license}): dream networks get googlenet\n"
    assert facts in output
    assert "Download it now?" not in output
    assert more == []


@pytest.mark.parametrize(("answer", "more"), [("yes", ["networks get googlenet"]), ("", []), ("no", [])])
def test_on_a_terminal_the_demo_downloads_googlenet_after_the_word_yes(command, tmp_path, answer, more) -> None:
    user, terminal = pty.openpty()
    try:
        os.write(user, f"{answer}\n".encode())
        output, commands = run(command, tmp_path, stdin=terminal)
    finally:
        os.close(user)
        os.close(terminal)
    assert "Download it now? Type yes, or press Enter to finish: " in output
    assert commands == more
