"""Keyframes of a film as a table on the page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import gradio as gr

from inceptionism.errors import InvalidSetting
from inceptionism.recipes import Keyframe, checked_keyframes, settings_of, value_of_text
from inceptionism.studio.checks import network_problems, problem_of
from inceptionism.studio.controls import PLACES, Form, number_text, place_text
from inceptionism.studio.workshop import Workshop

EMPTY_ROWS = 4
"""Number of empty rows of a new table."""

SEPARATOR = "|"
"""Character between the values of a keyframe in the address of the page."""


def keyframe_table(leave_out: Sequence[str], elem_id: str) -> gr.Dataframe:
    """Return a table with empty rows for keyframes and a column for each setting that may change."""
    names = [name for name in settings_of(Keyframe) if name not in leave_out]
    return gr.Dataframe(
        headers=names,
        datatype="str",
        type="array",
        value=[[""] * len(names)] * EMPTY_ROWS,
        row_count=EMPTY_ROWS,
        column_count=len(names),
        label="Keyframes: settings that change over time, one row for each moment",
        interactive=True,
        elem_id=elem_id,
    )


def keyframes_in(names: Sequence[str], rows: Sequence[Sequence[Any]]) -> tuple[Keyframe, ...]:
    """Return the keyframes in the rows of a table. Empty rows are left out.

    Args:
        names: Names of the columns.
        rows: The rows, with texts or numbers.

    Raises:
        InvalidSetting: If a value is not valid; the message names the row.
    """
    keyframes = []
    for number, row in enumerate(rows, 1):
        if len(row) != len(names):
            raise InvalidSetting(
                f"row {number} of the keyframes has {len(row)} values, and there are {len(names)} columns"
            )
        given = {name: str(value).strip() for name, value in zip(names, row, strict=True) if value is not None}
        given = {name: text for name, text in given.items() if text}
        if not given:
            continue
        try:
            keyframes.append(Keyframe(**{name: read_value(name, text) for name, text in given.items()}))
        except (InvalidSetting, TypeError) as error:
            reason = "give the time in the column at" if isinstance(error, TypeError) else str(error)
            raise InvalidSetting(f"row {number} of the keyframes: {reason}") from None
    return checked_keyframes(keyframes)


def rows_problem(
    workshop: Workshop, form: Form, values: Sequence[Any], names: Sequence[str], rows: Sequence[Sequence[Any]]
) -> str:
    """Return a sentence about the keyframes in the rows of a table if they are not valid; empty if they are.

    Args:
        workshop: The workshop.
        form: Form of the film.
        values: Values of its controls.
        names: Names of the columns.
        rows: The rows.
    """
    problem = problem_of(workshop, keyframes_in, names, rows)
    if problem:
        return problem
    network = dict(zip(form.controls, values, strict=True))["network"]
    for one in keyframes_in(names, rows):
        settings = {name: value for name in ("layer", "objective") if (value := getattr(one, name))}
        problems = network_problems(workshop, form, {"network": network, **settings}, {})
        problem = problem or next(filter(None, problems.values()), "")
    return problem


def rows_of(names: Sequence[str], keyframes: Sequence[Keyframe]) -> list[list[str]]:
    """Return the rows of a table for keyframes, with empty rows up to the size of a new table."""
    rows = [[cell(name, getattr(one, name)) for name in names] for one in keyframes]
    return rows + [[""] * len(names)] * (EMPTY_ROWS - len(rows))


def cell(name: str, value: Any) -> str:
    """Return the text that `read_value` reads as the value of a setting. Empty for None."""
    if value is None:
        return ""
    if name == "layer":
        return ", ".join(map(str, value))
    if name == "objective":
        return str(value)
    return place_text(value) if name in PLACES else number_text(value)


def linked_rows(rows: Sequence[Sequence[Any]]) -> list[str]:
    """Return the rows of a table that are not empty, each as a text for the address of the page."""
    texts = [SEPARATOR.join("" if value is None else str(value).strip() for value in row) for row in rows]
    return [text.rstrip(SEPARATOR) for text in texts if text.strip(SEPARATOR)]


def rows_in(names: Sequence[str], texts: Sequence[str]) -> list[list[str]]:
    """Return the rows of a table for texts of an address. If they are not keyframes, the table is empty."""
    rows = [[*text.split(SEPARATOR), *[""] * len(names)][: len(names)] for text in texts]
    try:
        return rows_of(names, keyframes_in(names, rows))
    except InvalidSetting:
        return rows_of(names, ())


def read_value(name: str, text: str) -> Any:
    """Return the value of a setting of a keyframe that a text stands for.

    Raises:
        InvalidSetting: If the text is not two numbers where these are needed.
    """
    if name == "layer":
        return [part.strip() for part in text.split(",")]
    return value_of_text(settings_of(Keyframe)[name], text)
