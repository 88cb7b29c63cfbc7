"""Small networks of open_clip with random weights."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import open_clip
import torch
from torch import Tensor
from torchvision.transforms import Normalize

from tests.support.tiny_networks import randomize

NAME = "tiny-clip"

IMAGE = {"image_size": 64, "layers": 5, "width": 48, "head_width": 16, "patch_size": 16}

TEXT = {"context_length": 20, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2}


def register(folder: Path, name: str = NAME, **settings: Any) -> Any:
    """Add a small architecture to those of open_clip, and return a network of it with random weights.

    Args:
        folder: Folder for the description of the architecture.
        name: Name of the architecture.
        **settings: Settings that replace those of the image tower, or those of the whole network.
    """
    whole = {key: settings.pop(key) for key in ("custom_text", "quick_gelu") if key in settings}
    config = {"embed_dim": 24, "vision_cfg": {**IMAGE, **settings}, "text_cfg": TEXT, **whole}
    path = folder / f"{name}.json"
    path.write_text(json.dumps(config))
    open_clip.add_model_config(path)
    kind = open_clip.CustomTextCLIP if whole.pop("custom_text", False) else open_clip.CLIP
    with torch.random.fork_rng():
        torch.manual_seed(0)  # for the weights that stay as open_clip makes them
        return randomize(kind(24, config["vision_cfg"], config["text_cfg"], **whole))


def saved(model: Any, path: Path) -> Path:
    torch.save({"epoch": 3, "state_dict": model.state_dict()}, path)
    return path


def normalized(picture: Tensor) -> Tensor:
    return Normalize(open_clip.OPENAI_DATASET_MEAN, open_clip.OPENAI_DATASET_STD)(picture)
