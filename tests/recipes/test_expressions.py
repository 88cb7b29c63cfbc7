"""Expressions are written and read back unchanged. If a text cannot be parsed, the error shows the place."""

from __future__ import annotations

import time
from contextlib import suppress

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inceptionism.errors import InvalidSetting
from inceptionism.recipes.expressions import Term, join_terms, parse_terms

TEXTS = st.text(st.characters(blacklist_categories=["Cs"]) | st.sampled_from('":3,='), max_size=12)
TERMS = st.builds(
    Term,
    st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True),
    st.lists(TEXTS, max_size=3).map(tuple),
    st.dictionaries(st.from_regex(r"[a-z]{1,6}", fullmatch=True), TEXTS, max_size=2),
    st.floats(-1e6, 1e6).filter(bool),
)


@given(st.lists(TERMS, min_size=1, max_size=4))
@example([Term("guide", ("=b", " + -"), {"where": "=a"}), Term("tv", weight=-1.0), Term("b", weight=-11.0)])
def test_terms_survive_writing_and_reading(terms: list[Term]) -> None:
    assert parse_terms(join_terms([str(term) for term in terms]), "objective") == tuple(terms)


@given(st.text(max_size=40))
def test_any_text_is_parsed_or_refused(text: str) -> None:
    with suppress(InvalidSetting):
        assert parse_terms(text, "objective")


def test_spaces_and_number_formats_do_not_matter() -> None:
    first, second, third = parse_terms('  2 * layer( blocks.4:7 )-1e-1*guide(a/b, "my, (flowers).jpg",cosine)+ tv', "x")
    assert first == Term("layer", ("blocks.4:7",), {}, 2.0)
    assert second == Term("guide", ("a/b", "my, (flowers).jpg", "cosine"), {}, -0.1)
    assert third == Term("tv")
    assert parse_terms("layer(a, where=m = 1.png)", "x") == (Term("layer", ("a",), {"where": "m = 1.png"}),)


def test_a_sum_of_very_many_terms_is_parsed_at_once() -> None:
    begin = time.process_time()
    assert len(parse_terms(" + ".join(["tv"] * 15_000), "prior")) == 15_000
    assert time.process_time() - begin < 5


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "a name is missing at its end"),
        ("a b", r"\+ or - is missing at 'b'"),
        ("a +", "a name is missing at its end"),
        ("a(b", "a comma or a closing parenthesis is missing at its end"),
        ("a(,)", r"an argument of a is missing at ',\)'"),
        ("a(x=1, x=2)", "has x= twice in one a"),
        ("1e999*a", "must be a finite number, not inf"),
        ('a("b)', r"an argument of a is missing at"),
        (3, "objective must be a text, not 3"),
    ],
)
def test_an_error_shows_the_place(text, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        parse_terms(text, "objective")


LONG_TEXTS = {
    "digits": "9" * 99_000,
    "two long numbers": "9" * 49_000 + "." + "9" * 49_000,
    "digits and dots": "9." * 49_000,
    "an exponent": "9e" + "9" * 99_000,
    "spaces": " " * 99_000,
    "signs": "+" * 99_000,
    "terms": "a+" * 49_000,
    "parentheses": "a(" * 49_000,
    "commas": "a(" + "," * 99_000,
    "words": "a(" + "b " * 49_000,
    "a key": "a(" + "k" * 99_000,
    "equals signs": "a(" + "=" * 99_000,
    "quotes": 'a("' + '""' * 49_000,
    "spaces at the end": "a(b" + " " * 99_000,
    "channels": 'a("b"' + ":9" * 49_000,
}


@pytest.mark.parametrize("text", LONG_TEXTS.values(), ids=LONG_TEXTS)
def test_a_long_text_is_refused_at_once(text: str) -> None:
    begin = time.process_time()
    with pytest.raises(InvalidSetting):
        parse_terms(text, "objective", ["a:b", "c,d"])
    assert time.process_time() - begin < 5
