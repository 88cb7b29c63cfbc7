"""The tabs "From noise" and "Gallery" in a real browser."""

from __future__ import annotations

import numpy as np
import pytest

from inceptionism.io import load_photo, load_recipe
from tests.support.studio import Page


@pytest.mark.long
def test_a_group_suggests_its_classes(browser, studio) -> None:
    page = Page(browser, studio)
    page.open_tab("From noise")
    page.page.locator("#target input").click()
    page.page.keyboard.type("kitten")
    shown = page.page.get_by_role("option")
    shown.filter(has_text="Siamese cat").wait_for()
    assert 3 <= shown.count() <= 10
    page.page.keyboard.press("Escape")


@pytest.mark.long
def test_several_pictures_of_a_class_differ_in_their_seeds(browser, studio) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.open_tab("From noise")
    page.page.locator("#target input").click()
    page.page.keyboard.type("goldfinch")
    page.page.keyboard.press("Enter")
    page.page.locator("#count input[type=number]").fill("2")
    page.page.keyboard.press("Tab")
    page.open_advanced()
    page.fill("size", "48x64", tab="noise")
    page.fill("steps", "2", tab="noise")
    page.page.click("#make")
    page.wait_for_state(" steps in ", tab="noise")
    made = [load_recipe(path) for path in studio.pictures()[before:]]
    assert [(one.label, one.size, one.steps, one.seed) for one in made] == [
        ("goldfinch", (48, 64), 2, 0),
        ("goldfinch", (48, 64), 2, 1),
    ]


@pytest.mark.long
def test_a_unit_and_an_objective(browser, studio) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.open_tab("From noise")
    page.open_advanced()
    page.fill("size", "40", tab="noise")
    page.fill("steps", "2", tab="noise")
    page.page.get_by_label("a unit").click()
    page.page.locator("#channel input").fill("9999")
    page.page.click("#make")
    page.page.locator("#channel").get_by_text("layer blocks.11 has no channel 9999").wait_for()
    page.page.locator("#channel input").fill("7")
    page.page.wait_for_function("decodeURIComponent(location.search).includes('channel(blocks.11:7)')")
    page.page.click("#make")
    page.wait_for_pictures(before + 1)
    page.wait_for_state(" steps in ", tab="noise")
    page.page.get_by_label("an objective").click()
    page.fill("objective", "channel(blocks.4:3) + class(castle)", tab="noise")
    page.page.click("#make")
    unit, objective = [load_recipe(path) for path in page.wait_for_pictures(before + 2)[before:]]
    assert unit.objective == "channel(blocks.11:7)"
    assert objective.objective == "channel(blocks.4:3) + class(castle)"


@pytest.mark.long
def test_a_typed_path_is_not_opened(browser, studio, cup) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.open_tab("From noise")
    page.open_advanced()
    page.page.get_by_label("an objective").click()
    for objective in (f"style(blocks.4, {cup})", f"layer(blocks.4, where={cup})"):
        page.fill("objective", objective, tab="noise")
        page.page.click("#make")
        page.page.locator("#noise-objective").get_by_text("is not a file that you uploaded").wait_for()
        page.fill("objective", "class(castle)", tab="noise")
    page.fill("prior", f"phase({cup.parent})", tab="noise")
    page.page.click("#make")
    page.page.locator("#noise-problem").get_by_text("is not a file that you uploaded").wait_for()
    assert len(studio.pictures()) == before


@pytest.mark.long
def test_the_gallery_makes_again_changes_and_shares(browser, studio, cup) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.upload(cup)
    page.open_advanced()
    page.fill("steps", "2")
    page.fill("octaves", "2")
    page.page.click("#dream")
    (first,) = page.wait_for_pictures(before + 1)[before:]
    page.wait_for_state(" steps in ")
    second = page.make_newest_again("decorrelate", before + 2)
    np.testing.assert_array_equal(load_photo(first).pixels, load_photo(second).pixels)
    page.page.click("#share")
    page.page.locator("#shared").wait_for()
    (copy,) = (studio.output / "shared").glob(f"{first.stem}*.jpg")
    assert load_recipe(copy).steps == 2
    page.page.click("#change")
    page.page.locator("#photograph-note").get_by_text("The form has the settings of this picture.").wait_for()
    assert page.page.locator("#photograph-steps input").input_value() == "2"
