"""One definition of each setting: checks, descriptions and inheritance."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from inceptionism.errors import InvalidSetting
from inceptionism.recipes import recipe_kinds, settings_of
from inceptionism.recipes.settings import check_settings, documented, inherited, required, setting


@documented
@dataclass(frozen=True)
class Oven:
    """An oven."""

    heat: int = required("Temperature of the oven", unit="degrees", minimum=50, maximum=250)
    mode: str = setting("grill", "Mode", choices=("grill", "fan", "both"))
    share: float | None = setting(0.5, "Share of the time", above=0, maximum=1, note="None means always.")

    def __post_init__(self) -> None:
        check_settings(self)


@documented
@dataclass(frozen=True)
class SmallOven(Oven):
    """A small oven."""

    heat: int = inherited(Oven, "heat", 100, maximum=180)


@pytest.mark.parametrize(
    ("values", "reason"),
    [
        ({"heat": 49}, "heat must be from 50 to 250, not 49"),
        ({"heat": 60.0}, "heat must be a whole number, not 60.0"),
        ({"heat": 60, "mode": "steam"}, "mode must be one of grill, fan, both, not 'steam'"),
        ({"heat": 60, "share": 0}, "share must be more than 0 and at most 1, not 0"),
        ({"heat": 60, "share": "1"}, "share must be a finite number, not '1'"),
        ({"heat": None}, "heat must be a whole number, not None"),
    ],
)
def test_a_value_that_is_not_allowed_is_refused(values, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        Oven(**values)


def test_none_is_allowed_if_the_type_includes_it() -> None:
    assert Oven(60, share=None).share is None
    assert Oven(60, share="none").share is None  # recipe files write None as none


def test_a_subclass_changes_a_default_or_a_limit_and_keeps_the_rest() -> None:
    assert SmallOven().heat == 100
    with pytest.raises(InvalidSetting, match="heat must be from 50 to 180, not 200"):
        SmallOven(200)
    facts = settings_of(SmallOven)["heat"].facts
    assert (facts.unit, facts.help) == ("degrees", "Temperature of the oven")


def test_descriptions_are_whole_sentences() -> None:
    descriptions = {name: one.facts.description for name, one in settings_of(Oven).items()}
    assert descriptions == {
        "heat": "Temperature of the oven, in degrees.",
        "mode": "Mode: grill, fan or both.",
        "share": "Share of the time. None means always.",
    }
    assert "    mode: Mode: grill, fan or both." in (Oven.__doc__ or "").splitlines()


@pytest.mark.parametrize("kind", recipe_kinds().values(), ids=recipe_kinds())
def test_every_field_of_a_recipe_is_defined_in_full(kind) -> None:
    for name, one in settings_of(kind).items():
        assert len(one.facts.help.split()) > 1, name
        if one.type in (int, float):
            assert one.facts.range, name
