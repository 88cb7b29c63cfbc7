"""Networks of timm by name, vision transformers among them, with its own weights or those in a file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor
from torch.overrides import TorchFunctionMode

from inceptionism.errors import InvalidSetting, UnknownName, quote_value, suggestion
from inceptionism.networks.labels import Labels, imagenet_labels
from inceptionism.networks.loaders.any_size import take_any_size
from inceptionism.networks.loaders.caches import from_hub, from_url
from inceptionism.networks.loaders.optional import import_library
from inceptionism.networks.loaders.weights import listed, misfit, read_state_dict
from inceptionism.networks.network import Network

FREEDOMS: tuple[dict[str, bool], ...] = (
    {"dynamic_img_size": True, "dynamic_img_pad": True},
    {"dynamic_img_size": True},
    {"strict_img_size": False},
    {},
)
"""What timm's transformers must be told to take pictures of any size, the best first; each class knows some."""

MISFITS = (RuntimeError, LookupError, AttributeError, AssertionError, ValueError, TypeError)
"""What timm raises where weights are others than it takes them for."""

HUB_FILES = ("model.safetensors", "pytorch_model.bin")
"""What timm calls weights on the Hugging Face hub."""


def load(name: str, weights: Path | None = None, **given: Any) -> Network:
    """Return one of timm's networks.

    Args:
        name: Such as timm/resnet50, or timm/vit_small_patch16_224.augreg_in21k_ft_in1k where there are several weights.
        weights: A file of weights; by default those that timm has for it, from its cache or downloaded.
        given: Of `Network`'s arguments, what is to be otherwise than the library has it.

    Raises:
        UnknownName: timm has none of this name, or no weights for it; the sentence offers near ones.
        InvalidSetting: the file holds no weights for it, or timm is not installed or does not fit torch.
        CannotDownload: the weights are not in the cache, and cannot be had.
    """
    timm = import_library("timm", "timm")
    model = name.removeprefix("timm/")
    cfg = known(timm, model)
    path = weights or fetched(cfg, name)
    # Timm brings the names of other programs to its own, and leaves out a class that only TensorFlow has.
    state = read_state_dict(path)
    module = created(timm, model, {"state_dict": state, **classes_in(state, cfg)}, path, name)
    described = module.pretrained_cfg
    del described["state_dict"]  # or it would be copied with the module
    take_any_size(module, described["input_size"][-2:])
    own = weights is None or "." in model
    described_as: dict[str, Any] = {
        "mean": described["mean"],
        "std": described["std"],
        "size": described["input_size"][-2:],
        "labels": labels(cfg.num_classes) if described["num_classes"] == cfg.num_classes else None,
        "license": cfg.license if own else None,
        "origin": (cfg.hf_hub_id or cfg.url) if own else str(weights),
    }
    return Network(module, name=name, **(described_as | given))


def known(timm: Any, model: str) -> Any:
    """Return what timm knows of a network, and of the weights that its name names.

    Raises:
        UnknownName: it has none of that name.
    """
    architecture, _, tag = model.partition(".")
    if not timm.is_model(architecture):
        hint = suggestion(architecture, timm.list_models()) or "; https://huggingface.co/timm lists them"
        raise UnknownName(f"timm has no network {quote_value(architecture)}{hint}")
    tags = [one.partition(".")[2] for one in timm.list_pretrained(f"{architecture}.*")]
    if tag and tag not in tags:
        hint = suggestion(tag, tags) or f"; it has {', '.join(tags) or 'none'}"
        raise UnknownName(f"timm's {architecture} has no weights {quote_value(tag)}{hint}")
    cfg = timm.get_pretrained_cfg(model)
    if cfg is None:
        raise UnknownName(f"timm does not say what pictures must be for {architecture}")
    return cfg


def fetched(cfg: Any, name: str) -> Path:
    """Return the file of the weights that timm knows of.

    Raises:
        UnknownName: it knows of none.
        CannotDownload: they are not in the cache, and cannot be had.
    """
    if cfg.hf_hub_id:
        return from_hub(cfg.hf_hub_id, [cfg.hf_hub_filename] if cfg.hf_hub_filename else HUB_FILES, name)
    if isinstance(cfg.url, str) and cfg.url and not cfg.custom_load:
        return from_url(cfg.url, name)
    raise UnknownName(f"timm has no weights for {name} that can be had; give a file of them")


def created(timm: Any, model: str, overlay: Mapping[str, Any], path: Path, name: str) -> Any:
    """Return the module that timm calls `model`, with the weights in `overlay`, for pictures of any size if it can.

    Raises:
        InvalidSetting: the weights do not fit it.
    """
    for freedom in FREEDOMS:
        try:
            with Filling() as filling:
                module = timm.create_model(model, pretrained=True, pretrained_cfg_overlay=dict(overlay), **freedom)
        except MISFITS as error:
            if "unexpected keyword argument" in str(error) and any(option in str(error) for option in freedom):
                continue
            reason = misfit(error) if isinstance(error, RuntimeError) else f"{type(error).__name__}: {error}"
            raise InvalidSetting(f"{path} does not fit {name}: {reason}") from error
        # Of some networks timm takes what there is, and leaves the rest as it was: norms as they should be, but
        # everything else random.
        own = module.state_dict(keep_vars=True).items()
        if missing := [one for one, value in own if value.ndim > 1 and id(value) not in filling]:
            raise InvalidSetting(f"{path} does not fit {name}: missing: {listed(missing)}")
        return module.eval()
    raise AssertionError("timm takes no options at all")


class Filling(TorchFunctionMode):
    """Notes which tensors others are copied into; `in` tells of an id."""

    def __init__(self) -> None:
        super().__init__()
        self._filled: dict[int, Tensor] = {}

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is Tensor.copy_:
            self._filled[id(args[0])] = args[0]
        return func(*args, **(kwargs or {}))

    def __contains__(self, identity: int) -> bool:
        return identity in self._filled


def classes_in(state: Mapping[str, Tensor], cfg: Any) -> dict[str, Any]:
    """Return what to tell timm of the number of classes that weights tell apart, where it is another than usual."""
    names = [cfg.classifier] if isinstance(cfg.classifier, str) else cfg.classifier or []
    rows = [len(state[key]) for one in names if (key := f"{one}.weight") in state and state[key].ndim]
    if not rows or rows[0] == cfg.num_classes + (cfg.label_offset or 0):
        return {}
    return {"num_classes": rows[0], "label_offset": None}


def labels(classes: int) -> Labels | None:
    """Return the classes of ImageNet, or of one of its larger versions, if there are so many."""
    if classes == len(imagenet_labels()):
        return imagenet_labels()
    data = import_library("timm.data", "timm")
    subset = data.infer_imagenet_subset({"num_classes": classes})
    if subset is None:
        return None
    info = data.ImageNetInfo(subset)
    return Labels(info.label_descriptions(), info.label_names())
