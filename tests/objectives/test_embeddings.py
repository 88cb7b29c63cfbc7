"""Objectives of sentences and pictures for a network of open_clip with random weights."""

from __future__ import annotations

import math

import numpy as np
import open_clip
import pytest
import torch
from PIL import Image
from torch import Tensor

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.io import load_photo
from inceptionism.networks.loaders.open_clip import load
from inceptionism.objectives import parse_objective
from tests.support.clip_networks import NAME, normalized, register, saved
from tests.support.tiny_networks import TINY_MEAN, TINY_STD, tiny_module, tiny_network

SENTENCE = "a barn, red (at dusk)"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("clip")


@pytest.fixture(scope="module")
def model(folder):
    return register(folder)


@pytest.fixture(scope="module")
def network(model, folder) -> inc.Network:
    return load(f"open_clip/{NAME}", saved(model, folder / "clip.pt"))


def picture(seed: int = 0, count: int = 1) -> Tensor:
    return torch.rand(count, 3, 64, 64, generator=torch.Generator().manual_seed(seed))


def score(objective: inc.Objective, network: inc.Network, picture: Tensor) -> Tensor:
    return objective(network.activations(picture, objective.layers))


def cosine(model, picture: Tensor, sentence: str) -> Tensor:
    """Return what open_clip's own forward pass says about a picture and a sentence."""
    with torch.no_grad():
        image, text, _ = model(normalized(picture), open_clip.get_tokenizer(NAME)([sentence]))
    return (image * text).sum(1)


def test_score_is_the_cosine_similarity_of_open_clip(network, model) -> None:
    objective = objectives.text(network, SENTENCE)
    actual = score(objective, network, picture(count=3))
    torch.testing.assert_close(actual, cosine(model, picture(count=3), SENTENCE), rtol=1e-4, atol=1e-5)


def test_gradient_agrees_with_finite_differences_and_with_the_spherical_distance(network) -> None:
    """The gradient has the direction of that of Crowson's squared angle, 2·arcsin(|x-y|/2)²."""
    objective = objectives.text(network, SENTENCE)
    view = picture(1).requires_grad_()
    (gradient,) = torch.autograd.grad(score(objective, network, view).sum(), view)
    # The score changes most along the gradient, so the difference is far above the rounding of float32.
    noise = torch.randn(view.shape, generator=torch.Generator().manual_seed(2))
    change = gradient / gradient.norm() + 0.3 * noise / noise.norm()
    with torch.no_grad():
        difference = score(objective, network, view + 0.1 * change) - score(objective, network, view - 0.1 * change)
    assert difference.item() / 0.2 == pytest.approx((gradient * change).sum().item(), rel=2e-2)
    unit = torch.nn.functional.normalize(network.activations(view, ["logits"])["logits"], dim=1)
    distance = 2 * torch.arcsin((unit - network.text_tower(SENTENCE)).norm(dim=1) / 2).square()
    (spherical,) = torch.autograd.grad(distance.sum(), view)
    angle = math.acos(float(score(objective, network, view.detach())[0]))
    torch.testing.assert_close(-spherical, gradient * angle / math.sin(angle), rtol=1e-3, atol=1e-7)


def test_a_sum_of_sentences_is_read_from_its_own_text(network, model) -> None:
    objective = objectives.text(network, SENTENCE) - 0.5 * objectives.text(network, "blurry")
    assert str(objective) == f'text("{SENTENCE}") - 0.5*text(blurry)'
    assert objective.repeatable
    again = parse_objective(str(objective), network)
    expected = cosine(model, picture(), SENTENCE) - 0.5 * cosine(model, picture(), "blurry")
    torch.testing.assert_close(score(again, network, picture()), expected, rtol=1e-4, atol=1e-5)
    assert again.pictures() == {f"text tower of {network.name}": network.text_tower.weights_hash}


@pytest.mark.parametrize("sentence", ["key=value", 'a "quoted" word', "tab\there", "ein Häuschen 🏠", "a:7", " =x"])
def test_every_sentence_can_be_read_again(network, sentence: str) -> None:
    objective = objectives.text(network, sentence)
    torch.testing.assert_close(
        score(parse_objective(str(objective), network), network, picture()), score(objective, network, picture())
    )


