"""CUDA graphs return the same numbers as the evaluations that they record."""

from __future__ import annotations

import gc
import weakref

import pytest
import torch

from inceptionism import objectives
from inceptionism.optimization.cuda_graphs import WARM_UP_CALLS, CUDAGraphed, exclusive_use
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator

pytestmark = pytest.mark.gpu


def pictures(count: int) -> list[torch.Tensor]:
    generator = torch.Generator().manual_seed(5)
    return [torch.rand(1, 3, 75, 113, generator=generator).cuda() for _ in range(count)]


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float16])
def test_a_graph_returns_the_score_and_gradient_of_the_network(lite0, dtype) -> None:
    network = lite0.on(torch.device("cuda"))
    objective = objectives.layer("blocks.4")
    evaluator = GradientEvaluator(network, dtype)
    for view in pictures(WARM_UP_CALLS + 3):
        ((score, gradient),) = evaluator([EvaluationRequest(view, objective, torch.Generator())])
        with exclusive_use():
            scores, expected = evaluator._forward_backward(
                view, [EvaluationRequest(view, objective, torch.Generator())]
            )
        assert score == pytest.approx(scores.item(), rel=1e-3)
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
    assert all(graphed.is_recorded for graphed in evaluator._graphs.values())


def test_outputs_stay_the_same_after_another_replay() -> None:
    graphed = CUDAGraphed(torch.cuda.graph_pool_handle())
    views = pictures(WARM_UP_CALLS + 3)
    outputs = [graphed(lambda view: (view.sum(), view * 2), view) for view in views]
    for view, (total, doubled) in zip(views, outputs, strict=True):
        torch.testing.assert_close(doubled, view * 2)
        torch.testing.assert_close(total, view.sum())


def test_an_evaluation_that_waits_for_the_device_is_not_recorded() -> None:
    graphed = CUDAGraphed(torch.cuda.graph_pool_handle())
    stream = torch.cuda.current_stream()
    for view in pictures(WARM_UP_CALLS + 3):
        output = graphed(lambda view: (view.sum(), view * view.sum().item()), view)
        torch.testing.assert_close(output[1], view * view.sum())
    assert not graphed.is_recorded
    assert torch.cuda.current_stream() == stream


def test_the_settings_of_the_program_are_restored() -> None:
    for allowed in (True, False):
        torch.backends.cudnn.allow_tf32 = allowed
        with exclusive_use():
            assert not torch.backends.cudnn.allow_tf32
        assert torch.backends.cudnn.allow_tf32 == allowed
    torch.backends.cudnn.allow_tf32 = True


def test_the_graphs_of_a_finished_evaluator_are_freed_at_once(lite0) -> None:
    evaluator = GradientEvaluator(lite0.on(torch.device("cuda")))
    objective = objectives.layer("blocks.4")
    for view in pictures(WARM_UP_CALLS + 3):
        evaluator([EvaluationRequest(view, objective, torch.Generator())])
    (graph,) = (weakref.ref(graphed._graph) for graphed in evaluator._graphs.values())
    assert graph() is not None
    gc.disable()
    del evaluator
    gc.enable()
    assert graph() is None
