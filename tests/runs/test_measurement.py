"""Statistics that are measured on photographs: their numbers, their file, and their effect as a prior."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.numpy import load_file, save_file
from torch import nn

import inceptionism as inc
from inceptionism.errors import CannotWrite, InvalidSetting, NameTaken, UnknownName, UnreadableFile, UnreadablePicture
from inceptionism.io import Photo
from inceptionism.networks import statistics_path
from inceptionism.runs.training_view import TrainingView
from tests.support.tiny_networks import tiny_network


class Plain(nn.Module):
    """A network without batch norms."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(3)
        self.first = nn.Sequential(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.ReLU())
        self.second = nn.Sequential(nn.Conv2d(6, 5, 3, stride=2, padding=1), nn.ReLU())
        self.classifier = nn.Linear(5, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.classifier(self.second(self.first(x)).mean((2, 3)))


def plain_network(**arguments: object) -> inc.Network:
    """Return a network without batch norms, with pictures of 32×32 pixels and four classes."""
    usual = {"mean": (0.4, 0.5, 0.6), "std": (0.2, 0.3, 0.25), "size": 32, "labels": ["ash", "elm", "fir", "oak"]}
    return inc.Network(Plain(), name="plain", **{**usual, **arguments})


def view_of(photo: Photo, network: inc.Network) -> torch.Tensor:
    """Return a photograph as the training saw photographs."""
    return TrainingView.of(photo.pixels.shape[:2], network).picture(photo, network)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def photographs(tmp_path) -> list:
    """Paths of five smooth pictures of different sizes."""
    generator = np.random.default_rng(0)
    paths = []
    for index, size in enumerate([(40, 53), (64, 31), (33, 33), (90, 35), (32, 47)]):
        small = Image.fromarray(generator.integers(0, 256, (5, 4, 3), dtype=np.uint8))
        paths.append(tmp_path / f"photo-{index}.png")
        small.resize(size, Image.Resampling.BICUBIC).save(paths[-1])
    return paths


def test_the_statistics_are_those_of_numpy_over_all_positions_of_all_pictures(photographs) -> None:
    network = plain_network()
    path = inc.measure_statistics(network, photographs)
    assert path == statistics_path(network.key)
    tensors = load_file(path)
    assert {*tensors} == {f"{layer}:{name}" for layer in ("first", "second") for name in ("mean", "std", "quantiles")}
    for layer in ("first", "second"):
        columns = []
        for photo in photographs:
            picture = view_of(inc.load_photo(photo), network)
            with torch.no_grad():
                columns.append(network.activations(picture, [layer])[layer][0].flatten(1).double().numpy())
        values = np.concatenate(columns, 1)
        np.testing.assert_allclose(tensors[f"{layer}:mean"], values.mean(1), rtol=1e-5)
        np.testing.assert_allclose(tensors[f"{layer}:std"], values.std(1), rtol=1e-5)
        quantiles = np.mean([np.quantile(one, np.linspace(0, 1, 64), axis=1).T for one in columns], 0)
        np.testing.assert_allclose(tensors[f"{layer}:quantiles"], quantiles, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(
    ("height", "width", "expected"), [(40, 53, (32, 42)), (64, 320, (32, 64)), (320, 40, (64, 32)), (16, 16, (32, 32))]
)
def test_the_shorter_side_is_that_of_a_training_picture(height: int, width: int, expected: tuple[int, int]) -> None:
    photo = inc.load_photo(np.full((height, width, 3), 128, np.uint8))
    assert view_of(photo, plain_network()).shape[-2:] == expected


def test_a_view_is_never_empty(monkeypatch) -> None:
    network = plain_network(size=(20, 100))
    monkeypatch.setattr(network, "fitting_size", lambda _size: network.size)
    assert view_of(inc.load_photo(np.full((500, 1, 3), 128, np.uint8)), network).shape[-2:] == (20, 100)


def test_a_network_for_one_size_sees_the_middle(monkeypatch) -> None:
    network = plain_network()
    monkeypatch.setattr(network, "fitting_size", lambda _size: network.size)
    pixels = np.zeros((64, 192, 3), np.uint8)
    pixels[:, 64:128] = 255
    assert float(view_of(inc.load_photo(pixels), network).min()) == 1


def test_the_measured_statistics_become_the_default_prior_of_this_network(photographs) -> None:
    network = plain_network()
    assert not network.statistics
    before = inc.visualize("oak", network=network, size=48, steps=4, preset="draft")
    assert "statistics" not in before.recipe.prior
    path = inc.measure_statistics(network, photographs)
    after = inc.visualize("oak", network=network, size=48, steps=4, preset="draft")
    assert after.recipe.prior.endswith("16*statistics(depth=0.4)")
    assert [*after.recipe.made_with.pictures] == ["statistics"]
    assert np.abs(np.asarray(before.image).astype(int) - np.asarray(after.image)).max() > 0
    again = inc.replay(after.recipe, network=plain_network())
    assert np.array_equal(np.asarray(again.image), np.asarray(after.image))
    path.unlink()
    with pytest.raises(InvalidSetting, match="measure them on a folder of photographs"):
        inc.replay(after.recipe, network=plain_network())


def test_the_prior_brings_the_statistics_of_the_picture_close_to_the_measured_ones(photographs) -> None:
    network = plain_network()
    inc.measure_statistics(network, photographs)
    natural = network.statistics["second"]

    def distance(prior: str) -> float:
        image = inc.visualize("oak", network=network, size=64, steps=60, prior=prior).image
        picture = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
        means = network.activations(picture, ["second"])["second"].mean((0, 2, 3))
        return float(((means - natural.mean) / natural.std.clamp_min(0.01)).square().mean())

    assert distance("fourier + 64*statistics") < 0.5 * distance("fourier")


def test_the_prior_brings_the_sorted_activations_close_to_the_measured_ones(photographs) -> None:
    network = plain_network()
    path = inc.measure_statistics(network, photographs)
    natural = network.statistics["second"]

    def result(prior: str) -> inc.Result:
        return inc.visualize("oak", network=network, size=64, steps=60, prior=prior)

    def distance(image: Image.Image) -> float:
        picture = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
        row = network.activations(picture, ["second"])["second"][0].flatten(1).numpy()
        expected = np.quantile(natural.quantiles.numpy(), np.linspace(0, 1, row.shape[1]), axis=1).T
        return float(np.mean((np.sort(row) - expected) ** 2 / natural.std[:, None].numpy() ** 2))

    matched = result("fourier + 64*statistics(quantiles=1)")
    assert distance(matched.image) < 0.5 * distance(result("fourier").image)
    named = result(f"fourier + 64*statistics({path}, quantiles=1)")
    assert np.array_equal(np.asarray(named.image), np.asarray(matched.image))
    assert {*named.recipe.made_with.pictures.values()} == {*matched.recipe.made_with.pictures.values()}
    assert not np.array_equal(np.asarray(result("fourier + 64*statistics").image), np.asarray(matched.image))


@pytest.mark.parametrize("network", [plain_network(), tiny_network()], ids=["plain", "batch norms"])
def test_the_statistics_of_a_class_are_used_for_this_class_only(photographs, network, tmp_path) -> None:
    settings = {"network": network, "size": 48, "steps": 3, "preset": "draft"}
    before = [inc.visualize(name, **settings) for name in ("oak", "elm")]
    folder = tmp_path / "classes"
    for name, photo in zip(("oak", "fir", "other"), photographs, strict=False):
        (folder / name).mkdir(parents=True)
        photo.rename(folder / name / photo.name)
    path = inc.measure_statistics(network, folder, target="oak")
    assert path == statistics_path(network.key, 3)
    alone = inc.measure_statistics(network, folder / "oak", output=tmp_path / "alone.safetensors")
    assert all(np.array_equal(load_file(path)[name], one) for name, one in load_file(alone).items())
    oak, elm = (inc.visualize(name, **settings) for name in ("oak", "elm"))
    assert [*oak.recipe.made_with.pictures] == ["statistics"]
    assert oak.recipe.prior.endswith("16*statistics(depth=0.4)")
    assert not np.array_equal(np.asarray(oak.image), np.asarray(before[0].image))
    assert np.array_equal(np.asarray(elm.image), np.asarray(before[1].image))
    again = inc.replay(oak.recipe, network=network)
    assert np.array_equal(np.asarray(again.image), np.asarray(oak.image))
    with pytest.raises(InvalidSetting, match="folders of other classes, but none of class elm"):
        inc.measure_statistics(network, folder, target="elm")
    with pytest.raises(UnknownName, match="ivy"):
        inc.measure_statistics(network, folder, target="ivy")
    with pytest.raises(NameTaken):
        inc.measure_statistics(network, folder, target=3)
    whole = inc.measure_statistics(network, photographs[-1], target="elm")
    assert whole == statistics_path(network.key, 1)


def test_a_file_replaces_the_statistics_of_batch_norms(photographs, tmp_path) -> None:
    network, output = tiny_network(), tmp_path / "photos.safetensors"
    with pytest.raises(InvalidSetting, match="give an output file"):
        inc.measure_statistics(network, photographs)
    assert inc.measure_statistics(network, photographs, layers=["second"], output=output) == output
    with pytest.raises(NameTaken, match="--overwrite"):
        inc.measure_statistics(network, photographs, output=output)
    settings = {"network": network, "size": 48, "steps": 3}
    own = inc.visualize("oak", prior="fourier + 16*statistics", **settings)
    measured = inc.visualize("oak", prior=f"fourier + 16*statistics({output})", **settings)
    assert not np.array_equal(np.asarray(own.image), np.asarray(measured.image))
    assert own.recipe.made_with.pictures is None
    assert [*measured.recipe.made_with.pictures] == [str(output)]
    photo = inc.dream(photographs[0], network=network, layer="second", prior=f"statistics({output})", steps=1)
    assert [*photo.recipe.made_with.pictures] == [str(output)]


def test_the_variances_of_few_pictures_are_mixed_with_the_mean_variance(photographs) -> None:
    network = plain_network()
    raw = load_file(inc.measure_statistics(network, photographs))["second:std"].astype(float) ** 2
    expected = (5 * raw + 30 * raw.mean()) / (5 + 30)
    np.testing.assert_allclose(network.statistics["second"].std, np.sqrt(expected), rtol=1e-5)


def test_statistics_belong_to_the_weights_and_to_the_input_format(photographs) -> None:
    network = plain_network()
    inc.measure_statistics(network, photographs[0].parent)
    assert network.statistics
    assert plain_network().statistics
    assert not plain_network(mean=(0, 0, 0)).statistics
    assert not plain_network(size=48).statistics


def test_layers_without_maps_and_activations_that_are_not_finite_are_refused(photographs, tmp_path) -> None:
    network, output = plain_network(), tmp_path / "made.safetensors"
    with pytest.raises(InvalidSetting, match="logits has no feature map"):
        inc.measure_statistics(network, photographs, layers=["logits", "first"], output=output)
    module = Plain()
    torch.nn.init.constant_(module.second[0].weight, 1e38)
    huge = inc.Network(module, mean=(0.4, 0.5, 0.6), std=(1e-3, 1e-3, 1e-3), size=32)
    with pytest.raises(InvalidSetting, match="layer second has activations that are not finite"):
        inc.measure_statistics(huge, photographs, output=output)
    assert not output.exists()
    save_file({"logits:mean": np.zeros(4, np.float32), "logits:std": np.ones(4, np.float32)}, output)
    with pytest.raises(InvalidSetting, match="no feature map"):
        inc.visualize("oak", network=network, size=48, steps=1, prior=f"fourier + statistics({output})")
    for wrong in (tmp_path / "made.png", tmp_path):
        with pytest.raises(CannotWrite, match=r"ends with \.safetensors"):
            inc.measure_statistics(network, photographs, output=wrong)


def test_constant_activations_are_refused(tmp_path) -> None:
    """One color gives a network without padding the same activations everywhere, up to rounding errors."""
    module = torch.nn.Sequential(torch.nn.Conv2d(3, 7, 5), torch.nn.AdaptiveAvgPool2d(1)).eval()
    network, output = inc.Network(module, mean=(0,) * 3, std=(1,) * 3, size=32), tmp_path / "made.safetensors"
    flat = np.full((41, 53, 3), (90, 140, 20), np.uint8)
    noise = np.random.default_rng(0).integers(0, 256, flat.shape, np.uint8)
    with pytest.raises(
        InvalidSetting, match="layer 0 has the same activations everywhere in the pictures; measure more"
    ):
        inc.measure_statistics(network, [flat] * 3, layers=["0"], output=output)
    with pytest.raises(InvalidSetting, match="layer 1 has the same activations everywhere"):
        inc.measure_statistics(network, [noise], layers=["0", "1"], output=output)
    assert not output.exists()
    assert inc.measure_statistics(network, [noise, flat], layers=["0", "1"], output=output) == output
    save_file({"0:mean": np.ones(7, np.float32), "0:std": np.zeros(7, np.float32)}, output)
    with pytest.raises(InvalidSetting, match="has no standard deviations above 0 of layer 0; measure more"):
        inc.visualize("0:3", network=network, size=32, steps=1, prior=f"fourier + statistics({output})")


def test_wrong_files_and_photographs_get_one_sentence(photographs, tmp_path) -> None:
    network = plain_network()
    broken = tmp_path / "broken.png"
    broken.write_bytes(b"no picture")
    with pytest.raises(UnreadablePicture, match="broken"):
        inc.measure_statistics(network, [*photographs, broken])
    found = []
    path = inc.measure_statistics(network, [broken, *photographs], on_photo=lambda *call: found.append(call))
    assert [count for count, _ in found] == [0, 1, 2, 3, 4, 5]
    assert [error is None for _, error in found] == [False, True, True, True, True, True]
    with pytest.raises(InvalidSetting, match="there are no pictures"):
        inc.measure_statistics(network, [], output=tmp_path / "none.safetensors")
    with pytest.raises(UnknownName, match="nowhere"):
        inc.measure_statistics(network, photographs, layers=["nowhere"], output=tmp_path / "none.safetensors")
    assert not (tmp_path / "none.safetensors").exists()
    for content, error, text in (
        ({"second:mean": np.zeros(5, np.float32)}, InvalidSetting, "no mean and standard deviation"),
        ({"second:mean": np.zeros(5), "second:std": np.full(5, np.nan)}, InvalidSetting, "no mean and standard"),
        ({"second:mean": np.zeros(9), "second:std": np.ones(9)}, InvalidSetting, "9 channels of layer second"),
        ({"third:mean": np.zeros(9), "third:std": np.ones(9)}, UnknownName, "third"),
        ({}, InvalidSetting, "no mean and standard deviation"),
        (
            {"second:mean": np.zeros(5), "second:std": np.ones(5), "second:quantiles": np.zeros((4, 64))},
            InvalidSetting,
            "no row of quantiles for each channel of layer second",
        ),
    ):
        save_file(content, path)
        with pytest.raises(error, match=text):
            inc.visualize("oak", network=plain_network(), size=48, steps=1, prior=f"fourier + statistics({path})")
    path.write_bytes(b"damaged")
    with pytest.raises(UnreadableFile, match="damaged"):
        inc.visualize("oak", network=plain_network(), size=48, steps=1)
    with pytest.raises(UnreadableFile, match="missing"):
        inc.visualize("oak", network=network, size=48, steps=1, prior="fourier + statistics(missing.safetensors)")
