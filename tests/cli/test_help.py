"""The help of every command: its usage line, groups of options, types in plain words, and examples that run."""

from __future__ import annotations

import shlex
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.recipes import GROUPS
from tests.support.command import commands, dream
from tests.support.films import pan, write

COMMANDS = dict(commands())


def examples(name: str) -> list[str]:
    heading, _, lines = COMMANDS[name].epilog.partition("\n\n")
    assert heading == "Examples:"
    return lines.splitlines()


@pytest.mark.parametrize("name", COMMANDS)
def test_every_option_is_explained_and_belongs_to_a_group(name) -> None:
    for one in COMMANDS[name].params:
        assert len(one.help.split()) > 1, one.name
        assert one.help[0].isupper()
        assert one.help.endswith((".", ".)")), one.help
        if one.opts[0].startswith("-"):
            assert one.rich_help_panel in GROUPS.values(), one.name


@pytest.mark.parametrize("name", COMMANDS)
def test_the_help_has_a_usage_line_and_no_python_types(name, tmp_path) -> None:
    shown = dream(*name.split(), "--help", cwd=tmp_path).stdout
    assert f"Usage: dream {name} [OPTIONS]" in shown
    assert "Examples:" in shown
    for word in ("<", "list[", "str]", "INTEGER", "bool"):
        assert word not in shown, shown


@pytest.fixture(scope="module")
def workplace(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the examples use."""
    from skimage.data import astronaut, coffee

    folder = tmp_path_factory.mktemp("examples")
    Image.fromarray(coffee()[100:379:2, 100:216:2]).save(folder / "photo.jpg")
    Image.fromarray(astronaut()[:200:4, 100:350:4]).save(folder / "guide.jpg")
    Image.fromarray(np.tile(np.linspace(255, 0, 90).astype(np.uint8), (60, 1))).save(folder / "mask.png")
    write(folder / "film.mp4", pan(coffee()[::3, ::3], 3, 90, 42))
    inc.dream(folder / "photo.jpg", octaves=2, steps=2).save(folder / "dream.png")
    inc.visualize("banana", size=48, steps=2).save(folder / "banana.png")
    (folder / "photos").mkdir()
    for name in ("photo.jpg", "guide.jpg"):
        (folder / "photos" / name).write_bytes((folder / name).read_bytes())
    (folder / "jobs.csv").write_text("photo,class,seed,size,steps\nguide.jpg,,1,80,2\n,banana,2,48,2\n")
    (folder / "recipe.toml").write_text('kind = "photo"\nlayer = "blocks.4"\noctaves = 2\nsteps = 2\n')
    return folder


@pytest.mark.usefixtures("small_pictures")
# The studio runs until Ctrl-C. The tests in tests/studio start it. `dream doctor` takes long: tests/cli/doctor runs it.
# Each example of a batch starts several processes.
@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if name == "batch" else [])
        for name in COMMANDS
        if not name.startswith(("networks", "studio", "doctor"))
    ],
)
def test_the_examples_run_as_written(name, workplace, request) -> None:
    if name == "activation-atlas":
        request.getfixturevalue("quick_umap")
    for example in examples(name):
        program, *arguments = shlex.split(example)
        assert program == "dream"
        done = dream(*arguments, cwd=workplace)
        assert (done.returncode, done.stdout != "") == (0, True), done.stderr


def test_the_examples_of_adding_a_network_run_as_written(workplace, shared, monkeypatch) -> None:
    models = pytest.importorskip("torchvision.models", reason="needs inceptionism[networks]")
    import torch

    squeezenet = shared / "networks" / "squeezenet_v1.1"
    for name, file in {
        "deploy.prototxt": "deploy.prototxt",
        "net.caffemodel": "squeezenet_v1.1.caffemodel",
        "model.onnx": "squeezenet_v1.1.onnx",
    }.items():
        (workplace / name).write_bytes((squeezenet / file).read_bytes())
    torch.save(models.squeezenet1_1(weights=None).state_dict(), workplace / "weights.pth")
    monkeypatch.setenv("XDG_CACHE_HOME", str(workplace / "cache"))
    assert examples("networks get") == ["dream networks get googlenet"]  # needs the internet, so it does not run here
    for example in examples("networks add"):
        done = dream(*shlex.split(example)[1:], cwd=workplace)
        assert done.returncode == 0, done.stderr


def test_the_private_parts_of_typer_that_the_package_uses_exist() -> None:
    """If this fails after an update of typer, `cli/typer_internals.py` says what each part is for."""
    from typer.core import TyperArgument, TyperCommand, TyperGroup

    from inceptionism.cli.typer_internals import UsageError

    assert UsageError.__name__ == "UsageError"
    for kind in (TyperCommand, TyperGroup):
        assert callable(kind.get_params)
        assert callable(kind.collect_usage_pieces)
        assert callable(kind.get_help_option)
    assert "rich_help_panel" in TyperArgument.__init__.__kwdefaults__
