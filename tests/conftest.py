"""Fixtures for several packages of tests: a tiny network, a real photograph, and the shared data if it exists."""

from __future__ import annotations

import gc
import os
import signal
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, settings
from PIL import Image

import inceptionism as inc
from tests.support import torchvision_operators  # noqa: F401  # makes torchvision importable in every test
from tests.support.pictures import small_photo
from tests.support.places import SHARED
from tests.support.tiny_networks import tiny_network
from tests.support.web_server import Web, serving

# On a busy machine, an example may take any time.
settings.register_profile("inceptionism", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("inceptionism")

# UMAP needs ten seconds to compile its functions. The functions of a few activations are faster without a compiler.
os.environ["NUMBA_DISABLE_JIT"] = "1"


def pytest_sessionstart() -> None:
    """Handle the signals that the tests start with as ignored, for example in a background job or after `nohup`.

    Every process that a test starts would ignore them as well, and could not be interrupted. A new process gets the
    default in place of a handler. The tests themselves still survive the signals that were ignored, except for Ctrl-C,
    with which tests interrupt code in their own process.
    """
    for name in ("SIGINT", "SIGTERM", "SIGHUP", "SIGQUIT"):
        number = getattr(signal, name, None)
        if number is not None and signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler if name == "SIGINT" else lambda *_: None)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip the tests that need a GPU if there is none, and start with the slowest tests.

    With the slowest first, no process is still busy with them when the others have finished.
    """
    if not torch.cuda.is_available():
        for item in items:
            if item.get_closest_marker("gpu"):
                item.add_marker(pytest.mark.skip(reason="needs a CUDA GPU"))
    items.sort(key=lambda item: not item.path.name.startswith(("test_readme", "test_transfer")))


def pytest_collection_finish() -> None:
    """Leave the modules and the tests out of each later search for garbage, which takes a tenth of the time."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session")
def shared() -> Path:
    if not SHARED.is_dir():
        pytest.skip(f"needs the shared test data in {SHARED}")
    return SHARED


@pytest.fixture
def tiny() -> inc.Network:
    return tiny_network()


@pytest.fixture
def photo() -> np.ndarray:
    return small_photo()


@pytest.fixture(scope="session")
def lite0() -> inc.Network:
    return inc.load_network("efficientnet-lite0", "cpu")


@pytest.fixture
def folder(tmp_path: Path, photo: np.ndarray) -> Path:
    """A folder with the photograph as cup.jpg."""
    Image.fromarray(photo).save(tmp_path / "cup.jpg", quality=95)
    return tmp_path


@pytest.fixture
def small_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give pictures of classes and channels a small default size, so that examples run quickly as they are written."""
    monkeypatch.setattr("inceptionism.atlas.layers.PICTURE_SIDE", 83)
    monkeypatch.setattr("inceptionism.atlas.activations.direction_pictures.DEFAULT_SIDE", 37)
    for module in ("runs.visualization", "atlas.channels"):
        monkeypatch.setattr(f"inceptionism.{module}.DEFAULT_SIZE", (61, 83))


@pytest.fixture
def quick_umap(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let UMAP take few steps, which is enough for a few activations."""
    umap = pytest.importorskip("umap", reason="needs inceptionism[research]")
    monkeypatch.setattr(umap, "UMAP", partial(umap.UMAP, n_epochs=20))


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    """A web server on this machine."""
    with serving(monkeypatch) as server:
        yield server
