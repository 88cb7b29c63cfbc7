"""Exemplars compared with a search through all activations, and their index on disk."""

from __future__ import annotations

import json
import math
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from torch import nn

import inceptionism as inc
from inceptionism.atlas import photo_index
from inceptionism.atlas.exemplars import database, exemplar_sheet, layer_exemplar_sheet, save_exemplars
from inceptionism.atlas.exemplars.extremes import NO_PHOTO, Extremes
from inceptionism.atlas.exemplars.receptive_field import receptive_field
from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken, UnknownName, UnreadableFile, UnreadablePicture
from inceptionism.runs import TrainingView
from tests.support.command import dream
from tests.support.tiny_networks import tiny_network

SIZES = [(40, 53), (64, 31), (33, 33), (90, 35), (32, 47), (37, 32), (50, 50), (61, 44), (32, 80), (45, 39), (33, 70)]


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photographs(tmp_path) -> Path:
    """A folder of eleven smooth pictures of different sizes."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    generator = np.random.default_rng(0)
    for number, (width, height) in enumerate(SIZES):
        small = Image.fromarray(generator.integers(0, 256, (6, 5, 3), dtype=np.uint8))
        small.resize((width, height), Image.Resampling.BICUBIC).save(folder / f"{number:02d}.png")
    return folder


def all_activations(network: inc.Network, layer: str, folder: Path) -> dict[str, np.ndarray]:
    """Return the feature maps of each picture of a folder, by the name of its file."""
    found = {}
    for path in sorted(folder.glob("*.png")):
        photo = inc.load_photo(path)
        picture = TrainingView.of(photo.pixels.shape[:2], network).picture(photo, network)
        with torch.no_grad():
            found[path.name] = network.activations(picture, [layer])[layer][0].numpy()
    return found


@pytest.mark.parametrize("layer", ["first", "second"])
def test_exemplars_are_those_of_a_search_through_all_activations(layer: str, photographs: Path) -> None:
    network = tiny_network()
    found = inc.exemplars(network, layer, photographs)
    maps = all_activations(network, layer, photographs)
    for channel in range(network.channels(layer)):
        for exemplars, sign in ((found.top(channel, 4), 1), (found.bottom(channel, 4), -1)):
            best = {name: float((sign * one[channel]).max()) for name, one in maps.items()}
            expected = sorted(best.values(), reverse=True)[:4]
            np.testing.assert_allclose([sign * one.score for one in exemplars], expected, rtol=1e-5)
            for one in exemplars:
                value = maps[one.photo.name][channel, one.row, one.column]
                assert value == pytest.approx(one.score, rel=1e-5)
    assert len(found.top(0, 60)) == len(SIZES)


def test_the_logits_have_exemplars_too(photographs: Path) -> None:
    network = tiny_network()
    found = inc.exemplars(network, "logits", photographs)
    best = found.top(2, 1)[0]
    logits = {name: one[2] for name, one in all_activations(network, "logits", photographs).items()}
    assert best.photo.name == max(logits, key=logits.__getitem__)
    height, width = inc.load_photo(best.photo).pixels.shape[:2]
    view = TrainingView.of((height, width), network)
    assert best.box == (view.left, view.top, view.left + view.width, view.top + view.height)


def test_the_receptive_field_is_that_of_the_published_formula() -> None:
    """Each convolution adds (kernel - 1) × the product of the strides before it (Araujo et al., 2019)."""
    torch.manual_seed(16)  # with these weights, three pictures of noise do not show the whole receptive field
    first, second, third = nn.Conv2d(3, 4, 5, 2, padding=1), nn.Conv2d(4, 4, 3), nn.Conv2d(4, 4, (3, 2), 2)
    convs = [first, nn.ReLU(), second, nn.ReLU(), third, nn.Conv2d(4, 2, 3)]
    network = inc.Network(nn.Sequential(*convs, nn.AdaptiveAvgPool2d(1), nn.Flatten()), mean=(0, 0, 0), size=(64, 64))
    assert receptive_field(network, "0") == ((5, 5), (-1, -1), (2, 2))
    assert receptive_field(network, "2") == ((5 + 2 * 2, 5 + 2 * 2), (-1, -1), (2, 2))
    assert receptive_field(network, "4") == ((9 + 2 * 2, 9 + 1 * 2), (-1, -1), (4, 4))
    assert receptive_field(network, "5") == ((13 + 2 * 4, 11 + 2 * 4), (-1, -1), (4, 4))
    assert receptive_field(network, "logits") is None
    oblong = nn.Conv2d(3, 4, 3, (1, 2), padding=1)
    network = inc.Network(nn.Sequential(oblong, nn.AdaptiveAvgPool2d(1), nn.Flatten()), mean=(0, 0, 0), size=(32, 48))
    assert receptive_field(network, "0") == ((3, 3), (-1, -1), (1, 2))


def test_the_box_is_around_the_pixels_that_excite_the_channel(tmp_path) -> None:
    """Only one small square of each picture is not black, so the exemplar must contain it."""
    conv = nn.Conv2d(3, 1, 5, 2, 2, bias=False)
    nn.init.ones_(conv.weight)
    network = inc.Network(nn.Sequential(conv, nn.AdaptiveAvgPool2d(1), nn.Flatten()), mean=(0, 0, 0), size=(64, 64))
    for number, (row, column) in enumerate([(0, 0), (100, 30), (119, 199), (60, 120)]):
        pixels = np.zeros((120, 200, 3), np.uint8)
        pixels[row : row + 4, column : column + 4] = 255
        Image.fromarray(pixels).save(tmp_path / f"{number}.png")
    found = inc.exemplars(network, "0", [tmp_path / f"{number}.png" for number in range(4)]).top(0, 4)
    assert len(found) == 4
    for one in found:
        part = np.asarray(one.image())
        assert part.max() == 255
        assert max(part.shape[:2]) <= 12  # five pixels of the view are about nine of the photograph
        assert max(one.image(30).size) == 30


def test_an_index_continues_and_begins_again_after_a_change(photographs: Path, tmp_path, monkeypatch) -> None:
    network, path = tiny_network(), tmp_path / "index.sqlite"
    paths = sorted(photographs.glob("*.png"))
    read: list[str] = []
    load = photo_index.load_photo
    monkeypatch.setattr(photo_index, "load_photo", lambda photo: read.append(photo.name) or load(photo))

    def stop(number: int, _error: object) -> None:
        if number == 4:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        inc.exemplars(network, "second", paths, index=path, on_photo=stop)
    assert len(read) == 4
    whole = inc.exemplars(network, "second", paths, index=path)
    assert len(read) == len(paths)
    again = inc.exemplars(tiny_network(), "second", paths, index=path)
    assert len(read) == len(paths)
    fresh = inc.exemplars(network, "second", paths, index=tmp_path / "other.sqlite")
    read.clear()
    for one in (again, fresh):
        assert [whole.top(channel) for channel in range(7)] == [one.top(channel) for channel in range(7)]
    os.utime(paths[2], ns=(1, 1))
    inc.exemplars(network, "second", paths, index=path)
    assert len(read) == len(paths)


KILLED = """
import os, signal, sys
import inceptionism as inc
from inceptionism.atlas import photo_index
from tests.support.tiny_networks import tiny_network

