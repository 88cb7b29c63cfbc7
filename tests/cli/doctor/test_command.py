"""`dream doctor`, run in a new process with an installation that really is broken in several places."""

from __future__ import annotations

import os
import re
import subprocess
from pathlib import Path

import pytest

from tests.fuzz import seeds
from tests.support.command import DREAM, dream

LIBRARIES = ("gradio", "onnx2torch", "open_clip", "ray", "timm", "torchvision")
"""Modules in whose place the tests put small ones, because the real ones take long to import."""


def run_doctor(site: Path, home: Path) -> subprocess.CompletedProcess[str]:
    """Run `dream doctor` with other modules in place of installed ones, and with another home folder."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("XDG_")}
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH")]))
    environment |= {"PYTHONPATH": path, "HOME": str(home), "LOGNAME": "anna-secret"}
    return subprocess.run([*DREAM, "doctor"], capture_output=True, text=True, env=environment, check=False)


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """A folder of modules that can all be imported."""
    folder = tmp_path / "anna-secret" / "site"
    folder.mkdir(parents=True)
    for name in LIBRARIES:
        (folder / f"{name}.py").write_text("")
    return folder


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder with a network in its cache."""
    folder = tmp_path / "home" / "anna-secret"
    folder.mkdir(parents=True)
    (folder / "net.prototxt").write_text(seeds.PROTOTXT)
    (folder / "net.caffemodel").write_bytes(seeds.caffemodel())
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HOME", str(folder))
        patch.delenv("XDG_CACHE_HOME", raising=False)
        for name in ("whole", "broken"):
            added = dream("networks", "add", name, "net.prototxt", "net.caffemodel", "--mean", "1,2,3", cwd=folder)
            assert added.returncode == 0, added.stderr
    return folder


def test_the_report_says_what_is_installed_and_that_nothing_is_wrong(site, home) -> None:
    done = run_doctor(site, home)
    assert (done.returncode, done.stderr) == (0, ""), done.stdout
    headings = re.findall("^## (.+)$", done.stdout, re.MULTILINE)
    assert headings == ["System", "Packages", "Processor", "Memory", "GPU", "Networks", "Films", "Pictures", "Problems"]
    assert done.stdout.endswith("## Problems\n\nNo problems found.\n")
    assert "- not known" not in done.stdout
    for text in (r"torch \d", r"- \[networks\]: .*timm \d", r"\.mp4 \(aac, libx264\)", "in your cache: broken, whole"):
        assert re.search(text, done.stdout), text
    # The lines are the items of lists, so the text is the same in Markdown.
    assert all(line.startswith(("## ", "- ", "No problems")) or not line for line in done.stdout.splitlines())
    assert "- cache: ~/.cache/inceptionism\n" in done.stdout
    assert "anna-secret" not in done.stdout


def test_everything_that_is_broken_is_reported_with_a_remedy(site, home) -> None:
    (site / "torch.py").write_text("raise OSError('libtorch_cpu.so: cannot open shared object file')")
    (site / "torchvision.py").write_text("raise RuntimeError('operator torchvision::nms does not exist')")
    (site / "timm.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGILL)")
    (site / "gradio.py").write_text("import no_such_module")
    (site / "cv2.py").write_text("raise SystemExit(5)")
    old = site / "pyarrow-0.1.dist-info"
    old.mkdir()
    (old / "METADATA").write_text("Metadata-Version: 2.1\nName: pyarrow\nVersion: 0.1\n")
    damaged = home / ".cache" / "inceptionism" / "networks" / "broken" / "net.caffemodel"
    content = bytearray(damaged.read_bytes())
    content[-1] ^= 1  # the size stays the same
    damaged.write_bytes(content)
    done = run_doctor(site, home)
    assert (done.returncode, done.stderr) == (1, "")
    report, problems = done.stdout.split("## Problems\n\n")
    expected = [
        "torch is installed, but it cannot be imported: OSError: libtorch_cpu.so: cannot open shared object file; ",
        r"torchvision \S+ does not fit torch \S+; install versions that belong together",
        r"the import of timm ends Python \(signal SIGILL\); install",
        r'no_such_module is not installed; install it with: pip install "inceptionism\[studio\]"',
        "opencv-python-headless is installed, but it cannot be imported: SystemExit: 5; install it again with",
        "pyarrow 0.1 is installed, but pyarrow>=17 is needed; install it with",
        "~/.cache/inceptionism/networks/broken/net.caffemodel is missing or damaged; download or add network broken",
    ]
    for text in expected:
        assert re.search(text, problems), (text, problems)
    assert len(problems.splitlines()) == len(expected), problems
    # The parts that work are still in the report.
    assert "- in your cache: whole\n" in report
    assert "- processor: " in report
    assert ".webm (libopus, libvpx-vp9)" in report
    assert "## Memory\n\n- not known\n" in report
    assert "anna-secret" not in done.stdout
