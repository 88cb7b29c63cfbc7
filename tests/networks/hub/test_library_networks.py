"""Short names of networks whose weights torchvision, timm or open_clip downloads into its own cache."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

pytest.importorskip("timm", reason="needs inceptionism[networks]")

import open_clip
import timm
from huggingface_hub import constants
from safetensors.torch import save_file
from torchvision import models

import inceptionism as inc
from inceptionism.errors import CannotDownload
from inceptionism.networks.hub import fetch_from_library, known_entries, known_layers, registry
from tests.support.clip_networks import register
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
    module = without_weights(library, model)
    assert {*entry.recommended, entry.default_layer} <= {part for part, _ in module.named_modules()}
    size = sum(value.numel() * value.element_size() for value in module.state_dict().values())
    assert entry.weights_size == pytest.approx(size, rel=0.01)
    architecture, _, tag = model.partition(".")
    if library == "timm":
        assert entry.license.lower() == timm.get_pretrained_cfg(model).license
    elif library == "open_clip":
        assert tag in open_clip.list_pretrained_tags_by_model(architecture)
    else:
        assert tag in models.get_model_weights(architecture).__members__


def without_weights(library: str, model: str) -> torch.nn.Module:
    architecture = model.partition(".")[0]
    with torch.device("meta"):
        if library == "timm":
            return timm.create_model(model)
        if library == "torchvision":
            return models.get_model(architecture)
        config = open_clip.get_model_config(architecture)
        return open_clip.CLIP(config["embed_dim"], config["vision_cfg"], config["text_cfg"])


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


def test_clip_comes_from_the_cache_of_the_hugging_face_hub_and_reads_sentences(caches, monkeypatch) -> None:
    model = register(caches, "tiny-openai", quick_gelu=True)
    published = {**open_clip.get_pretrained_cfg("ViT-B-32", "openai"), "hf_hub": "nobody/tiny/"}
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, "tiny-openai", {"openai": published})
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(caches / "hub"))
    small = {"architecture": "open_clip/tiny-openai.openai", "size": 64, "recommended": None, "default_layer": None}
    entry = replace(known_entries()["clip-vit-b-32"], name="small-clip", **small)
    with pytest.raises(CannotDownload, match=r"huggingface\.co/nobody/tiny/.*add it: dream networks add NAME FILE"):
        fetch_from_library(entry)
    folder = caches / "hub" / "models--nobody--tiny"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    path = folder / "snapshots" / "abc" / "open_clip_model.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    assert fetch_from_library(entry) == path
    network = inc.load_network("small-clip")
    assert (network.name, network.license, network.labels) == ("small-clip", "MIT", None)
    with torch.no_grad():
        sentence = model.encode_text(open_clip.get_tokenizer("tiny-openai")(["a red barn"]), normalize=True)[0]
    torch.testing.assert_close(network.text_tower("a red barn"), sentence, rtol=1e-5, atol=1e-6)
