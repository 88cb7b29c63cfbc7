"""A few rounds of `make chaos`, always the same ones."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.places import ROOT


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_no_fault_loses_or_damages_a_file() -> None:
    command = [sys.executable, "-W", "ignore", "-m", "tests.chaos", "--rounds", "6", "--seed", "5"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "6 rounds" in done.stdout
