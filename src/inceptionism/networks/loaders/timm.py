"""Timm's networks by name, with timm's own weights or with weights in a file. Many are vision transformers."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from inceptionism.errors import InvalidSetting, UnknownName, describe_error, quote_value, suggestion
from inceptionism.networks.labels import Labels, imagenet_labels
from inceptionism.networks.loaders.any_size import accept_any_size
from inceptionism.networks.loaders.caches import fetch_from_hub, fetch_from_url
from inceptionism.networks.loaders.declared_input import DeclaredInput, declared_by
from inceptionism.networks.loaders.optional import import_library
from inceptionism.networks.loaders.weights import describe_mismatch, join_names, read_state_dict
from inceptionism.networks.network import Network

SIZE_OPTIONS: tuple[dict[str, bool], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"dynamic_img_size": True},
    {"strict_img_size": False},
    {},
)
"""Options that make timm's transformers accept pictures of any size, best first. Each class has some of them."""

MISMATCH_ERRORS = (RuntimeError, LookupError, AttributeError, AssertionError, ValueError, TypeError)
"""Exceptions that timm raises for weights that do not fit the network."""

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""Names of timm's files of weights on the Hugging Face hub, best first."""


def load(name: str, weights: Path | None = None, **given: Any) -> Network:
    """Return one of timm's networks.

    Args:
        name: Name of the network, for example timm/resnet50. If timm has several versions of its weights, the name of a
            version can follow: timm/vit_small_patch16_224.augreg_in21k_ft_in1k.
        weights: File of weights. None means timm's own weights, from its cache or downloaded.
        given: Arguments of `Network` that replace those of timm.

    Raises:
        UnknownName: If timm has no network of this name or no weights for it; the message suggests similar names.
        InvalidSetting: If the file contains no weights for the network, if the weights are for other channels than
            red, green and blue and nobody said which, or if timm is not installed or does not fit torch.
        CannotDownload: If the weights are not in the cache and cannot be downloaded.
    """
    timm = import_library("timm", "networks")
    model = name.removeprefix("timm/")
    cfg = pretrained_cfg(timm, model)
    path = weights or fetch(name)
    # Timm loads the weights, because it converts the names of other programs and drops TensorFlow's extra class.
    state = read_state_dict(path)
    declared = declared_input(timm, model, state, cfg)
    declared_settings = declared.settings(given) | declared.normalization(given, cfg.mean, cfg.std)
    overlay = {"state_dict": state, **class_options(state, cfg), **channel_options(declared, cfg)}
    module = create_module(timm, model, overlay, path, name)
    loaded_cfg = module.pretrained_cfg
    del loaded_cfg["state_dict"]  # otherwise, each copy of the module would contain the weights twice
    accept_any_size(module, loaded_cfg["input_size"][-2:], loaded_cfg["input_size"][0])
    own = weights is None or "." in model
    defaults: dict[str, Any] = {
        **declared_settings,
        "size": loaded_cfg["input_size"][-2:],
        "labels": labels_of(cfg.num_classes) if loaded_cfg["num_classes"] == cfg.num_classes else None,
        "license": cfg.license if own else None,
        "origin": (cfg.hf_hub_id or cfg.url) if own else str(weights),
    }
    return Network(module, name=name, **(defaults | given))


