"""The places of an atlas: activations in the plane, and the cells of a grid that they fall into."""

from __future__ import annotations

import warnings
from typing import Any

import torch
from torch import Tensor

from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders import import_library

NEIGHBORS, MIN_DISTANCE = 20, 0.01
"""Settings of UMAP. The distance is the one of Carter et al. (2019)."""

OUTLIERS, MARGIN = 0.01, 0.1
"""Share of the activations at each edge that may be outside, and the space around the others, as a share of theirs."""

MIN_SAMPLES = 10
"""Smallest number of activations that UMAP can arrange."""

RIDGE = 0.01
"""Share of the mean variance that is added to the correlations before they are inverted."""


def project(values: Tensor, seed: int) -> Tensor:
    """Return places of activations in the plane, near to each other for similar activations.

    The method is UMAP (McInnes et al., 2018). Activations are compared by their angle, as in the objectives. A few
    activations that are far from all others are moved to the edge, as in Lucid's notebook for Carter et al. (2019).

    Args:
        values: Activations, samples × channels.
        seed: Seed of the random choices. With a seed, UMAP works in one thread.

    Returns:
        Samples × 2, x and y in [0, 1], float64.

    Raises:
        InvalidSetting: If there are fewer than `MIN_SAMPLES` activations, or if umap-learn is not installed.
    """
    if len(values) < MIN_SAMPLES:
        raise InvalidSetting(
            f"an atlas needs at least {MIN_SAMPLES} activations, but there are {len(values)}; "
            "give more photographs, or more samples of each"
        )
    reducer = umap_library().UMAP(
        n_neighbors=min(NEIGHBORS, len(values) - 1),
        min_dist=MIN_DISTANCE,
        metric="cosine",
        random_state=seed % 2**32,
        n_jobs=1,
    )
    places = torch.from_numpy(reducer.fit_transform(values.numpy())).double()
    low, high = places.quantile(OUTLIERS, 0), places.quantile(1 - OUTLIERS, 0)
    margin = MARGIN * (high - low)
    low, high = low - margin, high + margin
    return ((places - low) / (high - low).clamp_min(torch.finfo(torch.float64).tiny)).clamp(0, 1)


def umap_library() -> Any:
    """Return the library umap.

    Raises:
        InvalidSetting: If it is not installed.
    """
    with warnings.catch_warnings():
        # umap warns that a part of it, which is not used here, needs TensorFlow.
        warnings.simplefilter("ignore", ImportWarning)
        return import_library("umap", "research")


def cells_of(places: Tensor, side: int) -> Tensor:
    """Return the row and the column of the cell of each place: samples × 2.

    Args:
        places: Samples × 2, x and y in [0, 1].
        side: Number of cells in each row and each column.
    """
    return (places * side).long().clamp_max(side - 1).flip(1)


def whitened(values: Tensor, directions: Tensor) -> Tensor:
    """Return directions, multiplied by the inverse of the correlations of activations (Carter et al., 2019).

    A direction then points to what distinguishes its activation from others. Unlike in the article, a small multiple of
    the identity is added to the correlations, so that there may be fewer activations than channels.

    Args:
        values: Activations, samples × channels.
        directions: Directions, cells × channels.
    """
    samples = values.double()
    correlations = samples.T @ samples / len(samples)
    correlations += RIDGE * correlations.diagonal().mean() * torch.eye(len(correlations), dtype=torch.float64)
    products: Tensor = torch.linalg.solve(correlations, directions.double().T)
    return products.T.float().contiguous()
