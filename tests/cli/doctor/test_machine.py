"""The memory in the report of `dream doctor`, under limits of the system."""

from __future__ import annotations

import subprocess
import sys

from tests.support.groups import in_group, needs_groups

REPORT = """
from inceptionism.cli.doctor.machine import memory
for one in memory():
    print(*one, sep=": ")
"""


@needs_groups
def test_a_limit_below_the_memory_of_a_small_dream_is_a_problem() -> None:
    with in_group(memory=600 * 2**20) as enter:
        done = subprocess.run([*enter, sys.executable, "-c", REPORT], capture_output=True, text=True, check=True)
    assert "limit of the system: 0.586 GiB" in done.stdout
    assert "this program uses at most 0.469 GiB of memory here, but a small dream takes 0.488 GiB; raise" in done.stdout
