"""The parser and the definitions of priors."""

from __future__ import annotations

import math

import pytest

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.recipes import PARAMETERIZATIONS, Term, parse_prior, prior_numbers, prior_reference

STRONGEST = {row.name: f"{row.max_strength:.0f}" for row in prior_reference() if row.strength}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("fourie", "there is no prior 'fourie'; the priors are fourier, .*, or none; did you mean fourier"),
        ("fourier + pixels", "has fourier and pixels; a picture has only one of fourier, phase, pixels"),
        ("tv + tv", "prior 'tv [+] tv' has tv twice; leave one of them out"),
        ("-1*tv", "the strength of prior tv must be more than 0, not -1"),
        ("2*views", r"prior views has no strength; leave 2\* out"),
        ("tv(3)", "has the wrong number of arguments; write tv"),
        ("phase(a.png, b.png)", r"has the wrong number of arguments; write phase\(\[picture or folder\]\)"),
        ("views(zoom=3)", r"has the unknown argument zoom=; write views, optionally with shift=… or smallest=…"),
        ("phase + blur", "phase keeps the magnitude of each frequency, but blur changes it; leave one of them out"),
        ("views(shift=far)", "shift= of prior views must be a number, not 'far'"),
        ("views(noise=2)", "noise= of prior views must be from 0 to 1, not 2"),
        ("views(noise=nan)", "noise= of prior views must be a finite number, not nan"),
        ("views(smallest=2, largest=1)", "smallest= of prior views is 2, but it must be at most largest=, which is 1"),
        ("views(smallest=2.5)", "smallest= of prior views is 2.5, but it must be at most largest=, which is 2"),
        ("fourier(decay=9)", "decay= of prior fourier must be from 0 to 4, not 9"),
        ("norm(power=0.5)", "power= of prior norm must be from 1 to 32, not 0.5"),
        ("laplacian(levels=2.5)", "levels= of prior laplacian must be a whole number, not '2.5'"),
        ("1e300*tv", "the strength of prior tv must be from 1e-06 to 1000000, not 1e[+]300"),
        ("1e-300*statistics", "the strength of prior statistics must be from 1e-06 to 1000000, not 1e-300"),
        ("101*blur", "the strength of prior blur must be from 1e-06 to 100, not 101"),
        ("statistics(quantiles=1, depth=0.5)", "has quantiles=1 and depth=, but depth is about variances; leave one"),
        ("laplacian(levels=0)", "levels= of prior laplacian must be from 1 to 12, not 0"),
    ],
)
def test_a_recipe_with_an_invalid_prior_is_refused(text: str, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        inc.ClassRecipe(target=1, prior=text)


@pytest.mark.parametrize("text", [f"{weight}*{name}" for name, weight in STRONGEST.items()])
def test_a_prior_of_the_largest_strength_can_be_used(tiny, photo, text: str) -> None:
    made = [
        inc.dream(photo, layer="second", network=tiny, octaves=1, steps=2, prior=text),
        inc.visualize("oak", network=tiny, size=(31, 45), steps=2, prior=f"fourier + {text}"),
    ]
    assert all(math.isfinite(score) for one in made for score in one.scores)


def test_the_text_none_means_no_prior() -> None:
    assert parse_prior(" none ") == parse_prior("none", photo=True) == {}


def test_a_photograph_accepts_no_other_parameterization_than_pixels() -> None:
    assert parse_prior("pixels + tv", photo=True).keys() == {"pixels", "tv"}
    with pytest.raises(InvalidSetting, match="prior phase works only for pictures from noise"):
        parse_prior("phase", photo=True)


def test_missing_arguments_have_their_defaults() -> None:
    assert prior_numbers(Term("fourier", named={"decay": "2"})) == {"decay": 2, "contrast": 1.2, "saturation": 0.7}
    assert prior_numbers(Term("tv")) == {}


def test_the_reference_is_complete() -> None:
    """Every row has a help text, and its form without placeholders is a valid prior."""
    rows = prior_reference()
    assert [row.name for row in rows if row.is_parameterization] == list(PARAMETERIZATIONS)
    for row in rows:
        assert row.help.endswith(".")
        form = row.form.replace("STRENGTH", "0.5").replace("[PICTURE OR FOLDER]", "photos")
        (term,) = parse_prior(form).values()
        assert (term.weight != 1) == bool(row.strength)
        assert prior_numbers(term) == prior_numbers(Term(row.name))
        for argument in row.arguments:
            assert argument.help
            assert argument.minimum <= argument.default <= argument.maximum
            assert argument.range == f"{argument.minimum:g} to {argument.maximum:g}"
