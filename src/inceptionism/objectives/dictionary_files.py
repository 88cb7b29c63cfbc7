"""Files of dictionaries: those of this package, SAELens, saev and overcomplete, and plain matrices.

The formats are told apart by the names of their tensors:

- `W_enc`, `b_enc`, `W_dec`, `b_dec`: SAELens and the libraries that follow it. The settings are in `cfg.json` in a
  folder, or in the header of a single file. saev writes the settings as a line of JSON before the tensors.
- `encoder.final_block.0.weight`, `dictionary._weights`: the `state_dict()` of a sparse autoencoder of overcomplete.
- A single matrix, for example the components of NMF or PCA, with a row for each feature.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting, UnreadableFile, describe_error, first_line, quote_path, quote_value
from inceptionism.files import check_file, is_folder, read_limited
from inceptionism.networks import TENSOR_FILE_ERRORS, read_state_dict, read_tensors
from inceptionism.objectives.dictionary import NORMALIZATIONS, Dictionary, Encoder
from inceptionism.objectives.matrices import read_numbers

SETTINGS_NAME, WEIGHTS_NAME = "cfg.json", "sae_weights.safetensors"
"""Names of the files in a folder of SAELens."""

MAX_SETTINGS_BYTES = 2**20
"""Largest size of the settings of a dictionary in bytes."""

LINEAR, BATCH_NORM = "encoder.final_block.0.", "encoder.final_block.1."
"""Beginnings of the names of the parameters of an encoder in overcomplete."""

FUNCTIONS = {
    "relu": "relu", "standard": "relu", "topk": "topk", "batchtopk": "topk", "jumprelu": "jumprelu",
    "transcoder": "relu", "jumprelu_transcoder": "jumprelu",
}  # fmt: skip
"""Activation functions by the names of architectures in SAELens and of activations in saev, in small letters."""

BATCH_NORM_EPS = 1e-5
"""Number that torch's batch norms add to the variance."""


def read_dictionary(path: Path, k: int | None = None) -> Dictionary:
    """Return the dictionary in a file, or in a folder of SAELens. No code in a file is executed.

    Args:
        path: A .safetensors, .npy or .pt file, or a folder with `cfg.json` and `sae_weights.safetensors`.
        k: Number of active features of a "topk" encoder, if the file does not contain it.

    Raises:
        InvalidSetting: If the file cannot be read, has none of the known formats, or has an encoder of another kind
            than linear with ReLU, TopK or JumpReLU.
    """
    if k is not None and k < 1:
        raise InvalidSetting(f"the k of a feature must be at least 1, not {k}")
    if path.suffix == ".npy":
        return checked(Dictionary(read_numbers(path, "a dictionary")), path)
    tensors, settings = read_parts(path)
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_complex() or tensor.is_meta:
            raise InvalidSetting(f"{quote_value(name)} in {quote_path(path)} is no usual tensor of numbers")
    try:
        return checked(assembled(tensors, settings, k, path), path)
    except (LookupError, TypeError, AttributeError, RuntimeError) as error:
        raise InvalidSetting(
            f"the tensors in {quote_path(path)} do not fit each other, or its settings are damaged: "
            f"{describe_error(error)}"
        ) from None


def assembled(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], k: int | None, path: Path) -> Dictionary:
    """Return the dictionary of tensors in one of the layouts. `k` replaces that of a TopK encoder."""
    is_overcomplete = f"{LINEAR}weight" in tensors
    if "W_enc" in tensors:
        dictionary = from_matrices(tensors, settings, path)
    elif is_overcomplete:
        dictionary = from_overcomplete(tensors, path)
    else:
        dictionary = Dictionary(only_matrix(tensors, path))
    encoder = dictionary.encoder
    if k is None:
        return dictionary
    if encoder is None or not (encoder.function == "topk" or (is_overcomplete and encoder.function == "relu")):
        raise InvalidSetting(f"{quote_path(path)} has no TopK encoder; leave k={k} out")
    return replace(dictionary, encoder=replace(encoder, function="topk", k=k))


