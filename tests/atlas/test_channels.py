"""The channel atlas: pictures, the contact sheet, the index, and resuming an unfinished atlas."""

from __future__ import annotations

import json
import resource
import tempfile
from dataclasses import replace

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
import inceptionism.io.outputs as outputs
from inceptionism.atlas.channels import ChannelAtlas
from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken
from inceptionism.io import Photo, read_recipe
from inceptionism.objectives import parse_objective
from inceptionism.recipes import ClassRecipe
from tests.support.command import dream, refused

SETTINGS = ClassRecipe(objective="channel(second:0)", size=(33, 24), steps=3)


def finish(atlas: ChannelAtlas) -> dict:
    """Make all pictures of an atlas, and return its index."""
    for batch in atlas.make_batches():
        for _ in batch:
            pass
    atlas.finish()
    return json.loads((atlas.folder / "index.json").read_text())


def test_each_channel_is_on_the_sheet_and_in_the_index(tiny, tmp_path) -> None:
    atlas = ChannelAtlas(tiny, "second", SETTINGS, tmp_path / "atlas")
    index = finish(atlas)
    assert 1 in atlas.silent  # a dead channel does not stop the others
    assert (index["layer"], index["weights"], len(index["channels"])) == ("second", tiny.weights_hash, 7)
    with Image.open(tmp_path / "atlas" / index["sheet"]) as image:
        sheet = np.asarray(image)
    for entry in index["channels"]:
        path = tmp_path / "atlas" / entry["file"]
        recipe = inc.Recipe.from_json(read_recipe(path) or "")
        assert recipe.objective == f"channel(second:{entry['channel']})"
        with Image.open(path) as image:
            tile = np.asarray(image)
        if entry["channel"] not in atlas.silent:
            assert np.asarray(inc.ClassRun(recipe, network=tiny).finish().image).tobytes() == tile.tobytes()
        columns = 1 + max(other["column"] for other in index["channels"])
        left = 12 + entry["column"] * (24 + 12)
        assert 0 <= entry["column"] < columns
        tops = [top for top in range(sheet.shape[0] - 33) if (sheet[top : top + 33, left : left + 24] == tile).all()]
        assert len(tops) == 1


def test_an_atlas_on_a_full_disk_keeps_the_pictures_of_its_batch(tiny, tmp_path, monkeypatch) -> None:
    """A limit on the size of files imitates a full disk: the contact sheet and the larger pictures do not fit."""
    rescue = tmp_path / "rescue"
    rescue.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(rescue))
    atlas = ChannelAtlas(tiny, "second", SETTINGS, tmp_path / "atlas", channels=[2, 3, 4])
    write = outputs.write_atomically

    def with_limit(path, content, *, overwrite):
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)
        if path.parent != rescue:
            resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
        try:
            write(path, content, overwrite=overwrite)
        finally:
            resource.setrlimit(resource.RLIMIT_FSIZE, limit)

    monkeypatch.setattr(outputs, "write_atomically", with_limit)
    with pytest.raises(CannotWrite) as refused:
        finish(atlas)
    saved = sorted(rescue.glob("*.png"))
    assert len(saved) == 3
    for path in saved:
        assert str(path) in str(refused.value)
        objective = inc.load_recipe(path).objective
        expected = inc.ClassRun(ClassRecipe(objective=objective, size=(33, 24), steps=3), network=tiny).finish()
        with Image.open(path) as image:
            np.testing.assert_array_equal(np.asarray(image), np.asarray(expected.image))
    assert (list((tmp_path / "atlas").iterdir()), atlas.done) == ([], [])
    monkeypatch.undo()
    finish(ChannelAtlas(tiny, "second", SETTINGS, tmp_path / "atlas", channels=[2, 3, 4]))


def test_an_empty_file_in_the_place_of_a_picture_is_replaced_only_with_overwrite(tiny, tmp_path) -> None:
    (tmp_path / "2.png").touch()
    with pytest.raises(NameTaken, match="already exists with other settings"):
        ChannelAtlas(tiny, "second", SETTINGS, tmp_path, channels=[2])
    finish(ChannelAtlas(tiny, "second", SETTINGS, tmp_path, channels=[2], overwrite=True))
    assert inc.load_recipe(tmp_path / "2.png").objective == "channel(second:2)"


def test_existing_pictures_are_kept(tiny, tmp_path, monkeypatch) -> None:
    first = ChannelAtlas(tiny, "second", SETTINGS, tmp_path, channels=[4, 2])
    finish(first)
    times = {path.name: path.stat().st_mtime_ns for path in tmp_path.glob("[0-9].png")}
    assert set(times) == {"2.png", "4.png"}
    second = ChannelAtlas(tiny, "second", SETTINGS, tmp_path)
    assert second.done == [2, 4]
    index = finish(second)
    assert len(index["channels"]) == 7
    assert {name: (tmp_path / name).stat().st_mtime_ns for name in times} == times
    other = ClassRecipe(objective="channel(second:0)", size=(33, 24), steps=4)
    with pytest.raises(NameTaken, match=r"0\.png already exists with other settings; choose another folder"):
        ChannelAtlas(tiny, "second", other, tmp_path)
    assert ChannelAtlas(tiny, "second", other, tmp_path, overwrite=True).done == []
    (tmp_path / "3.png").write_bytes(b"no picture")
    with pytest.raises(NameTaken, match=r"3\.png already exists"):
        ChannelAtlas(tiny, "second", SETTINGS, tmp_path)


