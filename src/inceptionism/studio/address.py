"""The address of the page holds the settings of the form, so that a look of your own can be linked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, urlencode

from inceptionism.recipes import value_of_text
from inceptionism.studio.controls import PICTURES, Form

MAX_QUERY = 4000
"""Largest length of the settings in an address. Browsers and servers refuse addresses that are much longer."""

REPLACE_ADDRESS = "query => history.replaceState(null, '', query ? '?' + query : location.pathname)"
"""Script that writes the settings into the address of the page, without loading it again."""


def query_of(form: Form, values: Sequence[Any], base: Sequence[Any], **more: str | Sequence[str]) -> str:
    """Return the settings that differ from those of a base, as the query of an address. Pictures are left out.

    Args:
        form: The form.
        values: Values of its controls.
        base: Values of the controls that are not written.
        **more: Further parts of the query. Empty ones are left out.
    """
    changed = {
        name: value
        for (name, value), usual in zip(zip(form.controls, values, strict=True), base, strict=True)
        if name not in PICTURES and value != usual
    }
    # An empty list stands as an empty text, so that it differs from the list of a look.
    changed = {name: value if value != [] else "" for name, value in changed.items()}
    query = urlencode({**{name: text for name, text in more.items() if text}, **changed}, doseq=True)
    return query if len(query) <= MAX_QUERY else ""


def read_query(query: str) -> dict[str, list[str]]:
    """Return the parts of the query of an address: lists of texts by name."""
    return parse_qs(query[:MAX_QUERY], keep_blank_values=True)


def values_in(form: Form, parts: Mapping[str, Sequence[str]], base: Sequence[Any]) -> list[Any]:
    """Return the values of all controls of a form: those in an address, or else those of a base.

    A part of the address that is not the valid value of a setting is left out.
    """
    values = []
    for name, usual in zip(form.controls, base, strict=True):
        texts = parts.get(name, [])
        value: Any = usual
        if texts and name not in PICTURES:
            value = [text for text in texts if text] if isinstance(usual, list) else texts[-1]
            if isinstance(usual, bool):
                value = {"True": True, "False": False}.get(texts[-1], usual)
            elif isinstance(usual, (int, float)):
                value = value_of_text(form.settings[name], texts[-1])
        values.append(usual if form.problem(name, value) else value)
    return values
