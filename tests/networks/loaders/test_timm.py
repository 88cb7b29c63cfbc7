"""Networks of timm, compared with timm's own modules, with random weights."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from torch.nn import functional as F

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import CannotDownload, InvalidSetting, UnknownName
from inceptionism.networks.labels import imagenet_labels
from inceptionism.networks.loaders.any_size import accept_any_size
from inceptionism.networks.loaders.timm import labels_of, load
from tests.support.tiny_networks import randomize, tiny_module

SIZE = (97, 143)


def saved(folder: Path, module: nn.Module, name: str = "a.safetensors") -> Path:
    path = folder / name
    save_file(module.state_dict(), path) if path.suffix == ".safetensors" else torch.save(module.state_dict(), path)
    return path


@pytest.fixture(scope="module")
def vit(tmp_path_factory) -> inc.Network:
    """A vision transformer of six blocks, for pictures of 160×160 pixels."""
    return load("timm/test_vit", saved(tmp_path_factory.mktemp("vit"), randomize(timm.create_model("test_vit"))))


def normalized(picture: Tensor, network: inc.Network, multiple: int = 1) -> Tensor:
    """Return the picture, normalized as by timm's own transforms. Its sides are padded to multiples of `multiple`."""
    cfg = timm.get_pretrained_cfg(network.name.removeprefix("timm/"))
    pixels = (picture - torch.tensor(cfg.mean).view(3, 1, 1)) / torch.tensor(cfg.std).view(3, 1, 1)
    return F.pad(pixels, (0, -picture.shape[-1] % multiple, 0, -picture.shape[-2] % multiple))


def layer_output(module: nn.Module, layer: str, x: Tensor) -> Tensor:
    outputs: list[Tensor] = []
    handle = module.get_submodule(layer).register_forward_hook(lambda m, i, output: outputs.append(output))
    module(x)
    handle.remove()
    return outputs[0]


@pytest.mark.parametrize(
    ("name", "ending"),
    [
        ("test_vit", ".pth"),
        ("test_vit.r160_in1k", ".safetensors"),
        ("test_resnet", ".pth"),
        ("test_efficientnet", ".safetensors"),
        ("test_convnext", ".safetensors"),
    ],
)
def test_logits_and_settings_are_those_of_timm(tmp_path, name: str, ending: str) -> None:
    module = randomize(timm.create_model(name.partition(".")[0]))
    network = load(f"timm/{name}", saved(tmp_path, module, f"a{ending}"))
    cfg = timm.get_pretrained_cfg(name)
    assert network.size == cfg.input_size[1:]
    picture = torch.rand(2, 3, *network.size)
    logits = network.activations(picture, ["logits"])["logits"]
    with torch.no_grad():
        torch.testing.assert_close(logits, module(normalized(picture, network)), rtol=1e-4, atol=1e-4)
    assert network.labels is imagenet_labels()
    tagged = "." in name
    assert network.license == (cfg.license if tagged else None)
    assert network.origin == (cfg.hf_hub_id if tagged else str(tmp_path / f"a{ending}"))


@pytest.mark.parametrize(
    ("name", "options", "layer", "prefix"),
    [
        ("vit_tiny_patch16_224", {}, "blocks.1", 1),
        ("vit_tiny_patch16_224", {"class_token": False, "global_pool": "avg"}, "blocks.1", 0),
        ("deit_tiny_distilled_patch16_224", {}, "blocks.0.mlp", 2),
        ("vit_small_patch14_reg4_dinov2", {"img_size": 98}, "blocks.1", 5),
        ("eva02_tiny_patch14_224", {}, "blocks.1.norm1", 1),
        ("vit_small_patch16_dinov3", {}, "norm", 5),
    ],
)
def test_tokens_of_transformers_become_maps(name: str, options: dict, layer: str, prefix: int) -> None:
    options = {"depth": 2, "num_classes": 3, "dynamic_img_size": True, "dynamic_img_pad": True, **options}
    module = randomize(timm.create_model(name, **options))
    patch = module.patch_embed.patch_size[0]
    network = inc.Network(module, size=4 * patch)
    picture = torch.rand(1, 3, *SIZE)
    height, width = -(-SIZE[0] // patch), -(-SIZE[1] // patch)
    values = network.activations(picture, [layer])[layer]
    with torch.no_grad():
        tokens = layer_output(module, layer, picture)[:, prefix:]
    expected = tokens.reshape(1, height, width, -1).permute(0, 3, 1, 2)
    torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-4)
    (listed,) = [candidate for candidate in network.layers(SIZE, all=True) if candidate.name == layer]
    assert (listed.channels, listed.height, listed.width) == tuple(values.shape[1:])
    assert listed.stride == patch


