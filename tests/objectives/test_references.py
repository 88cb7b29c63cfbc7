"""Objectives that compare with a reference picture: scores and gradients by published formulas, and whole runs."""

from __future__ import annotations

from contextlib import suppress

import numpy as np
import pytest
import torch
from PIL import Image

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import NoGradient
from inceptionism.io import load_photo
from inceptionism.objectives import references
from inceptionism.objectives.objective import Objective

CASES = [
    lambda photo: objectives.guide("a", photo),
    lambda photo: objectives.guide("a", photo, cosine=True),
    lambda photo: objectives.inversion("a", photo),
    lambda photo: objectives.caricature("a", photo),
    lambda photo: objectives.style("a", photo),
    lambda photo: 2 * objectives.style("a", photo) - objectives.layer("b"),
]
NAMES = ["guide", "guide-cosine", "inversion", "caricature", "style", "sum"]


def random_activations(objective: Objective, generator: torch.Generator) -> dict:
    """Return random activations for two pictures and for the references of an objective."""
    activations: dict = {}
    for name, shape in (("a", (4, 3, 5)), ("b", (3, 2, 7))):
        activations[name] = torch.randn(2, *shape, generator=generator, dtype=torch.float64)
        for reference in objective.references:
            count, size = (2, shape[1:]) if reference.aligned else (1, (2, 3))
            activations[name, reference] = torch.randn(count, shape[0], *size, generator=generator, dtype=torch.float64)
    return activations


