"""Startup is fast, because the import, the help and the completion load no heavy modules such as torch."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from tests.support.places import ROOT

HEAVY = ("torch", "numpy", "PIL", "cv2", "scipy")

LOADED = f"print([name for name in {HEAVY!r} if name in sys.modules], file=sys.stderr)"


def loaded_by(code: str, **environment: str) -> str:
    """Return the list of heavy modules that are loaded when the code ends, as text."""
    program = f"import sys, atexit\natexit.register(lambda: {LOADED})\n{code}"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env={**os.environ, **environment}, check=False
    )
    return done.stderr.splitlines()[-1]


RUN = "from inceptionism.cli import main\nsys.argv = {arguments}\nmain()"


@pytest.mark.parametrize(
    "code",
    [
        "import inceptionism",
        "import inceptionism as inc; dir(inc); inc.PhotoRecipe(octaves=3); inc.InvalidSetting",
        RUN.format(arguments=["dream", "--help"]),
        RUN.format(arguments=["dream", "photo", "--help"]),
        RUN.format(arguments=["dream", "class", "--help"]),
        RUN.format(arguments=["dream", "replay", "--help"]),
        RUN.format(arguments=["dream", "share", "--help"]),
        RUN.format(arguments=["dream", "--version"]),
        RUN.format(arguments=["dream", "photo", "x.jpg", "--octaves", "0"]),
    ],
)
def test_startup_loads_no_heavy_modules(code: str) -> None:
    assert loaded_by(code) == "[]"


@pytest.mark.parametrize(
    "line",
    [
        "dream ph",
        "dream photo --network eff",
        "dream photo --layer blo",
        "dream class gol",
        "dream zoom --look fea",
        "dream run exa",
    ],
)
def test_completion_loads_no_heavy_modules(line: str) -> None:
    code, last = RUN.format(arguments=["dream"]), len(line.split()) - 1
    assert loaded_by(code, _DREAM_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=str(last)) == "[]"


def test_reading_a_picture_and_its_recipe_loads_no_torch() -> None:
    assert "torch" not in loaded_by("from inceptionism.io import load_photo, read_recipe; load_photo, read_recipe")


def test_the_check_itself_detects_torch() -> None:
    assert "'torch'" in loaded_by("import inceptionism; inceptionism.dream")


MAKES_PICTURES = """
import sys
import numpy as np
import inceptionism as inc
from tests.support.tiny_networks import tiny_network

photo = np.random.default_rng(0).integers(0, 256, (31, 45, 3)).astype(np.uint8)
network = tiny_network()
inc.dream(photo, network=network, layer="first", octaves=1, steps=1)
inc.visualize("elm", network=network, size=32, steps=2, prior="fourier + statistics")
inc.zoom(photo, network=network, layer="first", octaves=1, fps=2, seconds=1).save(sys.argv[1])
print("torch._dynamo" in sys.modules)
"""


def test_pictures_and_films_are_made_without_the_compiler_of_torch(tmp_path) -> None:
    """Loading the compiler takes as long as loading torch."""
    command = [sys.executable, "-c", MAKES_PICTURES, str(tmp_path / "film.mp4")]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout == "False\n"


def test_every_public_name_exists() -> None:
    import inceptionism as inc

    for name in inc.__all__:
        assert getattr(inc, name) is not None
    with pytest.raises(AttributeError, match="No inceptionism attribute nightmare"):
        inc.nightmare  # noqa: B018
