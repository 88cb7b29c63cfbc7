"""The parser of priors, which are texts such as `fourier + views + 0.5*tv`. It does not import torch."""

from __future__ import annotations

from typing import Any

from inceptionism.errors import InvalidSetting, quote_value, suggestion
from inceptionism.recipes.expressions import Term, parse_terms
from inceptionism.recipes.prior_definitions import PARAMETERIZATIONS, PRIORS, PriorDefinition
from inceptionism.recipes.settings import NONE
from inceptionism.validation import check_number

MIN_STRENGTH = 1e-6
"""Smallest strength of a prior. With smaller ones, products can vanish in float32."""


def prior_reference() -> list[PriorDefinition]:
    """Return the rows of the reference table of priors, in the order of the documentation."""
    return list(PRIORS.values())


def parse_prior(text: str, *, photo: bool = False) -> dict[str, Term]:
    """Return the terms of a sum of priors by name; an empty mapping for "none".

    Args:
        text: The sum.
        photo: Whether the prior is for a photograph, whose parameterization is always the pixels.

    Raises:
        InvalidSetting: If the text is not a sum of known priors, if a prior is given twice, if two priors exclude each
            other, or if a strength or an argument is unknown or out of range.
    """
    if isinstance(text, str) and text.strip() == NONE:
        return {}
    terms: dict[str, Term] = {}
    for term in parse_terms(text, "prior"):
        if term.name not in PRIORS:
            hint = suggestion(term.name, PRIORS)
            raise InvalidSetting(
                f"there is no prior {quote_value(term.name)}; the priors are {', '.join(PRIORS)}, or {NONE}{hint}"
            )
        if term.name in terms:
            raise InvalidSetting(f"prior {quote_value(text)} has {term.name} twice; leave one of them out")
        check_term(term)
        terms[term.name] = term
    parameterizations = [name for name in terms if name in PARAMETERIZATIONS]
    if len(parameterizations) > 1:
        raise InvalidSetting(
            f"prior {quote_value(text)} has {' and '.join(parameterizations)}; "
            f"a picture has only one of {', '.join(PARAMETERIZATIONS)}"
        )
    if photo and parameterizations and parameterizations != ["pixels"]:
        raise InvalidSetting(
            f"prior {parameterizations[0]} works only for pictures from noise, because the pixels of a photograph are "
            "optimized; leave it out"
        )
    if "crops" in terms and (photo or "views" in terms):
        raise InvalidSetting(
            "prior crops works only for pictures from noise, because a photograph has octaves of its own; leave it out"
            if photo
            else f"prior {quote_value(text)} has crops and views; both choose what the network sees, so leave one out"
        )
    if "phase" in terms and "blur" in terms:
        raise InvalidSetting(
            "prior phase keeps the magnitude of each frequency, but blur changes it; leave one of them out"
        )
    return terms


def check_term(term: Term) -> None:
    """Raise `InvalidSetting` unless the strength and the arguments of a known prior are valid."""
    definition = PRIORS[term.name]
    files = [definition.file] if definition.file else []
    term.check(files, [one.name for one in definition.arguments], optional=len(files))
    if not definition.strength and term.weight != 1:
        raise InvalidSetting(f"prior {term.name} has no strength; leave {term.weight:g}* out")
    strength = f"the strength of prior {term.name}"
    check_number(strength, term.weight, above=0)
    check_number(strength, term.weight, minimum=MIN_STRENGTH, maximum=definition.max_strength)
    numbers = prior_numbers(term)
    if term.name == "phase" and numbers["start"] and not term.arguments:
        raise InvalidSetting("start=1 of prior phase needs a picture to begin with; write phase(PICTURE, start=1)")
    if term.name == "fourier" and term.arguments and not (numbers["contrast"] and numbers["saturation"]):
        raise InvalidSetting(
            "prior fourier cannot begin with a picture if its contrast= or saturation= is 0, because every picture is "
            "gray then"
        )
    if term.name == "statistics" and numbers["quantiles"] and numbers["depth"] < 1:
        raise InvalidSetting(
            "prior statistics has quantiles=1 and depth=, but depth is about variances; leave one of them out"
        )
    if term.name in ("views", "crops") and numbers["smallest"] > numbers["largest"]:
        raise InvalidSetting(
            f"smallest= of prior {term.name} is {numbers['smallest']:g}, but it must be at most largest=, "
            f"which is {numbers['largest']:g}"
        )


def begins_with_picture(term: Term) -> bool:
    """Return whether a prior begins with a picture, which is its argument, and not with noise."""
    return bool(term.arguments) and (term.name == "fourier" or bool(prior_numbers(term).get("start")))


def prior_numbers(term: Term) -> dict[str, Any]:
    """Return all arguments of a prior as numbers, with the defaults of those that the term does not give.

    Raises:
        InvalidSetting: If an argument is not a number or is out of range.
    """
    numbers: dict[str, Any] = {}
    for argument in PRIORS[term.name].arguments:
        text, label = term.named.get(argument.name), f"{argument.name}= of prior {term.name}"
        try:
            numbers[argument.name] = argument.default if text is None else float(text)
        except ValueError:
            raise InvalidSetting(f"{label} must be a number, not {quote_value(text)}") from None
        check_number(label, numbers[argument.name], minimum=argument.minimum, maximum=argument.maximum)
        if argument.whole and numbers[argument.name] % 1:
            raise InvalidSetting(f"{label} must be a whole number, not {quote_value(text)}")
    return numbers