def swin() -> nn.Module:
    options = {"depths": (1, 1, 2, 1), "embed_dim": 24, "num_heads": (1, 2, 4, 8), "img_size": 96, "window_size": 3}
    return randomize(timm.create_model("swin_tiny_patch4_window7_224", strict_img_size=False, **options))


def test_maps_with_channels_last_are_permuted() -> None:
    module = swin()
    network = inc.Network(module, size=96)
    picture = torch.rand(1, 3, 100, 144)
    activations = network.activations(picture, ["layers.0.blocks.0", "layers.2.blocks.1"])
    with torch.no_grad():
        for name, values in activations.items():
            expected = layer_output(module, name, picture).permute(0, 3, 1, 2)
            torch.testing.assert_close(values, expected, rtol=1e-4, atol=1e-4)
    assert [layer.name for layer in network.layers((100, 144))] == [
        "patch_embed", "layers.0.blocks.0", "layers.1.blocks.0", "layers.2.blocks.0", "layers.2.blocks.1",
        "layers.3.blocks.0",
    ]  # fmt: skip
    assert network.default_layer == "layers.2.blocks.1"


def test_pictures_are_padded_to_sizes_that_a_network_accepts() -> None:
    """Swin accepts only multiples of its patches, whatever its options."""
    module = swin()
    picture = torch.rand(1, 3, *SIZE)
    with torch.no_grad(), pytest.raises(AssertionError):
        module(picture)
    with torch.no_grad():
        expected = module(F.pad(picture, (0, 1, 0, 3)))
    accept_any_size(module, (96, 96))
    network = inc.Network(module, size=96)
    activations = network.activations(picture, ["layers.0.blocks.0", "logits"])
    torch.testing.assert_close(activations["logits"], expected, rtol=1e-4, atol=1e-4)
    assert activations["layers.0.blocks.0"].shape == (1, 24, 25, 36)


def test_vision_transformers_accept_pictures_of_any_size(vit) -> None:
    module = timm.create_model("test_vit", dynamic_img_size=True, dynamic_img_pad=True).eval()
    module.load_state_dict(vit._plain.state_dict())
    picture = torch.rand(1, 3, *SIZE)
    activations = vit.activations(picture, ["blocks.4", "logits"])
    with torch.no_grad():
        x = normalized(picture, vit)
        torch.testing.assert_close(activations["logits"], module(x), rtol=1e-4, atol=1e-4)
        tokens = layer_output(module, "blocks.4", x)[:, 1:]
    torch.testing.assert_close(activations["blocks.4"], tokens.mT.reshape(1, 64, 7, 9), rtol=1e-4, atol=1e-4)


def test_a_network_for_one_size_refuses_other_sizes(tmp_path) -> None:
    network = load("timm/test_vit_relpos", saved(tmp_path, randomize(timm.create_model("test_vit_relpos"))))
    with pytest.raises(
        InvalidSetting, match=r"picture of 97×143 pixels: Input height \(97\) doesn't match model \(160\)"
    ):
        network.activations(torch.rand(1, 3, *SIZE), ["blocks.1"])
    assert network.activations(torch.rand(1, 3, 160, 160), ["blocks.1"])["blocks.1"].shape[-2:] == (10, 10)


@pytest.mark.parametrize("layer", ["blocks.3", "logits"])
def test_gradients_agree_with_finite_differences(vit, layer: str) -> None:
    generator = torch.Generator().manual_seed(0)
    picture = torch.rand(1, 3, 40, 56, generator=generator)
    objective = objectives.logit(7) if layer == "logits" else objectives.channel(layer, 11)

    def score(picture: Tensor) -> Tensor:
        return objective(vit.activations(picture, [layer])).sum()

    leaf = picture.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(score(leaf), leaf)
    for _ in range(3):
        direction = torch.randn(picture.shape, generator=generator)
        with torch.no_grad():
            slope = (score(picture + 2e-3 * direction) - score(picture - 2e-3 * direction)) / 4e-3
        torch.testing.assert_close((gradient * direction).sum(), slope, rtol=0.02, atol=0.02 * gradient.norm().item())


