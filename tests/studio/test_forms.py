"""Forms: their values as settings, as the address of the page, and from a recipe."""

from __future__ import annotations

from typing import Any

import pytest

from inceptionism.errors import InvalidSetting
from inceptionism.recipes import Keyframe, PhotoRecipe, ZoomRecipe
from inceptionism.studio.address import query_of, read_query, values_in
from inceptionism.studio.controls import Form, number_text
from inceptionism.studio.keyframe_table import keyframes_in, linked_rows, rows_in, rows_of

CHOICES = {"network": ["efficientnet-lite0"], "layer": [("blocks.4", "blocks.4"), ("blocks.10", "blocks.10")]}


def drawn(form: Form) -> Form:
    form.draw(list(form.settings), CHOICES)
    return form


@pytest.fixture(scope="module")
def zoom() -> Form:
    return drawn(Form(ZoomRecipe, "zoom", leave_out=["keyframes", "audio"]))


@pytest.fixture(scope="module")
def photograph() -> Form:
    return drawn(Form(PhotoRecipe, "photograph"))


@pytest.mark.parametrize(
    "settings",
    [
        {"loop": True, "reverse": False},
        {"seconds": 123.456789, "zoom": 1.2345678, "speed": 0.25},
        {"size": (48, 64), "toward": (0.123456789, 0.75)},
        {"size": 96, "layer": ["blocks.4:3", "blocks.10=0.5"], "steps": 7, "colors": "dream", "strength": 0.35},
    ],
)
def test_a_form_that_is_filled_or_linked_gives_the_same_recipe(settings: dict[str, Any], zoom: Form) -> None:
    recipe = ZoomRecipe(**settings)
    filled = zoom.updates(recipe.settings())
    assert zoom.problems(filled) == [""] * len(filled)
    assert zoom.recipe(filled) == recipe
    query = query_of(zoom, filled, zoom.updates({}), tab="film")
    linked = values_in(zoom, read_query(query), zoom.updates({}))
    assert zoom.recipe(linked) == recipe


def test_a_link_can_have_no_layers_where_the_look_has_some(photograph: Form) -> None:
    look = photograph.updates({"layer": ["blocks.4"]})
    query = query_of(photograph, photograph.updates({}), look, look="carving")
    assert photograph.recipe(values_in(photograph, read_query(query), look)) == PhotoRecipe()


@pytest.mark.parametrize(
    "query", ["steps=-1", "steps=x", "layer=", "network=/etc/passwd", "loop=maybe", "size=0x0", "guide=/etc/passwd"]
)
def test_a_wrong_part_of_an_address_is_left_out(query: str, zoom: Form) -> None:
    base = zoom.updates({})
    assert values_in(zoom, read_query(query), base) == base


@pytest.mark.parametrize(("number", "text"), [(6.0, "6"), (0.1, "0.1"), (123.456789, "123.456789"), (1e-9, "1e-09")])
def test_the_text_of_a_number_is_exact(number: float, text: str) -> None:
    assert number_text(number) == text
    assert float(text) == number


def test_keyframes_are_the_same_after_a_table_and_an_address() -> None:
    names = ["at", "layer", "objective", "step_size", "zoom", "rotation", "toward", "drift"]
    keyframes = (
        Keyframe(at=0.0, layer=["blocks.4", "blocks.3:2=2"], zoom=1.2345678),
        Keyframe(at=12.345678, objective="channel(blocks.4:3) + class(castle)", toward=(0.2, 0.80000001)),
    )
    rows = rows_of(names, keyframes)
    assert len(rows) == 4
    assert keyframes_in(names, rows) == keyframes
    assert keyframes_in(names, rows_in(names, linked_rows(rows))) == keyframes
    assert rows_in(names, ["x|blocks.4"]) == rows_of(names, ())


def test_a_table_with_another_number_of_columns_gets_a_sentence() -> None:
    with pytest.raises(InvalidSetting, match="row 1 of the keyframes has 3 values, and there are 2 columns"):
        keyframes_in(["at", "zoom"], [["0", "1.2", "3"]])
