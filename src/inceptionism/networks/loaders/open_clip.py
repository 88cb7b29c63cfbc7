"""Networks of open_clip by name, with published weights or with weights in a file. Their outputs are embeddings."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from inceptionism.errors import CannotDownload, InvalidSetting, UnknownName, describe_error, quote_value, suggestion
from inceptionism.networks.loaders.any_size import AnySizeImageTower, accept_any_size
from inceptionism.networks.loaders.caches import fetch_from_hub, fetch_from_url
from inceptionism.networks.loaders.optional import import_library
from inceptionism.networks.loaders.weights import join_names, load_weights, read_state_dict
from inceptionism.networks.network import Network
from inceptionism.networks.text_tower import TextTower

EXTRA = "networks"
"""Extra of this package that installs open_clip."""

PREFIX = "open_clip/"
"""Beginning of the names of open_clip's networks."""

HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin")
"""Names of open_clip's files of weights on the Hugging Face hub, best first."""

UNUSED = ("logit_", "input_resolution", "context_length", "vocab_size", "text.transformer.embeddings.position_ids")
"""Beginnings of the names of values that embeddings do not depend on."""

BUILD_ERRORS = (RuntimeError, LookupError, AttributeError, AssertionError, ValueError, TypeError, OSError, ImportError)
"""Exceptions that open_clip and the libraries under it raise for parts that are missing or do not fit."""


def load(name: str, weights: Path | None = None, **given: Any) -> Network:
    """Return the image tower of one of open_clip's networks, with its text tower as `Network.text_tower`.

    The logits are the embedding of the picture, before it is normalized. The network has no classes.

    Args:
        name: Name of the network, and perhaps of its weights: open_clip/ViT-B-32.laion2b_s34b_b79k. Some weights have
            their own normalization of pictures, and OpenAI's weights have another activation function.
        weights: File of weights. None means published weights, from the cache or downloaded.
        given: Arguments of `Network` that replace those of open_clip.

    Raises:
        UnknownName: If open_clip has no network of this name or no weights for it; the message suggests similar names.
        InvalidSetting: If the file contains no weights for the network, or if open_clip is not installed or does not
            fit torch.
        CannotDownload: If the weights are not in the cache and cannot be downloaded.
    """
    open_clip = import_library("open_clip", EXTRA)
    architecture, _, tag = name.removeprefix(PREFIX).partition(".")
    published = published_weights(open_clip, architecture, tag, needed=weights is None)
    path = weights or fetch_weights(published, name)
    state = read_state_dict(path)
    config = open_clip.get_model_config(architecture)
    model = create_model(open_clip, config, name, quick_gelu=published.get("quick_gelu", False))
    load_weights(model, converted(state, model), str(path), name)
    tower = AnySizeImageTower(model.visual)
    del model.visual
    size = config["vision_cfg"].get("image_size", 224)
    size = (size, size) if isinstance(size, int) else tuple(size)
    if not tower.resamples:
        accept_any_size(tower, size)
    defaults: dict[str, Any] = {
        "mean": published.get("mean", open_clip.OPENAI_DATASET_MEAN),
        "std": published.get("std", open_clip.OPENAI_DATASET_STD),
        "size": size,
        "origin": published.get("hf_hub") or published.get("url") if weights is None else str(weights),
        "text_tower": TextTower(model, partial(load_tokenizer, open_clip, architecture, name), name),
    }
    return Network(tower.eval(), name=name, **(defaults | given))


def fetch(name: str) -> Path:
    """Return the path of the published weights of a network, from the cache or downloaded.

    Raises:
        UnknownName: As for `load`.
        InvalidSetting: If open_clip is not installed.
        CannotDownload: If the weights are not in the cache and cannot be downloaded.
    """
    architecture, _, tag = name.removeprefix(PREFIX).partition(".")
    return fetch_weights(published_weights(import_library("open_clip", EXTRA), architecture, tag, needed=True), name)


