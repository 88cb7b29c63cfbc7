"""Folders of atlases and grids that come from somebody else: what is read of them, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from inceptionism.atlas.activations import read_folder
from inceptionism.errors import InvalidSetting

CELL = {"row": 0, "column": 1, "count": 7, "file": "a.png", "members": [{"photo": "/etc/passwd"}]}

INDEX = {"schema": 1, "network": "net/<i>x", "layer": "<b>", "side": 2, "cells": [CELL]}


def write(folder: Path, content: Any) -> Path:
    """Write a folder with a picture of a cell, a picture beside it, and an index."""
    folder.mkdir()
    for path in (folder / "a.png", folder / "sheet.png", folder.parent / "outside.png"):
        Image.new("RGB", (30, 20), "teal").save(path)
    (folder / "atlas.html").write_text("<script>alert(1)</script>")
    (folder / "index.json").write_text(content if isinstance(content, str) else json.dumps(content))
    return folder


def test_the_page_is_made_of_the_pictures_and_of_nothing_else_in_the_folder(tmp_path) -> None:
    page = read_folder(write(tmp_path / "atlas", INDEX)).page()
    data = json.loads(page.partition('id="data">')[2].partition("</script>")[0])
    ((row, column, fact, picture, members),) = data["cells"]
    assert (row, column, fact, members) == (0, 1, "7 activations", [])
    assert picture.startswith("data:image/webp;base64,")
    assert (data["rows"], data["columns"], data["width"], data["height"]) == (2, 2, 30, 20)
    assert "alert" not in page
    assert "<b>" not in page
    assert "&lt;i&gt;x · &lt;b&gt;" in page


@pytest.mark.parametrize(
    "change",
    [
        {"schema": 2},
        {"side": 0},
        {"side": 10**6},
        {"side": True},
        {"side": None},
        {"cells": None},
        {"cells": [7]},
        *({"cells": [{**CELL, "file": name}]} for name in ("../outside.png", "/etc/x.png", "a.html", ".png", 5)),
        *({"cells": [{**CELL, **wrong}]} for wrong in ({"row": 2}, {"column": -1}, {"count": "many"})),
    ],
)
def test_another_index_is_refused(tmp_path, change: dict[str, Any]) -> None:
    with pytest.raises(InvalidSetting, match=r"index\.json is not the index of an activation atlas or grid"):
        read_folder(write(tmp_path / "atlas", {**INDEX, **change}))


@pytest.mark.parametrize("text", ["", "[" * 10**5, "[]", "null", "{}"])
def test_a_text_that_is_no_index_is_refused(tmp_path, text: str) -> None:
    folder = write(tmp_path / "atlas", text or " ")
    with pytest.raises(InvalidSetting, match="is not the index of an activation atlas or grid"):
        read_folder(folder)


def test_a_folder_whose_pictures_are_gone_is_refused(tmp_path) -> None:
    folder = write(tmp_path / "atlas", INDEX)
    (folder / "a.png").unlink()
    with pytest.raises(InvalidSetting, match="has no pictures of cells"):
        read_folder(folder)
