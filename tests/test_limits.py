"""The limits of the system: groups of processes in both versions, limits of a process, and affinity."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import psutil
import pytest
import torch
from PIL import Image
from skimage.data import coffee

from inceptionism import limits, objectives
from inceptionism.errors import InvalidSetting
from inceptionism.limits import (
    allowed_memory,
    available_cores,
    default_memory,
    free_memory,
    group_core_limits,
    group_memory_limits,
    machine_memory,
)
from inceptionism.memory import glibc
from inceptionism.optimization import GradientEvaluator
from tests.support.command import DREAM
from tests.support.groups import in_group, needs_groups

CPU = torch.device("cpu")

GIB = 2**30

VERSION_1 = """
31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755
32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,relatime shared:9 - cgroup cgroup rw,cpu,cpuacct
33 31 0:32 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory
"""

VERSION_2 = "29 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate"


@pytest.fixture
def system(tmp_path, monkeypatch):
    """Function that lets the program see a system with these groups, mounts and files, whose folder it returns."""

    def build(groups: str, mounts: str, files: dict[str, str]) -> Path:
        for name, text in {"proc/self/cgroup": groups, "proc/self/mountinfo": mounts, **files}.items():
            path = tmp_path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text + "\n")
        monkeypatch.setattr(limits, "ROOT", tmp_path)
        return tmp_path

    return build


def test_in_version_2_every_group_up_to_the_top_limits(system) -> None:
    folder = "sys/fs/cgroup"
    root = system(
        "0::/artists/dreams",
        VERSION_2,
        {
            f"{folder}/artists/dreams/memory.max": "max",
            f"{folder}/artists/dreams/memory.high": "3000000",
            f"{folder}/artists/dreams/cpu.max": "max 100000",
            f"{folder}/artists/memory.max": "2000000",
            f"{folder}/artists/cpu.max": "150000 100000",
            f"{folder}/other/memory.max": "7",
        },
    )
    assert group_memory_limits(root) == [3_000_000, 2_000_000]
    assert group_core_limits(root) == (1.5,)


def test_in_version_1_each_kind_of_limit_has_groups_of_its_own(system) -> None:
    root = system(
        "5:cpu,cpuacct:/busy\n4:memory:/small\n0::/",
        VERSION_1,
        {
            "sys/fs/cgroup/memory/small/memory.limit_in_bytes": "1000000",
            "sys/fs/cgroup/memory/memory.limit_in_bytes": "9223372036854771712",
            "sys/fs/cgroup/cpu,cpuacct/busy/cpu.cfs_quota_us": "50000",
            "sys/fs/cgroup/cpu,cpuacct/busy/cpu.cfs_period_us": "25000",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us": "-1",
            "sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us": "100000",
        },
    )
    assert group_memory_limits(root) == [1_000_000, 9223372036854771712]
    assert group_core_limits(root) == (2.0,)


@pytest.mark.parametrize("top", ["/docker/1f2e", "/../../docker/1f2e"])
def test_a_container_sees_its_own_group_as_the_top(system, top) -> None:
    """Without a namespace for groups, paths are those outside, and the mounted top is the own group."""
    mounts = f"29 23 0:26 {top} /sys/fs/a\\040folder rw - cgroup2 cgroup2 rw"
    root = system("0::/docker/1f2e", mounts, {"sys/fs/a folder/memory.max": "5000000"})
    assert group_memory_limits(root) == [5_000_000]


def test_unusual_mounts_are_skipped(system) -> None:
    unusual = ["40 23 0:40 / /mnt rw - tmpfs  rw,size=1k", "41 23 0:41 / /a\x85b rw - tmpfs none rw", "", "nonsense"]
    root = system("0::/", "\n".join([*unusual, VERSION_2]), {"sys/fs/cgroup/memory.max": "5000000"})
    (root / "proc/self/mountinfo").write_bytes(
        b"42 23 0:42 / /caf\xe9 rw - tmpfs none rw\n" + (root / "proc/self/mountinfo").read_bytes()
    )
    assert group_memory_limits(root) == [5_000_000]


def test_new_processes_get_what_the_others_in_the_group_leave(system) -> None:
    machine = psutil.virtual_memory().available
    files = {"memory.max": f"{machine // 2}", "memory.current": f"{machine // 4}"}
    files["memory.stat"] = f"anon 1\ninactive_file {machine // 8}\nactive_file 3"
    system("0::/", VERSION_2, {f"sys/fs/cgroup/{name}": text for name, text in files.items()})
    assert free_memory() == int(0.8 * (machine // 2)) - machine // 4 + machine // 8


@pytest.mark.parametrize(("cores", "expected"), [("20000", 1), ("140000", 1), ("160000", 2), ("9900000", None)])
def test_a_part_of_a_core_is_rounded(system, cores, expected) -> None:
    without = available_cores()
    system("0::/", VERSION_2, {"sys/fs/cgroup/cpu.max": f"{cores} 100000"})
    assert available_cores() == min(without, expected or without)


def test_a_system_without_groups_limits_nothing(tmp_path, monkeypatch) -> None:
    before = available_cores()
    monkeypatch.setattr(limits, "ROOT", tmp_path)
    assert available_cores() >= before
    assert free_memory() == pytest.approx(psutil.virtual_memory().available, rel=0.2)
    assert group_memory_limits(tmp_path) == []
    assert group_core_limits(tmp_path) == ()


def test_the_default_is_half_of_the_machine_or_most_of_a_smaller_limit(system, monkeypatch) -> None:
    file = "sys/fs/cgroup/memory.max"
    system("0::/", VERSION_2, {file: "max"})
    machine = machine_memory(CPU)
    assert 10**8 < machine < 10**15
    if allowed_memory(CPU) < machine:
        pytest.skip("needs a process without limits of its own")
    assert default_memory(CPU) == machine // 2
    system("0::/", VERSION_2, {file: str(machine // 10)})
    assert allowed_memory(CPU) == machine // 10
    assert default_memory(CPU) == int(0.8 * (machine // 10))
    assert free_memory() <= default_memory(CPU)
    monkeypatch.setattr(limits, "_share", 0.25)
    assert allowed_memory(CPU) == machine // 10 // 4


def test_a_limit_of_the_user_is_never_above_that_of_the_system(system, lite0) -> None:
    evaluator, objective = GradientEvaluator(lite0), objectives.layer("blocks.10")
    system("0::/", VERSION_2, {"sys/fs/cgroup/memory.max": str(GIB)})
    message = r"but the limit is 1\.1 GB; choose a smaller size, because the system allows no more memory"
    with pytest.raises(InvalidSetting, match=message):
        evaluator.affordable_pixels((4320, 7680), objective, "9GB")
    with pytest.raises(InvalidSetting, match=r"the limit is 0\.9 GB; choose a smaller size or a higher memory limit"):
        evaluator.affordable_pixels((3000, 4000), objective, "0.9GB")


PRINT_LIMITS = """
import torch
from inceptionism.limits import allowed_memory, available_cores, default_memory
from inceptionism.threads import adapt_threads
adapt_threads()
print(allowed_memory(torch.device("cpu")), default_memory(torch.device("cpu")), available_cores())
print(torch.get_num_threads())
"""


def run(command: list[str], **environment: str) -> list[int]:
    """Run a command, and return the numbers that it prints."""
    inherited = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    done = subprocess.run(command, capture_output=True, text=True, env={**inherited, **environment}, check=True)
    return [int(word) for word in done.stdout.split()]


@needs_groups
def test_the_limits_of_a_real_group_are_seen() -> None:
    with in_group(memory=GIB, cores=1) as inside:
        command = [*inside, sys.executable, "-c", PRINT_LIMITS]
        assert run(command) == [GIB, int(0.8 * GIB), 1, 1]
        assert run(command, OMP_NUM_THREADS="2")[-1] == 2


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="this system has no affinity")
def test_threads_follow_the_affinity() -> None:
    code = "import os; os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})" + PRINT_LIMITS
    assert run([sys.executable, "-c", code])[-2:] == [1, 1]
    late = PRINT_LIMITS.replace("import torch", "import torch, os; torch.set_num_threads(2)").replace(
        "adapt_threads()\n", "os.sched_setaffinity(0, {min(os.sched_getaffinity(0))}); adapt_threads()\n"
    )
    assert run([sys.executable, "-c", late])[-2:] == [1, 1]


ADDRESS_SPACE = """
import resource, sys
import torch, psutil
from inceptionism.limits import allowed_memory, default_memory
cpu = torch.device("cpu")
allowed = allowed_memory(cpu)
memory = psutil.Process().memory_info()
resource.setrlimit(resource.RLIMIT_AS, (memory.vms + 2**30, memory.vms + 2**30))
print(allowed_memory(cpu) - memory.rss, default_memory(cpu) < allowed_memory(cpu) < allowed)
block = torch.zeros(800 * 2**18)  # writes to 800 MiB
try:
    torch.zeros(300 * 2**18)
