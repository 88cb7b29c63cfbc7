"""The activation grid: its vectors compared with a plain forward pass, its sheet, and resuming an unfinished grid."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file
from torch import nn

import inceptionism as inc
from inceptionism.atlas.activations import read_folder
from inceptionism.atlas.activations.grid import HEADING, MARGIN
from inceptionism.errors import InvalidSetting, NameTaken, NoGradient, UnknownName
from inceptionism.objectives import parse_objective
from tests.support.command import dream, refused
from tests.support.pictures import gradient
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module

SMALL = {"size": (9, 13), "steps": 2, "prior": "fourier"}


@pytest.fixture
def picture() -> np.ndarray:
    """A picture of the size that the network was trained at, so that it is not resized."""
    return np.random.default_rng(0).integers(0, 256, (32, 44, 3), dtype=np.uint8)


def plain_map(picture: np.ndarray, name: str = "second") -> np.ndarray:
    """Return the output of a part of the tiny module, which a hook of torch records: C×H×W."""
    module, found = tiny_module(), []
    getattr(module, name).register_forward_hook(lambda _module, _inputs, output: found.append(output.clone()))
    pixels = (picture / 255 - np.array(TINY_MEAN)) / np.array(TINY_STD)
    with torch.no_grad():
        module(torch.from_numpy(pixels.transpose(2, 0, 1)[None]).float())
    return found[0][0].numpy()


def saved(path: Path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image)


def test_the_directions_are_the_activations_of_a_plain_forward_pass(tiny, picture, tmp_path) -> None:
    settings = {**SMALL, "size": 4, "steps": 1}
    grid = inc.activation_grid(picture, tmp_path / "grid", layer="second", network=tiny, **settings)
    maps = plain_map(picture)
    assert (grid.rows, grid.columns) == maps.shape[1:] == (8, 11)
    index = json.loads((tmp_path / "grid" / "index.json").read_text())
    directions = load_file(tmp_path / "grid" / index["directions"])["directions"]
    assert len(index["cells"]) == 88
    for cell in index["cells"]:
        vector = maps[:, cell["row"], cell["column"]]
        assert cell["norm"] == pytest.approx(np.linalg.norm(vector), rel=1e-4)
        assert cell["box"] == [4 * cell["column"], 4 * cell["row"], 4 * cell["column"] + 4, 4 * cell["row"] + 4]
        np.testing.assert_allclose(directions[cell["direction"]], vector, rtol=1e-4, atol=1e-5)
        recipe = inc.load_recipe(tmp_path / "grid" / cell["file"])
        weight = float(f"{1000 / np.linalg.norm(vector):.3g}")
        expected = f"{weight:g}*direction(second, directions.safetensors, row={cell['direction']}, cosine=2)"
        assert recipe.objective == expected


def test_neighboring_activations_of_a_large_map_are_averaged(tiny, picture, tmp_path) -> None:
    grid = inc.activation_grid(picture, tmp_path / "grid", layer="second", network=tiny, cells=4, cosine=0, **SMALL)
    assert (grid.rows, grid.columns) == (3, 4)
    read = read_folder(tmp_path / "grid")
    assert (read.kind, read.rows, read.columns, read.layer) == ("grid", 3, 4, "second")
    assert [(one.row, one.column, one.picture) for one in read.cells] == [(*key, grid.path(key)) for key in grid.keys]
    maps = plain_map(picture)
    for cell in grid.cells:
        rows = slice(cell.row * 8 // 3, -(-(cell.row + 1) * 8 // 3))
        columns = slice(cell.column * 11 // 4, -(-(cell.column + 1) * 11 // 4))
        mean = maps[:, rows, columns].mean((1, 2))
        np.testing.assert_allclose(grid.directions[grid.row_of((cell.row, cell.column))], mean, rtol=1e-4, atol=1e-5)
        assert cell.box == (4 * columns.start, 4 * rows.start, 4 * columns.stop, 4 * rows.stop)
    assert "cosine" not in inc.load_recipe(grid.path((0, 0))).objective


def test_the_box_of_a_cell_lies_in_the_middle_part_of_a_long_photograph(tiny, tmp_path) -> None:
    """The network sees 64×128 pixels in the middle of 64×200 pixels, at half their size."""
    grid = inc.activation_grid(gradient(64, 200), tmp_path / "grid", layer="second", network=tiny, cells=2, **SMALL)
    assert [cell.box for cell in grid.cells] == [(36, 0, 100, 64), (100, 0, 164, 64)]


def test_the_score_of_the_photograph_itself_is_that_of_its_cells(tiny, picture, tmp_path) -> None:
    """The weight makes the score 1000 if all activations are those of the cell, whatever their length."""
    grid = inc.activation_grid(picture, tmp_path / "grid", layer="second", network=tiny, cells=3, **SMALL)
    for row, key in enumerate(grid.keys):
        values = grid.directions[row][None, :, None, None].expand(1, -1, 5, 4)
        assert grid.objective(key)({"second": values}).item() == pytest.approx(1000, rel=0.01)


def test_the_pictures_are_on_the_sheet_beside_the_photograph(tiny, picture, tmp_path) -> None:
    grid = inc.activation_grid(picture, tmp_path / "grid", layer="second", network=tiny, cells=4, **SMALL)
    sheet = saved(tmp_path / "grid" / "sheet.png")
    height, width = 3 * 9, 4 * 13
    assert sheet.shape == (height + HEADING + MARGIN, 2 * width + 3 * MARGIN, 3)
    seen = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
    np.testing.assert_array_equal(sheet[HEADING : HEADING + height, MARGIN : MARGIN + width], np.asarray(seen))
    cells = sheet[HEADING : HEADING + height, 2 * MARGIN + width : 2 * MARGIN + 2 * width]
    for cell in grid.cells:
        tile = cells[9 * cell.row : 9 * cell.row + 9, 13 * cell.column : 13 * cell.column + 13]
        np.testing.assert_array_equal(tile, saved(grid.path((cell.row, cell.column))))


def test_the_area_of_a_scaled_cell_is_proportional_to_its_norm(tiny, picture, tmp_path) -> None:
    settings = {**SMALL, "size": (40, 40)}
    grid = inc.activation_grid(picture, tmp_path / "grid", layer="second", network=tiny, cells=3, **settings)
    # Red pictures can be told from the pale photograph behind them.
    for cell in grid.cells:
        Image.new("RGB", (40, 40), "red").save(grid.path((cell.row, cell.column)))
    sheet = np.asarray(grid.sheet(scaled=True))[HEADING : HEADING + 40 * grid.rows, -MARGIN - 120 : -MARGIN]
    red = (sheet == (255, 0, 0)).all(2)
    largest = max(cell.norm for cell in grid.cells)
    for cell in grid.cells:
        area = red[40 * cell.row : 40 * cell.row + 40, 40 * cell.column : 40 * cell.column + 40].sum()
        assert area == pytest.approx(1600 * cell.norm / largest, abs=45)
    assert not (sheet == 255).all(2).all()


def test_an_interrupted_grid_continues_with_the_same_pixels(tiny, picture, tmp_path) -> None:
    settings = {"layer": "second", "network": tiny, "cells": 4, **SMALL}
    whole = inc.activation_grid(picture, tmp_path / "whole", **settings)

    def stop(_step: object) -> None:
        if len(list((tmp_path / "grid").glob("??-??.png"))) >= 8:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inc.activation_grid(picture, tmp_path / "grid", on_step=stop, **settings)
    times = {path: path.stat().st_mtime_ns for path in (tmp_path / "grid").glob("??-??.png")}
    assert 0 < len(times) < len(whole.keys)
    grid = inc.activation_grid(picture, tmp_path / "grid", **settings)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    for name in ("sheet.png", "index.json", "directions.safetensors"):
        assert (tmp_path / "grid" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(NameTaken, match="already exists with other settings"):
        inc.activation_grid(picture, tmp_path / "grid", **{**settings, "cells": 3})
    inc.activation_grid(picture, tmp_path / "grid", overwrite=True, **{**settings, "cells": 3})
    assert len(json.loads((grid.folder / "index.json").read_text())["cells"]) == 6


def test_a_cell_can_be_made_again_from_its_recipe_and_the_directions(tiny, picture, tmp_path) -> None:
    grid = inc.activation_grid(picture, tmp_path / "grid", layer="second", network=tiny, cells=2, **SMALL)
    path = grid.path(grid.keys[-1])
    result = inc.replay(path, pictures=[tmp_path / "grid" / "directions.safetensors"], network=tiny)
    np.testing.assert_array_equal(np.asarray(result.image), saved(path))
    with pytest.raises(InvalidSetting, match=r"a replay opens only files that you pass: add --picture directions"):
        inc.replay(path, network=tiny)


def test_a_picture_of_a_cell_has_more_of_its_direction_than_the_others(lite0, tmp_path) -> None:
    """The judge is the network itself: each picture agrees best with its own cell, in most cases."""
    from skimage.data import coffee

    grid = inc.activation_grid(
        coffee(), tmp_path / "grid", layer="blocks.10", cells=3, size=64, preset="draft", device="cpu"
    )
    pictures = torch.stack([torch.from_numpy(saved(grid.path(key)).copy()).permute(2, 0, 1) / 255 for key in grid.keys])
    with torch.no_grad():
        means = lite0.activations(pictures, ["blocks.10"])["blocks.10"].mean((2, 3))
    cosines = torch.cosine_similarity(means[:, None], grid.directions[None], dim=2)
    own = (cosines.argmax(1) == torch.arange(len(grid.keys))).float().mean()
    assert own > 0.5  # by chance, it is a sixth


def test_places_without_any_activation_have_no_picture(tmp_path) -> None:
    """The network sees only red, so the blue half of the picture has no activation."""
    conv = nn.Conv2d(3, 2, 4, 4, bias=False)
    with torch.no_grad():
        conv.weight.zero_()
        conv.weight[:, 0] = 1
    network = inc.Network(
        nn.Sequential(conv, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()), mean=(0, 0, 0), size=(16, 16)
    )
    picture = np.zeros((16, 16, 3), np.uint8)
    picture[:, :8, 0] = picture[:, 8:, 2] = 200
    grid = inc.activation_grid(picture, tmp_path / "grid", layer="1", network=network, **SMALL)
    assert grid.keys == [(row, column) for row in range(4) for column in range(2)]
    cells = json.loads((tmp_path / "grid" / "index.json").read_text())["cells"]
    assert [cell["file"] is None for cell in cells] == [False, False, True, True] * 4
    right = saved(tmp_path / "grid" / "sheet.png")[HEADING : HEADING + 36, -MARGIN - 26 : -MARGIN]
    assert (right == 255).all()
    picture[..., 0] = 0
    with pytest.raises(NoGradient, match="layer 1 has no activations in the photographs"):
        inc.activation_grid(picture, tmp_path / "blue", layer="1", network=network, **SMALL)
    assert not (tmp_path / "blue").exists()


def test_wrong_layers_and_numbers_are_refused(tiny, picture, tmp_path) -> None:
    for settings, error, reason in (
        ({"layer": "logits"}, InvalidSetting, "layer logits has no positions, so it has no grid"),
        ({"layer": "third"}, UnknownName, "has no layer 'third'"),
        ({"layer": "second", "cells": 0}, InvalidSetting, "cells must be at least 1, not 0"),
        ({"layer": "second", "cosine": -1}, InvalidSetting, "cosine must be at least 0, not -1"),
    ):
        with pytest.raises(error, match=reason):
            inc.activation_grid(picture, tmp_path / "grid", network=tiny, **settings, **SMALL)
    assert list(tmp_path.iterdir()) == []


def test_the_command_writes_the_grid(folder) -> None:
    options = ["--layer", "blocks.4", "--cells", "2", "--size", "24", "--steps", "2"]
    done = dream("activation-grid", "cup.jpg", *options, cwd=folder)
    assert (done.returncode, done.stdout) == (0, "cup-blocks.4-grid/sheet.png\n"), done.stderr
    again = dream("activation-grid", "cup.jpg", *options, cwd=folder)
    assert "note: 4 of 4 pictures are in cup-blocks.4-grid already" in again.stderr
    (own,) = {inc.load_recipe(path).size for path in (folder / "cup-blocks.4-grid").glob("??-??.png")}
    assert own == (24, 24)
    refused(dream("activation-grid", "cup.jpg", "-o", "-", cwd=folder), "cannot be written to standard output", 1)


def test_the_text_of_a_cell_is_parsed_to_its_objective(tiny, picture, tmp_path, monkeypatch) -> None:
    grid = inc.activation_grid(picture, tmp_path / "grid", layer="second", network=tiny, cells=2, **SMALL)
    monkeypatch.chdir(tmp_path / "grid")
    values = {"second": torch.rand(2, 7, 3, 4)}
    for key in grid.keys:
        parsed = parse_objective(str(grid.objective(key)), tiny)
        torch.testing.assert_close(parsed(values), grid.objective(key)(values))
