"""Commands that need no extra work if no extra is installed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from PIL import Image

from tests.support.films import pan, write
from tests.support.pictures import gradient
from tests.support.places import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

COMMANDS = (
    "photo cup.png -l stem --octaves 1 --steps 1",
    "class volcano --steps 2 --size 32 --output volcano.png",
    "unit stem 3 --steps 2 --size 32",
    "atlas stem --channels 0-2 --steps 2 --size 32",
    "activation-grid cup.png -l stem --cells 2 --steps 2 --size 32",
    "zoom cup.png -o zoom.mp4 -l stem --octaves 1 --steps 1 --frames 3",
    "video film.mp4 dream.webm -l stem --octaves 1 --steps 1 --first-steps 1",
    "batch cup.png --output made --workers 0 -l stem --octaves 1 --steps 1",
    "replay volcano.png --output again.png",
    "share volcano.png",
    "layers",
    "classes banana",
    "looks",
    "networks",
)

PROGRAM = """
import sys
sys.modules.update(dict.fromkeys({blocked!r}))
from inceptionism.cli import main
for command in {commands!r}:
    try:
        main(command.split())
    except SystemExit as end:
        if end.code:
            sys.exit(f"dream {{command}} ended with status {{end.code}}")
"""


def modules_of_extras() -> list[str]:
    """Return the modules of all extras that the package itself does not need."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = names(chain(*project["optional-dependencies"].values())) - names(project["dependencies"])
    found = packages_distributions()
    return sorted(module for module, packages in found.items() if {*map(canonicalize_name, packages)} & extras)


def names(requirements: Iterable[str]) -> set[str]:
    return {canonicalize_name(Requirement(one).name) for one in requirements} - {"inceptionism"}


def test_the_modules_of_the_extras_are_found() -> None:
    assert {"ray", "gradio", "pyarrow", "torchvision", "timm", "skimage", "IPython"} < {*modules_of_extras()}


def test_the_commands_need_no_extra(tmp_path: Path) -> None:
    Image.fromarray(gradient(45, 61)).save(tmp_path / "cup.png")
    write(tmp_path / "film.mp4", pan(gradient(60, 80), 3))
    code = PROGRAM.format(blocked=modules_of_extras(), commands=COMMANDS)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=tmp_path, check=False)
    assert done.returncode == 0, done.stderr
