"""The places and cells of an atlas, compared with NumPy, and UMAP on activations of two kinds."""

from __future__ import annotations

import sys

import numpy as np
import pytest
import torch

from inceptionism.atlas.activations.layout import RIDGE, cells_of, project, whitened
from inceptionism.errors import InvalidSetting


def test_cells_agree_with_numpy() -> None:
    places = np.random.default_rng(0).random((200, 2))
    places[:3] = [(0, 0), (1, 1), (0.25, 1)]
    _, columns, rows = np.histogram2d(*places.T, bins=5, range=[(0, 1), (0, 1)])
    found = cells_of(torch.from_numpy(places), 5).numpy()
    for axis, edges in ((1, columns), (0, rows)):
        expected = np.minimum(np.searchsorted(edges, places[:, 1 - axis], side="right") - 1, 4)
        np.testing.assert_array_equal(found[:, axis], expected)


def test_whitened_directions_agree_with_numpy() -> None:
    generator = np.random.default_rng(0)
    values, directions = generator.normal(size=(40, 6)), generator.normal(size=(3, 6))
    correlations = values.T @ values / 40
    correlations += RIDGE * np.trace(correlations) / 6 * np.eye(6)
    expected = directions @ np.linalg.inv(correlations)
    found = whitened(torch.from_numpy(values).float(), torch.from_numpy(directions).float())
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
    few = whitened(torch.from_numpy(values[:2]).float(), torch.from_numpy(values[:2]).float())
    assert (few * torch.from_numpy(values[:2])).sum(1).min() > 0


@pytest.mark.usefixtures("quick_umap")
def test_similar_activations_are_near_to_each_other_and_the_seed_repeats_the_places() -> None:
    generator = torch.Generator().manual_seed(0)
    kinds = torch.eye(2, 9).repeat_interleave(25, 0)
    lengths = 1 + 9 * torch.rand(50, 1, generator=generator)
    values = lengths * (kinds + 0.05 * torch.randn(50, 9, generator=generator))
    places = project(values, seed=3)
    assert places.shape == (50, 2)
    assert places.min() >= 0
    assert places.max() <= 1
    distances = torch.cdist(places, places).fill_diagonal_(torch.inf)
    nearest = distances.argmin(1)
    assert (nearest // 25 == torch.arange(50) // 25).all()
    torch.testing.assert_close(project(values, seed=3), places, rtol=0, atol=0)
    with pytest.raises(InvalidSetting, match="an atlas needs at least 10 activations, but there are 9"):
        project(values[:9], seed=3)


def test_a_missing_library_is_named_with_the_command_that_installs_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(InvalidSetting, match=r'umap-learn is not installed; install it with: pip install "inceptioni'):
        project(torch.rand(20, 3), seed=0)
