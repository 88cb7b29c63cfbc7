"""Pictures that are written although another part of the command fails."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import torch
import typer
from PIL import Image

import inceptionism as inc
from inceptionism.cli import image_output
from inceptionism.cli.app import draw_layers
from inceptionism.cli.image_output import execute_runs, execute_visualizations
from inceptionism.cli.options import Saving
from inceptionism.errors import InvalidSetting, NoGradient
from inceptionism.io import Photo
from inceptionism.io.contact_sheet import MARGIN
from inceptionism.io.recipes import load_recipe
from inceptionism.recipes import ClassRecipe, PhotoRecipe
from tests.support.command import dream
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module


def test_a_picture_is_written_although_its_verification_fails(tmp_path, photo, tiny, capsys) -> None:
    judge = inc.Network(torch.nn.Conv2d(3, 4, 3), size=(40, 40))
    run = inc.PhotoRun(PhotoRecipe(steps=1, octaves=1), Photo(photo), network=tiny)
    path = tmp_path / "out.png"
    with pytest.raises(InvalidSetting, match="network Conv2d is not a classifier"):
        execute_runs([run], [path], Saving(quiet=True), numbered=False, judges=[judge])
    assert load_recipe(path) == run.result().recipe
    assert capsys.readouterr().out == f"{path}\n"


def test_a_sheet_is_written_although_a_layer_has_no_gradient(tmp_path, capsys) -> None:
    module = tiny_module()
    module.second[1].bias.data.fill_(-1000)  # after the ReLU, every activation is 0
    network = inc.Network(module, size=(32, 32), mean=TINY_MEAN, std=TINY_STD)
    path = tmp_path / "sheet.png"
    with pytest.raises(NoGradient, match=r"layer\(second\) yields no gradient"):
        draw_layers(network, None, path, Saving(quiet=True))
    with Image.open(path) as sheet:
        assert sheet.width == MARGIN + (len(network.recommended) - 1) * (224 + MARGIN)
    assert capsys.readouterr().out == f"{path}\n"


def test_an_atlas_whose_index_cannot_be_written_names_its_pictures(tmp_path) -> None:
    (tmp_path / "out" / "index.json").mkdir(parents=True)
    settings = ["--channels", "3", "--steps", "1", "--size", "32", "-o", "out"]
    done = dream("atlas", "blocks.1", *settings, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    note = "note: 1 of 1 pictures are in out; repeat the command to continue"
    assert done.stderr == f"{note}\ndream: out/index.json cannot be written: Is a directory\n"
    assert Path(tmp_path / "out" / "sheet.png").exists()


def test_ctrl_c_ends_all_batches_although_a_picture_cannot_be_written(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "out"
    folder.mkdir()
    titles = []

    @contextmanager
    def interrupted_progress(title: str, quiet: bool) -> Iterator[Callable[..., None]]:
        def show(steps: object) -> None:
            shutil.rmtree(folder)
            raise KeyboardInterrupt

        titles.append(title)
        yield show

    monkeypatch.setattr(image_output, "progress", interrupted_progress)
    recipes = [ClassRecipe(target=target, size=(320, 330), steps=2, prior="none") for target in ("lion", "zebra")]
    with pytest.raises(typer.Exit) as ended:
        execute_visualizations(recipes, Saving(output=folder, quiet=True))
    assert (ended.value.exit_code, titles) == (130, ["lion"])
    failure, last = capsys.readouterr().err.splitlines()
    assert "there is no folder" in failure
    assert "instead, the picture was saved to" in failure
    assert last == "dream: interrupted"


def test_ctrl_c_does_not_hide_the_failures_of_earlier_pictures(tmp_path, monkeypatch, capsys) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    folder = tmp_path / "out"
    folder.mkdir()

    @contextmanager
    def interrupted_progress(title: str, quiet: bool) -> Iterator[Callable[..., None]]:
        def show(steps: object) -> None:
            if title == "zebra":
                raise KeyboardInterrupt
            shutil.rmtree(folder, ignore_errors=True)

        yield show

    monkeypatch.setattr(image_output, "progress", interrupted_progress)
    recipes = [ClassRecipe(target=target, size=(320, 330), steps=1, prior="none") for target in ("lion", "zebra")]
    with pytest.raises(typer.Exit) as ended:
        execute_visualizations(recipes, Saving(output=folder, quiet=True))
    assert ended.value.exit_code == 130
    lines = capsys.readouterr().err.splitlines()
    assert len([line for line in lines if "instead, the picture was saved to" in line and "lion" in line]) == 1
    assert len([line for line in lines if line.startswith("dream: interrupted")]) == 1
