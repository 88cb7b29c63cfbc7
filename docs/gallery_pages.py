"""The pages of the gallery, as Markdown: thumbnails, and for each picture its original, its command and its recipe."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import inceptionism as inc
from docs.gallery_pictures import DOCS, GALLERY, PHOTOS, SECTIONS, GalleryPicture

INTRODUCTION = """\
A click on a picture shows its original, its command and its recipe. The photographs are those of `skimage.data`. They
are in the public domain.
"""

ABOUT = {
    "photographs": "Each photograph was dreamed with the default settings. [More about layers](../layers.md).",
    "classes": "Each picture started from noise. [More about pictures of classes](../priors.md#the-prior-of-a-class).",
    "looks": "A look is a recipe with a name. [More about looks](../looks.md).",
    "colors": "One dream of a cat, with other strengths and colors. [More about colors](../looks.md#colors).",
}
"""The first sentences of each page."""


def thumbnails_text(generated: str) -> str:
    """Return the first page of the gallery, with a thumbnail of each picture.

    Args:
        generated: The comment that says that the page is generated.
    """
    lines = ["# Gallery", "", f"<!-- {generated} -->", "", INTRODUCTION]
    for page, (title, pictures) in SECTIONS.items():
        lines += [f"## {title}", "", ":::{container} thumbnails"]
        for one in pictures():
            lines.append(f"[![{one.alt}]({linked(one.path, DOCS)})](gallery/{page}.md#{anchor(one.title)})")
        lines += [":::", ""]
    lines += ["```{toctree}", ":hidden:", "", *(f"gallery/{page}" for page in SECTIONS), "```", ""]
    return "\n".join(lines)


def pictures_text(page: str, generated: str) -> str:
    """Return the page about the pictures of one section of the gallery.

    Args:
        page: Name of the page in `SECTIONS`.
        generated: The comment that says that the page is generated.
    """
    title, pictures = SECTIONS[page]
    lines = [f"# {title}", "", f"<!-- {generated} -->", "", ABOUT[page], ""]
    for one in pictures():
        lines += section(one)
    return "\n".join(lines)


def section(one: GalleryPicture) -> Iterator[str]:
    """Yield the lines of the section about a picture."""
    yield from (f"## {one.title}", "", ":::{container} pair")
    if one.photo:
        yield f"![{PHOTOS[one.photo][1]}: the photograph](originals/{one.photo}.webp)"
    yield from (f"![{one.alt}]({linked(one.path, GALLERY)})", ":::", "")
    if one.title != one.alt:
        yield from (one.alt.rstrip(".") + ".", "")
    yield from ("```sh", one.command, "```", "")
    yield from ("<details>", "<summary>Recipe</summary>", "", "```toml", inc.load_recipe(one.path).to_toml().strip())
    yield from ("```", "", "</details>", "")


def linked(path: Path, folder: Path) -> str:
    """Return the path of a file relative to a folder, as in a link."""
    return Path(os.path.relpath(path, folder)).as_posix()


def anchor(title: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w-]", "", title.lower().replace(" ", "-"))
