"""The names of layers and classes that are known without loading a network."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inceptionism.networks.hub import keep_layers, known_labels, known_layers
from tests.support.caffe_files import write_caffe
from tests.support.command import dream


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "inceptionism"


def test_the_layers_of_the_default_network_are_known(lite0) -> None:
    assert known_layers("efficientnet-lite0") == {one.name: one.level for one in lite0.layers()}


def test_the_layers_of_a_file_are_known_from_the_first_list_until_the_file_changes(tmp_path, tiny) -> None:
    prototxt, *_ = write_caffe(tmp_path)
    assert known_layers(str(prototxt)) == {}
    layers = tiny.layers()
    keep_layers(str(prototxt), layers)
    assert known_layers(str(prototxt)) == {one.name: one.level for one in layers}
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.suffix == ".part"]
    os.utime(prototxt, (1, 1))
    assert known_layers(str(prototxt)) == {}


def test_the_command_that_lists_layers_keeps_them(tmp_path, cache) -> None:
    files = write_caffe(tmp_path)
    added = dream("networks", "add", "mine", *files, "--mean", "1,2,3", cwd=tmp_path)
    assert added.returncode == 0, added.stderr
    kept = known_layers("mine")
    assert kept
    (kept_file,) = (cache / "layers").iterdir()
    kept_file.write_text("[1, 2")  # damaged
    assert known_layers("mine") == {}
    listed = dream("layers", "mine", cwd=tmp_path)
    assert (listed.returncode, known_layers("mine")) == (0, kept), listed.stderr


def test_the_labels_are_known_from_the_entry(tmp_path) -> None:
    files = write_caffe(tmp_path)
    (tmp_path / "labels.txt").write_text("ash\nelm\nfir\noak\n")
    facts = ["--mean", "1,2,3", "--labels", "labels.txt"]
    assert dream("networks", "add", "trees", *files, *facts, cwd=tmp_path).returncode == 0
    labels = known_labels("trees")
    assert labels is not None
    assert list(labels) == ["ash", "elm", "fir", "oak"]
    for name in ("efficientnet-lite0", "googlenet", "torchvision/resnet50"):
        known = known_labels(name)
        assert known is not None
        assert len(known) == 1000
    assert known_labels("timm/vit") is None
    assert known_labels(str(files[0])) is None