def read_parts(path: Path) -> tuple[Mapping[str, Tensor], Mapping[str, Any]]:
    """Return the tensors in a file or a folder of SAELens by name, and the settings of the dictionary.

    No file beside a single file is read, because a recipe records the checksums of the files that it names.
    """
    if is_folder(path):
        return read_parts(path / WEIGHTS_NAME)[0], read_settings(path / SETTINGS_NAME)
    check_file(path, InvalidSetting)
    if path.suffix == ".safetensors":
        try:
            tensors, header = read_tensors(path)
        except TENSOR_FILE_ERRORS as error:
            raise InvalidSetting(f"{quote_path(path)} is damaged: {first_line(error)}") from None
        return tensors, {key: parsed(text) for key, text in header.items()}
    with path.open("rb") as file:
        if file.read(1) != b"{":
            return read_state_dict(path), {}
        file.seek(0)
        line = file.readline(MAX_SETTINGS_BYTES)
        settings = parse_settings(line, path)
        with tempfile.TemporaryDirectory() as folder:
            rest = Path(folder) / "weights.pt"
            rest.write_bytes(file.read())
            try:
                return read_state_dict(rest), saev_settings(settings)
            except InvalidSetting as error:
                raise InvalidSetting(str(error).replace(quote_path(rest), quote_path(path))) from None


def read_settings(path: Path) -> Mapping[str, Any]:
    """Return the settings in a file of JSON."""
    try:
        return parse_settings(read_limited(path, MAX_SETTINGS_BYTES), path)
    except UnreadableFile as error:
        raise InvalidSetting(str(error)) from None


def parse_settings(text: bytes, path: Path) -> Mapping[str, Any]:
    """Return the settings in a text of JSON, which is in the file `path`."""
    try:
        settings = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidSetting(f"the settings in {quote_path(path)} are no valid JSON: {first_line(error)}") from None
    if not isinstance(settings, Mapping):
        raise InvalidSetting(f"the settings in {quote_path(path)} must be an object of JSON")
    return settings


def parsed(text: str) -> Any:
    """Return a value in the header of a safetensors file, where every value is a text."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def saev_settings(header: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the settings of a sparse autoencoder of saev, with the names of SAELens.

    The first version of saev wrote no schema. Its encoder is a ReLU, and subtracts the bias of the decoder.
    """
    if "schema" not in header:
        return {"architecture": "relu", "apply_b_dec_to_input": True}
    config = header.get("cfg")
    config = config if isinstance(config, Mapping) else {}
    activation = config.get("activation")
    if not isinstance(activation, Mapping):  # the first form of schema 1
        activation = {"cls": header.get("cls", "Relu"), "params": config}
    facts = activation.get("params")
    facts = facts if isinstance(facts, Mapping) else {}
    return {
        "architecture": str(activation.get("cls")).lower(),
        "k": facts.get("top_k"),
        "apply_b_dec_to_input": False,
    }


def from_matrices(tensors: Mapping[str, Tensor], settings: Mapping[str, Any], path: Path) -> Dictionary:
    """Return the dictionary of tensors with the names of SAELens."""
    architecture = str(settings.get("architecture") or "relu").lower()
    if architecture == "standard":  # older versions of SAELens have the name of the function in another setting
        architecture = str(settings.get("activation_fn_str") or settings.get("activation_fn") or "relu").lower()
    function = "jumprelu" if "threshold" in tensors else FUNCTIONS.get(architecture)
    if function is None or "b_enc" not in tensors:
        raise InvalidSetting(
            f"the encoder in {quote_path(path)} is {quote_value(architecture)}; only linear encoders with ReLU, TopK "
            "or JumpReLU can be used"
        )
    normalization = settings.get("normalize_activations") or "none"
    if normalization not in NORMALIZATIONS:
        raise InvalidSetting(
            f"{quote_path(path)} normalizes activations by {quote_value(normalization)}, whose numbers are not in the "
            f"file; the known normalizations are {', '.join(NORMALIZATIONS)}"
        )
    k = settings.get("k") or (settings.get("activation_fn_kwargs") or {}).get("k")
    if function == "topk" and (isinstance(k, bool) or not isinstance(k, int) or k < 1):
        raise InvalidSetting(f"the k of the encoder in {quote_path(path)} must be at least 1, not {quote_value(k)}")
    is_centered = settings.get("apply_b_dec_to_input", "b_dec" in tensors and "transcoder" not in architecture)
    scale = tensors["W_dec"].norm(dim=1) if settings.get("rescale_acts_by_decoder_norm") else torch.ones(())
    encoder = Encoder(
        tensors["W_enc"].T * scale.reshape(-1, 1),
        tensors["b_enc"] * scale,
        function,
        k if function == "topk" else None,
        tensors["threshold"] if function == "jumprelu" else None,
        tensors["b_dec"] if is_centered else None,
        normalization,
    )
    decoder = tensors.get("W_dec")
    writes_elsewhere = decoder is None or decoder.shape != encoder.weights.shape or "transcoder" in architecture
    return Dictionary(None if writes_elsewhere else decoder, encoder)


