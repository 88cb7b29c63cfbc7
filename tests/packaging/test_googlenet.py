"""The package with the weights of GoogLeNet: its wheel is built, installed and used."""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism.files import hash_file
from inceptionism.networks.hub import known_entries, registry
from tests.support.caffe_files import PROTOTXT, write
from tests.support.places import ROOT

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

FOLDER = ROOT / "packages" / "googlenet"

if not FOLDER.is_dir():
    pytest.skip("needs the files of the project", allow_module_level=True)


def build(shared: Path, *options: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, FOLDER / "build_wheel.py", shared / "photos" / "lion.jpg", *options]
    files = ("--files", shared / "networks" / "bvlc_googlenet")
    return subprocess.run([*command, *files], capture_output=True, text=True, check=False)


def test_the_registry_and_the_extra_name_the_package() -> None:
    package = tomllib.loads((FOLDER / "pyproject.toml").read_text("utf-8"))["project"]
    extras = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]
    assert known_entries()["googlenet"].package == package["name"]
    assert extras["googlenet"] == [f"{package['name']}>={package['version']}"]
    # It is not published yet, so no other extra may need it.
    others = [text for name, texts in extras.items() for text in texts if name != "googlenet"]
    assert not [text for text in others if "googlenet" in text]


def test_files_other_than_the_published_ones_are_refused(shared, tmp_path) -> None:
    done = build(shared, "--outdir", tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert "but the published file is deploy.prototxt (35862 bytes, SHA-256 fa36cd41" in done.stderr
    assert not [*tmp_path.iterdir()]


def test_heads_of_the_training_are_left_out_and_too_large_numbers_are_refused(tmp_path) -> None:
    spec = importlib.util.spec_from_file_location("build_wheel", FOLDER / "build_wheel.py")
    script = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(script)
    head = 'layer { name: "loss1/fc" type: "InnerProduct" bottom: "pool" top: "loss1/fc" }'
    values = np.random.default_rng(0).normal(size=(4, 5))
    for name, largest in (("good", 65504), ("bad", 65600)):
        (tmp_path / name).mkdir()
        values[0, 0] = largest
        weights = {"fc": [values, np.zeros(4)], "loss1/fc": [values]}
        prototxt, caffemodel = write(tmp_path / name, PROTOTXT + head, weights)
        prototxt.write_text(PROTOTXT)
        if name == "good":
            rounded = script.rounded_weights(prototxt, caffemodel)
            assert [*rounded] == ["fc.0", "fc.1"]
            np.testing.assert_array_equal(rounded["fc.0"].numpy(), values.astype("<f4").astype("<f2"))
    with pytest.raises(script.NotRight, match="the weights of layer fc cannot be stored as 16-bit numbers"):
        script.rounded_weights(prototxt, caffemodel)


def test_the_wheel_brings_the_network_with_rounded_weights(shared, tmp_path, monkeypatch) -> None:
    source = shared / "networks" / "bvlc_googlenet"
    accepted = [hash_file(source / name) for name in ("deploy.prototxt", "bvlc_googlenet.caffemodel")]
    done = build(shared, "--outdir", tmp_path, "--sha256", accepted[0], "--sha256", accepted[1])
    assert done.returncode == 0, done.stderr
    assert "1 photographs have the same class before and after the rounding" in done.stdout
    (wheel,) = tmp_path.glob("*.whl")
    assert f"{wheel}: {wheel.stat().st_size} bytes, SHA-256 {hash_file(wheel)}" in done.stdout
    assert wheel.stat().st_size < 14e6
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.syspath_prepend(str(tmp_path / "site"))
    importlib.invalidate_caches()
    registry.from_entry.cache_clear()
    network, original = inc.load_network("googlenet", "cpu"), inc.load_network(source, "cpu")
    assert (network.name, network.license, network.size) == ("googlenet", "unrestricted use", (224, 224))
    assert network.default_layer == "inception_4c/output"
    assert network.weights_hash != original.weights_hash
    with Image.open(shared / "photos" / "lion.jpg") as image:
        pixels = np.asarray(image.convert("RGB").resize((311, 233)))
    picture = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None] / 255
    # The mean of the original is that of its mean picture, which differs by up to half a gray level.
    logits = network.activations(picture, ["logits"])["logits"][0]
    expected = original.activations(picture, ["logits"])["logits"][0]
    assert network.labels[logits.argmax().item()] == "lion"
    assert torch.nn.functional.cosine_similarity(logits, expected, dim=0) > 0.999