def test_pictures_of_an_earlier_version_of_the_recipe_format_are_kept(tiny, tmp_path, monkeypatch) -> None:
    with monkeypatch.context() as earlier:
        earlier.setattr("inceptionism.recipes.recipe.SCHEMA", 1)
        finish(ChannelAtlas(tiny, "second", SETTINGS, tmp_path, channels=[4, 2]))
    assert '"schema": 1' in read_recipe(tmp_path / "2.png")
    assert ChannelAtlas(tiny, "second", SETTINGS, tmp_path).done == [2, 4]


def test_the_channels_most_active_on_a_photograph_come_first(tiny, tmp_path, photo) -> None:
    index = finish(ChannelAtlas(tiny, "second", SETTINGS, tmp_path, photo=Photo(photo), top=3))
    picture = torch.from_numpy(np.asarray(photo).transpose(2, 0, 1)[None] / 255).float()
    means = tiny.activations(picture, ["second"])["second"][0].mean((1, 2))
    assert [entry["channel"] for entry in index["channels"]] == means.argsort(descending=True)[:3].tolist()
    assert index["channels"][0]["activation"] == pytest.approx(means.max().item(), rel=1e-5)


def test_wrong_channels_and_folders_are_refused(tiny, tmp_path) -> None:
    with pytest.raises(InvalidSetting, match="layer second has no channel 7; its channels are 0 to 6"):
        ChannelAtlas(tiny, "second", SETTINGS, tmp_path, channels=[1, 7])
    with pytest.raises(CannotWrite, match=r"the folder .* cannot be created: No such file"):
        ChannelAtlas(tiny, "second", SETTINGS, tmp_path / "missing" / "atlas")
    with pytest.raises(InvalidSetting, match="choose a smaller size or a higher memory limit"):
        ChannelAtlas(tiny, "second", replace(SETTINGS, memory="1MB"), tmp_path / "atlas")
    assert list(tmp_path.iterdir()) == []


def test_diversity_makes_pictures_less_similar(lite0) -> None:
    def similarity(diversity: float) -> float:
        text = f"channel(blocks.4:3) + {diversity}*diversity(blocks.4)" if diversity else "channel(blocks.4:3)"
        objective = parse_objective(text, lite0)
        recipes = [
            ClassRecipe(objective=text, size=(64, 64), steps=20, together=3, number=number) for number in range(3)
        ]
        runs = [inc.ClassRun(recipe, network=lite0, objective=objective) for recipe in recipes]
        for _ in inc.run_batch(runs):
            pass
        pictures = torch.stack([torch.from_numpy(np.array(run.image())).permute(2, 0, 1) / 255 for run in runs])
        values = lite0.activations(pictures, ["blocks.4"])["blocks.4"].flatten(2)
        grams = torch.nn.functional.normalize((values @ values.mT).flatten(1), dim=1)
        return float(((grams @ grams.T).sum() - 3) / 6)

    assert similarity(20) < similarity(0) - 0.02


def test_the_commands_unit_and_atlas_write_pictures(tmp_path, photo) -> None:
    small = ["--size", "32", "--steps", "2"]
    done = dream("unit", "blocks.4", "3", "5", *small, "--verify", "efficientnet-lite0", cwd=tmp_path)
    assert done.returncode == 0
    assert done.stdout == "blocks.4-3.png\nblocks.4-5.png\n"
    assert "blocks.4:3: efficientnet-lite0 sees " in done.stderr
    recipe = inc.Recipe.from_json(read_recipe(tmp_path / "blocks.4-3.png") or "")
    assert recipe.objective == "channel(blocks.4:3)"
    assert recipe.verdicts[0].network == "efficientnet-lite0"
    done = dream("unit", "blocks.4", "3", *small, "--count", "2", "--diversity", "1", "--neuron", cwd=tmp_path)
    assert done.stdout == "blocks.4-3-2.png\nblocks.4-3-3.png\n"
    done = dream("unit", "blocks.4", "3", "5", *small, "--count", "2", "--diversity", "1", cwd=tmp_path)
    assert done.stdout.split() == [f"blocks.4-{one}.png" for one in ("3-4", "3-5", "5-2", "5-3")]
    recipe = inc.Recipe.from_json(read_recipe(tmp_path / "blocks.4-5-3.png") or "")
    assert (recipe.objective, recipe.together, recipe.number) == ("channel(blocks.4:5) + diversity(blocks.4)", 2, 1)
    Image.fromarray(photo).save(tmp_path / "photo.png")
    done = dream("atlas", "blocks.4", "--channels", "0-2,7", *small, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "efficientnet-lite0-blocks.4-atlas/sheet.png\n")
    again = dream("atlas", "blocks.4", "--channels", "0-2,7", *small, cwd=tmp_path)
    assert "note: 4 of 4 pictures are in efficientnet-lite0-blocks.4-atlas already" in again.stderr
    done = dream("atlas", "blocks.4", "--photo", "photo.png", "--top", "2", *small, "-o", "active", cwd=tmp_path)
    assert len(list((tmp_path / "active").glob("[0-9][0-9].png"))) == 2
    refused(dream("unit", "blocks.4", "40", cwd=tmp_path), "blocks.4 has no channel 40; its channels are 0 to 39", 2)
    refused(dream("unit", "blocks.4", "1", "--diversity", "1", cwd=tmp_path), "--diversity needs several pictures", 2)
    refused(dream("atlas", "blocks.4", "--channels", "3-1", cwd=tmp_path), "such as 0-63,70, not '3-1'", 2)
