"""The page of an atlas in a real browser: it opens from a file, shows the cells, zooms, moves and shows photographs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inceptionism.atlas.activations.page import PageCell, cell_page, count_text
from inceptionism.atlas.exemplars import Exemplar
from tests.support.studio import chromium


def write_page(folder: Path) -> Path:
    """Write the page of an atlas of three cells in four rows and columns, with names that HTML must escape."""
    photo = folder / "<b>&.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (40, 50, 3), dtype=np.uint8)).save(photo)
    members = tuple(Exemplar(photo, 0.9, 0, number, (number, 0, number + 30, 20)) for number in range(9))
    cells = []
    for number, place in enumerate([(0, 0), (1, 2), (3, 3)]):
        path = folder / f"{number}.png"
        Image.new("RGB", (60, 40), ["red", "lime", "blue"][number]).save(path)
        shown = members[: 1 + 4 * number]
        cells.append(PageCell(*place, count_text(len(shown)), path, shown))
    page = folder / "atlas.html"
    page.write_text(cell_page("</script><i>title", 4, 4, cells), "utf-8")
    return page


def box(page: Any, number: int) -> dict[str, float]:
    return page.locator("#plane button").nth(number).bounding_box()


def test_the_page_shows_the_cells_zooms_and_moves_without_any_other_file(tmp_path) -> None:
    path = write_page(tmp_path)
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 900, "height": 600})
        problems, requests = [], []
        page.on("pageerror", lambda error: problems.append(str(error)))
        page.on("console", lambda message: problems.append(message.text))
        page.on("request", lambda request: requests.append(request.url))
        page.goto(path.as_uri())
        assert page.title() == "</script><i>title"
        assert page.locator("#plane button").count() == 3
        assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
        first, second, third = (box(page, number) for number in range(3))
        assert second["x"] - first["x"] == pytest.approx(2 * (third["x"] - second["x"]))
        assert first["width"] / first["height"] == pytest.approx(1.5)
        whole = page.locator("#map").bounding_box()
        assert first["x"] >= whole["x"]
        assert third["x"] + third["width"] <= whole["x"] + whole["width"]

        middle = first["x"] + first["width"] / 2, first["y"] + first["height"] / 2
        page.mouse.move(*middle)
        page.mouse.wheel(0, -200)
        page.wait_for_function(
            f"document.querySelector('#plane button').getBoundingClientRect().width > {first['width']}"
        )
        larger = box(page, 0)
        # The point below the mouse stays where it is.
        assert abs(larger["x"] + larger["width"] / 2 - middle[0]) < 1
        assert abs(larger["y"] + larger["height"] / 2 - middle[1]) < 1
        page.mouse.down()
        page.mouse.move(middle[0] + 70, middle[1] + 30, steps=3)
        page.mouse.up()
        moved = box(page, 0)
        assert (round(moved["x"] - larger["x"]), round(moved["y"] - larger["y"])) == (70, 30)
        assert page.locator("[aria-pressed=true]").count() == 0  # a drag chooses nothing

        page.get_by_role("button", name="Show all").click()
        assert box(page, 0) == first
        page.locator("#plane button").nth(1).focus()
        page.keyboard.press("Enter")
        assert "Row 1, column 2: 5 activations" in page.locator("#facts").inner_text()
        assert page.locator("figcaption").all_inner_texts() == ["<b>&.png"] * 5
        page.locator("#plane button").nth(2).click()
        assert page.locator("figure img").count() == 6
        assert page.evaluate("[...document.images].every((image) => image.naturalWidth > 0)")
        assert problems == []
        assert [one for one in requests if not one.startswith("data:")] == [path.as_uri()]
