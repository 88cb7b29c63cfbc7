"""Networks whose files are in an installed package, in the form of a folder of the user's store."""

from __future__ import annotations

import importlib
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import inceptionism as inc
from inceptionism.cli.doctor import networks as doctor
from inceptionism.cli.doctor.report import Problem
from inceptionism.errors import InvalidSetting
from inceptionism.networks.hub import Entry, known_entries, known_labels, registry, store
from inceptionism.networks.loaders.caffe import load as caffe
from inceptionism.networks.loaders.caffe.weights import read_weights
from tests.support.caffe_files import SHAPES, write, write_caffe
from tests.support.command import dream, refused

MODULE = "inceptionism_googlenet"

MEAN = [104, 117, 123]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a package that has a tiny network instead of GoogLeNet, and return the folder of its files."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder, about = tmp_path / "site" / MODULE, tmp_path / "site" / f"{MODULE}-1.0.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: inceptionism-googlenet\nVersion: 1.0\n")
    folder.mkdir()
    (folder / "__init__.py").write_text("raise AssertionError('the package is never imported')\n")
    (folder / "labels.txt").write_text("ash\nelm\nfir\noak\n")
    prototxt, caffemodel = write_caffe(folder)
    weights = {
        f"{name}.{i}": one.half() for name, ones in read_weights(caffemodel).items() for i, one in enumerate(ones)
    }
    caffemodel.unlink()
    save_file(weights, folder / "net.safetensors")
    files = tuple(store.local_file(folder / name) for name in (prototxt.name, "net.safetensors", "labels.txt"))
    about = {"mean": MEAN, "license": "mine", "labels": "labels.txt"}
    entry = Entry("googlenet", "caffe", files=files, package=known_entries()["googlenet"].package, **about)
    store.write_entry(folder, entry)
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    registry.from_entry.cache_clear()
    return folder


def test_the_network_of_a_package_is_ready_and_has_its_weights(tmp_path, installed) -> None:
    lines = dream("networks", cwd=tmp_path).stdout.splitlines()
    assert any(line.startswith("googlenet           ready ") for line in lines)
    network = inc.load_network("googlenet")
    assert (network.name, network.license) == ("googlenet", "mine")
    assert [*network.labels] == [*known_labels("googlenet")] == ["ash", "elm", "fir", "oak"]
    # The weights of a network with the same seed, rounded by NumPy.
    generator = np.random.default_rng(0)
    scaled = {
        name: [generator.normal(size=shape) / np.sqrt(np.prod(shape[1:])) for shape in shapes]
        for name, shapes in SHAPES.items()
    }
    rounded = {name: [one.astype("<f4").astype("<f2") for one in ones] for name, ones in scaled.items()}
    (tmp_path / "plain").mkdir()
    plain, _ = caffe.read(*write(tmp_path / "plain", (installed / "deploy.prototxt").read_text(), rounded))
    picture = torch.rand(2, 3, 33, 47)
    expected = plain(picture.flip(1) * 255 - torch.tensor([*map(float, MEAN)]).view(3, 1, 1))
    torch.testing.assert_close(network.activations(picture, ["logits"])["logits"], expected, rtol=1e-4, atol=1e-3)
    assert MODULE not in sys.modules


def test_a_network_in_the_store_comes_before_that_of_the_package(tmp_path, installed) -> None:
    rounded = inc.load_network("googlenet").weights_hash
    entry = replace(known_entries()["googlenet"], recommended=None, default_layer=None, labels=None)
    store.add(entry, [*write_caffe(tmp_path, seed=1)], lambda folder: None)
    assert inc.load_network("googlenet").weights_hash != rounded


def test_without_the_package_the_error_says_how_to_get_the_network(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    with pytest.raises(InvalidSetting, match=r"network googlenet has not been downloaded; .* dream networks get goo"):
        inc.load_network("googlenet")


@pytest.mark.parametrize("change", ["cut", "changed"])
def test_a_damaged_package_is_reported_with_the_command_that_installs_it_again(tmp_path, installed, change) -> None:
    path = installed / "net.safetensors"
    content = path.read_bytes()
    path.write_bytes(content[:-1] if change == "cut" else content[:-1] + bytes([content[-1] ^ 1]))
    sentence = r"net\.safetensors is missing or damaged; install it again: pip install --force-reinstall inceptionism-g"
    with pytest.raises(InvalidSetting, match=sentence):
        inc.load_network("googlenet")
    refused(dream("layers", "googlenet", cwd=tmp_path), sentence, 2)
    (problem,) = doctor.weights()
    assert isinstance(problem, Problem)
    assert "pip install --force-reinstall inceptionism-googlenet" in problem.text


@pytest.mark.parametrize(
    ("tensors", "sentence"),
    [
        ({"first": torch.zeros(2)}, "has no weights of a Caffe network, but 'first'"),
        ({"first.x": torch.zeros(2)}, "has no weights of a Caffe network, but 'first.x'"),
        ({"first.0": torch.zeros(2, dtype=torch.int32)}, "has no weights of a Caffe network, but 'first.0'"),
        ({"first.0": torch.full((2,), torch.inf)}, "'first.0' in .* has numbers that are not finite"),
    ],
)
def test_a_file_without_weights_of_a_caffe_network_is_refused(tmp_path, tensors, sentence) -> None:
    save_file(tensors, tmp_path / "a.safetensors")
    with pytest.raises(InvalidSetting, match=sentence):
        read_weights(tmp_path / "a.safetensors")
