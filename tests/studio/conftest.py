from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.support.studio import Studio, chromium, running, take_screenshots

pytest.importorskip("gradio", reason="needs inceptionism[studio]")


@pytest.fixture(scope="package")
def browser() -> Iterator[Any]:
    with chromium() as started:
        yield started


@pytest.fixture(autouse=True)
def screenshots(request: pytest.FixtureRequest) -> Iterator[None]:
    """Take a picture of each page at the end of a test, and close the page."""
    yield
    take_screenshots(request.node.name)


@pytest.fixture(scope="package")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Studio]:
    """A studio that several tests use."""
    with running(tmp_path_factory.mktemp("studio") / "pictures") as started:
        yield started


@pytest.fixture(scope="package")
def cup(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small photograph that is not square."""
    from skimage.data import coffee

    path = tmp_path_factory.mktemp("photographs") / "cup.png"
    Image.fromarray(coffee()[100:340:2, 100:420:2]).save(path)
    return path
