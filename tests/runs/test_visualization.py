"""Pictures from noise: priors that suit the objective, and several pictures at once."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity

import inceptionism as inc
from inceptionism.errors import InvalidSetting, NoGradient
from inceptionism.objectives import inversion
from inceptionism.optimization import suitable_prior
from inceptionism.runs.verification import judge
from tests.support.tiny_networks import tiny_module

FAST = "fourier + views(noise=0.06) + 16*statistics"


def test_the_default_prior_reconstructs_a_photograph_from_its_activations(lite0, photo) -> None:
    objective = inversion("blocks.2", inc.load_photo(photo))
    result = inc.visualize(objective, network=lite0, preset="fast", size=photo.shape[:2], steps=60)
    assert structural_similarity(photo, np.asarray(result.image), channel_axis=2) > 0.4
    assert result.scores[-1] > result.scores[0] / 2  # the relative squared distance is less than half
    assert result.notes == ()


@pytest.mark.parametrize(
    ("objective", "prior"),
    [
        ("channel(blocks.4:1)", FAST),
        ("style(blocks.4, cup.jpg)", "fourier + views(noise=0.06)"),
        ("2*guide(blocks.4, cup.jpg) + caricature(blocks.1, cup.jpg)", "fourier + views(noise=0.06)"),
        ("inversion(blocks.4, cup.jpg) + class(banana)", FAST),
    ],
)
def test_only_comparisons_with_pictures_leave_the_statistics_of_others_out(
    lite0, folder, objective: str, prior: str
) -> None:
    parsed = inc.objectives.parse_objective(objective, lite0, find_file=folder.joinpath)
    assert suitable_prior(FAST, lite0, parsed) == prior
    assert suitable_prior("statistics", lite0, parsed) == ("statistics" if prior == FAST else "none")


def test_a_score_that_falls_is_noted(lite0, photo) -> None:
    objective = inversion("blocks.2", inc.load_photo(photo))
    result = inc.visualize(objective, network=lite0, prior=FAST, size=photo.shape[:2], steps=20)
    (note,) = result.notes
    scores = result.scores
    assert note.startswith(
        f"the score of {objective} fell from {np.mean(scores[:5]):.4g} to {np.mean(scores[-5:]):.4g}; "
    )
    assert FAST in note


def test_a_dream_whose_prior_is_too_strong_is_noted(tiny, photo) -> None:
    (note,) = inc.dream(photo, network=tiny, octaves=2, steps=5, prior="50*tv").notes
    assert " fell from " in note
    assert not inc.dream(photo, network=tiny, octaves=2, steps=5).notes


@pytest.mark.long
def test_total_variation_neither_outweighs_the_class_nor_makes_the_picture_black_or_white(lite0) -> None:
    result = inc.visualize(
        "tiger", network=lite0, prior="fourier + views + 16*statistics + 0.5*tv", size=112, steps=116, precision="fp32"
    )
    assert np.asarray(result.image).mean() == pytest.approx(127, abs=35)
    assert judge(result.image, "efficientnet-lite2").seen[0][0] == "tiger"


def test_a_list_of_targets_gives_one_result_for_each(tiny) -> None:
    received = []
    targets = ["fir", 3, inc.objectives.layer("second"), "channel(second:2)"]
    results = inc.visualize(targets, network=tiny, size=(31, 47), steps=4, on_step=received.append)
    assert [result.recipe.title for result in results] == ["fir", "oak", "layer(second)", "second:2"]
    assert len(received) == 16
    for target, result in zip(targets, results, strict=True):
        alone = inc.visualize(target, network=tiny, size=(31, 47), steps=4)
        assert np.abs(np.asarray(result.image, int) - np.asarray(alone.image, int)).max() <= 1
        assert result.recipe == alone.recipe
    assert results.sheet().width > 47
    assert inc.visualize([], network=tiny) == []


def test_a_module_is_loaded_once_for_a_list_of_targets() -> None:
    module = tiny_module()
    results = inc.visualize([0, 1, 2], network=module, size=32, steps=2)
    assert len({result.recipe.made_with.weights for result in results}) == 1


def test_a_count_gives_pictures_from_different_noise(tiny) -> None:
    results = inc.visualize(["fir", "oak"], count=2, seed=5, network=tiny, size=32, steps=3)
    assert [(one.recipe.label, one.recipe.seed) for one in results] == [("fir", 5), ("fir", 6), ("oak", 5), ("oak", 6)]
    for result in results:
        alone = inc.visualize(result.recipe.target, seed=result.recipe.seed, network=tiny, size=32, steps=3)
        assert np.abs(np.asarray(result.image, int) - np.asarray(alone.image, int)).max() <= 1
    assert len(inc.visualize("fir", count=1, network=tiny, size=32, steps=1)) == 1
    for count in (0, -1, True, "two"):
        with pytest.raises(InvalidSetting, match="count must be"):
            inc.visualize("fir", count=count, network=tiny)


@pytest.mark.parametrize("text", [True, False])
def test_diversity_compares_the_pictures_of_each_target_only(tiny, text: bool) -> None:
    objectives = [inc.objectives.channel("second", one) + 2 * inc.objectives.diversity("second") for one in (2, 4)]
    targets = list(map(str, objectives)) if text else objectives
    results = inc.visualize(targets, count=3, network=tiny, size=(33, 41), steps=4)
    assert [(one.recipe.objective, one.recipe.together, one.recipe.number) for one in results] == [
        (str(one), 3, number) for one in objectives for number in range(3)
    ]
    for result in results:
        replayed = inc.replay(result.recipe, network=tiny)
        assert np.abs(np.asarray(result.image, int) - np.asarray(replayed.image, int)).max() <= 1
    with pytest.raises(InvalidSetting, match="compares several pictures with each other; give a count of 2 or more"):
        inc.visualize(targets[0], network=tiny, size=32)


def test_several_parts_at_each_step_give_the_same_pictures_alone_and_in_a_batch(tiny) -> None:
    settings = {"network": tiny, "size": (33, 41), "steps": 4}
    several = {**settings, "prior": "fourier + crops(count=3) + statistics"}
    fir, oak = (np.asarray(result.image, int) for result in inc.visualize(["fir", "oak"], **several))
    for name, batched in (("fir", fir), ("oak", oak)):
        assert np.abs(np.asarray(inc.visualize(name, **several).image, int) - batched).max() <= 1
    one = inc.visualize("fir", **settings, prior="fourier + crops + statistics")
    assert np.abs(np.asarray(one.image, int) - fir).max() > 10
    with pytest.raises(InvalidSetting, match=r"count= of prior crops must be a whole number, not '1\.5'"):
        inc.visualize("fir", **settings, prior="crops(count=1.5)")


def test_pictures_that_are_compared_show_one_part_each(tiny) -> None:
    settings = {"network": tiny, "size": (33, 41), "steps": 2, "count": 2}
    target = "channel(second:1) + diversity(second)"
    prior = inc.visualize(target, **settings, preset="fast")[0].recipe.prior
    assert "crops" in prior
    assert "count" not in prior
    with pytest.raises(InvalidSetting, match=r"network sees one part of each; leave count=3 out of the prior crops"):
        inc.visualize(target, **settings, prior="fourier + crops(count=3)")


def test_a_target_that_fails_does_not_lose_the_results_of_the_others(tiny) -> None:
    dead = inc.Objective(frozenset(["second"]), lambda activations: 0 * activations["second"].flatten(1).sum(1), "dead")
    with pytest.raises(NoGradient, match=r"1 of 3 pictures failed \(dead\): dead yields no gradient") as caught:
        inc.visualize(["fir", dead, "oak"], network=tiny, size=32, steps=2, prior="fourier")
    assert [result.recipe.label for result in caught.value.results] == ["fir", "oak"]


def test_a_list_can_be_stopped_early(tiny) -> None:
    steps = []

    def stop_in_the_second_batch(step: inc.Step) -> None:
        steps.append(step)
        if len(steps) == 30:
            raise StopIteration

    results = inc.visualize(["fir"], count=20, network=tiny, size=32, steps=3, on_step=stop_in_the_second_batch)
    assert [len(result.scores) for result in results] == [3] * 8 + [1] * 8
    assert results[-1].recipe.made_with.taken == 1


@pytest.mark.parametrize("constant", [0.0, 2.5])
def test_a_constant_objective_is_an_error_beside_a_regularizer_too(lite0, constant: float) -> None:
    objective = inc.Objective(
        frozenset(["stem"]), lambda activations: 0 * activations["stem"].flatten(1).sum(1) + constant, "constant"
    )
    with pytest.raises(NoGradient, match="constant yields no gradient"):
        inc.visualize(objective, network=lite0, preset="fast", size=(33, 41), steps=3)


def test_a_composition_needs_crops(tiny) -> None:
    with pytest.raises(
        InvalidSetting, match="subjects is scene, which needs the prior crops, but the prior is fourier"
    ):
        inc.visualize("fir", network=tiny, subjects="scene", prior="fourier")
    with pytest.raises(InvalidSetting, match="subjects must be one of one, several, scene, not 'many'"):
        inc.visualize("fir", network=tiny, subjects="many")


def test_subjects_choose_the_parts_that_the_network_sees(tiny, tmp_path) -> None:
    images = {}
    for subjects, crops in (("one", "0.5, 1.1"), ("several", "0.2, 0.5"), ("scene", "0.2, 1")):
        smallest, largest = crops.split(", ")
        settings = {"network": tiny, "size": (41, 60), "steps": 6}
        result = inc.visualize("fir", subjects=subjects, **settings)
        prior = result.recipe.prior.replace("crops", f"crops(smallest={smallest}, largest={largest})")
        assert inc.visualize("fir", prior=prior, subjects=subjects, **settings).image == result.image
        path = tmp_path / f"{subjects}.png"
        result.save(path)
        assert inc.replay(path, network=tiny).image == result.image
        images[subjects] = result.image.tobytes()
    assert len(set(images.values())) == 3
