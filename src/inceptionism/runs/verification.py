"""Verification of a result: the classes that independent networks see in it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import nn

from inceptionism.errors import InvalidSetting
from inceptionism.io import flatten_alpha
from inceptionism.networks import LOGITS, Network, load_network
from inceptionism.recipes import Verdict
from inceptionism.runs.result import Result
from inceptionism.tensors import to_picture

MAX_CLASSES = 5
"""Largest number of classes in a verdict."""


def judge(image: Image.Image, network: str | nn.Module | Network) -> Verdict:
    """Return the classes that a network sees in a picture, which is resized to the network's training size.

    A transparent picture gets a white background.

    Args:
        image: RGB or RGBA picture.
        network: The independent network: a name, a module or a `Network`.

    Raises:
        UnknownName: If there is no network of this name.
        InvalidSetting: If the network is not a classifier, or sees a channel that the picture does not have.
    """
    judge_network = load_network(network)
    pixels = np.array(flatten_alpha(image).convert("RGB"))
    picture = to_picture(pixels, judge_network.device, judge_network.size).clamp_(0, 1)
    with torch.no_grad():
        own = judge_network.input_channels.of_colors(picture, judge_network.name)
        logits = judge_network.activations(own, [LOGITS])[LOGITS]
    if logits.ndim != 2 or judge_network.text_tower:
        raise InvalidSetting(
            f"network {judge_network.name} is not a classifier, so it cannot verify a picture; choose another network"
        )
    best = logits.softmax(1)[0].topk(min(MAX_CLASSES, logits.shape[1]))
    names = [judge_network.labels[index] if judge_network.labels else str(index) for index in best.indices.tolist()]
    seen = tuple((name, round(share, 4)) for name, share in zip(names, best.values.tolist(), strict=True))
    return Verdict(judge_network.name, judge_network.weights_hash, seen)


def verify_result(result: Result, networks: Sequence[str | nn.Module | Network]) -> Result:
    """Return a result whose recipe has a verdict of each network.

    Args:
        result: The result.
        networks: Independent networks: names, modules or `Network` objects.

    Raises:
        UnknownName: If there is no network of a name.
        InvalidSetting: If a network is not a classifier.
    """
    verdicts = tuple(judge(result.image, network) for network in networks)
    return replace(result, recipe=replace(result.recipe, verdicts=verdicts))
