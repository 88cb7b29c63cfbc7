"""Verification of a picture by independent networks."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.runs.verification import judge, verify_result


def test_networks_recognize_a_photograph_of_a_lion(shared) -> None:
    with Image.open(shared / "photos" / "lion.jpg") as lion:
        for network in ("efficientnet-lite0", "efficientnet-lite2"):
            name, share = judge(lion, network).seen[0]
            assert name == "lion"
            assert share > 0.5


def test_verdicts_are_in_the_recipe(tiny, photo) -> None:
    result = verify_result(inc.dream(photo, network=tiny, steps=1, octaves=1), [tiny, "efficientnet-lite0"])
    first, second = result.recipe.verdicts
    assert (first.network, second.network) == ("Tiny", "efficientnet-lite0")
    assert {name for name, _ in first.seen} == {"ash", "elm", "fir", "oak"}
    assert sum(share for _, share in first.seen) == pytest.approx(1, abs=1e-3)
    assert [share for _, share in second.seen] == sorted((share for _, share in second.seen), reverse=True)
    again = inc.Recipe.from_json(result.recipe.to_json())
    assert again == result.recipe
    assert ("verified", str(first)) in again.described()


def test_a_transparent_picture_gets_a_white_background(tiny, photo) -> None:
    image = Image.fromarray(np.dstack([photo, np.zeros(photo.shape[:2], np.uint8)]))
    assert judge(image, tiny) == judge(Image.new("RGB", image.size, "white"), tiny)


def test_a_network_that_is_not_a_classifier_cannot_verify(photo) -> None:
    import torch

    network = inc.Network(torch.nn.Conv2d(3, 4, 3), size=(40, 40))
    with pytest.raises(InvalidSetting, match="network Conv2d is not a classifier"):
        judge(Image.fromarray(photo), network)