photo_index.SAVE_SECONDS = photo_index.SAVE_SHARE = 1e-9

def kill(number, error):
    photo_index.SAVE_SECONDS = 1e9  # the sixth photograph is added, and not saved
    if number == 6:
        os.kill(os.getpid(), signal.SIGKILL)

inc.exemplars(tiny_network(), "second", sys.argv[1], index=sys.argv[2], on_photo=kill)
"""


@pytest.mark.skipif(not hasattr(os, "fork"), reason="SIGKILL is a signal of POSIX systems")
def test_after_a_kill_no_photograph_counts_twice(photographs: Path, tmp_path) -> None:
    path, network = tmp_path / "index.sqlite", tiny_network()
    root = Path(__file__).parents[2]
    killed = subprocess.run([sys.executable, "-c", KILLED, photographs, path], cwd=root, check=False)
    assert killed.returncode == -signal.SIGKILL
    with closing(sqlite3.connect(path)) as database:
        ((kept, added),) = database.execute("SELECT (SELECT count(*) FROM photos), count(DISTINCT photo) FROM extremes")
    assert kept == added
    assert 0 < kept < 6
    calls: list[int] = []
    whole = inc.exemplars(
        network, "second", photographs, index=path, on_photo=lambda number, _error: calls.append(number)
    )
    fresh = inc.exemplars(network, "second", photographs, index=tmp_path / "fresh.sqlite")
    assert whole.photo_count == fresh.photo_count == len(SIZES)
    for channel in range(7):
        assert whole.top(channel, 64) == fresh.top(channel, 64)
        assert whole.bottom(channel, 64) == fresh.bottom(channel, 64)


def test_only_one_program_writes_an_index_at_a_time(photographs: Path, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(database, "WAIT_SECONDS", 0.1)
    network, path = tiny_network(), tmp_path / "index.sqlite"
    paths = sorted(photographs.glob("*.png"))
    inc.exemplars(network, "second", paths[:3], index=path)

    def interfere(number: int, _error: object) -> None:
        if number == 5:
            assert inc.exemplars(network, "second", index=path).photo_count == 3
            with pytest.raises(CannotWrite, match="another program is writing it"):
                inc.exemplars(network, "second", paths[:4], index=path)

    assert inc.exemplars(network, "second", paths, index=path, on_photo=interfere).photo_count == len(SIZES)


def test_a_query_needs_no_photographs(photographs: Path, tmp_path) -> None:
    network, path = tiny_network(), tmp_path / "index.sqlite"
    inner = photographs / "inner"
    inner.mkdir()
    for photo in photographs.glob("0[5-9].png"):
        photo.rename(inner / photo.name)
    assert inc.exemplars(network, "second", photographs, index=path).photo_count == len(SIZES) - 5
    whole = inc.exemplars(network, "second", photographs, recursive=True, index=path)
    assert whole.photo_count == len(SIZES)
    shutil.rmtree(photographs)
    assert inc.exemplars(network, "second", index=path).top(3) == whole.top(3)
    with pytest.raises(InvalidSetting, match="give a folder of photographs"):
        inc.exemplars(network, "second")
    with pytest.raises(UnreadableFile, match="there is no file"):
        inc.exemplars(network, "second", index=tmp_path / "missing.sqlite")


def test_wrong_input_gets_one_sentence(photographs: Path, tmp_path) -> None:
    network, path = tiny_network(), tmp_path / "index.sqlite"
    with pytest.raises(UnknownName, match="third"):
        inc.exemplars(network, "third", photographs)
    with pytest.raises(InvalidSetting, match="no photographs"):
        inc.exemplars(network, "second", [])
    with pytest.raises(UnreadableFile, match="has no pictures"):
        inc.exemplars(network, "second", tmp_path)
    path.write_bytes(b"something else")
    with pytest.raises(UnreadableFile, match="no index of exemplars"):
        inc.exemplars(network, "second", photographs, index=path)
    save_file({"largest:values": torch.zeros(2)}, path)  # the format of earlier versions
    with pytest.raises(UnreadableFile, match="no index of exemplars"):
        inc.exemplars(network, "second", photographs, index=path)
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE sheep (name TEXT)")
    with pytest.raises(UnreadableFile, match="no index of exemplars"):
        inc.exemplars(network, "second", photographs, index=path)
    path.unlink()
    inc.exemplars(network, "second", photographs, index=path)
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE photos SET height = 0")
        other.execute("UPDATE facts SET value = '[' WHERE name = 'receptive field'")
    for _ in range(2):
        with pytest.raises(UnreadableFile, match="damaged"):
            inc.exemplars(network, "second", index=path).top(0)
        with closing(sqlite3.connect(path)) as other, other:
            other.execute("UPDATE facts SET value = 'null' WHERE name = 'receptive field'")
    with closing(sqlite3.connect(path)) as other, other:
        other.execute("UPDATE facts SET value = '9' WHERE name = 'schema'")
    with pytest.raises(UnreadableFile, match="another version"):
        inc.exemplars(network, "second", photographs, index=path)
    path.unlink()
    found = inc.exemplars(network, "second", photographs, index=path)
    with pytest.raises(InvalidSetting, match="not of layer first"):
        inc.exemplars(network, "first", photographs, index=path)
    with pytest.raises(InvalidSetting, match="not of layer second of Tiny"):
        inc.exemplars(tiny_network(seed=1), "second", photographs, index=path)
    with pytest.raises(InvalidSetting, match="channel 7"):
        found.top(7)
    with pytest.raises(InvalidSetting, match="count must be"):
        found.top(0, 0)
    for photo in photographs.glob("0*.png"):
        assert len(inc.exemplars(network, "first", [photo, photo]).top(0, 9)) == 1
    (photographs / "broken.png").write_bytes(b"no picture")
    with pytest.raises(UnreadablePicture, match="broken"):
        inc.exemplars(network, "second", photographs, index=path)
    for _ in range(2):
        errors = []
        known = inc.exemplars(network, "second", photographs, index=path, on_photo=lambda _, one: errors.append(one))  # noqa: B023
        assert len(known.top(0, 60)) == len(SIZES)
        assert [error is not None for error in errors] == [False] * len(SIZES) + [True]


def test_an_index_that_cannot_be_kept_can_be_used(photographs: Path, tmp_path, monkeypatch) -> None:
    (tmp_path / "file").write_text("no folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    found = inc.exemplars(tiny_network(), "second", photographs)
    assert len(found.top(0, 60)) == len(SIZES)
    assert "not kept for the next time" in found.notes[0]
    with pytest.raises(CannotWrite):
        inc.exemplars(tiny_network(), "second", photographs, index=tmp_path / "file" / "index.sqlite")


def test_values_that_are_not_numbers_are_left_out() -> None:
    extremes = Extremes.empty(2, 3)
    for number, value in enumerate([1.0, math.nan, 3.0]):
        extremes.add(torch.full((2, 2, 3), value), number)
    assert extremes.photos.tolist() == [[2, 0, NO_PHOTO]] * 2


def test_the_sheet_and_its_listing(photographs: Path, tmp_path) -> None:
    found = inc.exemplars(tiny_network(), "second", photographs)
    picture = Image.new("RGB", (100, 70), "red")
    sheet, listing = save_exemplars(found, 3, tmp_path / "sheet.png", 4, picture)
    facts = json.loads(listing.read_text())
    assert [one["score"] for one in facts["most"]] == [one.score for one in found.top(3, 4)]
    assert [one["photo"] for one in facts["least"]] == [str(one.photo) for one in found.bottom(3, 4)]
    with Image.open(sheet) as image:
        assert np.array_equal(np.asarray(image), np.asarray(exemplar_sheet(found, 3, 4, picture)))
        assert (np.asarray(image) == (255, 0, 0)).all(-1).sum() > 10_000
    with pytest.raises(NameTaken, match="sheet"):
        save_exemplars(found, 3, tmp_path / "sheet.png", 4, picture)


def test_the_sheet_of_a_layer_has_each_visualization_beside_its_exemplars(photographs: Path) -> None:
    found = inc.exemplars(tiny_network(), "second", photographs)
    colors = ["red", "lime", "blue"]
    pictures = [(channel, Image.new("RGB", (50, 50), color)) for channel, color in enumerate(colors)]
    sheet = np.asarray(layer_exemplar_sheet(found, pictures, 4))
    for channel, color in enumerate(np.eye(3, dtype=int) * 255):
        mask = (sheet == color).all(-1)
        assert mask.sum() > 5_000
        right = np.nonzero(mask.any(0))[0].max()
        top = np.nonzero(mask.any(1))[0].min()
        best = np.asarray(found.top(channel, 1)[0].image(56).convert("RGB"))
        cell = sheet[top : top + 56, right + 3 : right + 59]
        inside = [round((56 - one) / 2) for one in best.shape[:2]]
        shown = cell[inside[0] :, inside[1] :][: best.shape[0], : best.shape[1]]
        assert np.abs(shown.astype(int) - best).mean() < 2


def test_the_command_makes_the_picture_the_sheet_and_the_listing(photographs: Path, tmp_path) -> None:
    options = ("--photos", photographs, "--top", "2", "--size", "48", "--steps", "1")
    done = dream("unit", "blocks.1", "3", "5", *options, "-o", tmp_path / "units", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    names = sorted(path.name for path in (tmp_path / "units").iterdir())
    assert names == [
        f"blocks.1-{channel}{ending}" for channel in (3, 5) for ending in ("-exemplars.json", "-exemplars.png", ".png")
    ]
    assert len(json.loads((tmp_path / "units" / "blocks.1-3-exemplars.json").read_text())["most"]) == 2
    assert len(list((tmp_path / "cache" / "inceptionism" / "exemplars").iterdir())) == 1
    refused = dream("unit", "blocks.1", "3", "--top", "2", cwd=tmp_path)
    assert refused.returncode == 2
    assert "add --photos FOLDER" in refused.stderr
    refused = dream("unit", "blocks.1", "3", "--photos", photographs, "--top", "65", cwd=tmp_path)
    assert refused.returncode == 2
    assert "--top 65 is too many" in refused.stderr
