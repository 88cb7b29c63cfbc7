from __future__ import annotations

import numpy as np
import pytest
import torch

from inceptionism import objectives
from inceptionism.errors import InvalidSetting
from inceptionism.objectives.objective import Objective

CASES = [
    objectives.layer("a"),
    objectives.layer("a", 2),
    objectives.layer("logits", 4),
    objectives.channel("b", 1),
    objectives.logit(3),
    objectives.layer("a") + 0.5 * objectives.channel("b", 0) - 2 * objectives.logit(1),
    -objectives.layer("b"),
]


def some_activations() -> dict[str, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    shapes = {"a": (2, 4, 3, 5), "b": (2, 3, 2, 7), "logits": (2, 6)}
    return {name: torch.randn(shape, generator=generator, dtype=torch.float64) for name, shape in shapes.items()}


@pytest.mark.parametrize("objective", CASES, ids=str)
def test_gradients_are_those_of_finite_differences(objective: Objective) -> None:
    activations = some_activations()
    names = sorted(objective.layers)

    def score(*values: torch.Tensor) -> torch.Tensor:
        return objective(dict(zip(names, values, strict=True)))

    inputs = [activations[name].requires_grad_() for name in names]
    assert torch.autograd.gradcheck(score, inputs)


@pytest.mark.parametrize("objective", CASES, ids=str)
def test_each_picture_of_a_batch_has_its_own_score(objective: Objective) -> None:
    activations = some_activations()
    whole = objective(activations)
    assert whole.shape == (2,)
    for index in range(2):
        alone = objective({name: values[index : index + 1] for name, values in activations.items()})
        torch.testing.assert_close(alone, whole[index : index + 1])


def test_values_are_those_of_numpy() -> None:
    activations = some_activations()
    a, b = (activations[name].numpy() for name in "ab")
    np.testing.assert_allclose(objectives.layer("a")(activations), [0.5 * np.linalg.norm(one) ** 2 for one in a])
    np.testing.assert_allclose(objectives.layer("a", 1)(activations), [0.5 * np.linalg.norm(one[1]) ** 2 for one in a])
    np.testing.assert_allclose(objectives.channel("b", 2)(activations), [one[2].mean() for one in b])


def test_objectives_add_and_scale() -> None:
    activations = some_activations()
    one, other = objectives.layer("a"), objectives.channel("b", 1)
    both = 3 * one - other * 2
    assert both.layers == {"a", "b"}
    torch.testing.assert_close(both(activations), 3 * one(activations) - 2 * other(activations))


def test_they_say_what_they_are() -> None:
    assert str(objectives.layer("blocks.10") + 0.5 * objectives.channel("blocks.4", 17)) == (
        "layer(blocks.10) + 0.5*channel(blocks.4:17)"
    )
    assert str(2 * (objectives.logit(1) - 3 * objectives.logit(2))) == "2*logit(1) - 6*logit(2)"
    assert str(objectives.logit(1) - objectives.logit(2)) == "logit(1) - logit(2)"


def test_a_sum_may_be_as_long_as_one_likes() -> None:
    activations = some_activations()
    many = sum(objectives.layer("a") for _ in range(3000))
    torch.testing.assert_close(many(activations), 3000 * objectives.layer("a")(activations))


def test_objectives_add_to_objectives_only() -> None:
    one = objectives.layer("a")
    for wrong in (lambda: one + 3, lambda: 3 + one, lambda: one - "b", lambda: one * "2", lambda: one * one):
        with pytest.raises(TypeError, match=r"unsupported operand|can't multiply"):
            wrong()
    for layers in (frozenset(), "a", [3]):
        with pytest.raises(InvalidSetting, match="an objective needs a set of the names of its layers"):
            Objective(layers, lambda a: a["a"], "nothing")


@pytest.mark.parametrize("index", [6, -1, True, 1.5, "1"])
def test_a_channel_that_is_not_there_is_refused(index) -> None:
    activations = some_activations()
    for objective in (
        objectives.layer("logits", index),
        objectives.channel("logits", index),
        objectives.logit(index),
    ):
        with pytest.raises(InvalidSetting, match="layer logits has channels 0 to 5, not a channel"):
            objective(activations)
