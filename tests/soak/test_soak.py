"""A small version of `make soak`."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.places import ROOT


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not count open files in the same way")
def test_pictures_and_networks_leave_nothing_behind() -> None:
    counts = ["--pictures", "30", "--classes", "0", "--frames", "0", "--networks", "12"]
    command = [sys.executable, "-W", "ignore", "-m", "tests.soak", *counts]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "nothing has grown" in done.stdout
