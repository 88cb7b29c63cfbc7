"""Features that are learned from photographs, compared with NumPy and SciPy; and the sheet of a dictionary."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import save_file
from scipy.optimize import nnls

import inceptionism as inc
from inceptionism.atlas import ChannelAtlas
from inceptionism.atlas.features import fitted
from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken
from inceptionism.networks import read_tensors
from inceptionism.objectives import parse_objective
from inceptionism.recipes import ClassRecipe
from tests.support.tiny_networks import tiny_network

pytest.importorskip("sklearn", reason="needs inceptionism[research]")


def sums_of(rows: np.ndarray, seed: int = 0) -> np.ndarray:
    """Return sums of few of the rows with random positive weights."""
    generator = np.random.default_rng(seed)
    weights = generator.gamma(1.0, size=(200, len(rows))) * (generator.random((200, len(rows))) < 0.4)
    return (weights * [4, 2, 1]) @ rows


def test_nmf_finds_the_parts_that_were_added() -> None:
    parts = np.eye(3, 7).repeat(2, 0)[::2] + 0.5 * np.eye(3, 7, 4)
    rows, explained = fitted(sums_of(parts).astype(np.float32), 3, "nmf", 0, "it")
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    expected = parts / np.linalg.norm(parts, axis=1, keepdims=True)
    np.testing.assert_allclose(unit, expected, atol=0.05)  # also in the order of their strength
    assert explained > 0.99


def test_explained_variance_is_that_of_the_best_positive_weights() -> None:
    values = sums_of(np.random.default_rng(1).random((3, 9))).astype(np.float32) + 0.1
    rows, explained = fitted(values, 2, "nmf", 3, "it")
    residuals = [nnls(rows.T.astype(np.float64), value.astype(np.float64))[1] for value in values]
    best = 1 - np.square(residuals).sum() / np.square(values - values.mean(0)).sum()
    assert explained == pytest.approx(best, abs=0.02)
    assert (rows >= 0).all()


def test_pca_is_that_of_numpy_with_its_strong_side_positive() -> None:
    generator = np.random.default_rng(2)
    values = (generator.gamma(0.5, size=(300, 6)) @ generator.normal(size=(6, 6))).astype(np.float32)
    rows, explained = fitted(values, 4, "pca", 0, "it")
    centered = values - values.mean(0)
    _, strengths, expected = np.linalg.svd(centered.astype(np.float64), full_matrices=False)
    np.testing.assert_allclose(np.abs((rows * expected[:4]).sum(1)), 1, atol=1e-4)
    assert explained == pytest.approx((strengths[:4] ** 2).sum() / (strengths**2).sum(), abs=1e-4)
    assert (((centered @ rows.T) ** 3).sum(0) > 0).all()


@pytest.fixture
def photographs(tmp_path, photo):
    folder = tmp_path / "photographs"
    folder.mkdir()
    for index in range(3):
        Image.fromarray(np.roll(photo, 17 * index, 1)[: 90 - index]).save(folder / f"{index}.png")
    return folder


def test_learned_features_are_objectives_and_have_a_sheet(photographs, tmp_path, photo) -> None:
    network, path = tiny_network(), tmp_path / "learned.safetensors"
    seen: list[int] = []
    learned = inc.learn_features(network, "second", photographs, path, count=3, on_photo=lambda n, _: seen.append(n))
    assert (learned, seen) == (path, [1, 2, 3])
    tensors, facts = read_tensors(path)
    assert tensors["W_dec"].shape == (3, 7)
    assert (facts["method"], facts["layer"], facts["photographs"]) == ("nmf", "second", "3")
    assert 0.3 < float(facts["explained"]) <= 1
    again = inc.learn_features(network, "second", photographs, path, count=3, overwrite=True)
    assert torch.equal(read_tensors(again)[0]["W_dec"], tensors["W_dec"])

    settings = ClassRecipe(objective="layer(second)", steps=2, prior="none", size=(24, 31))
    sheet = ChannelAtlas(network, "second", settings, tmp_path / "sheet", dictionary=path)
    sheet.make()
    sheet.finish()
    index = json.loads((tmp_path / "sheet" / "index.json").read_text())
    assert index["dictionary"] == str(path)
    assert [entry["channel"] for entry in index["channels"]] == [0, 1, 2]
    recipe = inc.load_recipe(tmp_path / "sheet" / "1.png")
    assert recipe.objective == f"feature(second, {path}, 1)"
    assert str(path) in recipe.made_with.pictures
    alone = inc.visualize(recipe.objective, network=network, steps=2, prior="none", size=(24, 31))
    with Image.open(tmp_path / "sheet" / "1.png") as picture:
        assert np.array_equal(np.asarray(picture), np.asarray(alone.image))

    source = inc.load_photo(photo)
    most = ChannelAtlas(network, "second", settings, tmp_path / "most", photo=source, top=2, dictionary=path)
    values = network.activations(torch.from_numpy(photo.copy()).permute(2, 0, 1)[None].float() / 255, ["second"])
    scores = [float(parse_objective(f"feature(second, {path}, {row})", network)(values)[0]) for row in range(3)]
    assert most.channels == list(np.argsort(scores)[::-1][:2])


def test_dead_features_are_left_out_of_the_sheet(tmp_path) -> None:
    rows = torch.rand(4, 7, generator=torch.Generator().manual_seed(0))
    rows[2] = 0
    save_file({"rows": rows}, tmp_path / "rows.safetensors")
    settings = ClassRecipe(objective="layer(second)", steps=1, prior="none", size=(16, 24), transparent=True)
    sheet = ChannelAtlas(
        tiny_network(), "second", settings, tmp_path / "sheet", dictionary=tmp_path / "rows.safetensors"
    )
    assert (sheet.channels, sheet.silent) == ([0, 1, 3], [2])
    sheet.make()
    with Image.open(sheet.finish()) as drawn:
        assert drawn.mode == "RGB"


def test_wrong_settings_are_refused_with_the_reason(photographs, tmp_path) -> None:
    network, path = tiny_network(), tmp_path / "learned.safetensors"

    def refused(**settings) -> str:
        arguments = {"layer": "second", "output": path, **settings}
        with pytest.raises((InvalidSetting, CannotWrite)) as caught:
            inc.learn_features(network, arguments.pop("layer"), photographs, arguments.pop("output"), **arguments)
        return str(caught.value)

    assert "count must be from 1 to 7, not 8" in refused(count=8)
    assert "method must be one of nmf, pca, not 'ica'" in refused(method="ica")
    assert "features are written to a file that ends with .safetensors" in refused(output=tmp_path / "x.npy")
    assert "12800000 samples of each of 3 photographs are too many" in refused(samples=12_800_000, count=2)
    assert "layer second.0 has negative activations, which NMF cannot describe" in refused(
        layer="second.0", method="nmf", count=2
    )
    save_file({"a": torch.zeros(1)}, path)
    with pytest.raises(NameTaken):
        inc.learn_features(network, "second", photographs, path, count=2)
    with pytest.raises(InvalidSetting, match="are the same everywhere"):
        fitted(np.ones((20, 3), np.float32), 2, "pca", 0, "second")
    Image.new("RGB", (97, 83), (90, 140, 20)).save(tmp_path / "flat.png")
    without_padding = inc.Network(
        torch.nn.Sequential(torch.nn.Conv2d(3, 7, 5), torch.nn.ReLU()).eval(), mean=(0,) * 3, std=(1,) * 3
    )
    for layer in ("0", "1"):
        with pytest.raises(InvalidSetting, match=f"layer {layer} are the same everywhere"):
            inc.learn_features(
                without_padding, layer, [tmp_path / "flat.png"] * 3, tmp_path / "flat.safetensors", count=2
            )