@pytest.fixture
def generator() -> torch.Generator:
    return torch.Generator().manual_seed(0)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_gradients_agree_with_finite_differences(case, photo, generator) -> None:
    objective = case(load_photo(photo))
    activations = random_activations(objective, generator)

    def score(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        scores = objective({**activations, "a": a, "b": b})
        assert scores.shape == (2,)
        return scores + 0 * b.sum()

    assert torch.autograd.gradcheck(score, [activations[name].requires_grad_() for name in "ab"])


def test_the_gradient_of_a_guide_agrees_with_the_2015_notebook(photo, generator) -> None:
    """As in the notebook, the gradient at each position is the best-matching activation vector of the guide."""
    objective = objectives.guide("a", load_photo(photo))
    activations = random_activations(objective, generator)
    x = activations["a"][:1].requires_grad_()
    objective({**activations, "a": x}).sum().backward()
    channels = x.shape[1]
    y = activations["a", objective.references[0]][0].numpy().reshape(channels, -1)
    matrix = x.detach().numpy()[0].reshape(channels, -1).T.dot(y)
    expected = y[:, matrix.argmax(1)].reshape(x.shape[1:])
    np.testing.assert_allclose(x.grad[0].numpy(), expected)


def test_a_large_guide_is_compared_in_chunks_with_the_same_score(photo, generator, monkeypatch) -> None:
    objective = objectives.guide("a", load_photo(photo))
    activations = random_activations(objective, generator)
    whole = objective(activations)
    monkeypatch.setattr(references, "MAX_PRODUCTS", 8)
    torch.testing.assert_close(objective(activations), whole)


def test_scores_agree_with_numpy(photo, generator) -> None:
    inversion, style = (make("a", load_photo(photo)) for make in (objectives.inversion, objectives.style))
    activations = random_activations(inversion, generator)
    a, target = activations["a"][0].numpy(), activations["a", inversion.references[0]][0].numpy()
    assert inversion(activations)[0].item() == pytest.approx(-((a - target) ** 2).sum() / (target**2).sum())
    activations = random_activations(style, generator)
    flat = [values[0].flatten(1).numpy() for values in (activations["a"], activations["a", style.references[0]])]
    grams = [values @ values.T / values.shape[1] for values in flat]
    assert style(activations)[0].item() == pytest.approx(-((grams[0] - grams[1]) ** 2).sum() / (grams[1] ** 2).sum())


@pytest.mark.parametrize("sign", [1, -1])
def test_a_caricature_agrees_with_numpy(photo, generator, sign: int) -> None:
    """The score is dot / |target| * max(0, cosine). So dissimilar activations have a score of 0."""
    caricature = objectives.caricature("a", load_photo(photo))
    activations = random_activations(caricature, generator)
    target = activations["a", caricature.references[0]]
    activations["a"] = sign * target + 0.3 * activations["a"]
    a, b = (values.flatten(1).numpy() for values in (activations["a"], target))
    dot = (a * b).sum(1)
    cosine = dot / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
    expected = dot / np.linalg.norm(b, axis=1) * cosine.clip(min=0)
    np.testing.assert_allclose(caricature(activations).numpy(), expected)
    assert (expected > 0).all() == (sign > 0)


def test_a_guide_by_the_cosine_agrees_with_a_loop_over_positions(photo, generator) -> None:
    """The vectors of the guide have different lengths, so the best match by the cosine is not that by the product."""
    guide, plain = (objectives.guide("a", load_photo(photo), cosine=cosine) for cosine in (True, False))
    activations = random_activations(guide, generator)
    activations["a", guide.references[0]] *= torch.linspace(0.1, 9, 3)
    x, y = (activations[key].flatten(2).numpy() for key in ("a", ("a", guide.references[0])))
    expected = []
    for picture in x:
        scores, matches = [], []
        for vector in picture.T:
            cosines = [float(vector @ one / np.linalg.norm(vector) / np.linalg.norm(one)) for one in y[0].T]
            scores.append(max(cosines))
            matches.append(np.argmax(cosines) == np.argmax(vector @ y[0]))
        expected.append(sum(scores))
        assert not all(matches)
    np.testing.assert_allclose(guide(activations).numpy(), expected)
    assert not np.allclose(
        plain({**activations, ("a", plain.references[0]): activations["a", guide.references[0]]}), expected
    )


@pytest.mark.parametrize(("jitter", "size"), [(0, None), (25, 120)])
def test_an_aligned_reference_stays_aligned_at_any_shift_and_size(lite0, photo, jitter: int, size: int) -> None:
    """At the first step, the picture is the photograph itself. Then the score of its inversion is 0, the maximum."""
    scores: list[float] = []
    settings = {"network": lite0, "objective": "inversion(blocks.4)", "steps": 3, "octaves": 1, "precision": "fp32"}
    with suppress(NoGradient):
        inc.dream(photo, jitter=jitter, size=size, on_step=lambda step: scores.append(step.score), **settings)
    assert scores[0] == 0


def test_inversion_reconstructs_a_picture_from_its_activations(lite0, photo) -> None:
    """The run starts from noise. Its pixels resemble the photograph, although only activations were compared."""
    other = Image.fromarray(photo[::-1].copy())
    recipe = inc.ClassRecipe(objective="inversion(blocks.2)", size=(93, 71), steps=120, prior="fourier")
    result = inc.ClassRun(recipe, network=lite0, objective=objectives.inversion("blocks.2", load_photo(photo))).finish()
    similarity = [correlation(np.asarray(result.image), np.asarray(picture)) for picture in (photo, other)]
    assert similarity[0] > 0.8 > 0.5 > similarity[1]


@pytest.mark.parametrize("objective", [objectives.style, objectives.caricature, objectives.guide])
def test_an_ascent_increases_the_score(lite0, photo, objective) -> None:
    other = load_photo(photo[::-1, ::2].copy())
    scores = inc.dream(photo, network=lite0, objective=objective("blocks.4", other), steps=8, octaves=1).scores
    assert scores[-1] > scores[0]


def correlation(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.corrcoef(one.astype(float).ravel(), other.astype(float).ravel())[0, 1])


@pytest.mark.parametrize("cosine", [False, True])
def test_a_guide_on_logits_is_a_dot_product(photo, cosine: bool) -> None:
    objective = objectives.guide("logits", inc.load_photo(photo), cosine=cosine)
    own, guide = torch.tensor([[1.0, 2.0, -1.0], [0.0, 3.0, 4.0]]), torch.tensor([[2.0, 0.0, 1.0]])
    expected = own @ guide[0]
    if cosine:
        expected = expected / own.norm(dim=1) / guide.norm()
    scores = objective({"logits": own, ("logits", objective.references[0]): guide})
    np.testing.assert_allclose(scores, expected, rtol=1e-6)
