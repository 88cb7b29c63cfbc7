"""Fixtures for the tests of the nodes: a stand-in for ComfyUI, and a photograph as ComfyUI loads it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from tests.support.comfyui import NODES, StandIn, start_stand_in

if not NODES.is_dir():
    collect_ignore_glob = ["test_*.py"]


@pytest.fixture
def comfyui(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    return start_stand_in(tmp_path, monkeypatch)


@pytest.fixture
def image(photo: np.ndarray) -> torch.Tensor:
    """The photograph as the node Load Image returns it: 1×H×W×3, float32, a tensor of the inference mode."""
    with torch.inference_mode():
        return torch.from_numpy(photo.astype(np.float32) / 255.0)[None]