def published_weights(open_clip: Any, architecture: str, tag: str, *, needed: bool) -> Mapping[str, Any]:
    """Return open_clip's description of published weights: their addresses, and the normalization of pictures.

    Args:
        open_clip: The library.
        architecture: Name of the network in open_clip.
        tag: Name of the weights. Empty means the only weights. If there are several, the description has only the
            normalization that all of them share. If they share none, it is empty.
        needed: Whether the weights themselves are needed.

    Raises:
        UnknownName: If open_clip has no network or no weights of this name, or if several weights could be meant.
    """
    names = open_clip.list_models()
    if architecture not in names:
        hint = suggestion(architecture, names) or "; https://github.com/mlfoundations/open_clip lists them"
        raise UnknownName(f"open_clip has no network {quote_value(architecture)}{hint}")
    tags = open_clip.list_pretrained_tags_by_model(architecture)
    published = {one: open_clip.get_pretrained_cfg(architecture, one) for one in tags}
    if tag and tag not in published:
        hint = suggestion(tag, published) or f"; it has {', '.join(published) or 'none'}"
        raise UnknownName(f"open_clip's {architecture} has no weights {quote_value(tag)}{hint}")
    if tag or (needed and len(published) == 1):
        return dict(published[tag or next(iter(published))])
    if needed:
        choices = (
            f"give one of its weights: open_clip/{architecture}.TAG, where TAG is {join_names([*published])}; or add"
        )
        raise UnknownName(
            f"open_clip has {'several' if published else 'no'} weights for {architecture}; "
            f"{choices if published else 'add'} a file of weights: dream networks add NAME FILE --architecture "
            f"open_clip/{architecture}"
        )
    formats = [{key: tuple(one[key]) for key in ("mean", "std")} for one in published.values()]
    return formats[0] if formats and all(one == formats[0] for one in formats) else {}


def fetch_weights(published: Mapping[str, Any], name: str) -> Path:
    """Return the path of published weights, from the cache or downloaded.

    Raises:
        CannotDownload: If the weights are not in the cache and cannot be downloaded.
    """
    if not published.get("hf_hub"):
        return fetch_from_url(published["url"], name)
    repository, _, file = published["hf_hub"].rpartition("/")
    files = HUB_FILES if not file else dict.fromkeys((str(Path(file).with_suffix(".safetensors")), file))
    return fetch_from_hub(repository, list(files), name)


def create_model(open_clip: Any, config: Mapping[str, Any], name: str, *, quick_gelu: bool) -> Any:
    """Return a network of open_clip with random weights.

    `open_clip.create_model` does the same, but it prints a warning about weights that are random.

    Args:
        open_clip: The library.
        config: open_clip's description of the network.
        name: Name of the network, for error messages.
        quick_gelu: Whether the activation function is the faster one of OpenAI, even if `config` has another one.

    Raises:
        InvalidSetting: If a library is missing, or if the network cannot be made.
    """
    settings = dict(config)
    custom_text = settings.pop("custom_text", False)
    if "hf_model_name" in settings["text_cfg"]:
        import_library("transformers")
        settings["text_cfg"] = {**settings["text_cfg"], "hf_model_pretrained": False}
        custom_text = True
    if quick_gelu:
        settings["quick_gelu"] = True
    kind = "CoCa" if custom_text and "multimodal_cfg" in settings else "CustomTextCLIP" if custom_text else "CLIP"
    try:
        return getattr(open_clip, kind)(**settings)
    except BUILD_ERRORS as error:
        raise InvalidSetting(f"open_clip cannot make {name}: {describe_error(error)}") from error


def converted(state: Mapping[str, Tensor], model: nn.Module) -> dict[str, Tensor]:
    """Return weights under the names of `model`, like open_clip's `load_checkpoint`.

    Older files of open_clip and those of MobileCLIP have other names. Of the values that embeddings do not depend on,
    the result has those of `model`.
    """
    names = import_library("open_clip.convert", EXTRA).convert_state_dict(model, dict(state))
    if "positional_embedding" in names and not hasattr(model, "positional_embedding"):
        names = import_library("open_clip.model", EXTRA).convert_to_custom_text_state_dict(names)
    own = {name: value for name, value in model.state_dict().items() if name.startswith(UNUSED)}
    return {name: value for name, value in names.items() if not name.startswith(UNUSED)} | own


def load_tokenizer(open_clip: Any, architecture: str, name: str) -> Any:
    """Return the tokenizer of a network. It comes with open_clip, or from the cache of the Hugging Face hub.

    Raises:
        InvalidSetting: If the tokenizer needs a library that is not installed.
        CannotDownload: If the tokenizer is not in the cache and cannot be downloaded.
    """
    if "hf_tokenizer_name" in open_clip.get_model_config(architecture)["text_cfg"]:
        import_library("transformers")
    try:
        return open_clip.get_tokenizer(architecture)
    except BUILD_ERRORS as error:
        raise CannotDownload(f"the tokenizer of {name} cannot be loaded: {describe_error(error)}") from error
