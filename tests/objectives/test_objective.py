"""Objectives: their scores, gradients, texts, and how they add and scale."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.special import softmax

from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.objectives.objective import Objective

CASES = [
    objectives.layer("a"),
    objectives.layer("a", 2),
    objectives.layer("logits", 4),
    objectives.channel("b", 1),
    objectives.logit(3),
    objectives.logit(3, against=1),
    objectives.logit(3, against="all"),
    objectives.neuron("a", 1),
    objectives.neuron("b", 2, 1, 6),
    objectives.direction("a", torch.tensor([1.0, -2.0, 0.5, 3.0]), cosine=2),
    objectives.layer("a") + 0.5 * objectives.channel("b", 0) - 2 * objectives.logit(1),
    -objectives.layer("b"),
]


def random_activations() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"a": (2, 4, 3, 5), "b": (2, 3, 2, 7), "logits": (2, 6)}
    return {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}


@pytest.mark.parametrize("objective", CASES, ids=str)
def test_gradients_agree_with_finite_differences(objective: Objective) -> None:
    activations = random_activations()
    names = sorted(objective.layers)

    def score(*values: torch.Tensor) -> torch.Tensor:
        return objective(dict(zip(names, values, strict=True)))

    inputs = [activations[name].requires_grad_() for name in names]
    assert torch.autograd.gradcheck(score, inputs)


@pytest.mark.parametrize("objective", CASES, ids=str)
def test_the_score_of_a_picture_does_not_depend_on_its_batch(objective: Objective) -> None:
    activations = random_activations()
    batch = objective(activations)
    assert batch.shape == (2,)
    for index in range(2):
        alone = objective({name: values[index : index + 1] for name, values in activations.items()})
        torch.testing.assert_close(alone, batch[index : index + 1])


def test_scores_agree_with_numpy() -> None:
    activations = random_activations()
    a, b = (activations[name].numpy() for name in "ab")
    np.testing.assert_allclose(objectives.layer("a")(activations), [0.5 * np.linalg.norm(x) ** 2 for x in a])
    np.testing.assert_allclose(objectives.layer("a", 1)(activations), [0.5 * np.linalg.norm(x[1]) ** 2 for x in a])
    np.testing.assert_allclose(objectives.channel("b", 2)(activations), [x[2].mean() for x in b])


def test_the_scores_of_neurons_agree_with_numpy() -> None:
    """Without a position, it is the middle one: size // 2 of each axis, as in Lucid."""
    activations = random_activations()
    a, b, logits = (activations[name].numpy() for name in ("a", "b", "logits"))
    np.testing.assert_array_equal(objectives.neuron("a", 2)(activations), a[:, 2, 1, 2])
    np.testing.assert_array_equal(objectives.neuron("b", 1)(activations), b[:, 1, 1, 3])
    np.testing.assert_array_equal(objectives.neuron("a", 3, 2, 0)(activations), a[:, 3, 2, 0])
    np.testing.assert_array_equal(objectives.neuron("a", 0, column=4)(activations), a[:, 0, 1, 4])
    np.testing.assert_array_equal(objectives.neuron("logits", 5)(activations), logits[:, 5])


@pytest.mark.parametrize("scale", [1.0, 100.0])
def test_the_scores_of_classes_agree_with_numpy_and_scipy(scale: float) -> None:
    """Against all others, the score is the logarithm of the odds of the class."""
    activations = {"logits": scale * random_activations()["logits"]}
    logits = activations["logits"].numpy()
    np.testing.assert_array_equal(objectives.logit(3)(activations), logits[:, 3])
    np.testing.assert_allclose(objectives.logit(3, against=1)(activations), logits[:, 3] - logits[:, 1])
    odds = objectives.logit(3, against="all")(activations)
    others = np.delete(logits, 3, axis=1)
    np.testing.assert_allclose(odds, logits[:, 3] - others.max(1) + np.log(np.max(softmax(others, 1), 1)))
    if scale == 1:
        probability = softmax(logits, 1)[:, 3]
        np.testing.assert_allclose(odds, np.log(probability / (1 - probability)))


