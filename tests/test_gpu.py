"""The same recipes on a CUDA GPU: repeatable, close to the pictures of the CPU, and safe in threads."""

from __future__ import annotations

import gc
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism.objectives import logit
from inceptionism.optimization import GradientEvaluator
from inceptionism.optimization.cuda_graphs import exclusive_use
from inceptionism.optimization.gradients import EvaluationRequest
from inceptionism.recipes import ClassRecipe
from tests.support.tiny_networks import tiny_module

pytestmark = pytest.mark.gpu


@pytest.fixture(scope="module")
def lite0_on_gpu() -> inc.Network:
    return inc.load_network("efficientnet-lite0", "cuda")


def pixels(result: inc.Result) -> np.ndarray:
    return np.asarray(result.image).astype(float)


def make(what: str, network: inc.Network, photo: np.ndarray, **settings: object) -> np.ndarray:
    """Return the pixels of a small result, by the name of its kind."""
    if what == "photo":
        return pixels(inc.dream(photo, network=network, layer="blocks.4", octaves=2, steps=4, **settings))
    if what == "tiles":
        settings = {"memory": "700MB", **settings}
        return pixels(inc.dream(photo, network=network, layer="blocks.4", size=640, octaves=1, steps=2, **settings))
    target = "banana" if what == "class" else "channel(blocks.9:3)"
    return pixels(inc.visualize(target, network=network, size=(96, 130), steps=6, **settings))


@pytest.mark.parametrize("what", ["photo", "class", "unit"])
def test_a_picture_of_the_gpu_is_close_to_that_of_the_cpu(lite0, lite0_on_gpu, photo, what) -> None:
    """Rounding differs, and each step adds to the difference. The seed 1 gives a different picture."""
    on_cpu = {"precision": "fp32", "device": "cpu"}
    expected = make(what, lite0, photo, **on_cpu)
    difference = np.abs(make(what, lite0_on_gpu, photo, precision="fp32") - expected).mean()
    other = np.abs(make(what, lite0, photo, seed=1, **on_cpu) - expected).mean()
    assert 0 < difference < other / 4


@pytest.mark.parametrize("precision", ["fp32", "auto"])
@pytest.mark.parametrize("what", ["photo", "class", "unit"])
def test_the_same_recipe_gives_the_same_pixels(lite0_on_gpu, photo, what, precision) -> None:
    first, second = (make(what, lite0_on_gpu, photo, precision=precision) for _ in range(2))
    assert np.array_equal(first, second)


def test_the_default_prior_is_recorded_in_a_cuda_graph(lite0_on_gpu) -> None:
    prior = inc.ClassRun(ClassRecipe(target="banana"), network=lite0_on_gpu).prior
    evaluator = GradientEvaluator(lite0_on_gpu, torch.float32)
    generator = torch.Generator().manual_seed(2)
    assert prior.regularizer is not None
    objective = logit(954)
    for _ in range(4):
        view = torch.rand(1, 3, 96, 130, generator=generator).cuda()
        request = EvaluationRequest(view, objective, generator, prior.regularizer)
        ((score, gradient),) = evaluator([request])
        with exclusive_use():
            scores, expected = evaluator._forward_backward(request.view, [request])
        assert score == pytest.approx(scores.item(), rel=1e-3)
        torch.testing.assert_close(gradient, expected, rtol=1e-3, atol=1e-3 * expected.abs().max().item())
    assert [graphed.is_recorded for graphed in evaluator._graphs.values()] == [True]


def test_classes_in_a_batch_have_the_pixels_of_classes_made_alone(lite0_on_gpu) -> None:
    recipes = [ClassRecipe(target=target, size=(96, 130), steps=5, precision="fp32") for target in (3, 99, 954)]
    together = [inc.ClassRun(recipe, network=lite0_on_gpu) for recipe in recipes]
    for _ in inc.run_batch(together):
        pass
    for run, recipe in zip(together, recipes, strict=True):
        alone = inc.ClassRun(recipe, network=lite0_on_gpu)
        alone.finish()
        difference = np.abs(pixels(run.result()) - pixels(alone.result())).mean()
        assert difference < 1


@pytest.mark.parametrize("network", ["tiny", "lite0"])
def test_dreams_in_threads_have_the_pixels_of_dreams_one_after_the_other(lite0_on_gpu, photo, network) -> None:
    def dream(number: int) -> np.ndarray:
        settings = {"layer": layers[number % 3], "seed": number, "steps": 5, "octaves": 2, "precision": "fp32"}
        return pixels(inc.dream(photo, network=chosen, size=60 + 9 * (number % 2), **settings))

    layers = ["first", {"second": 1, "first": 0.5}, "second"]
    chosen = inc.Network(tiny_module()).to("cuda")
    if network == "lite0":
        layers, chosen = ["blocks.2", {"blocks.6": 1, "blocks.4": 0.5}, "blocks.6"], lite0_on_gpu
    expected = [dream(number) for number in range(8)]
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(dream, range(8)))
    assert all(map(np.array_equal, found, expected))


def test_a_network_on_its_own_gpu_is_not_copied(lite0_on_gpu) -> None:
    for device in (torch.device("cuda"), torch.device("cuda", 0)):
        assert lite0_on_gpu.on(device) is lite0_on_gpu


def test_memory_of_the_gpu_is_free_again_after_a_run(lite0_on_gpu, photo) -> None:
    before = 0
    for number in range(4):
        make("photo", lite0_on_gpu, photo, seed=number)
        make("class", lite0_on_gpu, photo, seed=number)
        gc.collect()
        before = before or torch.cuda.memory_allocated()
    assert torch.cuda.memory_allocated() <= before + 2**20
