"""Torchvision's classifiers by name, with torchvision's own weights or with weights in a file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, UnknownName, quote_value, suggestion
from inceptionism.networks.labels import Labels, imagenet_labels
from inceptionism.networks.loaders.any_size import AnySizeTransformer, accept_any_size
from inceptionism.networks.loaders.caches import fetch_from_url
from inceptionism.networks.loaders.declared_input import declared_by
from inceptionism.networks.loaders.optional import import_library
from inceptionism.networks.loaders.weights import load_weights, read_state_dict
from inceptionism.networks.network import Network

SETTINGS: dict[str, dict[str, bool]] = {
    # The weights of these networks were converted from TensorFlow and need TensorFlow's range of pixels. The auxiliary
    # heads are only for training.
    "googlenet": {"aux_logits": False, "transform_input": True, "init_weights": False},
    "inception_v3": {"aux_logits": False, "transform_input": True, "init_weights": False},
}
"""Options of an architecture that its weights need, besides the number of classes."""

AUXILIARY = ("aux1.", "aux2.", "AuxLogits.")
"""Prefixes of the names of weights that are only for training."""


def load(name: str, weights: Path | None = None, **given: Any) -> Network:
    """Return one of torchvision's classifiers.

    Args:
        name: Name of the network, for example torchvision/googlenet. If torchvision has several versions of its
            weights, the name of a version can follow: torchvision/resnet50.IMAGENET1K_V1.
        weights: File of weights. None means torchvision's own weights, from its cache or downloaded.
        given: Arguments of `Network` that replace those of torchvision.

    Raises:
        UnknownName: If torchvision has no network or no weights of this name; the message suggests similar names.
        InvalidSetting: If the network is not a classifier, if the file contains no weights for it, if the weights are
            for other channels than red, green and blue and nobody said which, or if torchvision is not installed or
            does not fit torch.
        CannotDownload: If the weights are not in the cache and cannot be downloaded.
    """
    models = import_library("torchvision.models", "networks")
    architecture, _, version = name.removeprefix("torchvision/").partition(".")
    trained = trained_weights(models, architecture, version)
    state = read_state_dict(weights or fetch(name))
    if architecture in SETTINGS:
        state = {key: value for key, value in state.items() if not key.startswith(AUXILIARY)}
    preprocessing = trained.transforms()
    categories = trained.meta["categories"]
    settings: dict[str, Any] = dict(SETTINGS.get(architecture, {}))
    try:
        with torch.device("meta"):
            skeleton = models.get_model(architecture, weights=None, **settings)
    except NotImplementedError:  # a RegNet computes its widths with tensors
        skeleton = models.get_model(architecture, weights=None, **settings)
    classes = count_classes(state, skeleton, len(categories))
    first = first_convolution(skeleton)
    declared = declared_by(state.get(f"{first}.weight"), skeleton.get_submodule(first))
    declared_settings = declared.settings(given) | declared.normalization(given, preprocessing.mean, preprocessing.std)
    if "transform_input" in settings:
        settings["transform_input"] = declared.has_colors
    size = int(preprocessing.crop_size[0])
    positions = state.get("encoder.pos_embedding")
    if isinstance(skeleton, models.VisionTransformer) and positions is not None and positions.ndim == 3:
        size = settings["image_size"] = math.isqrt(max(positions.shape[1] - 1, 1)) * skeleton.patch_size
    module = models.get_model(architecture, weights=None, num_classes=classes, **settings).eval()
    if not declared.has_colors:
        replace_input(module, first, declared.channel_count)
    load_weights(module, state, str(weights or trained.url), name)
    if isinstance(module, models.VisionTransformer):
        module = AnySizeTransformer(module)
    accept_any_size(module, (size, size), declared.channel_count)
    defaults: dict[str, Any] = {
        **declared_settings,
        "size": size,
        "labels": labels_of(categories) if classes == len(categories) else None,
        "license": trained.meta.get("license") if weights is None or version else None,
        "origin": trained.url if weights is None else str(weights),
    }
    return Network(module, name=name, **(defaults | given))


def fetch(name: str) -> Path:
    """Return the path of torchvision's own weights for a network, from torch's cache or downloaded.

    Raises:
        UnknownName, InvalidSetting, CannotDownload: As for `load`.
    """
    models = import_library("torchvision.models", "networks")
    architecture, _, version = name.removeprefix("torchvision/").partition(".")
    return fetch_from_url(trained_weights(models, architecture, version).url, name)


def trained_weights(models: Any, architecture: str, version: str) -> Any:
    """Return torchvision's description of the weights of an architecture. No version means torchvision's default.

    Raises:
        UnknownName: If torchvision does not have the architecture or the version.
        InvalidSetting: If the architecture is not a classifier.
    """
    classifiers = models.list_models(module=models)
    if architecture not in classifiers:
        if architecture in models.list_models():
            raise InvalidSetting(
                f"torchvision's {architecture} is not a classifier of pictures, and only these can be loaded by name; "
                "wrap the part that reads a picture: inceptionism.Network(module, mean=..., std=...)"
            )
        hint = suggestion(architecture, classifiers) or "; https://pytorch.org/vision/stable/models.html lists them"
        raise UnknownName(f"torchvision has no network {quote_value(architecture)}{hint}")
    versions = models.get_model_weights(architecture)
    if not version:
        return versions.DEFAULT
    if version not in versions.__members__:
        available = ", ".join(member for member in versions.__members__ if member != "DEFAULT")
        raise UnknownName(f"torchvision's {architecture} has no weights {quote_value(version)}; it has {available}")
    return versions[version]


def count_classes(state: Mapping[str, Tensor], skeleton: nn.Module, default: int) -> int:
    """Return the number of classes of the weights of a module like `skeleton`. `default` if they do not show it."""
    # The last linear layer or convolution computes the logits.
    last = [name for name, part in skeleton.named_modules() if isinstance(part, (nn.Linear, nn.Conv2d))][-1]
    matrix = state.get(f"{last}.weight")
    return len(matrix) if matrix is not None and matrix.ndim else default


def first_convolution(module: nn.Module) -> str:
    """Return the name of the convolution that sees the picture."""
    names: list[str] = [name for name, part in module.named_modules() if isinstance(part, nn.Conv2d)]
    return names[0]


def replace_input(module: nn.Module, name: str, channels: int) -> None:
    """Replace a convolution of `module` by one with another number of input channels, with random weights."""
    old = module.get_submodule(name)
    assert isinstance(old, nn.Conv2d)
    options = {key: getattr(old, key) for key in ("kernel_size", "stride", "padding", "dilation", "padding_mode")}
    parent, _, last = name.rpartition(".")
    new = nn.Conv2d(channels, old.out_channels, bias=old.bias is not None, **options)
    setattr(module.get_submodule(parent), last, new)


def labels_of(categories: list[str]) -> Labels:
    """Return labels with these names. If they are the classes of ImageNet, the labels have all synonyms."""
    return imagenet_labels() if len(categories) == len(imagenet_labels()) else Labels(categories)