def test_activations_of_a_transformer_in_bf16_are_nearly_the_same(vit) -> None:
    picture = torch.rand(1, 3, *SIZE)
    full = vit.activations(picture, ["blocks.4"])["blocks.4"]
    leaf = picture.clone().requires_grad_()
    half = vit.activations(leaf, ["blocks.4"], torch.bfloat16)["blocks.4"]
    assert F.cosine_similarity(half.flatten(), full.flatten(), 0) > 0.995
    half.square().sum().backward()
    assert leaf.grad.isfinite().all()
    assert leaf.grad.abs().max() > 0


@pytest.mark.parametrize("precision", ["auto", "bf16"])
def test_a_photograph_is_dreamed(vit, photo, precision: str) -> None:
    odd = np.resize(photo, (*SIZE, 3))
    result = inc.dream(odd, network=vit, octaves=2, octave_scale=1.4, steps=2, prior="none", precision=precision)
    assert result.image.size == SIZE[::-1]
    assert result.recipe.layer[0].name == vit.default_layer == "blocks.4"
    assert np.abs(np.asarray(result.image).astype(int) - odd).mean() > 0.5
    assert result.scores[1] > result.scores[0]


def test_a_class_is_visualized(vit) -> None:
    result = inc.visualize(0, network=vit, size=64, steps=2)
    assert result.recipe.label == "tench"
    assert result.scores[1] != result.scores[0]


def test_the_listed_layers_of_a_transformer_are_its_blocks(vit) -> None:
    layers = vit.layers(SIZE)
    assert [layer.name for layer in layers] == ["patch_embed", *(f"blocks.{index}" for index in range(6))]
    assert {(layer.height, layer.width, layer.stride) for layer in layers} == {(7, 9, 16)}
    assert list(dict.fromkeys(layer.level for layer in layers)) == ["edges", "textures", "patterns", "parts", "objects"]
    assert vit.recommended == ["blocks.0", "blocks.1", "blocks.3", "blocks.4", "blocks.5"]
    assert vit.default_layer == "blocks.4"


@pytest.mark.parametrize("name", ["test_resnet", "test_vit", "test_convnext"])
def test_the_number_of_classes_comes_from_the_file(tmp_path, name: str) -> None:
    module = randomize(timm.create_model(name, num_classes=7))
    network = load(f"timm/{name}", saved(tmp_path, module))
    assert network.classes == 7
    assert network.labels is None
    picture = torch.rand(1, 3, 160, 160)
    with torch.no_grad():
        expected = module(normalized(picture, network))
    torch.testing.assert_close(network.activations(picture, ["logits"])["logits"], expected, rtol=1e-4, atol=1e-4)


def test_larger_versions_of_imagenet_have_labels() -> None:
    labels = labels_of(21843)
    assert len(labels) == 21843
    assert labels[labels.index("n07753592")] == "banana"
    assert labels_of(1000) is imagenet_labels()
    assert labels_of(17) is None


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("test_vit", "missing"),
        ("test_vit", "unknown"),
        ("test_vit", "shape"),
        ("dla46_c", "missing"),
        ("dla46_c", "shape"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, name: str, change: str) -> None:
    """For DLA, timm itself accepts a file that lacks weights, and these weights stay random."""
    state = timm.create_model(name).state_dict()
    matrices = [key for key, value in state.items() if value.ndim > 1]
    if change == "missing":
        del state[matrices[1]]
    elif change == "unknown":
        state["new"] = torch.zeros(3)
    else:
        state[matrices[-1]] = torch.zeros(3, 4)
    torch.save(state, tmp_path / "a.pth")
    problems = {
        "missing": f"missing: {matrices[1]}",
        "unknown": "unknown: new",
        "shape": f"{matrices[-1]} \\(3×4, not",
    }
    with pytest.raises(InvalidSetting, match=rf"a\.pth does not fit timm/{name}: .*{problems[change]}"):
        load(f"timm/{name}", tmp_path / "a.pth")


