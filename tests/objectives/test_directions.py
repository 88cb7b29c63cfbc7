"""Directions between two folders of pictures, compared with another solver of logistic regression."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.optimize import minimize

from inceptionism.errors import InvalidSetting
from inceptionism.io import load_photo
from inceptionism.objectives import mean_activations, parse_objective
from inceptionism.objectives.directions import PROBE_RIDGE, train_probe


def solved_by_scipy(toward: np.ndarray, away: np.ndarray) -> np.ndarray:
    vectors = np.concatenate([toward, away])
    vectors = vectors / np.sqrt(np.mean(vectors**2))
    signs = np.concatenate([np.ones(len(toward)), -np.ones(len(away))])

    def cost(weights: np.ndarray) -> float:
        margins = signs * (vectors @ weights[1:] + weights[0])
        return np.logaddexp(0, -margins).mean() + PROBE_RIDGE / 2 * (weights[1:] ** 2).sum()

    return minimize(cost, np.zeros(vectors.shape[1] + 1), tol=1e-12).x[1:]


@pytest.mark.parametrize("scale", [1e-3, 1, 1e4])
def test_probe_is_the_logistic_regression_that_scipy_finds(scale: float) -> None:
    generator = np.random.default_rng(0)
    toward = scale * generator.normal([1, 0, 0, 0.5, 3], size=(17, 5))
    away = scale * generator.normal([0, 0, 0, 0, 3], [1, 2, 1, 1, 1], size=(23, 5))
    found = train_probe(torch.from_numpy(toward).float(), torch.from_numpy(away).float())
    np.testing.assert_allclose(found, solved_by_scipy(toward, away), rtol=2e-3, atol=2e-3)


def test_probe_between_folders_separates_them(tmp_path, monkeypatch, tiny, photo) -> None:
    monkeypatch.chdir(tmp_path)
    for folder, change in {"bright": lambda one: one // 2 + 127, "dark": lambda one: one // 2}.items():
        (tmp_path / folder).mkdir()
        for index in range(4):
            Image.fromarray(np.roll(change(photo), 9 * index, 1)).save(tmp_path / folder / f"{index}.png")
    objective = parse_objective("direction(second, bright, dark, probe)", tiny)
    assert [name for name, _ in objective.files] == ["bright", "dark"]
    scores = [
        float(objective({"second": mean_activations(tiny, "second", [load_photo(f"{folder}/1.png")])[None]}))
        for folder in ("bright", "dark")
    ]
    assert scores[0] > scores[1]
    with pytest.raises(InvalidSetting, match="the last argument of direction can only be probe, not 'linear'"):
        parse_objective("direction(second, bright, dark, linear)", tiny)
