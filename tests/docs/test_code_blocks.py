"""Every code block of the documentation runs as it is written, with small settings, or is checked in another way."""

from __future__ import annotations

import contextlib
import csv
import io
import re
import shlex
import sys
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import typer.main
from PIL import Image

import inceptionism as inc
from inceptionism.cli.app import app
from inceptionism.recipes import read_keyframes, recipe_kinds, settings_of
from tests.support.command import dream
from tests.support.documentation import PAGES, Block, blocks, make_files, make_results, make_small
from tests.support.places import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]

RUN_ELSEWHERE = {
    "docs/commands.md": "tests/cli/test_help.py",
    "README.md": "tests/test_readme.py",
}
"""Pages whose blocks another test runs. Here, only the names and options of commands are checked."""

NEEDS = {
    r"networks (get|add)|googlenet|inception_4c|torchvision/|timm/": "files of a network",
    r"--network (mine|clip)|network=clip": "a network of the user",
    r"--look mine": "a look in the folder of the user",
    r"https?://": "the internet",
    r"activation-atlas photographs": "more photographs; tests/atlas/activations makes atlases",
    r"--cluster": "a cluster; tests/jobs starts one",
    r"dream batch": "processes, which do not have the small settings; tests/cli/test_batch.py starts them",
    r"dream studio": "a browser; tests/studio opens it",
    r"\.HEIC": "a photograph of a phone",
    r"[|>]": "a pipe; tests/cli/test_standard_streams.py runs pipes",
    r"--endless": "Ctrl-C",
    r"mask-80eb91b1": "a mask that was painted in the studio",
}
"""Commands that do not run here, with what they need. Here, only their names and options are checked."""

NOT_RUN = {
    'load_network("clip-vit-b-32")': "tests/objectives/test_embeddings.py makes such a network",
    "studio.launch": "tests/studio starts the studio",
    "mount_gradio_app": "tests/studio/test_server.py runs this block",
    "notebook as live": "tests/notebook runs these functions in a kernel",
    "inc.batch(": "tests/jobs starts these processes",
}
"""Blocks of Python that do not run here, by a part of their text, and the tests that run the same."""

PROGRAMS = {".", "cd", "docker", "jupyter", "mkdir", "pipx", "py", "python3", "ray", "uv", r"dreams\Scripts\activate"}
"""Programs that the documentation uses, without those whose arguments are checked."""


@dataclass
class Reader:
    """A reader of a page, who does what its blocks say.

    Attributes:
        folder: Folder of the reader's files.
        runs: Whether commands and Python run. If not, only the names and options of commands are checked.
        names: Names that the blocks of Python have defined.
        printed: Output of the last block.
    """

    folder: Path
    runs: bool
    names: dict[str, object] = field(default_factory=lambda: {"show": lambda image: None})
    printed: str = ""

    def follow(self, block: Block) -> None:
        """Run or check a block."""
        if block.language == "python":
            self.run_python(block.code)
        elif block.language == "toml":
            self.check_toml(block.code)
        elif block.language == "csv":
            check_csv(block.code)
        elif block.language == "text" and not block.code.startswith("dream "):
            self.check_output(block.lines)
        else:
            assert block.language in ("sh", "text", "console", "powershell"), block
            self.printed = "".join(self.run_line(line) for line in block.lines)

    def run_python(self, code: str) -> None:
        """Run a block of Python."""
        compiled = compile(code, "block", "exec")
        if self.runs and not any(part in code for part in NOT_RUN):
            with contextlib.redirect_stdout(io.StringIO()) as printed:
                exec(compiled, self.names)
            self.printed = printed.getvalue()

    def run_line(self, line: str) -> str:
        """Run or check a command, and return its output."""
        parts = [part.strip() for part in re.split(r"[|>]", line)]
        for part in parts:
            if part.startswith("dream ") and "[OPTIONS]" not in part:
                check_command(part)
        if not any(part.startswith("dream ") for part in parts):
            check_other_program(line)
        elif self.runs and not any(re.search(pattern, line) for pattern in NEEDS):
            done = dream(*shlex.split(line)[1:], cwd=self.folder)
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            return done.stdout
        return ""

    def check_toml(self, code: str) -> None:
        """Read a block of TOML as what it is: a part of a project, keyframes, or a recipe."""
        path = self.folder / "block.toml"
        path.write_text(code, "utf-8")
        if "[project" in code:
            assert tomllib.loads(code)
        elif "[[keyframe]]" in code:
            assert read_keyframes(path)
        else:
            assert inc.load_recipe(path).kind in code

    def check_output(self, lines: list[str]) -> None:
        """Find the lines in the output of the last block. The length of a bar may differ by one."""
        printed = [" ".join(line.split()) for line in self.printed.splitlines()]
        for line in lines:
            allowed = {" ".join(one.split()) for one in (line, f"{line}█", line.removesuffix("█"))}
            assert line == "…" or allowed & set(printed), f"{line}\n{self.printed}"


def check_command(line: str) -> None:
    """Check that a command and its options exist, and read its arguments as the program does."""
    words = shlex.split(line)[1:]
    command = typer.main.get_command(app)
    context = typer.Context(command, info_name="dream")
    while words and words[0] in getattr(command, "commands", {}):
        name, *words = words
        command = command.commands[name]
    if words not in (["--help"], ["--install-completion"]):
        command.make_context("dream", words, parent=context)


def check_other_program(line: str) -> None:
    """Check that a program is known, and that the extras and targets in its arguments exist."""
    program, *words = line.split()
    if program == "pip":
        extras = {name for names in re.findall(r"\[([\w,]+)\]", line) for name in names.split(",")}
        assert extras <= set(PROJECT["optional-dependencies"]), line
    elif program == "make":
        assert re.search(rf"^{words[0]}:", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE), line
    elif program == "python":
        compile(shlex.split(line)[2], line, "exec")
    else:
        assert program in PROGRAMS, line


def check_csv(code: str) -> None:
    """Check the columns of a list of jobs."""
    settings = {name for kind in recipe_kinds().values() for name in settings_of(kind)}
    assert set(csv.DictReader(io.StringIO(code)).fieldnames or ()) <= settings | {
        "photo",
        "class",
        "look",
        "recipe",
        "output",
    }


def titled(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", [page for page in PAGES if next(blocks(page), None)], ids=titled)
def test_the_code_blocks_of_a_page_run(page, tmp_path, monkeypatch) -> None:
    make_small(monkeypatch)
    monkeypatch.setattr(Image.Image, "show", lambda self: None)
    monkeypatch.setattr("inceptionism.atlas.layers.PICTURE_SIDE", 61)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    make_files(tmp_path)
    if page.name in ("recipes.md", "share.md"):
        make_results(tmp_path)
    reader = Reader(tmp_path, runs=titled(page) not in RUN_ELSEWHERE and page.parent.name != "gallery")
    for block in blocks(page):
        reader.follow(block)
