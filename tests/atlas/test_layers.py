"""Contact sheets: every picture and its label is on the sheet, and every layer has changed its picture."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.atlas.layers import layer_runs, layer_sheet
from inceptionism.io.contact_sheet import MARGIN, LabeledImage, contact_sheet
from inceptionism.optimization.initialization import natural_noise
from tests.support.command import dream, refused


def test_every_picture_is_on_the_sheet_above_its_label() -> None:
    colors = [(200, 30, 30), (30, 200, 30), (30, 30, 200), (200, 200, 30), (30, 200, 200), (9, 9, 99)]
    labeled = [LabeledImage(Image.new("RGB", (60, 40), color), f"layer {color}", "its level") for color in colors]
    image, positions = contact_sheet(labeled)
    sheet = np.asarray(image)
    assert positions == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    for index, color in enumerate(colors):
        left, top = MARGIN + index % 3 * (60 + MARGIN), MARGIN + index // 3 * (40 + MARGIN + 40)
        assert (sheet[top : top + 40, left : left + 60] == color).all()
        label = sheet[top + 40 : top + 80, left : left + 60]
        assert (label < 100).all(-1).any()
        assert (sheet[top + 40 : top + 80, left + 60 : left + 60 + MARGIN - 2] == 255).all()


def test_a_long_label_is_cut_at_its_start() -> None:
    picture = Image.new("RGB", (60, 10), "gray")
    long, short = (
        contact_sheet([LabeledImage(picture, label)])[0] for label in ("a" * 300 + "/output", "a" * 200 + "/output")
    )
    assert long.size == (60 + 2 * MARGIN, 10 + 2 * MARGIN + 22)
    assert long == short


def test_each_recommended_layer_changes_its_picture(tiny) -> None:
    runs = layer_runs(tiny)
    sheet = layer_sheet(tiny, {name: run for name, run in runs.items() if run.finish()})
    assert [run.recipe.layer[0].name for run in runs.values()] == list(runs) == tiny.recommended
    for run in runs.values():
        assert np.abs(np.asarray(run.image()).astype(int) - natural_noise((224, 224), 0).pixels).mean() > 5
    assert sheet.size == (MARGIN + len(runs) * (224 + MARGIN), 2 * MARGIN + 224 + 40)


def test_the_layers_of_a_network_for_near_infrared_are_drawn_from_noise(monkeypatch, tmp_path) -> None:
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.Conv2d(4, 6, 5, stride=2), torch.nn.ReLU(), torch.nn.Conv2d(6, 5, 3))
    field = inc.Network(
        module, channels=("red", "green", "blue", "nir"), mean=(0.5,) * 4, std=(0.5,) * 4, size=(32, 48)
    )
    field.name = "field"
    monkeypatch.setattr("inceptionism.networks.hub.registry.load_by_name", lambda name: field)
    done = dream("layers", "field", "--atlas", "-o", "sheet.png", "--quiet", cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width == MARGIN + len(field.recommended) * (224 + MARGIN)
    for name, run in layer_runs(field).items():
        result = run.finish()
        assert result.channels.shape == (224, 224, 4)
        seen = torch.from_numpy(result.channels).permute(2, 0, 1)[None]
        start = torch.rand(1, 4, 224, 224, generator=torch.Generator().manual_seed(1))
        made, before = (field.activations(one, [name])[name].square().mean() for one in (seen, start))
        assert made > before
    refused(dream("layers", "field", "--atlas", "--photo", "x.png", cwd=tmp_path), "there is no file x.png", 1)


def test_the_command_layers_writes_the_sheet(tmp_path, photo, tiny, monkeypatch) -> None:
    monkeypatch.setattr("inceptionism.networks.hub.registry.load_by_name", lambda name: tiny)
    Image.fromarray(photo[::4, ::4]).save(tmp_path / "photo.png")
    done = dream("layers", "tiny", "--atlas", "--photo", "photo.png", "-o", "sheet.png", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (0, "sheet.png\n", "")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.width > 2 * 150
    refused(dream("layers", "--photo", "photo.png", cwd=tmp_path), "belong to the contact sheet of --atlas", 2)