@pytest.mark.parametrize("name", ["test_vit", "test_convnext", "dla46_c"])
def test_weights_of_another_network_are_refused(tmp_path, name: str) -> None:
    torch.save(tiny_module().state_dict(), tmp_path / "a.pth")
    with pytest.raises(InvalidSetting, match=rf"a\.pth does not fit timm/{name}: "):
        load(f"timm/{name}", tmp_path / "a.pth")


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("resnet51", r"timm has no network 'resnet51'; did you mean .*resnet50"),
        ("zzzz", r"timm has no network 'zzzz'; https://huggingface\.co/timm lists them"),
        ("", r"timm has no network ''"),
        ("resnet18.a1_in2k", r"timm's resnet18 has no weights 'a1_in2k'; did you mean a1_in1k"),
        ("resnet18.zzzz", r"timm's resnet18 has no weights 'zzzz'; it has a1_in1k, "),
    ],
)
def test_unknown_names_get_suggestions(name: str, message: str) -> None:
    with pytest.raises(UnknownName, match=message):
        load(f"timm/{name}")


def test_a_network_without_weights_in_timm_needs_a_file() -> None:
    name = next(model for model in timm.list_models("vit_*") if not timm.get_pretrained_cfg(model).has_weights)
    with pytest.raises(
        UnknownName, match=f"timm has no weights for timm/{name} that can be downloaded; add a file of weights"
    ):
        load(f"timm/{name}")


@pytest.fixture
def offline(tmp_path, monkeypatch) -> None:
    from huggingface_hub import constants

    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))


def test_a_download_without_internet_is_an_error(offline) -> None:
    with pytest.raises(CannotDownload) as caught:
        load("timm/test_vit")
    assert "the weights of timm/test_vit could not be downloaded from https://huggingface.co/timm/test_vit" in str(
        caught.value
    )
    assert "add it: dream networks add NAME FILE --architecture timm/test_vit" in str(caught.value)


def test_cached_weights_need_no_internet(offline, tmp_path) -> None:
    module = randomize(timm.create_model("test_vit"))
    cfg = timm.get_pretrained_cfg("test_vit")
    folder = tmp_path / f"models--{cfg.hf_hub_id.replace('/', '--')}"
    (folder / "snapshots" / "abc").mkdir(parents=True)
    (folder / "refs").mkdir()
    (folder / "refs" / "main").write_text("abc")
    saved(folder / "snapshots" / "abc", module, "model.safetensors")
    network = load("timm/test_vit")
    torch.testing.assert_close(network._plain.state_dict()["head.weight"], module.head.weight.detach())
    assert (network.license, network.origin) == (cfg.license, cfg.hf_hub_id)


def test_a_missing_timm_is_reported_with_the_command_to_install_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(
        InvalidSetting, match=r'timm is not installed; install it with: pip install "inceptionism\[networks\]"'
    ):
        load("timm/resnet50")


@pytest.mark.parametrize(
    ("name", "first", "last", "rows", "default"),
    [
        ("resnet50", "conv1", "layer4.2", 18, "layer3.5"),
        ("convnext_atto", "stem", "stages.3.blocks.1", 13, "stages.2.blocks.5"),
        ("mobilenetv3_large_100", "conv_stem", "blocks.6", 18, "blocks.4.1"),
    ],
)
def test_the_listed_layers_are_blocks(name: str, first: str, last: str, rows: int, default: str) -> None:
    network = inc.Network(timm.create_model(name), size=96)
    layers = network.layers()
    assert (layers[0].name, layers[-1].name, len(layers)) == (first, last, rows)
    assert network.default_layer == default
    assert 4 <= len(network.recommended) <= 6
    assert next(layer.level for layer in layers if layer.name == default) == "parts"


def test_a_gray_network_that_needs_whole_patches_gets_padded_pictures() -> None:
    module = torch.nn.Sequential(torch.nn.PixelUnshuffle(4), torch.nn.Conv2d(16, 5, 1)).eval()
    accept_any_size(module, (32, 32), 1)
    picture = torch.rand(1, 1, 30, 41)
    padded = torch.nn.functional.pad(picture, (0, 3, 0, 2))
    torch.testing.assert_close(module(picture), module[1](module[0](padded)))
