"""The activation atlas: its cells compared with NumPy, its files, and resuming an unfinished atlas."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from safetensors.numpy import load_file

import inceptionism as inc
from inceptionism.atlas.activations.atlas import GAP, HEADING
from inceptionism.errors import InvalidSetting, NameTaken
from tests.support.command import dream, refused

pytestmark = pytest.mark.usefixtures("quick_umap")

SMALL = {"layer": "second", "size": (9, 13), "steps": 2, "prior": "fourier", "samples": 6, "cells": 3}


@pytest.fixture
def photographs(tmp_path) -> Path:
    """A folder of eight smooth pictures of different sizes, and one in a folder inside it."""
    folder = tmp_path / "photographs"
    (folder / "deep").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for number in range(9):
        small = Image.fromarray(generator.integers(0, 256, (6, 5, 3), dtype=np.uint8))
        place = folder / "deep" if number == 8 else folder
        small.resize((33 + 5 * number, 70 - 4 * number), Image.Resampling.BICUBIC).save(place / f"{number}.png")
    return folder


def test_the_cells_are_those_of_numpy(tiny, photographs, tmp_path) -> None:
    atlas = inc.activation_atlas(photographs, tmp_path / "atlas", network=tiny, **SMALL)
    folder = tmp_path / "atlas"
    index = json.loads((folder / "index.json").read_text())
    samples = load_file(folder / index["samples"])
    cells = np.minimum(np.floor(samples["places"] * 3), 2).astype(int)
    means = load_file(folder / index["means"])["means"]
    expected = {}
    for number, (column, row) in enumerate(cells.tolist()):
        expected.setdefault((row, column), []).append(number)
    expected = {key: numbers for key, numbers in sorted(expected.items()) if len(numbers) >= 2}
    assert [(cell["row"], cell["column"]) for cell in index["cells"]] == list(expected)
    assert (index["photographs"], index["activations"], index["side"]) == (8, 48, 3)
    for cell, numbers in zip(index["cells"], expected.values(), strict=True):
        mean = samples["values"][numbers].mean(0)
        np.testing.assert_allclose(means[cell["direction"]], mean, rtol=1e-5)
        cosines = samples["values"][numbers] @ mean / np.linalg.norm(samples["values"][numbers], axis=1)
        np.testing.assert_allclose(
            [member["score"] for member in cell["members"]],
            sorted(cosines / np.linalg.norm(mean), reverse=True),
            rtol=1e-4,
        )
        found = {(Path(one["photo"]).name, one["row"], one["column"]) for one in cell["members"]}
        assert found == {
            (f"{samples['photo_numbers'][one]}.png", samples["rows"][one], samples["columns"][one]) for one in numbers
        }
        assert cell["count"] == len(numbers)
        for member in cell["members"]:
            left, upper, right, lower = member["box"]
            with Image.open(member["photo"]) as image:
                assert 0 <= left < right <= image.width
                assert 0 <= upper < lower <= image.height
        objective = inc.load_recipe(folder / cell["file"]).objective
        assert f"direction(second, means.safetensors, row={cell['direction']}, cosine=2)" in objective
    with Image.open(folder / index["sheet"]) as image:
        sheet = np.asarray(image)
    for row in range(3):
        for column in range(3):
            top, left = HEADING + GAP + row * (9 + GAP), GAP + column * (13 + GAP)
            tile = sheet[top : top + 9, left : left + 13]
            if (row, column) in expected:
                with Image.open(atlas.path((row, column))) as image:
                    np.testing.assert_array_equal(tile, np.asarray(image))
            else:
                assert (tile == 255).all()


def test_whitened_directions_have_a_file_of_their_own(tiny, photographs, tmp_path) -> None:
    atlas = inc.activation_atlas(photographs, tmp_path / "atlas", network=tiny, whiten=True, **SMALL)
    index = json.loads((tmp_path / "atlas" / "index.json").read_text())
    assert (index["means"], index["directions"]) == ("means.safetensors", "directions.safetensors")
    means, directions = (load_file(tmp_path / "atlas" / index[name])[name] for name in ("means", "directions"))
    values = load_file(tmp_path / "atlas" / index["samples"])["values"].astype(np.float64)
    correlations = values.T @ values / len(values)
    correlations += 0.01 * np.trace(correlations) / 7 * np.eye(7)
    np.testing.assert_allclose(directions, means @ np.linalg.inv(correlations), rtol=1e-3, atol=1e-4)
    result = inc.replay(
        atlas.path(atlas.keys[0]), pictures=[tmp_path / "atlas" / "directions.safetensors"], network=tiny
    )
    with Image.open(atlas.path(atlas.keys[0])) as image:
        np.testing.assert_array_equal(np.asarray(result.image), np.asarray(image))


def test_an_interrupted_atlas_continues_with_the_same_pixels(tiny, photographs, tmp_path) -> None:
    whole = inc.activation_atlas(photographs, tmp_path / "whole", network=tiny, **SMALL)

    def stop_photos(number: int, _error: object) -> None:
        if number == 4:
            raise KeyboardInterrupt

    def stop_steps(_step: object) -> None:
        raise KeyboardInterrupt

    for stop in ({"on_photo": stop_photos}, {"on_step": stop_steps}):
        with pytest.raises(KeyboardInterrupt):
            inc.activation_atlas(photographs, tmp_path / "atlas", network=tiny, **stop, **SMALL)
    atlas = inc.activation_atlas(photographs, tmp_path / "atlas", network=tiny, **SMALL)
    assert atlas.keys == whole.keys
    for name in ("sheet.png", "index.json", "atlas.html"):
        assert (tmp_path / "atlas" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    with pytest.raises(NameTaken, match="already exists with other"):
        inc.activation_atlas(photographs, tmp_path / "atlas", network=tiny, **{**SMALL, "cells": 2})


def test_too_few_activations_and_wrong_settings_are_refused_before_photographs_are_read(
    tiny, photographs, tmp_path
) -> None:
    for settings, reason in (
        ({"least": 49}, "no cell has 49 activations or more; give more photographs, fewer cells"),
        ({"samples": 1}, "an atlas needs at least 10 activations, but there are 8"),
    ):
        with pytest.raises(InvalidSetting, match=reason):
            inc.activation_atlas(photographs, tmp_path / "few", network=tiny, overwrite=True, **{**SMALL, **settings})
    for settings, reason in (
        ({"memory": "1MB"}, "choose a smaller size or a higher memory limit"),
        ({"cells": 0}, "cells must be at least 1, not 0"),
        ({"least": 0}, "least must be at least 1, not 0"),
    ):
        with pytest.raises(InvalidSetting, match=reason):
            inc.activation_atlas(photographs, tmp_path / "atlas", network=tiny, **{**SMALL, **settings})
    assert not (tmp_path / "atlas").exists()


def test_the_commands_for_an_atlas_tell_a_folder_from_a_layer(photographs, tmp_path) -> None:
    small = ["--layer", "blocks.4", "--samples", "3", "--cells", "2", "--size", "24", "--steps", "2", "-o", "made"]
    done = dream("activation-atlas", "photographs", *small, cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "made/sheet.png\nmade/atlas.html\n"), done.stderr
    reason = "photographs is a folder, and dream atlas takes a layer; .* use dream activation-atlas"
    refused(dream("atlas", "photographs", cwd=tmp_path), reason, 2)
    refused(dream("activation-atlas", "blocks.4", cwd=tmp_path), "blocks.4", 1)
