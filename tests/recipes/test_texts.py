"""Values of settings that are written as texts, in lists of jobs, sweeps and fields of the studio."""

from __future__ import annotations

import pytest

from inceptionism.errors import InvalidSetting
from inceptionism.recipes import ClassRecipe, PhotoRecipe, ZoomRecipe, settings_of, value_of_text


@pytest.mark.parametrize(
    ("kind", "name", "text", "value"),
    [
        (PhotoRecipe, "steps", "12", 12),
        (PhotoRecipe, "steps", "12.0", 12),
        (PhotoRecipe, "steps", "many", "many"),
        (PhotoRecipe, "steps", "1.5", 1.5),
        (PhotoRecipe, "strength", "1", 1.0),
        (PhotoRecipe, "strength", "0.35", 0.35),
        (PhotoRecipe, "strength", "nan", None),
        (PhotoRecipe, "layer", "blocks.4:3", ["blocks.4:3"]),
        (PhotoRecipe, "layer", '["a,b", "c"]', ["a,b", "c"]),
        (PhotoRecipe, "colors", "keep", "keep"),
        (PhotoRecipe, "memory", "2GB", "2GB"),
        (ClassRecipe, "target", "291", "291"),
        (ClassRecipe, "size", "64", 64),
        (ClassRecipe, "size", "64x80", (64, 80)),
        (ZoomRecipe, "toward", "0.25,1", (0.25, 1.0)),
        (ZoomRecipe, "loop", "Yes", True),
        (ZoomRecipe, "loop", "0", False),
    ],
)
def test_a_text_stands_for_a_value(kind, name, text, value) -> None:
    found = value_of_text(settings_of(kind)[name], text)
    if value is None:
        assert found != found
    else:
        assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("kind", "name", "text", "reason"),
    [
        (ZoomRecipe, "loop", "maybe", "loop must be true or false, not 'maybe'"),
        (ZoomRecipe, "toward", "0.5", "toward must be two numbers"),
        (ClassRecipe, "size", "big", "size must be a number of pixels or HEIGHTxWIDTH, not 'big'"),
        (PhotoRecipe, "layer", '["a", 5]', "layer must be a name or a list such as"),
        (PhotoRecipe, "layer", "[", "layer must be a name or a list such as"),
    ],
)
def test_a_wrong_text_gets_a_sentence(kind, name, text, reason) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        value_of_text(settings_of(kind)[name], text)
