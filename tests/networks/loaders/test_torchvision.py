"""Networks of torchvision, compared with torchvision's own modules, with random weights."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torchvision import models
from torchvision.models.vision_transformer import VisionTransformer, interpolate_embeddings

import inceptionism as inc
from inceptionism.errors import CannotDownload, InvalidSetting, UnknownName
from inceptionism.networks.labels import imagenet_labels, normalize_name
from inceptionism.networks.loaders.any_size import AnySizeTransformer
from inceptionism.networks.loaders.torchvision import load
from tests.support.tiny_networks import randomize
from tests.support.torchvision_operators import OPERATORS

MEAN_AND_STD = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1), torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)


def saved(folder: Path, module: nn.Module) -> Path:
    torch.save(module.state_dict(), folder / "a.pth")
    return folder / "a.pth"


def normalized(picture: Tensor) -> Tensor:
    mean, std = MEAN_AND_STD
    return (picture - mean) / std


def check_same(network: inc.Network, module: nn.Module, picture: Tensor) -> None:
    logits = network.activations(picture, ["logits"])["logits"]
    with torch.no_grad():
        torch.testing.assert_close(logits, module(normalized(picture)), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(
    "name", ["mobilenet_v3_small", "squeezenet1_1", "shufflenet_v2_x0_5", "regnet_y_400mf", "mnasnet0_5"]
)
def test_logits_and_settings_are_those_of_torchvision(tmp_path, name: str) -> None:
    module = randomize(models.get_model(name, weights=None))
    network = load(f"torchvision/{name}", saved(tmp_path, module))
    check_same(network, module, torch.rand(2, 3, 97, 143))
    assert network.size == (224, 224)
    assert network.labels is imagenet_labels()
    assert network.name == f"torchvision/{name}"
    assert (network.license, network.origin) == (None, str(tmp_path / "a.pth"))


@pytest.mark.parametrize("auxiliary", [False, True])
def test_googlenet_gets_the_pixels_that_its_weights_need(tmp_path, auxiliary: bool) -> None:
    module = models.googlenet(weights=None, aux_logits=auxiliary, transform_input=True, init_weights=False)
    randomize(module)
    network = load("torchvision/googlenet", saved(tmp_path, module))
    check_same(network, module, torch.rand(1, 3, 97, 143))
    assert network.default_layer == "inception4e"
    layers = network.layers()
    assert [layer.name for layer in layers] == ["conv1", "conv2", "conv3", *(f"inception{block}" for block in BLOCKS)]
    assert network.recommended == ["conv1", "conv3", "inception3b", "inception4e", "inception5b"]


BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")


def test_the_number_of_classes_comes_from_the_file(tmp_path) -> None:
    module = randomize(models.mobilenet_v3_small(weights=None, num_classes=5))
    network = load("torchvision/mobilenet_v3_small", saved(tmp_path, module))
    assert network.classes == 5
    assert network.labels is None
    check_same(network, module, torch.rand(1, 3, 64, 64))


def test_the_categories_of_torchvision_are_the_classes_of_imagenet() -> None:
    categories = models.MobileNet_V3_Small_Weights.DEFAULT.meta["categories"]
    known = imagenet_labels()
    for index, category in enumerate(categories):
        first = category.split()[0] if index in (134, 639) else category  # two names have an additional word
        assert any(normalize_name(first) in normalize_name(name) for name in known.names[index])


def transformer(**options: int) -> VisionTransformer:
    settings = {"image_size": 32, "patch_size": 8, "num_layers": 2, "num_heads": 2, "hidden_dim": 16, "mlp_dim": 24}
    return randomize(VisionTransformer(**{**settings, "num_classes": 5, **options}))


def test_a_transformer_at_the_trained_size_is_unchanged() -> None:
    module = transformer()
    picture = torch.rand(2, 3, 32, 32)
    with torch.no_grad():
        torch.testing.assert_close(AnySizeTransformer(module)(picture), module(picture))
    assert AnySizeTransformer(module).state_dict().keys() == module.state_dict().keys()


def test_position_embeddings_are_resampled_as_in_torchvision() -> None:
    module = transformer()
    larger = transformer(image_size=56)
    larger.load_state_dict(interpolate_embeddings(56, 8, module.state_dict()))
    picture = torch.rand(1, 3, 56, 56)
    with torch.no_grad():
        torch.testing.assert_close(AnySizeTransformer(module)(picture), larger(picture), rtol=1e-4, atol=1e-5)


def test_tokens_of_a_transformer_become_maps() -> None:
    module = AnySizeTransformer(transformer())
    network = inc.Network(module, size=32)
    picture = torch.rand(1, 3, 43, 61)
    layer = "encoder.layers.encoder_layer_0"
    activations = network.activations(picture, [layer, "encoder.ln", "conv_proj"])
    with torch.no_grad():
        padded = F.pad(picture, (0, 3, 0, 5))
        tokens = module.conv_proj(padded).flatten(2).mT
        tokens = torch.cat([module.class_token, tokens], 1) + module._positions(6, 8)
        tokens = module.encoder.layers[0](tokens)
    torch.testing.assert_close(
        activations[layer], tokens[:, 1:].reshape(1, 6, 8, 16).permute(0, 3, 1, 2), rtol=1e-4, atol=1e-5
    )
    assert activations["encoder.ln"].shape == activations["conv_proj"].shape == (1, 16, 6, 8)
    assert [listed.name for listed in network.layers()] == ["conv_proj", layer, "encoder.layers.encoder_layer_1"]


def test_the_size_of_a_transformer_comes_from_its_file(tmp_path) -> None:
    """A transformer that was trained at 384 pixels has more position embeddings.

    Each tensor of the file repeats one number, so that the test is fast.
    """
    with torch.device("meta"):
        module = models.vit_b_32(weights=None, image_size=384, num_classes=3)
    state = {name: torch.zeros(1).expand(value.shape) for name, value in module.state_dict().items()}
    torch.save(state, tmp_path / "a.pth")
    network = load("torchvision/vit_b_32", tmp_path / "a.pth")
    assert network.size == (384, 384)
    assert network.classes == 3
    assert isinstance(network._plain, AnySizeTransformer)
    assert network.activations(torch.rand(1, 3, 50, 70), ["conv_proj"])["conv_proj"].shape[-2:] == (2, 3)


def test_maps_with_channels_last_are_permuted() -> None:
    module = randomize(
        models.SwinTransformer([4, 4], 24, depths=[1, 2], num_heads=[1, 2], window_size=[3, 3], num_classes=4)
    )
    network = inc.Network(module, size=64)
    picture = torch.rand(1, 3, 43, 61)
    activations = network.activations(picture, ["features.0", "features.2", "features.3.1"])
    x = picture
    with torch.no_grad():
        for index, part in enumerate(module.features):
            x = part(x)
            name = {0: "features.0", 2: "features.2", 3: "features.3.1"}.get(index)
            if name is not None:
                torch.testing.assert_close(activations[name], x.permute(0, 3, 1, 2), rtol=1e-4, atol=1e-5)
    listed = {layer.name: (layer.channels, layer.height, layer.width) for layer in network.layers((43, 61))}
    assert list(listed) == ["features.0", "features.1.0", "features.2", "features.3.0", "features.3.1"]
    assert listed["features.3.1"] == (48, 5, 8) == tuple(activations["features.3.1"].shape[1:])


@pytest.mark.parametrize(
    ("name", "first", "last", "rows", "default"),
    [
        ("resnet50", "conv1", "layer4.2", 18, "layer3.5"),
        ("alexnet", "features.0", "features.11", 10, "features.11"),
        ("mobilenet_v2", "features.0", "features.18", 19, "features.13"),
        ("mobilenet_v3_large", "features.0", "features.16", 17, "features.12"),
        ("densenet121", "features.conv0", "features.denseblock4", 9, "features.denseblock3"),
        ("mnasnet0_5", "layers.0", "layers.16", 23, "layers.11.1"),
    ],
)
def test_the_listed_layers_are_blocks(name: str, first: str, last: str, rows: int, default: str) -> None:
    network = inc.Network(models.get_model(name, weights=None), size=96)
    layers = network.layers()
    assert (layers[0].name, layers[-1].name, len(layers)) == (first, last, rows)
    assert network.default_layer == default
    assert 3 <= len(network.recommended) <= 6
    assert next(layer.level for layer in layers if layer.name == default) == "parts"
    assert len(network.layers(all=True)) > rows


def test_weights_that_do_not_fit_are_refused(tmp_path) -> None:
    state = models.squeezenet1_1(weights=None).state_dict()
    state["new.weight"] = state.pop("features.0.weight")
    state["features.3.squeeze.weight"] = torch.zeros(2, 2)
    torch.save(state, tmp_path / "a.pth")
    with pytest.raises(InvalidSetting) as caught:
        load("torchvision/squeezenet1_1", tmp_path / "a.pth")
    assert str(caught.value) == (
        f"{tmp_path / 'a.pth'} does not fit torchvision/squeezenet1_1: missing: features.0.weight; "
        "unknown: new.weight; of another shape: features.3.squeeze.weight (2×2, not 16×64×1×1)"
    )


@pytest.mark.parametrize(
    ("name", "error", "message"),
    [
        ("resnet51", UnknownName, "torchvision has no network 'resnet51'; did you mean .*resnet50"),
        ("zzzz", UnknownName, r"'zzzz'; https://pytorch\.org/vision/stable/models\.html lists them"),
        ("resnet50.V9", UnknownName, "torchvision's resnet50 has no weights 'V9'; it has IMAGENET1K_V1, IMAGENET1K_V2"),
        ("fcn_resnet50", InvalidSetting, "torchvision's fcn_resnet50 is not a classifier of pictures"),
        ("maskrcnn_resnet50_fpn", InvalidSetting, r"is not a classifier .* wrap the part .*inceptionism\.Network"),
        ("r3d_18", InvalidSetting, "is not a classifier"),
    ],
)
def test_unknown_names_and_other_tasks_are_refused(name: str, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load(f"torchvision/{name}")


@pytest.fixture
def offline(tmp_path, monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
        monkeypatch.delenv(name.upper(), raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def test_a_download_without_internet_is_an_error(offline) -> None:
    with pytest.raises(CannotDownload) as caught:
        load("torchvision/resnet50.IMAGENET1K_V1")
    url = "https://download.pytorch.org/models/resnet50-0676ba61.pth"
    message = str(caught.value)
    assert f"the weights of torchvision/resnet50.IMAGENET1K_V1 could not be downloaded from {url}: " in message
    assert "--architecture torchvision/resnet50.IMAGENET1K_V1" in message


def test_cached_weights_need_no_internet(offline, tmp_path) -> None:
    known = models.SqueezeNet1_1_Weights.DEFAULT
    module = randomize(models.squeezenet1_1(weights=None))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    saved(folder, module).rename(folder / Path(known.url).name)
    network = load("torchvision/squeezenet1_1")
    check_same(network, module, torch.rand(1, 3, 64, 64))
    assert network.origin == known.url
    (folder / Path(known.url).name).write_bytes(b"damaged")
    with pytest.raises(InvalidSetting, match="is damaged, or it is not a file of weights"):
        load("torchvision/squeezenet1_1")


def test_a_missing_torchvision_is_reported_with_the_command_to_install_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "torchvision.models", None)
    with pytest.raises(InvalidSetting, match=r'not installed; install it with: pip install "inceptionism\[networks\]"'):
        load("torchvision/resnet50")


@pytest.mark.skipif(OPERATORS is None, reason="needs a torchvision that does not fit torch, but the installed one fits")
def test_a_torchvision_that_does_not_fit_torch_is_reported() -> None:
    """The second import fails with the same message as the first.

    The test needs a new process, because this process has declared the operators that torchvision lacks.
    """
    program = """
from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders import timm, torchvision
for load, name in [(torchvision.load, "torchvision/resnet50"), (timm.load, "timm/resnet50")]:
    try:
        load(name)
    except InvalidSetting as error:
        print(error)
"""
    output = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout
    message = (
        f"torchvision {version('torchvision')} does not fit torch {torch.__version__}; install versions that belong "
        "together, see https://pytorch.org/get-started\n"
    )
    assert output == 2 * message
