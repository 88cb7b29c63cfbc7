"""Batches of runs."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import Tensor

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting, NoGradient, NotFinite
from inceptionism.objectives.objective import Activations, Objective
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.optimization.spectral import Fourier
from inceptionism.runs.batches import make_batches, run_batch
from inceptionism.runs.visualization import MAX_RESTARTS


def all_steps(runs: list[inc.Run]) -> list[inc.Result]:
    steps = list(run_batch(runs))
    assert all(len(one) == len(runs) for one in steps)
    assert [one[0].done for one in steps] == sorted(one[0].done for one in steps)
    assert steps[-1][0].done == pytest.approx(1)
    return [run.result() for run in runs]


def assert_alike(results: list[inc.Result], others: list[inc.Result]) -> None:
    """Check that pictures are the same, except for rounding, which may differ in a batch."""
    for one, other in zip(results, others, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-3)
        difference = np.abs(np.asarray(one.image).astype(int) - np.asarray(other.image))
        assert difference.max() <= 16  # rounding differs most with old versions of torch
        assert difference.mean() < 0.2
        assert one.recipe == other.recipe


def test_a_batch_of_classes_equals_single_runs(lite0) -> None:
    recipes = [
        inc.ClassRecipe(target=target, size=(67, 90), steps=5, seed=seed, precision="fp32")
        for seed, target in enumerate(["banana", "lion", 404])
    ]
    alone = [inc.ClassRun(recipe, network=lite0).finish() for recipe in recipes]
    batched = all_steps([inc.ClassRun(recipe, network=lite0) for recipe in recipes])
    assert_alike(batched, alone)
    first, second, third = (np.asarray(result.image).astype(int) for result in batched)
    assert np.abs(first - second).mean() > 5
    assert np.abs(second - third).mean() > 5


def test_a_batch_of_photographs_with_different_objectives_equals_single_runs(lite0) -> None:
    from skimage.data import astronaut, cat, coffee

    photos = [picture[:150, 20:231] for picture in (astronaut(), cat(), coffee())]
    wanted_objectives = [None, objectives.channel("blocks.4", 3) - objectives.layer("blocks.2", 7), objectives.logit(9)]

    def runs() -> list[inc.PhotoRun]:
        return [
            inc.PhotoRun(
                inc.PhotoRecipe(
                    steps=3, octaves=2, seed=seed, objective=objective and str(objective), precision="fp32"
                ),
                inc.load_photo(photo),
                network=lite0,
                objective=objective,
            )
            for seed, (photo, objective) in enumerate(zip(photos, wanted_objectives, strict=True))
        ]

    assert_alike(all_steps(runs()), [run.finish() for run in runs()])


def test_the_network_processes_a_batch_at_once(lite0, monkeypatch) -> None:
    recipes = [inc.ClassRecipe(target=target, size=(40, 56), steps=2) for target in (1, 2, 3)]
    runs = [inc.ClassRun(recipe, network=lite0) for recipe in recipes]
    batch_sizes = []
    activations = lite0.activations
    monkeypatch.setattr(lite0, "activations", lambda x, *rest: batch_sizes.append(len(x)) or activations(x, *rest))
    all_steps(runs)
    assert batch_sizes == [3, 3]


def test_runs_with_different_steps_cannot_be_one_batch(lite0, tiny) -> None:
    one = inc.ClassRun(inc.ClassRecipe(target=1, size=(32, 40), steps=2), network=lite0)
    for other in (
        inc.ClassRun(inc.ClassRecipe(target=1, size=(40, 32), steps=2), network=lite0),
        inc.ClassRun(inc.ClassRecipe(target=1, size=(32, 40), steps=3), network=lite0),
        inc.ClassRun(inc.ClassRecipe(target=1, size=(32, 40), steps=2), network=tiny),
    ):
        with pytest.raises(
            InvalidSetting, match=r"the runs of a batch must have the same .* of goldfish and \w+ differ"
        ):
            next(run_batch([one, other]))
        assert [len(batch) for batch in make_batches([one, other, one])] == [1, 1, 1]


@pytest.mark.parametrize(("side", "sizes"), [(32, [8, 8, 1]), (224, [4, 4, 4, 4, 1]), (400, [1] * 17)])
def test_batches_have_the_fastest_sizes(tiny, side: int, sizes: list[int]) -> None:
    runs = [
        inc.ClassRun(inc.ClassRecipe(target=1, size=(side, side), prior="fourier"), network=tiny) for _ in range(17)
    ]
    batches = list(make_batches(runs))
    assert [len(batch) for batch in batches] == sizes
    assert [run for batch in batches for run in batch] == runs


def test_runs_are_created_only_for_the_next_batch(tiny) -> None:
    made = []

    def runs():
        for index in range(10):
            made.append(index)
            yield inc.ClassRun(inc.ClassRecipe(target=1, size=(224, 224), prior="fourier"), network=tiny)

    next(make_batches(runs()))
    assert len(made) == 5  # a batch of 4 runs, and one run that did not fit


def test_a_class_run_without_any_gradient_is_an_error(tiny) -> None:
    constant = inc.Objective({"second"}, lambda a: torch.ones(1), "a constant")
    recipe = inc.ClassRecipe(size=(33, 41), steps=2, objective="a constant")
    with pytest.raises(NoGradient, match=r"a constant yields no gradient .* at 33×41 pixels"):
        inc.ClassRun(recipe, network=tiny, objective=constant).finish()


def test_batches_become_smaller_when_memory_runs_out(tiny, monkeypatch) -> None:
    generator = torch.Generator().manual_seed(0)
    requests = [
        EvaluationRequest(
            torch.rand(1, 3, 130, 170, generator=generator), objectives.channel("second", index), generator
        )
        for index in range(5)
    ]
    evaluator = GradientEvaluator(tiny)
    expected = evaluator(requests)
    evaluate_views, batch_sizes = evaluator._evaluate_views, []

    def short_of_memory(views, batch):
        batch_sizes.append(len(views))
        if len(views) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 7 bytes.")
        return evaluate_views(views, batch)

    monkeypatch.setattr(evaluator, "_evaluate_views", short_of_memory)
    for (score, gradient), (expected_score, expected_gradient) in zip(evaluator(requests), expected, strict=True):
        assert score == pytest.approx(expected_score, rel=1e-5)
        tolerance = 1e-5 * expected_gradient.abs().max().item()
        torch.testing.assert_close(gradient, expected_gradient, rtol=1e-4, atol=tolerance)
    assert batch_sizes == [5, 2, 2, 1]


def test_a_large_class_is_processed_in_tiles_that_fit_into_memory(lite0) -> None:
    recipe = inc.ClassRecipe(target="banana", size=(700, 900), steps=1, memory="700MB", prior="fourier")
    run = inc.ClassRun(recipe, network=lite0)
    assert run.evaluator.max_pixels < 700 * 900
    assert run.notes[-1].startswith("the picture is processed in tiles of 0.")
    assert run.finish().image.size == (900, 700)


def test_a_unit_without_gradient_at_gray_starts_from_other_noise(lite0) -> None:
    """At gray, the unit has no gradient because of its ReLU6. The picture is the same in a batch as alone."""
    layer, index = "blocks.10.expand", channel_silent_at_gray(lite0, "blocks.10.expand")
    recipes = [
        inc.ClassRecipe(objective=f"channel({layer}:{channel})", size=(64, 72), steps=12, prior="fourier")
        for channel in (index, index + 1)
    ]
    runs = [inc.ClassRun(recipe, network=lite0) for recipe in recipes]
    for _ in inc.run_batch(runs):
        pass
    assert runs[0].scores[0] == 0
    assert runs[0].scores[-1] > 0
    alone = inc.ClassRun(recipes[0], network=lite0).finish()
    assert np.array_equal(np.asarray(alone.image), np.asarray(runs[0].image()))


def channel_silent_at_gray(network: inc.Network, layer: str) -> int:
    """Return a channel that responds to natural noise, but not at all to gray."""
    generator = torch.Generator().manual_seed(5)
    gray, noise = (Fourier(64, 72, generator, torch.device("cpu"), std=std).picture().detach() for std in (0.01, 1))
    at_gray, at_noise = (network.activations(one, [layer])[layer].amax((0, 2, 3)) for one in (gray, noise))
    return int(torch.where(at_gray == 0, at_noise, 0).argmax())


def test_a_unit_without_any_gradient_ends_at_gray_with_an_error(tiny) -> None:
    silence = Objective(frozenset(["second"]), lambda a: 0 * a["second"].flatten(1).sum(1), "silence")
    recipe = inc.ClassRecipe(objective="silence", size=(33, 41), steps=MAX_RESTARTS + 2, prior="fourier")
    run = inc.ClassRun(recipe, network=tiny, objective=silence)
    with pytest.raises(NoGradient, match="yields no gradient"):
        run.finish()
    assert np.asarray(run.image()).std() < 3


def not_finite_after(steps: int) -> inc.Objective:
    """Return an objective whose gradient is infinite after a number of steps."""
    taken = []

    def score(activations: Activations) -> Tensor:
        taken.append(1)
        values = activations["second"].flatten(1).mean(1)
        return values * math.inf if len(taken) > steps else values

    return inc.Objective(frozenset(["second"]), score, "too much")


@pytest.mark.parametrize(("position", "steps"), [(0, 0), (1, 3), (2, 5)])
def test_a_picture_that_is_not_finite_does_not_stop_the_others_of_its_batch(tiny, position: int, steps: int) -> None:
    chosen = [inc.objectives.layer("second"), inc.objectives.layer("first")]
    chosen.insert(position, not_finite_after(steps))
    runs = [
        inc.ClassRun(inc.ClassRecipe(objective=str(one), size=(33, 41), steps=6), network=tiny, objective=one)
        for one in chosen
    ]
    taken = []
    with pytest.raises(NotFinite, match="the gradient of too much is not finite"):
        taken += run_batch(runs)
    failed = runs.pop(position)
    assert isinstance(failed.failure, NotFinite)
    assert len(failed.scores) == steps
    for run in runs:
        assert run.failure is None
        alone = inc.ClassRun(run.recipe, network=tiny, objective=run.objective).finish()
        assert np.abs(np.asarray(run.image(), int) - np.asarray(alone.image, int)).max() <= 1
        assert len(run.scores) == 6


def test_a_photograph_that_is_not_finite_does_not_stop_the_others_of_its_batch(tiny, photo) -> None:
    recipe = inc.PhotoRecipe(octaves=2, steps=3)
    source = inc.load_photo(photo)
    runs = [
        inc.PhotoRun(recipe, source, network=tiny, objective=one)
        for one in (not_finite_after(2), inc.objectives.layer("second"))
    ]
    with pytest.raises(NotFinite):
        list(run_batch(runs))
    assert [len(run.scores) for run in runs] == [2, 6]
    alone = inc.dream(photo, network=tiny, objective=runs[1].objective, octaves=2, steps=3)
    assert np.abs(np.asarray(runs[1].image(), int) - np.asarray(alone.image, int)).max() <= 1


def test_a_batch_without_runs_is_refused() -> None:
    with pytest.raises(InvalidSetting, match="a batch needs at least one run"):
        next(run_batch([]))
