"""Fixtures for several packages of tests: a tiny network, a real photograph, and the shared data if it exists."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image

import inceptionism as inc
from tests.support import torchvision_operators  # noqa: F401  # makes torchvision importable in every test
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module

# On a busy machine, any example can take long. A limit of time would fail tests at random.
settings.register_profile("no_time_limit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("no_time_limit")

SHARED = Path(__file__).resolve().parents[2] / "shared" / "data"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip what needs a GPU where there is none, and start with the slowest tests.

    With the slowest first, no process is still busy with them when the others have finished.
    """
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA GPU"))
    items.sort(key=lambda item: not item.path.name.startswith(("test_readme", "test_transfer")))


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared test data in {SHARED}")
    return SHARED


@pytest.fixture
def tiny() -> inc.Network:
    return inc.Network(tiny_module(), mean=TINY_MEAN, std=TINY_STD, size=(32, 32), labels=["ash", "elm", "fir", "oak"])


@pytest.fixture
def photo() -> np.ndarray:
    """A small real photograph with odd sides that are not equal: 93×71 pixels of a cup of coffee."""
    from skimage.data import coffee

    return np.ascontiguousarray(coffee()[100:379:3, 150:363:3])


@pytest.fixture(scope="session")
def lite0() -> inc.Network:
    return inc.load_network("efficientnet-lite0", "cpu")


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray) -> Path:
    """A folder with the photograph as cup.jpg."""
    Image.fromarray(photo).save(tmp_path / "cup.jpg", quality=95)
    return tmp_path