def from_overcomplete(tensors: Mapping[str, Tensor], path: Path) -> Dictionary:
    """Return the dictionary of a sparse autoencoder of overcomplete. A batch norm is made part of the linear encoder.

    The file does not contain the k of a TopK encoder. Without it, the encoder is a ReLU.
    """
    if any(name.startswith("encoder.") and not name.startswith((LINEAR, BATCH_NORM)) for name in tensors):
        raise InvalidSetting(f"the encoder in {quote_path(path)} has several blocks; only linear encoders can be used")
    weights, bias = tensors[f"{LINEAR}weight"], tensors.get(f"{LINEAR}bias", torch.zeros(()))
    if f"{BATCH_NORM}running_var" in tensors:
        mean, variance, scale, shift = (
            tensors[BATCH_NORM + name] for name in ("running_mean", "running_var", "weight", "bias")
        )
        factor = scale / (variance + BATCH_NORM_EPS).sqrt()
        weights, bias = weights * factor[:, None], (bias - mean) * factor + shift
    thresholds = tensors["thresholds"].exp() if "thresholds" in tensors else None
    function = "relu" if thresholds is None else "jumprelu"
    encoder = Encoder(weights, bias.expand(len(weights)), function, thresholds=thresholds)
    directions = tensors.get("dictionary._weights")
    return Dictionary(directions if directions is not None and directions.shape == weights.shape else None, encoder)


def only_matrix(tensors: Mapping[str, Tensor], path: Path) -> Tensor:
    """Return the only matrix among tensors, or `W_dec` if there are several."""
    matrices = {name: tensor for name, tensor in tensors.items() if tensor.ndim == 2}
    if "W_dec" in matrices:
        return matrices["W_dec"]
    if len(matrices) != 1:
        names = ", ".join(f"{name} ({'×'.join(map(str, tensor.shape))})" for name, tensor in tensors.items())
        raise InvalidSetting(
            f"{quote_path(path)} must hold one matrix with a row for each feature, or the tensors of a sparse "
            f"autoencoder (W_enc, b_enc, W_dec, b_dec); it holds {names or 'no tensors'}"
        )
    return next(iter(matrices.values()))


def checked(dictionary: Dictionary, path: Path) -> Dictionary:
    """Return a dictionary with float32 numbers; raise `InvalidSetting` if its parts do not fit each other."""
    directions, encoder = dictionary.directions, dictionary.encoder
    if dictionary.rows.ndim != 2 or 0 in dictionary.rows.shape:
        shape = "×".join(map(str, dictionary.rows.shape))
        raise InvalidSetting(f"{quote_path(path)} must hold a matrix with a row for each feature, not {shape} numbers")
    if encoder is not None:
        features, channels = encoder.weights.shape
        for name, tensor, size in (
            ("b_enc", encoder.bias, features),
            ("the thresholds", encoder.thresholds, features),
            ("b_dec", encoder.center, channels),
        ):
            if tensor is not None and tensor.shape != (size,):
                raise InvalidSetting(
                    f"{name} in {quote_path(path)} must hold {size} numbers, not {'×'.join(map(str, tensor.shape))}"
                )
        if encoder.k is not None and encoder.k > features:
            raise InvalidSetting(f"k={encoder.k} is more than the {features} features of {quote_path(path)}")
        encoder = replace(
            encoder,
            weights=encoder.weights.float(),
            bias=encoder.bias.float(),
            thresholds=None if encoder.thresholds is None else encoder.thresholds.float(),
            center=None if encoder.center is None else encoder.center.float(),
        )
    return Dictionary(None if directions is None else directions.float(), encoder)
