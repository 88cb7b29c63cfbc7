"""Networks of open_clip, compared with open_clip's own code. All weights are random, because none can be had here."""

from __future__ import annotations

import copy
import sys
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import save_file

import inceptionism as inc
from inceptionism.errors import CannotDownload, InvalidSetting, UnknownName
from inceptionism.networks.loaders import optional
from inceptionism.networks.loaders.open_clip import load
from tests.support.clip_networks import NAME, normalized, register, saved

PICTURE = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(3))


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Any:
    return register(tmp_path_factory.mktemp("config"))


@pytest.fixture(scope="module")
def checkpoint(model, tmp_path_factory) -> Path:
    return saved(model, tmp_path_factory.mktemp("weights") / "clip.pt")


@pytest.fixture(scope="module")
def network(checkpoint) -> inc.Network:
    return load(f"open_clip/{NAME}", checkpoint)


def assert_same_embeddings(network: inc.Network, model: Any, picture: torch.Tensor = PICTURE) -> None:
    with torch.no_grad():
        expected = model.encode_image(normalized(picture))
        sentence = model.encode_text(open_clip.get_tokenizer(NAME)(["a red barn, at dusk"]), normalize=True)[0]
    actual = network.activations(picture, ["logits"])["logits"]
    torch.testing.assert_close(actual, expected, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(network.text_tower("a red barn, at dusk"), sentence, rtol=1e-5, atol=1e-6)


def test_embeddings_are_those_of_open_clip(network, model, checkpoint) -> None:
    assert_same_embeddings(network, model)
    assert (network.size, network.labels, network.classes, network.channels("logits")) == ((64, 64), None, 0, 24)
    assert network.origin == str(checkpoint)
    assert network.notes == ()


@pytest.mark.parametrize(
    ("name", "settings"),
    [
        ("tiny-resnet", {"layers": [1, 1, 1, 1], "width": 8, "head_width": 8}),
        ("tiny-pooled", {"attentional_pool": True, "attn_pooler_heads": 2, "output_tokens": True}),
        ("tiny-gelu", {"quick_gelu": True, "custom_text": True, "pool_type": "avg", "no_ln_pre": True}),
    ],
)
def test_other_towers_have_the_embeddings_of_open_clip(name: str, settings: dict, tmp_path) -> None:
    model = register(tmp_path, name, **settings)
    path = tmp_path / "weights.safetensors"
    save_file({key: value.contiguous() for key, value in model.state_dict().items()}, path)
    visual = model.visual(normalized(PICTURE))
    network = load(f"open_clip/{name}", path)
    expected = visual if isinstance(visual, torch.Tensor) else visual[0]
    torch.testing.assert_close(network.activations(PICTURE, ["logits"])["logits"], expected, rtol=1e-4, atol=1e-4)
    assert network.activations(torch.rand(1, 3, 75, 129), ["logits"])["logits"].shape == (1, 24)


def test_older_files_have_another_name_for_the_text_tower(model, checkpoint, tmp_path) -> None:
    register(tmp_path, "tiny-custom", custom_text=True)
    assert_same_embeddings(load("open_clip/tiny-custom", checkpoint), model)


def test_position_embeddings_are_resampled_as_by_open_clip(network, checkpoint) -> None:
    larger = open_clip.create_model(NAME, pretrained=str(checkpoint), force_image_size=(80, 112)).eval()
    picture = torch.rand(1, 3, 80, 112, generator=torch.Generator().manual_seed(4))
    assert_same_embeddings(network, larger, picture)
    cropped = network.activations(picture[..., :75, :101], ["logits"])["logits"]  # padded to whole patches
    assert cropped.shape == (1, 24)


@pytest.mark.parametrize("size", [(64, 64), (80, 112)])
def test_blocks_are_maps_and_have_a_class_token(network, model, checkpoint, size: tuple[int, int]) -> None:
    """The maps are compared with those of open_clip's own `forward_intermediates`."""
    whole = open_clip.create_model(NAME, pretrained=str(checkpoint), force_image_size=size).eval()
    picture = torch.rand(2, 3, *size, generator=torch.Generator().manual_seed(5))
    with torch.no_grad():
        outputs = whole.visual.forward_intermediates(normalized(picture), output_extra_tokens=True)
    names = [f"visual.transformer.resblocks.{index}" for index in range(5)]
    listed = [layer.name for layer in network.layers() if "resblocks" in layer.name]
    assert listed == names
    actual = network.activations(picture, [*names, *(f"{name}@class" for name in names)])
    for index, name in enumerate(names):
        torch.testing.assert_close(actual[name], outputs["image_intermediates"][index], rtol=1e-4, atol=1e-4)
        token = outputs["image_intermediates_prefix"][index][:, 0]
        torch.testing.assert_close(actual[f"{name}@class"], token, rtol=1e-4, atol=1e-4)


def test_normalization_is_that_of_the_published_weights(model, checkpoint, monkeypatch) -> None:
    published = {
        "first": {"mean": (0.5, 0.5, 0.5), "std": (0.5, 0.5, 0.5), "hf_hub": "nobody/first/"},
        "second": {"mean": (0.1, 0.2, 0.3), "std": (0.4, 0.5, 0.6), "quick_gelu": True},
    }
    monkeypatch.setitem(open_clip.pretrained._PRETRAINED, NAME, published)
    expected = {"": open_clip.OPENAI_DATASET_MEAN, ".first": (0.5, 0.5, 0.5), ".second": (0.1, 0.2, 0.3)}
    for tag, mean in expected.items():
        network = load(f"open_clip/{NAME}{tag}", checkpoint)
        black = network._format.normalize(torch.zeros(1, 3, 1, 1), torch.float32).flatten()
        std = published[tag[1:]]["std"] if tag else open_clip.OPENAI_DATASET_STD
        torch.testing.assert_close(black, -torch.tensor(mean) / torch.tensor(std))
    fast = network.activations(PICTURE, ["visual.transformer.resblocks.0.mlp.gelu"]).values()
    raw = network.activations(PICTURE, ["visual.transformer.resblocks.0.mlp.c_fc"]).values()
    for gelu, x in zip(fast, raw, strict=True):
        torch.testing.assert_close(gelu, x * torch.sigmoid(1.702 * x))
    with pytest.raises(UnknownName, match=r"several weights for tiny-clip; give .* where TAG is first, second; or add"):
        load(f"open_clip/{NAME}")
    with pytest.raises(UnknownName, match="did you mean second"):
        load(f"open_clip/{NAME}.secnd", checkpoint)


def test_weights_that_are_not_in_the_cache_need_the_internet(monkeypatch, tmp_path) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(CannotDownload, match=r"--architecture open_clip/ViT-B-32\.openai"):
        load("open_clip/ViT-B-32.openai")


def test_wrong_names_and_files_are_explained(checkpoint, tmp_path) -> None:
    with pytest.raises(UnknownName, match="open_clip has no network 'ViT-B-23'; did you mean ViT-B-32"):
        load("open_clip/ViT-B-23", checkpoint)
    with pytest.raises(UnknownName, match=f"no weights for {NAME}; add a file of weights: dream networks add"):
        load(f"open_clip/{NAME}")
    torch.save({"visual.proj": torch.zeros(2, 2)}, tmp_path / "other.pt")
    with pytest.raises(InvalidSetting, match=rf"other.pt does not fit open_clip/{NAME}: missing: "):
        load(f"open_clip/{NAME}", tmp_path / "other.pt")
    (tmp_path / "bad.pt").write_bytes(checkpoint.read_bytes()[:5000])
    with pytest.raises(InvalidSetting, match=r"bad\.pt is damaged"):
        load(f"open_clip/{NAME}", tmp_path / "bad.pt")


def test_sentences_must_fit_into_the_context(network) -> None:
    assert network.text_tower("word " * 18).shape == (24,)  # two more tokens mark the beginning and the end
    with pytest.raises(InvalidSetting, match=f"is too long: open_clip/{NAME} reads at most 20 tokens"):
        network.text_tower("word " * 19)
    for empty in ("", " \t"):
        with pytest.raises(InvalidSetting, match="a sentence must be a text that is not empty"):
            network.text_tower(empty)


def test_a_copy_on_another_device_keeps_the_text_tower(network) -> None:
    assert network.on(torch.device("meta")).text_tower is network.text_tower


def test_the_missing_library_is_named_with_its_extra(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "open_clip", None)
    with pytest.raises(
        InvalidSetting, match=r'open_clip_torch is not installed; .* pip install "inceptionism\[clip\]"'
    ):
        optional.import_library("open_clip", "clip")


def test_classes_have_no_meaning(network) -> None:
    for target in ("banana", 3):
        with pytest.raises(InvalidSetting, match=r"has no classes, .* describe the picture in a sentence: .*text\("):
            network.class_index(target)


def test_a_copy_of_a_network_sees_and_reads_the_same(tmp_path) -> None:
    network = load(f"open_clip/{NAME}", saved(register(tmp_path), tmp_path / "a.pt"))
    copied = copy.deepcopy(network)
    assert torch.equal(copied.text_tower("a cat"), network.text_tower("a cat"))
    embeddings = [one.activations(PICTURE, ["logits"])["logits"] for one in (network, copied)]
    assert torch.equal(*embeddings)
    assert copied.key == network.key
    for parameter in copied._plain.parameters():
        parameter.data.zero_()
    assert torch.equal(network.activations(PICTURE, ["logits"])["logits"], embeddings[0])
