"""The memory in the report of `dream doctor`, under limits of the system."""

from __future__ import annotations

import subprocess
import sys

import pytest

from inceptionism.cli.doctor.report import Fact
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


@pytest.mark.gpu
def test_the_gpus_are_those_that_the_driver_lists() -> None:
    from inceptionism.cli.doctor.machine import gpu

    command = ["nvidia-smi", "--query-gpu=name", "--format=csv,noheader"]
    names = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    found = [one.value.partition(",")[0] for one in gpu() if isinstance(one, Fact) and one.name.startswith("cuda:")]
    assert found == names
