"""Several pictures that go through the network together."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import inceptionism as inc
from inceptionism import objectives
from inceptionism.errors import InvalidSetting, NoGradient
from inceptionism.objectives.objective import Objective
from inceptionism.optimization.gradients import EvaluationRequest, GradientEvaluator
from inceptionism.optimization.parameterizations import Fourier
from inceptionism.runs.base import make_batches, run_batch
from inceptionism.runs.visualization import MAX_RESTARTS


def all_steps(runs: list[inc.Run]) -> list[inc.Result]:
    steps = list(run_batch(runs))
    assert all(len(one) == len(runs) for one in steps)
    assert [one[0].done for one in steps] == sorted(one[0].done for one in steps)
    assert steps[-1][0].done == pytest.approx(1)
    return [run.result() for run in runs]


def assert_alike(some: list[inc.Result], others: list[inc.Result]) -> None:
    """The same pictures but for rounding, which a machine may do differently in a batch."""
    for one, other in zip(some, others, strict=True):
        np.testing.assert_allclose(one.scores, other.scores, rtol=1e-3)
        difference = np.abs(np.asarray(one.image).astype(int) - np.asarray(other.image))
        assert difference.max() <= 2
        assert (difference > 0).mean() < 0.02
        assert one.recipe == other.recipe


def test_classes_together_are_those_made_alone(lite0) -> None:
    recipes = [
        inc.ClassRecipe(target=target, size=(67, 90), steps=5, seed=seed, precision="fp32")
        for seed, target in enumerate(["banana", "lion", 404])
    ]
    alone = [inc.ClassRun(recipe, network=lite0).finish() for recipe in recipes]
    found = all_steps([inc.ClassRun(recipe, network=lite0) for recipe in recipes])
    assert_alike(found, alone)
    first, second, third = (np.asarray(result.image).astype(int) for result in found)
    assert np.abs(first - second).mean() > 5
    assert np.abs(second - third).mean() > 5


def test_photographs_and_objectives_together_are_those_made_alone(lite0) -> None:
    from skimage.data import astronaut, cat, coffee

    photos = [picture[:150, 20:231] for picture in (astronaut(), cat(), coffee())]
    wanted = [None, objectives.channel("blocks.4", 3) - objectives.layer("blocks.2", 7), objectives.logit(9)]

    def runs() -> list[inc.PhotoRun]:
        return [
            inc.PhotoRun(
                inc.PhotoRecipe(steps=3, octaves=2, seed=seed, objective=one and str(one), precision="fp32"),
                inc.load_photo(photo),
                network=lite0,
                objective=one,
            )
            for seed, (photo, one) in enumerate(zip(photos, wanted, strict=True))
        ]

    assert_alike(all_steps(runs()), [run.finish() for run in runs()])


def test_the_network_looks_once_for_all(lite0, monkeypatch) -> None:
    recipes = [inc.ClassRecipe(target=target, size=(40, 56), steps=2) for target in (1, 2, 3)]
    runs = [inc.ClassRun(recipe, network=lite0) for recipe in recipes]
    seen = []
    activations = lite0.activations
    monkeypatch.setattr(lite0, "activations", lambda x, *rest: seen.append(len(x)) or activations(x, *rest))
    all_steps(runs)
    assert seen == [3, 3]


def test_what_takes_other_steps_does_not_go_together(lite0, tiny) -> None:
    one = inc.ClassRun(inc.ClassRecipe(target=1, size=(32, 40), steps=2), network=lite0)
    for other in (
        inc.ClassRun(inc.ClassRecipe(target=1, size=(40, 32), steps=2), network=lite0),
        inc.ClassRun(inc.ClassRecipe(target=1, size=(32, 40), steps=3), network=lite0),
        inc.ClassRun(inc.ClassRecipe(target=1, size=(32, 40), steps=2), network=tiny),
    ):
        with pytest.raises(InvalidSetting, match=r"runs go together that are of one .* of goldfish and \w+ are not"):
            next(run_batch([one, other]))
        assert [len(batch) for batch in make_batches([one, other, one])] == [1, 1, 1]


@pytest.mark.parametrize(("side", "sizes"), [(32, [8, 8, 1]), (224, [4, 4, 4, 4, 1]), (400, [1] * 17)])
def test_batches_are_as_large_as_is_faster(tiny, side: int, sizes: list[int]) -> None:
    runs = [inc.ClassRun(inc.ClassRecipe(target=1, size=(side, side)), network=tiny) for _ in range(17)]
    found = list(make_batches(runs))
    assert [len(batch) for batch in found] == sizes
    assert [run for batch in found for run in batch] == runs


def test_no_run_is_made_before_its_batch(tiny) -> None:
    made = []

    def runs():
        for index in range(10):
            made.append(index)
            yield inc.ClassRun(inc.ClassRecipe(target=1, size=(224, 224)), network=tiny)

    going = make_batches(runs())
    next(going)
    assert len(made) == 5  # the one that no longer fitted


def test_a_class_that_nothing_responds_to_is_an_error(tiny) -> None:
    constant = inc.Objective({"second"}, lambda a: torch.ones(1), "a constant")
    recipe = inc.ClassRecipe(size=(33, 41), steps=2, objective="a constant")
    with pytest.raises(NoGradient, match=r"a constant yields no gradient .* at 33×41 pixels"):
        inc.ClassRun(recipe, network=tiny, objective=constant).finish()


def test_of_several_pictures_fewer_are_seen_at_once_when_memory_runs_out(tiny, monkeypatch) -> None:
    generator = torch.Generator().manual_seed(0)
    looks = [
        EvaluationRequest(
            torch.rand(1, 3, 130, 170, generator=generator), objectives.channel("second", index), generator
        )
        for index in range(5)
    ]
    evaluator = GradientEvaluator(tiny)
    expected = evaluator(looks)
    whole, seen = evaluator._whole, []

    def short_of_memory(view, *objective):
        seen.append(len(view))
        if len(view) > 2:
            raise RuntimeError("CUDA out of memory. Tried to allocate 7 bytes.")
        return whole(view, *objective)

    monkeypatch.setattr(evaluator, "_whole", short_of_memory)
    for (score, gradient), (wanted, known) in zip(evaluator(looks), expected, strict=True):
        assert score == pytest.approx(wanted, rel=1e-5)
        torch.testing.assert_close(gradient, known, rtol=1e-4, atol=1e-5 * known.abs().max().item())
    assert seen == [5, 2, 2, 1]


def test_a_large_class_is_seen_in_tiles_that_fit(lite0) -> None:
    run = inc.ClassRun(inc.ClassRecipe(target="banana", size=(700, 900), steps=1, memory="700MB"), network=lite0)
    assert run.evaluator.pixels < 700 * 900
    assert run.notes[-1].startswith("seen in tiles of 0.")
    assert run.finish().image.size == (900, 700)


def test_a_unit_that_is_silent_before_gray_is_found_in_other_noise(lite0) -> None:
    """Behind its ReLU6, this one is silent before gray; the picture is the same in a batch as alone."""
    layer, index = "blocks.10.expand", silent_before_gray(lite0, "blocks.10.expand")
    recipes = [
        inc.ClassRecipe(objective=f"channel({layer}:{one})", size=(64, 72), steps=12, prior="fourier")
        for one in (index, index + 1)
    ]
    runs = [inc.ClassRun(recipe, network=lite0) for recipe in recipes]
    for _ in inc.run_batch(runs):
        pass
    assert runs[0].scores[0] == 0
    assert runs[0].scores[-1] > 0
    alone = inc.ClassRun(recipes[0], network=lite0).finish()
    assert np.array_equal(np.asarray(alone.image), np.asarray(runs[0].image()))


def silent_before_gray(network: inc.Network, layer: str) -> int:
    """Return a channel that gray does not excite at all, but clouds of natural colors do."""
    generator = torch.Generator().manual_seed(5)
    gray, clouds = (Fourier(64, 72, generator, torch.device("cpu"), std=std).picture().detach() for std in (0.01, 1))
    faint, seen = (network.activations(one, [layer])[layer].amax((0, 2, 3)) for one in (gray, clouds))
    return int(torch.where(faint == 0, seen, 0).argmax())


def test_a_unit_that_nothing_excites_ends_as_it_began_and_says_so(tiny) -> None:
    silence = Objective(frozenset(["second"]), lambda seen: 0 * seen["second"].flatten(1).sum(1), "silence")
    recipe = inc.ClassRecipe(objective="silence", size=(33, 41), steps=MAX_RESTARTS + 2, prior="fourier")
    run = inc.ClassRun(recipe, network=tiny, objective=silence)
    with pytest.raises(NoGradient, match="yields no gradient"):
        run.finish()
    assert np.asarray(run.image()).std() < 3