def pretrained_cfg(timm: Any, model: str) -> Any:
    """Return timm's configuration of a network and of the weights in its name.

    Raises:
        UnknownName: If timm has no network or no weights of this name.
    """
    architecture, _, tag = model.partition(".")
    if not timm.is_model(architecture):
        hint = suggestion(architecture, timm.list_models()) or "; https://huggingface.co/timm lists them"
        raise UnknownName(f"timm has no network {quote_value(architecture)}{hint}")
    tags = [pretrained.partition(".")[2] for pretrained in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        hint = suggestion(tag, tags) or f"; it has {', '.join(tags) or 'none'}"
        raise UnknownName(f"timm's {architecture} has no weights {quote_value(tag)}{hint}")
    cfg = timm.get_pretrained_cfg(model)
    if cfg is None:
        raise UnknownName(
            f"timm does not know the input format of {architecture}; "
            "wrap the module: inceptionism.Network(module, mean=..., std=...)"
        )
    return cfg


def fetch(name: str) -> Path:
    """Return the path of timm's own weights for a network, from the cache or downloaded.

    Raises:
        UnknownName: If timm has no network of this name or no weights for it.
        InvalidSetting: If timm is not installed.
        CannotDownload: If the weights are not in the cache and cannot be downloaded.
    """
    cfg = pretrained_cfg(import_library("timm", "networks"), name.removeprefix("timm/"))
    if cfg.hf_hub_id:
        return fetch_from_hub(cfg.hf_hub_id, [cfg.hf_hub_filename] if cfg.hf_hub_filename else HUB_FILES, name)
    if isinstance(cfg.url, str) and cfg.url and not cfg.custom_load:
        return fetch_from_url(cfg.url, name)
    raise UnknownName(
        f"timm has no weights for {name} that can be downloaded; "
        f"add a file of weights: dream networks add NAME FILE --architecture {name}"
    )


def create_module(timm: Any, model: str, overlay: Mapping[str, Any], path: Path, name: str) -> Any:
    """Return a module of timm with weights. If possible, the module accepts pictures of any size.

    Args:
        timm: The library.
        model: Name of the network in timm.
        overlay: Changes to timm's configuration of the network, with the weights as its "state_dict".
        path: Path of the weights, for error messages.
        name: Name of the network, for error messages.

    Raises:
        InvalidSetting: If the weights do not fit the network.
    """
    for options in SIZE_OPTIONS:
        try:
            with CopyRecorder() as recorder:
                module = timm.create_model(model, pretrained=True, pretrained_cfg_overlay=dict(overlay), **options)
        except MISMATCH_ERRORS as error:
            if "unexpected keyword argument" in str(error) and any(option in str(error) for option in options):
                continue
            reason = describe_mismatch(error) if isinstance(error, RuntimeError) else describe_error(error)
            raise InvalidSetting(f"{path} does not fit {name}: {reason}") from error
        # For some networks, timm accepts a file that lacks weights. These weights keep their initial values, which are
        # right for norms but random for matrices and kernels.
        tensors = module.state_dict(keep_vars=True).items()
        if missing := [key for key, value in tensors if value.ndim > 1 and id(value) not in recorder]:
            raise InvalidSetting(f"{path} does not fit {name}: missing: {join_names(missing)}")
        return module.eval()
    raise AssertionError("timm accepts no options at all")


class CopyRecorder(TorchFunctionMode):
    """Torch mode that records the targets of `Tensor.copy_`. `id(tensor) in recorder` tests whether it is a target."""

    def __init__(self) -> None:
        super().__init__()
        self._copied: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.copy_:
            self._copied[id(args[0])] = args[0]
        return func(*args, **(kwargs or {}))

    def __contains__(self, identity: int) -> bool:
        return identity in self._copied


def class_options(state: Mapping[str, Tensor], cfg: Any) -> dict[str, Any]:
    """Return changes to timm's configuration for weights with another number of classes than usual."""
    names = [cfg.classifier] if isinstance(cfg.classifier, str) else cfg.classifier or []
    rows = [len(state[key]) for name in names if (key := f"{name}.weight") in state and state[key].ndim]
    if not rows or rows[0] == cfg.num_classes + (cfg.label_offset or 0):
        return {}
    return {"num_classes": rows[0], "label_offset": None}


def declared_input(timm: Any, model: str, state: Mapping[str, Tensor], cfg: Any) -> DeclaredInput:
    """Return the input for which the weights of a network are: the number of channels of their first convolution."""
    first = cfg.first_conv if isinstance(cfg.first_conv, str) else (cfg.first_conv or ("",))[0]
    kernel = state.get(f"{first}.weight")
    if kernel is None or kernel.ndim != 4:
        return DeclaredInput()
    if kernel.shape[1] == cfg.input_size[0]:
        return DeclaredInput(channels=kernel.shape[1])
    return declared_by(kernel, timm.create_model(model, pretrained=False).get_submodule(first))


def channel_options(declared: DeclaredInput, cfg: Any) -> dict[str, Any]:
    """Return changes to timm's configuration for weights with another number of channels than usual.

    Without the name of the first convolution, older versions of timm leave its weights as they are.
    """
    if declared.has_colors:
        return {}
    return {"input_size": (declared.channel_count, *cfg.input_size[1:]), "first_conv": None}


def labels_of(classes: int) -> Labels | None:
    """Return the labels of the version of ImageNet with this number of classes; None if there is no such version."""
    if classes == len(imagenet_labels()):
        return imagenet_labels()
    data = import_library("timm.data", "networks")
    subset = data.infer_imagenet_subset({"num_classes": classes})
    if subset is None:
        return None
    info = data.ImageNetInfo(subset)
    return Labels(info.label_descriptions(), info.label_names())
