"""The code blocks of the documentation, and a folder with the files that they use."""

from __future__ import annotations

import re
import shutil
import wave
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from skimage.data import astronaut, chelsea, coffee

import inceptionism as inc
from inceptionism.recipes import recipe_kinds
from tests.support.films import pan, write
from tests.support.places import ROOT

PAGES = [*sorted((ROOT / "docs").rglob("*.md")), ROOT / "README.md"]
"""The pages of the documentation, and the README."""


@dataclass(frozen=True)
class Block:
    """A code block of a page.

    Attributes:
        line: Number of its first line.
        language: Word after the opening fence. Empty if there is none.
        code: Text of the block.
    """

    line: int
    language: str
    code: str

    @property
    def lines(self) -> list[str]:
        """Lines of the block that are not empty, and no comments of a shell."""
        lines = (line.strip() for line in self.code.splitlines())
        return [line for line in lines if line and not (self.language == "sh" and line.startswith("#"))]


def blocks(page: Path) -> Iterator[Block]:
    """Yield the code blocks of a page. A directive of sphinx, such as a list of pages, is none."""
    text = page.read_text("utf-8")
    for found in re.finditer(r"^( *)```([\w{}-]*)[^\n]*\n(.*?)^\1```$", text, re.DOTALL | re.MULTILINE):
        if not found[2].startswith("{"):
            code = re.sub(f"^{found[1]}", "", found[3], flags=re.MULTILINE)
            yield Block(text.count("\n", 0, found.start()) + 1, found[2], code)


SMALL = {"steps": 2, "first_steps": 1, "seconds": 0.25, "octaves": 2}
"""Largest values of settings, so that the examples of the documentation run quickly as they are written."""

SIDE = 72
"""Largest side of a picture or a frame in the examples, in pixels."""


def make_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Limit the settings of all recipes to small values. They are checked as they are written before."""
    for kind in recipe_kinds().values():
        monkeypatch.setattr(kind, "__post_init__", limited(kind.__post_init__))


def limited(check: Any) -> Any:
    """Return the check of a recipe's settings, after which large values become small ones."""

    def check_and_limit(recipe: Any) -> None:
        check(recipe)
        for name, limit in SMALL.items():
            value = getattr(recipe, name, None)
            if hasattr(recipe, name) and (value is None or value > limit) and (name != "octaves" or value):
                object.__setattr__(recipe, name, limit)
        size = getattr(recipe, "size", None)
        small = tuple(min(side, SIDE) for side in size) if isinstance(size, tuple) else min(size or SIDE, SIDE)
        if size is None and recipe.kind == "class":
            small = (SIDE, SIDE)
        object.__setattr__(recipe, "size", small)

    return check_and_limit


def make_files(folder: Path) -> None:
    """Write the photographs, films and other files that the examples name."""
    photos = {"photo": coffee()[::4, ::4], "cat": chelsea()[::4, ::4], "guide": astronaut()[::5, ::5]}
    for name, pixels in photos.items():
        Image.fromarray(pixels).save(folder / f"{name}.jpg", quality=95)
    for name in ("sky", "flowers", "panorama", "other", "lion"):
        shutil.copy(folder / "photo.jpg", folder / f"{name}.jpg")
    Image.fromarray(photos["photo"]).save(folder / "scan.tif")
    Image.fromarray(np.tile(np.linspace(255, 0, 90).astype(np.uint8), (60, 1))).save(folder / "mask.png")
    for name in ("photos", "photographs", "birds", "masks"):
        (folder / name).mkdir()
        for photo in ("photo", "cat"):
            shutil.copy(folder / f"{photo}.jpg", folder / name / f"{photo}.jpg")
    for number in range(4):
        shutil.copy(folder / "mask.png", folder / "masks" / f"{number}.png")
    frames = pan(coffee()[::4, ::4], 4)
    for name in ("cat", "dance", "street", "persons"):
        write(folder / f"{name}.mp4", frames, sound="aac")
    with wave.open(str(folder / "song.mp3"), "wb") as sound:  # the content counts, and not the name
        sound.setnchannels(1)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes((np.sin(np.arange(8000) / 5) * 9000).astype("<i2").tobytes())
    (folder / "journey.toml").write_text('[[keyframe]]\nat = 0\nlayer = "blocks.4"\n')
    (folder / "mine.toml").write_text('kind = "photo"\nlayer = "blocks.4"\n')
    (folder / "examples").symlink_to(ROOT / "examples")
    (folder / "docs").symlink_to(ROOT / "docs")


def make_results(folder: Path) -> None:
    """Write the results that the pages take from each other."""
    inc.dream(folder / "photo.jpg").save(folder / "photo-dream.png")
    inc.visualize("banana").save(folder / "banana.png")
    inc.zoom(folder / "sky.jpg").save(folder / "zoom.mp4")
