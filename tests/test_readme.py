"""Tests of the README: its examples run as they are written, and its links and commands exist."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.support.command import dream

ROOT = Path(__file__).resolve().parents[1]
README = (ROOT / "README.md").read_text()

AFTER_DEMO = ". .venv/bin/activate\ncd demo\n"
"""The first lines of the examples."""


@pytest.mark.usefixtures("small_pictures")
def test_the_examples_run_as_written_and_write_their_pictures(tmp_path, photo, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    Image.fromarray(photo).resize((73, 200)).save(tmp_path / "photo.jpg")
    section = README.split("## Five examples")[1].split("\n## ")[0]
    blocks = re.findall(r"```(sh|python)\n(.*?)```", section, re.DOTALL)
    assert [kind for kind, _ in blocks] == ["sh", "python"]
    shell, python = (code for _, code in blocks)
    assert shell.startswith(AFTER_DEMO)
    first, *others = (line for line in shell.removeprefix(AFTER_DEMO).splitlines() if not line.startswith("#"))
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    # Only the first command runs in a shell of its own, so that torch is loaded only once.
    process = subprocess.run(
        ["sh", "-e", "-c", first], env={**os.environ, "PATH": path}, capture_output=True, text=True, check=False
    )
    assert process.returncode == 0, process.stderr
    for line in others:
        program, *arguments = shlex.split(line)
        assert program == "dream"
        done = dream(*arguments, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
    exec(python, {})
    written = {path.name for path in tmp_path.iterdir()} - {"photo.jpg"}
    assert written == {
        "photo-dream.png",
        "ornament.jpg",
        "feathers.png",
        "banana.png",
        "dream.png",
        "my-network.png",
    }
    for name in written:
        with Image.open(tmp_path / name) as image:
            assert np.asarray(image.convert("L")).std() > 5, name


def test_the_linked_pictures_and_files_exist() -> None:
    for target in re.findall(r"\]\(([^)]+)\)", README):
        if not target.startswith("http"):
            path, _, section = target.partition("#")
            assert (ROOT / path).exists(), target
            if section:
                headings = re.findall(r"^#+ (.+)", (ROOT / path).read_text(), re.MULTILINE)
                assert section in ["-".join(heading.lower().split()) for heading in headings], target


@pytest.mark.parametrize("target", ["demo", "test"])
def test_the_make_commands_are_in_the_makefile(target: str) -> None:
    assert f"make {target}" in README
    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE)


def test_after_the_demo_the_next_lines_find_the_command_and_the_photograph() -> None:
    without_photo = {name: value for name, value in os.environ.items() if name != "PHOTO"}
    # The photograph is looked for by the Python that has the dependencies of the tests.
    command = ["make", "--dry-run", "demo", f"BIN={Path(sys.executable).parent}"]
    lines = subprocess.run(command, cwd=ROOT, env=without_photo, capture_output=True, text=True, check=True).stdout
    assert re.search(r'cp "\S+/rocket\.jpg" "demo/photo\.jpg"', lines)
    assert ". .venv/bin/activate && cd demo" in lines
    if (ROOT / ".venv").is_dir():
        command = ["sh", "-c", ". .venv/bin/activate && command -v dream"]
        found = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        assert (ROOT / ".venv" / "bin" / "dream").samefile(found.stdout.strip())


def test_it_stays_short() -> None:
    assert len(README.splitlines()) <= 80
