"""What a network that took no part sees in a picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from PIL import Image
from torch import nn

from inceptionism.errors import InvalidSetting
from inceptionism.networks import LOGITS, Network, load_network
from inceptionism.recipes import Verdict
from inceptionism.runs.result import Result
from inceptionism.tensors import to_picture

MOST = 5
"""How many classes a verdict names."""


def judge(image: Image.Image, network: str | nn.Module | Network) -> Verdict:
    """Return what a network sees in the whole of a picture, brought to the size that the network was trained at.

    Transparency is laid on white.

    Raises:
        UnknownName: there is no such network.
        InvalidSetting: it tells no classes apart.
    """
    judging = load_network(network)
    if image.mode == "RGBA":
        image = Image.alpha_composite(Image.new("RGBA", image.size, "white"), image)
    picture = to_picture(np.array(image.convert("RGB")), judging.device, judging.size).clamp_(0, 1)
    with torch.no_grad():
        logits = judging.activations(picture, [LOGITS])[LOGITS]
    if logits.ndim != 2:
        raise InvalidSetting(f"network {judging.name} tells no classes apart, so it cannot say what it sees")
    best = logits.softmax(1)[0].topk(min(MOST, logits.shape[1]))
    names = [judging.labels[index] if judging.labels else str(index) for index in best.indices.tolist()]
    seen = tuple((name, round(share, 4)) for name, share in zip(names, best.values.tolist(), strict=True))
    return Verdict(judging.name, judging.weights_hash, seen)


def verify_result(result: Result, networks: Sequence[str | nn.Module | Network]) -> Result:
    """Return a result whose recipe says what each of `networks` sees in it."""
    verdicts = tuple(judge(result.image, network) for network in networks)
    return replace(result, recipe=replace(result.recipe, verdicts=verdicts))
