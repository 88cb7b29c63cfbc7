"""An independent network recognizes the pictures: GoogLeNet, loaded by OpenCV's own Caffe importer."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from tests.support.pictures import neighbor_correlation

BANANA, LION = 954, 291


@pytest.fixture(scope="module")
def judge(shared: Path):
    import cv2

    folder = shared / "networks" / "bvlc_googlenet"
    network = cv2.dnn.readNetFromCaffe(str(folder / "deploy.prototxt"), str(folder / "bvlc_googlenet.caffemodel"))

    def probabilities(image: Image.Image) -> np.ndarray:
        rgb = np.asarray(image.convert("RGB").resize((224, 224), Image.Resampling.BICUBIC))
        network.setInput(cv2.dnn.blobFromImage(rgb, 1, (224, 224), (123, 117, 104), swapRB=True))
        return network.forward().ravel()

    return probabilities


def test_the_judge_recognizes_a_photograph_of_a_lion(judge, shared) -> None:
    with Image.open(shared / "photos" / "lion.jpg") as lion:
        probabilities = judge(lion)
    assert probabilities.argmax() == LION
    assert probabilities[LION] > 0.99


@pytest.mark.long
def test_the_judge_recognizes_a_banana_only_with_a_prior(judge, lite0) -> None:
    natural = inc.visualize("banana")
    assert natural.image.size == (448, 448)
    assert judge(natural.image).argmax() == BANANA
    plain = inc.visualize("banana", prior="none")
    # The network of the run sees a banana in both pictures. Other networks see a banana only with the prior.
    for image in (natural.image, plain.image):
        logits = lite0.activations(picture(image), ["logits"])["logits"]
        assert logits.softmax(1)[0, BANANA] > 0.9
    assert BANANA not in judge(plain.image).argsort()[-5:]
    assert neighbor_correlation(picture(natural.image)) > 0.9 > neighbor_correlation(picture(plain.image))


def picture(image: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None] / 255