except RuntimeError:
    print(1)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits address space as described")
def test_a_limit_of_address_space_is_seen() -> None:
    done = subprocess.run([sys.executable, "-c", ADDRESS_SPACE], capture_output=True, text=True, check=True)
    free, is_between, failed = done.stdout.split()
    assert 0.95 * GIB < int(free) < 1.05 * GIB
    assert (is_between, failed) == ("True", "1")


def coffee_of(path: Path, width: int, height: int) -> Path:
    Image.fromarray(coffee()).resize((width, height), Image.Resampling.BICUBIC).save(path, quality=90)
    return path


@needs_groups
@pytest.mark.long
def test_twenty_megapixels_are_dreamed_in_a_group_of_two_gibibytes(tmp_path) -> None:
    coffee_of(tmp_path / "cup.jpg", 5477, 3651)
    with in_group(memory=2 * GIB) as inside:
        command = [*inside, *DREAM, "photo", "cup.jpg", "--steps", "1", "-o", "dream.jpg"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with Image.open(tmp_path / "dream.jpg") as dream:
        assert dream.size == (5477, 3651)


PEAK = """
import resource, subprocess, sys
subprocess.run([sys.executable, "-m", "inceptionism", *sys.argv[1:]], check=True, stdout=subprocess.DEVNULL)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024)
"""


@pytest.mark.long
@pytest.mark.skipif(glibc() is None or sys.platform != "linux", reason="needs Linux and glibc, which return memory")
def test_a_picture_of_33_megapixels_needs_no_more_than_two_gigabytes(tmp_path) -> None:
    coffee_of(tmp_path / "cup.jpg", 7680, 4320)
    settings = ["--memory", "2GB", "--octaves", "2", "--steps", "2", "-o", "dream.jpg"]
    command = [sys.executable, "-c", PEAK, "photo", "cup.jpg", *settings]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) < 2 * 10**9
