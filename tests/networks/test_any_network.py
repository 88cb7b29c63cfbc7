"""Ten networks of many families: everything that works with one of them works with all of them."""

from __future__ import annotations

import importlib
from pathlib import Path

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism import objectives
from inceptionism.io.photos import load_photo
from inceptionism.networks.loaders import onnx
from inceptionism.networks.loaders.caffe import load as caffe
from inceptionism.networks.network import Network
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.recipes import Recipe
from inceptionism.runs.photo import PhotoRun
from inceptionism.runs.visualization import ClassRun
from tests.support.tiny_networks import randomize

NETWORKS = [
    "efficientnet-lite0",
    "caffe/squeezenet",
    "caffe/googlenet",
    "onnx/squeezenet",
    "torchvision/alexnet",
    "torchvision/resnet18",
    "torchvision/mobilenet_v2",
    "timm/convnext_atto",
    "timm/vit_tiny_patch16_224",
    "timm/regnetx_002",
]


def random_weights(library: str, name: str, folder: Path) -> Path:
    """Save random weights for an architecture, and return their path."""
    if library == "timm":
        module = importlib.import_module("timm").create_model(name)
    else:
        module = importlib.import_module("torchvision.models").get_model(name)
    path = folder / f"{name}.pth"
    torch.save(randomize(module).state_dict(), path)
    return path


@pytest.fixture(scope="module", params=NETWORKS)
def network(request, tmp_path_factory) -> Network:
    family, _, name = request.param.partition("/")
    if not name:
        return inc.load_network(family)
    if family in ("torchvision", "timm"):
        weights = random_weights(family, name, tmp_path_factory.mktemp("weights"))
        return importlib.import_module(f"inceptionism.networks.loaders.{family}").load(request.param, weights)
    shared = request.getfixturevalue("shared") / "networks"
    files = {
        "caffe/squeezenet": ("squeezenet_v1.1/deploy.prototxt", "squeezenet_v1.1/squeezenet_v1.1.caffemodel"),
        "caffe/googlenet": ("bvlc_googlenet/deploy.prototxt", "bvlc_googlenet/bvlc_googlenet.caffemodel"),
        "onnx/squeezenet": ("squeezenet_v1.1/squeezenet_v1.1.onnx",),
    }[request.param]
    module, declared = (caffe if family == "caffe" else onnx).read(*(shared / one for one in files))
    settings = {"range": 255, "channels": "BGR", "mean": (104, 117, 123)}
    return Network(module, name=request.param, size=declared.size, layers=getattr(module, "blobs", None), **settings)


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    from skimage.data import chelsea

    return np.ascontiguousarray(chelsea()[100:197, 120:263])  # 97×143


def test_listed_layers_have_the_shapes_of_the_activations(network, picture) -> None:
    layers = network.layers(picture.shape[:2])
    assert 5 <= len(layers) <= 90
    assert 3 <= len(network.recommended) <= 6
    assert network.default_layer in network.recommended
    x = torch.from_numpy(picture).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        activations = network.activations(x, [layer.name for layer in layers])
    assert {layer.name: (layer.channels, layer.height, layer.width) for layer in layers} == {
        name: tuple(map.shape[1:]) for name, map in activations.items()
    }
    strides = [layer.stride for layer in layers]
    assert all(stride in (1, 2, 4, 8, 16, 32) for stride in strides)


def test_the_gradient_is_that_of_finite_differences(network, picture) -> None:
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255
    objective = objectives.layer(network.default_layer)
    evaluator = GradientEvaluator(network)
    ((score, gradient),) = evaluator([EvaluationRequest(x, objective, torch.Generator())])
    # The step is small, so that few ReLUs switch on or off, but large enough for the precision of float32.
    step = 0.002 * score / gradient.square().sum()
    with torch.no_grad():
        lower, upper = (
            objective(network.activations(x + sign * step * gradient, objective.layers)) for sign in (-1, 1)
        )
    assert (upper - lower).item() / score == pytest.approx(0.004, rel=0.05)


def test_a_photo_of_odd_size_is_dreamed_and_the_recipe_repeats_it(network, picture) -> None:
    result = inc.dream(picture, network=network, octaves=2, steps=5, step_size=0.4, jitter=0, seed=5)
    assert result.image.size == (143, 97)
    assert result.scores[-1] > result.scores[-5]
    assert not np.array_equal(result.image, picture)
    again = PhotoRun(Recipe.from_json(result.recipe.to_json()), load_photo(picture), network=network).finish()
    assert np.array_equal(again.image, result.image)


def logit(network: Network, image: object) -> float:
    """Return the logit of class 3 for a picture."""
    x = torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
    with torch.no_grad():
        return network.activations(x, ["logits"])["logits"][0, 3].item()


def test_a_class_is_visualized_and_the_recipe_repeats_it(network) -> None:
    result = inc.visualize(3, network=network, size=(64, 80), steps=8, seed=2, prior="fourier")
    assert logit(network, result.image) > logit(network, np.full((64, 80, 3), 127))
    again = ClassRun(Recipe.from_json(result.recipe.to_json()), network=network).finish()
    assert np.array_equal(again.image, result.image)
