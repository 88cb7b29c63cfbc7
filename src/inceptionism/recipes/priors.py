"""Which priors there are, and how they are written: `fourier + views + 0.5*tv`. Knows no torch."""

from __future__ import annotations

from typing import NamedTuple

from inceptionism.errors import InvalidSetting, quote_value, suggestion
from inceptionism.recipes.expressions import Term, parse_terms


class PriorForm(NamedTuple):
    """How a prior may be written.

    Attributes:
        arguments: What may stand in its parentheses.
        named: The keys that may.
        canvas: Whether it says what is optimized; a picture has one of these.
        weighed: Whether it has a strength.
    """

    arguments: tuple[str, ...] = ()
    named: tuple[str, ...] = ()
    canvas: bool = False
    weighed: bool = False


PRIOR_FORMS = {
    "fourier": PriorForm(named=("decay", "contrast", "saturation"), canvas=True),
    "phase": PriorForm(("picture or folder",), canvas=True),
    "pixels": PriorForm(canvas=True),
    "views": PriorForm(named=("shift", "smallest", "largest", "rotation", "contrast", "brightness", "noise")),
    "laplacian": PriorForm(named=("levels",)),
    "tv": PriorForm(weighed=True),
    "norm": PriorForm(named=("power",), weighed=True),
    "blur": PriorForm(weighed=True),
    "statistics": PriorForm(weighed=True),
}
PARAMETERIZATIONS = tuple(name for name, known in PRIOR_FORMS.items() if known.canvas)


def parse_prior(text: str, *, photo: bool = False) -> dict[str, Term]:
    """Read a sum of priors; "none" is none at all.

    Args:
        text: What is read.
        photo: Whether it is a photograph that is dreamed: that is always done in its pixels.

    Raises:
        InvalidSetting: it names an unknown prior, one twice, two that say what is optimized, or a weight or argument
            that a prior does not have.
    """
    if isinstance(text, str) and text.strip() == "none":
        return {}
    terms: dict[str, Term] = {}
    for term in parse_terms(text, "prior"):
        known = PRIOR_FORMS.get(term.name)
        if known is None:
            hint = suggestion(term.name, PRIOR_FORMS)
            raise InvalidSetting(
                f"there is no prior {quote_value(term.name)}; known are {', '.join(PRIOR_FORMS)}, and none{hint}"
            )
        if term.name in terms:
            raise InvalidSetting(f"prior {quote_value(text)} has {term.name} twice")
        term.check(known.arguments, known.named, optional=len(known.arguments))
        if not known.weighed and term.weight != 1:
            raise InvalidSetting(f"prior {term.name} has no strength; leave {term.weight:g}* out")
        if term.weight <= 0:
            raise InvalidSetting(f"the strength of prior {term.name} must be more than 0, not {term.weight:g}")
        terms[term.name] = term
    canvases = [name for name in terms if PRIOR_FORMS[name].canvas]
    if len(canvases) > 1:
        several = " and ".join(canvases)
        raise InvalidSetting(
            f"what is optimized is one of {', '.join(PARAMETERIZATIONS)}; prior {quote_value(text)} has {several}"
        )
    if photo and canvases and canvases != ["pixels"]:
        raise InvalidSetting(f"a photograph is dreamed in its pixels, so {canvases[0]} is for pictures from noise only")
    if "phase" in terms and "blur" in terms:
        raise InvalidSetting("phase keeps the magnitude of each frequency, which blur changes: leave one of them out")
    return terms
