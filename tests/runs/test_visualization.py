"""Pictures from noise: the prior never outweighs the objective without a note."""

from __future__ import annotations

import numpy as np
import pytest
from skimage.metrics import structural_similarity

import inceptionism as inc
from inceptionism.objectives import inversion
from inceptionism.optimization import suitable_prior
from inceptionism.runs.verification import judge

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


def test_total_variation_does_not_outweigh_the_class(lite0) -> None:
    result = inc.visualize(
        "tiger", network=lite0, prior="fourier + views + 16*statistics + 0.5*tv", size=112, steps=116, precision="fp32"
    )
    assert np.asarray(result.image).std() > 35  # a picture of a single color has 0
    assert dict(judge(result.image, "efficientnet-lite2").seen)["tiger"] > 0.5
