"""Objectives that other installed packages define."""

from __future__ import annotations

from inceptionism.errors import InvalidSetting, quote_value
from inceptionism.networks import Network
from inceptionism.objectives.objective import Objective
from inceptionism.plugins import explained_failure, point_text, points_of
from inceptionism.recipes import Term

GROUP = "inceptionism.objectives"
"""Group of entry points with which other packages register objectives.

The name of an entry point is the name of the objective in texts. The object is a function. It takes a network and the
arguments of a term as texts, and returns an `Objective`.
"""


def plugin_names() -> list[str]:
    """Return the names of the objectives that other packages define. No code of these packages runs."""
    return list(dict.fromkeys(point.name for point in points_of(GROUP)))


def plugin_objective(term: Term, network: Network) -> Objective | None:
    """Return the objective of a term that another package defines. None if no package defines it.

    Raises:
        InvalidSetting: If the package's function cannot be loaded, does not take the arguments, fails for another
            reason, or returns something other than an `Objective`.
    """
    point = next((point for point in points_of(GROUP) if point.name == term.name), None)
    if point is None:
        return None
    with explained_failure(point, "cannot be loaded"):
        function = point.load()
    with explained_failure(point, f"makes no objective from {quote_value(str(term))}"):
        objective = function(network, *term.arguments, **term.named)
    if not isinstance(objective, Objective):
        raise InvalidSetting(f"{point_text(point)} must return an Objective, not {quote_value(objective)}")
    return objective
