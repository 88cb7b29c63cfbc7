"""The tabs "From noise" and "Gallery" in a real browser."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from inceptionism.errors import InvalidSetting
from inceptionism.io import load_photo, load_recipe
from inceptionism.studio.gallery import checked_file, checked_path, newest, thumbnail
from inceptionism.studio.workshop import Workshop
from tests.support.studio import Page, running


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


def write_atlas(folder: Path) -> Path:
    """Write the folder of an atlas with two cells."""
    folder.mkdir(parents=True)
    for name, color in (("a", "red"), ("b", "blue"), ("sheet", "white")):
        Image.new("RGB", (300, 200), color).save(folder / f"{name}.png")
    cells = [{"row": 0, "column": number, "count": 1, "file": f"{'ab'[number]}.png"} for number in (0, 1)]
    content = {"schema": 1, "network": "net", "layer": "conv", "side": 2, "cells": cells}
    (folder / "index.json").write_text(json.dumps(content))
    return folder


def test_the_gallery_lists_atlases_and_no_other_folders(tmp_path) -> None:
    workshop = Workshop(tmp_path / "pictures")
    atlas = write_atlas(workshop.output / "my.atlas")
    for number, content in enumerate(("{}", "<html>")):
        other = write_atlas(workshop.output / f"other-{number}")
        (other / "index.json").write_text(content)
    (workshop.output / "photographs").mkdir()
    write_atlas(workshop.output / ".hidden")
    assert [path for _, path in newest(workshop.output)] == [atlas]
    assert thumbnail(atlas, 0).getpixel((3, 3)) == (255, 255, 255)
    assert checked_path(workshop, str(atlas)) == atlas
    with pytest.raises(InvalidSetting, match="this is an atlas or a grid"):
        checked_file(workshop, str(atlas))
    with pytest.raises(InvalidSetting, match="not in the gallery any more"):
        checked_path(workshop, str(tmp_path / "pictures" / "other-1"))


@pytest.mark.long
def test_an_atlas_opens_in_a_frame_that_cannot_reach_the_page(browser, tmp_path) -> None:
    atlas = write_atlas(tmp_path / "pictures" / "atlas")
    Image.new("RGB", (30, 20)).save(atlas.parent / "picture.png")
    with running(atlas.parent) as studio:
        opened = Page(browser, studio)
        opened.open_tab("Gallery")
        page, items = opened.page, opened.page.locator("#gallery .thumbnail-item")
        items.filter(has_text="atlas").click()
        cells = page.frame_locator("#gallery-viewer iframe").locator("#plane button")
        cells.nth(1).click()
        assert cells.count() == 2
        frame = page.frames[1]
        frame.get_by_text("Row 0, column 1: 1 activation").wait_for()
        assert frame.evaluate("origin") == "null"
        before = cells.nth(0).bounding_box()["width"]
        frame.locator("#closer").click()
        assert cells.nth(0).bounding_box()["width"] > 1.4 * before
        page.locator("#share").dispatch_event("click")
        page.locator("#gallery-problem").get_by_text("this is an atlas or a grid").wait_for()
        items.filter(has_text="picture").dispatch_event("click")
        page.locator("#gallery-viewer iframe").wait_for(state="detached")
        assert opened.errors == []


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
