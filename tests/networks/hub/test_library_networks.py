"""Short names of networks whose weights torchvision or timm downloads into its own cache."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

pytest.importorskip("timm", reason="needs inceptionism[networks]")

import timm
from torchvision import models

import inceptionism as inc
from inceptionism.networks.hub import known_entries, known_layers, registry
from tests.support.command import dream, refused
from tests.support.tiny_networks import randomize
from tests.support.torchvision_operators import OPERATORS  # noqa: F401


@pytest.fixture
def caches(tmp_path, monkeypatch) -> Path:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    registry.from_entry.cache_clear()
    return tmp_path


@pytest.mark.filterwarnings("ignore:The default weight initialization of inception_v3")
@pytest.mark.parametrize("name", [name for name, entry in known_entries().items() if entry.library])
def test_the_layers_and_the_size_are_those_of_the_network_of_the_library(name: str) -> None:
    entry = known_entries()[name]
    library, _, model = entry.architecture.partition("/")
    with torch.device("meta"):
        module = timm.create_model(model) if library == "timm" else models.get_model(model.partition(".")[0])
    assert {*entry.recommended, entry.default_layer} <= {part for part, _ in module.named_modules()}
    size = sum(value.numel() * value.element_size() for value in module.state_dict().values())
    assert entry.weights_size == pytest.approx(size, rel=0.01)
    if library == "timm":
        assert entry.license.lower() == timm.get_pretrained_cfg(model).license
    else:
        assert model.partition(".")[2] in models.get_model_weights(model.partition(".")[0]).__members__


def test_a_short_name_stands_for_the_network_of_the_library(caches) -> None:
    path = caches / "torch" / "hub" / "checkpoints" / "resnet50-0676ba61.pth"
    path.parent.mkdir(parents=True)
    torch.save(randomize(models.resnet50(weights=None)).state_dict(), path)
    done = dream("networks", "get", "resnet50", cwd=caches)
    assert (done.returncode, done.stdout) == (0, f"{path}\n"), done.stderr
    assert done.stderr == "note: resnet50: 103 MB, from torchvision, license: BSD-3-Clause\n"
    assert "resnet50            ready" in dream("networks", cwd=caches).stdout
    network = inc.load_network("resnet50")
    assert (network.name, network.license, network.labels[954]) == ("resnet50", "BSD-3-Clause", "banana")
    assert network.recommended == [*known_entries()["resnet50"].recommended]
    assert {*network.recommended} <= {*known_layers("resnet50")}


def test_weights_that_cannot_be_downloaded_leave_the_network_as_it_was(caches) -> None:
    url = "https://download.pytorch.org/models/resnet50-0676ba61.pth"
    done = dream("networks", "get", "resnet50", "--quiet", cwd=caches)
    refused(done, f"could not be downloaded from {url}: .*; if you have them in a file, add it: dream networks add", 1)
    assert "resnet50            to get, 103 MB" in dream("networks", cwd=caches).stdout