def test_the_diversity_agrees_with_a_loop_over_pairs() -> None:
    """The oracle is the sum of Lucid's `diversity`: similarities of normalized Gram matrices of different pictures."""
    maps = torch.randn(3, 4, 3, 5, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    grams = []
    for values in maps.numpy():
        flat = values.reshape(4, -1)
        gram = flat @ flat.T
        grams.append(gram / np.linalg.norm(gram))
    expected = [-np.mean([(grams[i] * grams[j]).sum() for j in range(3) if j != i]) for i in range(3)]
    np.testing.assert_allclose(objectives.diversity("a")({"a": maps}), expected)
    assert torch.autograd.gradcheck(lambda a: objectives.diversity("a")({"a": a}), [maps.requires_grad_()])


@pytest.mark.parametrize("power", [0, 1, 2.5])
def test_a_direction_with_a_power_of_the_cosine_agrees_with_numpy(power: float) -> None:
    """The score is that of Lucid's `direction` with `cossim_pow`, for a vector of length 1."""
    activations = random_activations()
    vector = np.array([1.0, -2.0, 0.5, 3.0])
    objective = objectives.direction("a", torch.from_numpy(vector), "vector.npy", cosine=power)
    assert str(objective) == f"direction(a, vector.npy{f', cosine={power:g}' if power else ''})"
    unit = vector / np.linalg.norm(vector)
    expected = []
    for values in activations["a"].numpy():
        products = [float(unit @ values[:, row, column]) for row in range(3) for column in range(5)]
        lengths = [float(np.linalg.norm(values[:, row, column])) for row in range(3) for column in range(5)]
        cosines = [max(0.1, product / length) for product, length in zip(products, lengths, strict=True)]
        expected.append(np.mean([one * cosine**power for one, cosine in zip(products, cosines, strict=True)]))
    np.testing.assert_allclose(objective(activations), expected)


def test_a_direction_with_a_cosine_has_a_finite_gradient_where_all_activations_are_zero() -> None:
    values = torch.zeros(1, 2, 3, 3, requires_grad=True)
    objectives.direction("a", torch.tensor([1.0, 2.0]), cosine=2)({"a": values}).sum().backward()
    assert values.grad.isfinite().all()
    with pytest.raises(InvalidSetting, match="cosine must be at least 0, not -1"):
        objectives.direction("a", torch.ones(2), cosine=-1)


def test_objectives_add_and_scale() -> None:
    activations = random_activations()
    layer, channel = objectives.layer("a"), objectives.channel("b", 1)
    both = 3 * layer - channel * 2
    assert both.layers == {"a", "b"}
    torch.testing.assert_close(both(activations), 3 * layer(activations) - 2 * channel(activations))


def test_the_text_of_a_sum_has_the_texts_and_weights_of_its_terms() -> None:
    assert str(objectives.layer("blocks.10") + 0.5 * objectives.channel("blocks.4", 17)) == (
        "layer(blocks.10) + 0.5*channel(blocks.4:17)"
    )
    assert str(2 * (objectives.logit(1) - 3 * objectives.logit(2))) == "2*logit(1) - 6*logit(2)"
    assert str(objectives.logit(1) - objectives.logit(2)) == "logit(1) - logit(2)"


def test_a_sum_may_have_thousands_of_terms() -> None:
    activations = random_activations()
    many = sum(objectives.layer("a") for _ in range(2000))
    torch.testing.assert_close(many(activations), 2000 * objectives.layer("a")(activations))


def test_objectives_add_to_objectives_only() -> None:
    layer = objectives.layer("a")
    for wrong in (
        lambda: layer + 3,
        lambda: 3 + layer,
        lambda: layer - "b",
        lambda: layer * "2",
        lambda: layer * layer,
    ):
        with pytest.raises(TypeError, match=r"unsupported operand|can't multiply"):
            wrong()


def test_an_objective_needs_names_of_layers() -> None:
    for layers in (frozenset(), "a", [3]):
        with pytest.raises(InvalidSetting, match="an objective needs a set of layer names, not"):
            Objective(layers, lambda a: a["a"], "nothing")


@pytest.mark.parametrize("index", [6, -1, True, 1.5, "1"])
def test_a_missing_channel_is_refused(index) -> None:
    activations = random_activations()
    for objective in (
        objectives.layer("logits", index),
        objectives.channel("logits", index),
        objectives.logit(index),
    ):
        with pytest.raises(InvalidSetting, match=r"layer logits has no channel .*; its channels are 0 to 5"):
            objective(activations)


def test_diversity_of_zero_activations_is_zero_and_logits_have_a_single_position() -> None:
    zero = torch.zeros(3, 4, 5, 5)
    np.testing.assert_array_equal(objectives.diversity("a")({"a": zero}), [0, 0, 0])
    half = torch.cat([torch.zeros(1, 4, 5, 5), torch.ones(2, 4, 5, 5)])
    np.testing.assert_allclose(objectives.diversity("a")({"a": half}), [0, -0.5, -0.5], atol=1e-6)
    logits = torch.tensor([[3.0, 0.0], [0.0, 2.0], [4.0, 4.0]])
    grams = [np.outer(row, row).ravel() / (row @ row) for row in logits.numpy()]
    expected = [-np.mean([grams[i] @ grams[j] for j in range(3) if j != i]) for i in range(3)]
    np.testing.assert_allclose(objectives.diversity("logits")({"logits": logits}), expected, atol=1e-6)