def test_a_picture_is_embedded_at_the_size_of_the_network(network, model, tmp_path) -> None:
    pixels = np.random.default_rng(5).integers(0, 255, (64, 64, 3), np.uint8)
    Image.fromarray(pixels).save(tmp_path / "dog.png")
    objective = parse_objective("image(dog.png)", network, find_file=lambda name: tmp_path / name)
    with torch.no_grad():
        target = model.encode_image(normalized(torch.tensor(pixels).permute(2, 0, 1)[None] / 255), normalize=True)
        expected = (model.encode_image(normalized(picture()), normalize=True) * target).sum(1)
    torch.testing.assert_close(score(objective, network, picture()), expected, rtol=1e-4, atol=1e-5)
    assert objective.pictures() == {"dog.png": load_photo(pixels).sha256}
    wide = np.random.default_rng(6).integers(0, 255, (64, 100, 3), np.uint8)  # only its center is used
    torch.testing.assert_close(
        score(objectives.image(network, load_photo(wide)), network, picture()),
        score(objectives.image(network, load_photo(wide[:, 18:82].copy())), network, picture()),
    )


def test_a_network_with_classes_compares_pictures_by_its_logits(photo) -> None:
    tiny = tiny_network()
    objective = objectives.image(tiny, load_photo(photo[:32, :32].copy()))
    same = torch.tensor(photo[:32, :32].copy()).permute(2, 0, 1)[None] / 255
    assert score(objective, tiny, same).item() == pytest.approx(1, abs=1e-5)


def test_a_sentence_needs_a_network_that_reads_it(network) -> None:
    with pytest.raises(
        InvalidSetting, match=r"text\(\.\.\.\) needs a network that can read sentences, .* CLIP network"
    ):
        parse_objective("text(a red barn)", tiny_network())
    with pytest.raises(InvalidSetting, match="compares 24 numbers, but the network outputs 4"):
        score(objectives.text(network, SENTENCE), tiny_network(), picture())
    with pytest.raises(InvalidSetting, match="has the wrong number of arguments"):
        parse_objective("text(a barn, red)", network)


def test_a_module_of_ones_own_can_have_a_text_tower(network, model) -> None:
    def tower(sentence: str) -> Tensor:
        with torch.no_grad():
            return model.encode_text(open_clip.get_tokenizer(NAME)([sentence]))[0]

    own = inc.Network(model.visual, size=64, mean=(0, 0, 0), text_tower=tower)
    objective = objectives.text(own, SENTENCE)
    expected = torch.cosine_similarity(model.visual(picture()), tower(SENTENCE)[None])
    torch.testing.assert_close(score(objective, own, picture()), expected, rtol=1e-4, atol=1e-5)
    assert objective.pictures() == {}


def test_the_picture_gets_more_similar_to_the_sentence(network) -> None:
    """This is also true if the network is another one than that of the run."""
    whole = objectives.text(network, SENTENCE) - 0.5 * objectives.text(network, "a blue cow")
    for objective, run in ((whole, network), (whole.on(network), tiny_network())):
        result = inc.visualize(
            objective, network=run, steps=40, size=72, prior="fourier + crops(count=4)", device="cpu", seed=1
        )
        assert np.mean(result.scores[-5:]) > np.mean(result.scores[:5]) + 0.1


def test_crops_show_a_network_of_one_size_views_of_this_size(network, model) -> None:
    """A tower without resampled position embeddings accepts one size, but its pictures can have any size."""
    fixed = inc.Network(model.visual, size=64, mean=(0, 0, 0), text_tower=network.text_tower)
    assert fixed.fitting_size((72, 91)) == (64, 64)
    prior = "fourier + crops(count=4)"
    result = inc.visualize(objectives.text(fixed, "a"), network=fixed, steps=50, size=(72, 91), prior=prior, seed=1)
    assert result.image.size == (91, 72)
    assert np.mean(result.scores[-5:]) > np.mean(result.scores[:5]) + 0.1


def test_a_picture_is_compared_by_the_cosine_of_the_logits() -> None:
    """The oracle is the plain module on the normalized picture, and NumPy."""
    network, pictures = tiny_network(), np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3), dtype=np.uint8)
    mean, std = (torch.tensor(one)[:, None, None] for one in (TINY_MEAN, TINY_STD))
    seen = torch.from_numpy(pictures / 255).float().permute(0, 3, 1, 2)
    with torch.no_grad():
        one, other = tiny_module()((seen - mean) / std).numpy()
    objective = objectives.image(network, load_photo(pictures[0]))
    score = objective(network.activations(seen[1:], ["logits"]))
    assert score.item() == pytest.approx(one @ other / np.linalg.norm(one) / np.linalg.norm(other), abs=1e-5)
