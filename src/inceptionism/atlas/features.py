"""Features of a layer, learned from the activations of photographs: non-negative matrix factorization, or PCA."""

from __future__ import annotations

import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import save
from torch import nn

from inceptionism.atlas.activations import ActivationSamples
from inceptionism.atlas.feature_defaults import LEARNED_FEATURES, PLACES_PER_PHOTO
from inceptionism.atlas.photo_index import OnPhoto, add_photos, listed_photos
from inceptionism.errors import CannotWrite, InvalidSetting, quote_path
from inceptionism.io import check_output, create_folders, write_atomically
from inceptionism.networks import Network, load_network
from inceptionism.networks.loaders import import_library
from inceptionism.validation import check_choice, check_integer

ENDING = ".safetensors"
"""Ending of a file of features."""

METHODS = ("nmf", "pca")
"""Methods of learning features."""

MAX_NUMBERS = 2**28
"""Largest number of sampled activations, which are in memory at once."""

LEAST_VARIATION = 1e-10
"""Largest variance of activations, relative to their mean square, that is taken for a rounding error."""

MAX_STEPS = 400
"""Largest number of iterations of NMF."""


def learn_features(
    network: str | nn.Module | Network,
    layer: str,
    photos: str | os.PathLike[str] | Sequence[str | os.PathLike[str]],
    output: str | os.PathLike[str],
    *,
    count: int = LEARNED_FEATURES,
    method: str | None = None,
    samples: int = PLACES_PER_PHOTO,
    seed: int = 0,
    on_photo: OnPhoto | None = None,
    overwrite: bool = False,
) -> Path:
    """Learn features of a layer, and write them to a file for `feature(LAYER, FILE, ROW)`.

    The activations of random places of the photographs are described as sums of a few directions, the features. NMF
    finds features that are only added (Lee & Seung, 1999; for networks: Olah et al., 2018). It needs activations that
    are never negative, as after a ReLU. PCA finds the directions in which activations vary most. scikit-learn computes
    both.

    Args:
        network: A `Network`, a module, or the name or path of a network.
        layer: Name of the layer.
        photos: Folder of photographs, or their paths.
        output: Path of the file, which ends with .safetensors.
        count: Number of features.
        method: "nmf" or "pca". None means NMF if no activation is negative, and else PCA.
        samples: Number of random places of each photograph.
        seed: Seed of the places and of the start of NMF.
        on_photo: Called with the number of photographs so far, after each of them, and with the error if this one
            cannot be read. Without it, the error is raised.
        overwrite: Whether to replace an existing file.

    Returns:
        The path of the file. Its tensor `W_dec` has a row for each feature, count × channels, the most important first.
        Its header has the network, the layer, the method, and the share of the activations' variance that the features
        explain.

    Raises:
        UnknownName: If the network has no such layer.
        InvalidSetting: If a setting is not valid, if there are too few or constant activations, or if NMF is asked for
            and activations are negative.
        UnreadablePicture: If a photograph cannot be read.
        CannotWrite: If the file cannot be written.
    """
    path, network = Path(output), load_network(network)
    if path.suffix != ENDING:
        raise CannotWrite(f"features are written to a file that ends with {ENDING}, not to {quote_path(path)}")
    if method is not None:
        check_choice("method", method, METHODS)
    import_library("sklearn.decomposition", "research")
    channels = network.channels(layer)
    check_integer("count", count, 1, channels)
    taken = ActivationSamples(network, layer, samples, seed)
    wanted = listed_photos(photos)
    if len(wanted) * samples * channels > MAX_NUMBERS:
        raise InvalidSetting(
            f"{samples} samples of each of {len(wanted)} photographs are too many for the memory; give at most "
            f"{MAX_NUMBERS // (channels * len(wanted))} samples, or fewer photographs"
        )
    create_folders(path.parent)
    check_output(path, overwrite=overwrite, endings=(ENDING,))
    add_photos(taken, wanted, None, on_photo)
    taken.join()
    values = taken.values.numpy()
    if method is None:
        method = "pca" if (values < 0).any() else "nmf"
    rows, explained = fitted(values, count, method, seed, layer)
    header = {
        "network": network.name,
        "weights": network.weights_hash,
        "layer": layer,
        "method": method,
        "photographs": str(len(taken.photos)),
        "samples": str(len(values)),
        "explained": f"{explained:.4f}",
    }
    write_atomically(path, save({"W_dec": torch.from_numpy(rows)}, header), overwrite=overwrite)
    return path


def fitted(
    values: NDArray[np.float32], count: int, method: str, seed: int, layer: str
) -> tuple[NDArray[np.float32], float]:
    """Return features of activations, count × channels, and the share of the variance that they explain.

    Args:
        values: Activations, samples × channels.
        count: Number of features.
        method: "nmf" or "pca".
        seed: Seed of the start of NMF.
        layer: Name of the layer, for messages.

    Raises:
        InvalidSetting: As for `learn_features`.
    """
    if not np.isfinite(values).all():
        raise InvalidSetting(f"the activations of layer {layer} are not finite, so they have no features")
    most = min(values.shape)
    if count > most:
        raise InvalidSetting(
            f"{count} features are too many for {len(values)} activations of {values.shape[1]} channels; give at most "
            f"{most}"
        )
    centered = values - values.mean(0)
    total = float((centered.astype(np.float64) ** 2).sum())
    if total <= LEAST_VARIATION * float((values.astype(np.float64) ** 2).sum()):
        raise InvalidSetting(f"the activations of layer {layer} are the same everywhere, so they have no features")
    decomposition: Any = import_library("sklearn.decomposition", "research")
    if method == "nmf":
        if (values < 0).any():
            raise InvalidSetting(
                f"layer {layer} has negative activations, which NMF cannot describe; use the method pca, or a layer "
                "after a ReLU"
            )
        model = decomposition.NMF(count, init="nndsvda", random_state=seed % 2**32, max_iter=MAX_STEPS, tol=1e-3)
        with warnings.catch_warnings():
            # A fit that has not converged is reported by the share of the variance that it explains.
            warnings.simplefilter("ignore", import_library("sklearn.exceptions", "research").ConvergenceWarning)
            weights = model.fit_transform(values)
        strengths = weights.mean(0) * np.linalg.norm(model.components_, axis=1)
        order = np.argsort(-strengths, kind="stable")
        residual = values - weights @ model.components_
        rows = model.components_[order]
    else:
        model = decomposition.PCA(count, svd_solver="full").fit(values)
        rows = model.components_
        weights = centered @ rows.T
        # The sign of a component is arbitrary. Its strongest activations are made positive.
        rows = rows * np.where((weights**3).sum(0) < 0, -1, 1)[:, None]
        residual = centered - (centered @ rows.T) @ rows
    explained = 1 - float((residual.astype(np.float64) ** 2).sum()) / total
    return np.ascontiguousarray(rows, np.float32), explained
