"""CUDA graphs return the same numbers as the evaluations that they record."""

from __future__ import annotations

import pytest
import torch

from inceptionism import objectives
from inceptionism.optimization.cuda_graphs import WARM_UP_CALLS, CUDAGraphed
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator

pytestmark = pytest.mark.gpu


def pictures(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.rand(1, 3, 75, 113, generator=generator).cuda() for _ in range(count)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_graph_returns_the_score_and_gradient_of_the_network(lite0, dtype) -> None:
    network = lite0.to("cuda")
    objective = objectives.layer("blocks.4")
    evaluator = GradientEvaluator(network, dtype)
    for view in pictures(WARM_UP_CALLS + 3):
        ((score, gradient),) = evaluator([EvaluationRequest(view, objective, torch.Generator())])
        scores, expected = evaluator._forward_backward(view, [EvaluationRequest(view, objective, torch.Generator())])
        assert score == pytest.approx(scores.item(), rel=1e-3)
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
    assert all(graphed._graph is not None for graphed in evaluator._graphs.values())
    network.to("cpu")


def test_outputs_stay_the_same_after_another_replay() -> None:
    double = CUDAGraphed(lambda view: (view.sum(), view * 2), torch.cuda.graph_pool_handle())
    views = pictures(WARM_UP_CALLS + 3)
    for view, (total, doubled) in zip(views, [double(view) for view in views], strict=True):
        torch.testing.assert_close(doubled, view * 2)
        torch.testing.assert_close(total, view.sum())


def test_an_evaluation_that_waits_for_the_device_is_not_recorded() -> None:
    waits = CUDAGraphed(lambda view: (view.sum(), view * view.sum().item()), torch.cuda.graph_pool_handle())
    for view in pictures(WARM_UP_CALLS + 3):
        torch.testing.assert_close(waits(view)[1], view * view.sum())
    assert waits._graph is None
