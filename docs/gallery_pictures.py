"""The pictures of the gallery: what each one shows, and the settings that it is made with.

`docs/make_gallery.py` makes the pictures, and `docs/gallery_pages.py` writes the pages that show them.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import inceptionism as inc
from inceptionism.recipes import list_looks

DOCS = Path(__file__).parent
GALLERY = DOCS / "gallery"
LOOKS = Path(inc.__file__).parent / "looks"

PHOTOS = {
    "astronaut": ("astronaut.png", "An astronaut", "A portrait with shells and faces behind it"),
    "chelsea": ("chelsea.png", "A cat", "A cat with large eyes"),
    "coffee": ("coffee.png", "A cup of coffee", "A cup of coffee among round shapes"),
    "rocket": ("rocket.jpg", "A rocket", "A rocket below a sky of animals"),
    "moon": ("moon.png", "The moon", "The surface of the moon as faces"),
    "camera": ("camera.png", "A photographer", "A photographer in black and white"),
    "grass": ("grass.png", "Grass", "Grass that has become creatures"),
    "gravel": ("gravel.png", "Gravel", "Gravel that has become creatures"),
}
"""Photographs of scikit-image, each with its file, a title, and a description of the dream at the default settings.

They are a portrait, an animal, food, a night, flat ground, black and white, and two textures.
"""

CLASSES = {
    "castle": "Castles between bushes",
    "teapot": "A teapot",
    "golden retriever": "Two golden retrievers",
    "volcano": "An erupting volcano",
    "goldfinch": "Goldfinches",
    "tabby": "Striped cats",
    "pirate": "Two pirate ships under clouds",
}
"""Classes, each with a description. Their pictures have the default settings and the seed 0."""

LOOK_PHOTOS = {
    "coffee": ("braids", "filigree", "knitted"),
    "rocket": ("coils", "creatures", "domes", "faces", "facets", "lattice", "temples", "waterfall", "web"),
    "chelsea": ("feathers",),
}
"""Looks whose thumbnail shows another photograph than the astronaut, by the name of the photograph."""

COLORS: dict[str, tuple[str, dict[str, Any]]] = {
    "dream": ("The dream", {}),
    "half": ("Half of the dream", {"strength": 0.5}),
    "keep": ("The dream in the colors of the photograph", {"colors": "keep"}),
    "picture": ("The dream in the colors of another picture", {"colors": "rocket.jpg"}),
    "gray": ("The dream in gray", {"saturation": 0, "contrast": 1.3}),
}
"""One dream with different strengths and colors, each with a description and its settings."""


@dataclass(frozen=True)
class GalleryPicture:
    """A picture of the gallery.

    Attributes:
        title: Heading of its section.
        path: Path of the file.
        alt: Description for people who cannot see the picture.
        settings: Settings that differ from the defaults, by name.
        photo: Name of the photograph of `PHOTOS` that is dreamed. Empty for a picture from noise.
        target: Class of a picture from noise.
    """

    title: str
    path: Path
    alt: str
    settings: Mapping[str, Any] = field(default_factory=dict)
    photo: str = ""
    target: str = ""

    @property
    def command(self) -> str:
        """The command that makes the picture."""
        subject = ["photo", PHOTOS[self.photo][0]] if self.photo else ["class", self.target]
        options = [part for name, value in self.settings.items() for part in (f"--{name}", str(value))]
        return shlex.join(["dream", *subject, *options])


def photographs() -> Iterator[GalleryPicture]:
    """Yield the photographs, dreamed at the default settings."""
    for name, (_, title, alt) in PHOTOS.items():
        yield GalleryPicture(title, GALLERY / f"{name}.webp", alt, {"size": 512}, photo=name)


def looks() -> Iterator[GalleryPicture]:
    """Yield the thumbnails of the looks that are installed with the package."""
    for look in list_looks():
        if (LOOKS / f"{look.name}.toml").is_file():
            name = next((name for name, found in LOOK_PHOTOS.items() if look.name in found), "astronaut")
            settings = {"look": look.name, "size": 320}
            yield GalleryPicture(look.name, LOOKS / f"{look.name}.webp", look.about, settings, photo=name)


def colors() -> Iterator[GalleryPicture]:
    """Yield one dream with different strengths and colors."""
    for name, (title, settings) in COLORS.items():
        yield GalleryPicture(title, GALLERY / f"colors-{name}.webp", title, {"size": 320, **settings}, photo="chelsea")


def classes() -> Iterator[GalleryPicture]:
    """Yield the pictures of classes at the default settings."""
    for name, alt in CLASSES.items():
        yield GalleryPicture(name, GALLERY / f"class-{name.replace(' ', '-')}.webp", alt, target=name)


SECTIONS = {
    "photographs": ("Photographs", photographs),
    "classes": ("Classes", classes),
    "looks": ("Looks", looks),
    "colors": ("Colors", colors),
}
"""The sections of the gallery by the name of their page, each with its title and its pictures."""
