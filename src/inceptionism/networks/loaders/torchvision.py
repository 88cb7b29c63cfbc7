"""Torchvision's classifiers by name, with its own weights or those in a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, UnknownName, quote_value, suggestion
from inceptionism.networks.labels import Labels, imagenet_labels
from inceptionism.networks.loaders.any_size import AnySizeTransformer, take_any_size
from inceptionism.networks.loaders.caches import from_url
from inceptionism.networks.loaders.optional import import_library
from inceptionism.networks.loaders.weights import fill, read_state_dict
from inceptionism.networks.network import Network

SETTINGS: dict[str, dict[str, bool]] = {
    # Their weights were converted from TensorFlow's, and want its pixels; the auxiliary heads are for training alone.
    "googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
    "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": False},
}
"""What architectures need for their weights besides the number of classes."""

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""How the names of weights begin that are for training alone."""


def load(name: str, weights: Path | None = None, **given: Any) -> Network:
    """Return one of torchvision's classifiers.

    Args:
        name: Such as torchvision/googlenet, or torchvision/resnet50.IMAGENET1K_V1 where there are several weights.
        weights: A file of weights; by default those that torchvision has for it, from its cache or downloaded.
        given: Of `Network`'s arguments, what is to be otherwise than the library has it.

    Raises:
        UnknownName: torchvision has none of this name; the sentence offers near ones.
        InvalidSetting: it is no classifier, the file holds no weights for it, or torchvision is not installed or
            does not fit torch.
        CannotDownload: the weights are not in the cache, and cannot be had.
    """
    models = import_library("torchvision.models", "torchvision")
    architecture, _, version = name.removeprefix("torchvision/").partition(".")
    trained = trained_weights(models, architecture, version)
    state = read_state_dict(weights or from_url(trained.url, name))
    if architecture in SETTINGS:
        state = {key: value for key, value in state.items() if not key.startswith(AUXILIARY)}
    crop = trained.transforms()
    usual = len(trained.meta["categories"])
    settings: dict[str, Any] = dict(SETTINGS.get(architecture, {}))
    with torch.device("meta"):
        plan = models.get_model(architecture, weights=None, **settings)
    classes = classes_in(state, plan, usual)
    size = int(crop.crop_size[0])
    positions = state.get("encoder.pos_embedding")
    if isinstance(plan, models.VisionTransformer) and positions is not None and positions.ndim == 3:
        size = settings["image_size"] = math.isqrt(max(positions.shape[1] - 1, 1)) * plan.patch_size
    module = models.get_model(architecture, weights=None, num_classes=classes, **settings).eval()
    fill(module, state, str(weights or trained.url), name)
    if isinstance(module, models.VisionTransformer):
        module = AnySizeTransformer(module)
    take_any_size(module, (size, size))
    known: dict[str, Any] = {
        "mean": crop.mean,
        "std": crop.std,
        "size": size,
        "labels": labels(trained.meta["categories"]) if classes == usual else None,
        "license": trained.meta.get("license") if weights is None or version else None,
        "origin": trained.url if weights is None else str(weights),
    }
    return Network(module, name=name, **(known | given))


def trained_weights(models: Any, architecture: str, version: str) -> Any:
    """Return what torchvision knows of the weights that it has for an architecture: of that version, or of its best.

    Raises:
        UnknownName: there is no such architecture, or no such version.
        InvalidSetting: it is no classifier.
    """
    classifiers = models.list_models(module=models)
    if architecture not in classifiers:
        if architecture in models.list_models():
            raise InvalidSetting(
                f"torchvision's {architecture} is no classifier of pictures, which is what can be loaded by name; "
                "wrap a part of it that takes a picture: inceptionism.Network(module, mean=..., std=...)"
            )
        hint = suggestion(architecture, classifiers) or "; https://pytorch.org/vision/stable/models.html lists them"
        raise UnknownName(f"torchvision has no network {quote_value(architecture)}{hint}")
    versions = models.get_model_weights(architecture)
    if not version:
        return versions.DEFAULT
    if version not in versions.__members__:
        there = ", ".join(one for one in versions.__members__ if one != "DEFAULT")
        raise UnknownName(f"torchvision's {architecture} has no weights {quote_value(version)}; it has {there}")
    return versions[version]


def classes_in(state: Mapping[str, Tensor], plan: nn.Module, usual: int) -> int:
    """Return how many classes weights tell apart that are for a module like `plan`; if nothing tells, `usual`."""
    # The last of its parts that has a matrix gives the logits.
    last = [name for name, part in plan.named_modules() if isinstance(part, (nn.Linear, nn.Conv2d))][-1]
    matrix = state.get(f"{last}.weight")
    return len(matrix) if matrix is not None and matrix.ndim else usual


def labels(categories: list[str]) -> Labels:
    """Return the classes of these names; ImageNet's with all their synonyms."""
    return imagenet_labels() if len(categories) == len(imagenet_labels()) else Labels(categories)
