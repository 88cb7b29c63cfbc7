"""The page for people who use a keyboard or a screen reader, or who need contrast."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from inceptionism.io import load_photo
from tests.support.studio import Page

TABS = ("Photograph", "From noise", "Film", "Live", "Gallery")

KNOWN = {"aria-prohibited-attr"}
"""Findings that lie in gradio: it gives a name to an empty picture."""


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_no_missing_label_and_no_weak_contrast(scheme, browser, studio, cup) -> None:
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="needs axe-playwright-python").Axe()
    page = Page(browser, studio)
    page.page.emulate_media(color_scheme=scheme)
    page.page.reload()
    page.page.wait_for_selector("#dream")
    page.upload(cup)
    findings: list[Any] = []
    for tab in TABS:
        page.open_tab(tab)
        page.page.wait_for_timeout(700)
        for box in page.page.get_by_role("button", name="Advanced").locator("visible=true").all():
            box.click()
        page.page.wait_for_timeout(300)
        found = axe.run(page.page, options={"runOnly": ["wcag2a", "wcag2aa"]}).response["violations"]
        findings += [(tab, one["id"], one["nodes"][0]["html"]) for one in found if one["id"] not in KNOWN]
    assert findings == []


@pytest.mark.long
def test_the_main_job_needs_no_mouse(browser, studio, cup) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    keyboard = page.page.keyboard

    def tab_to(selector: str, most: int = 60) -> None:
        for _ in range(most):
            keyboard.press("Tab")
            if page.page.evaluate("selector => !!document.activeElement.closest(selector)", selector):
                return
        raise AssertionError(f"{selector} cannot be reached with the key Tab")

    # Playwright starts to listen in the background, so the key must not be the next thing that it does.
    page.page.on("filechooser", lambda chooser: chooser.set_files(str(cup)))
    tab_to("#photograph")
    keyboard.press("Enter")
    page.page.wait_for_selector("#photograph img")
    tab_to("#look")
    keyboard.type("carving")
    keyboard.press("Enter")
    tab_to("#dream")
    keyboard.press("Enter")
    (made,) = page.wait_for_pictures(before + 1)[before:]
    page.wait_for_state(" steps in ")
    assert np.abs(load_photo(made).pixels.astype(int) - load_photo(cup).pixels).mean() > 3
    tab_to("#photograph-download")
    with page.page.expect_download() as started:
        keyboard.press("Enter")
    assert started.value.suggested_filename == made.name
