"""Makes the pictures of the gallery and the thumbnails of the looks, from photographs of scikit-image.

`python docs/make_gallery.py` makes all of them, and `python docs/make_gallery.py looks` makes one part. Every picture
contains its recipe. The photographs are in the public domain (CC0 or NASA): see the documentation of `skimage.data`.
The looks of GoogLeNet need that network: `dream networks get googlenet`.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import skimage.data
from PIL import Image, ImageDraw

import inceptionism as inc
from inceptionism.recipes import list_looks
from inceptionism.recipes.recipe import EARLIER_DEFAULTS

DOCS = Path(__file__).parent
GALLERY = DOCS / "gallery"
LOOKS = Path(inc.__file__).parent / "looks"

SETTINGS_2015 = {**EARLIER_DEFAULTS[1]["photo"], "layer": "blocks.10"}
"""Settings of the algorithm of 2015, with the layer that was the default until version 2 of the recipe format."""

PHOTOS = ("astronaut", "chelsea", "coffee", "rocket", "moon", "camera", "grass", "gravel")
"""Photographs of the gallery: a portrait, an animal, food, a night, flat ground, black and white, and textures."""


CLASSES = ("castle", "teapot", "golden retriever", "volcano", "goldfinch", "tabby", "pirate")
"""Classes of the gallery. Their pictures have the default settings and the seed 0."""

FIRST_CLASS = {"prior": "fourier + views + 16*statistics", "size": 224}
"""Settings that were the defaults of a class until version 2 of the recipe format."""

FIRST_VIDEO = {**EARLIER_DEFAULTS[1]["video"], "layer": "blocks.10"}
"""Settings that were the defaults of a video until version 2 of the recipe format."""

LOOK_PHOTOS = {
    "coffee": ("braids", "filigree", "knitted"),
    "rocket": ("coils", "creatures", "domes", "faces", "facets", "lattice", "temples", "waterfall", "web"),
    "chelsea": ("feathers",),
}
"""Looks whose thumbnail shows another photograph than the astronaut, by the name of the photograph."""


def photo(name: str) -> np.ndarray:
    """Return a photograph of scikit-image as H×W×3 uint8 pixels."""
    pixels = getattr(skimage.data, name)()
    return np.ascontiguousarray(np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels)


def make_defaults() -> None:
    """Make a picture of each photograph with the default settings."""
    for name in PHOTOS:
        save(inc.dream(photo(name), size=512), GALLERY / f"{name}.webp")


def make_before_after() -> None:
    """Draw a sheet of four photographs: above with the settings of 2015, below with the default."""
    names = ("chelsea", "coffee", "rocket", "moon")
    rows = [[inc.dream(photo(name), size=480, **settings).image for name in names] for settings in (SETTINGS_2015, {})]
    sheet = Image.new("RGB", (4 * 304 - 4, 2 * 304 - 4), "white")
    for top, row in enumerate(rows):
        for left, image in enumerate(row):
            sheet.paste(square(image, 300), (left * 304, top * 304))
    sheet.save(DOCS / "images" / "photo-prior.jpg", quality=88)


def make_looks() -> None:
    """Make the thumbnail of each look that is installed with the package, and a sheet of all of them."""
    thumbnails = []
    for look in list_looks():
        path = LOOKS / f"{look.name}.webp"
        if (LOOKS / f"{look.name}.toml").is_file():
            name = next((name for name, looks in LOOK_PHOTOS.items() if look.name in looks), "astronaut")
            save(inc.dream(photo(name), look=look.name, size=320), path)
            thumbnails.append((look.name, path))
    columns = 6
    rows = -(-len(thumbnails) // columns)
    sheet = Image.new("RGB", (columns * 204 - 4, rows * 222), "white")
    draw = ImageDraw.Draw(sheet)
    for index, (name, path) in enumerate(thumbnails):
        left, top = index % columns * 204, index // columns * 222
        with Image.open(path) as image:
            sheet.paste(square(image, 200), (left, top))
        draw.text((left + 2, top + 203), name, fill="black")
    sheet.save(GALLERY / "looks.jpg", quality=88)


def make_colors() -> None:
    """Make one dream with different strengths and colors."""
    settings = {
        "dream": {},
        "half": {"strength": 0.5},
        "keep": {"colors": "keep"},
        "picture": {"colors": photo("rocket")},
        "gray": {"saturation": 0, "contrast": 1.3},
    }
    for name, changed in settings.items():
        save(inc.dream(photo("chelsea"), size=320, **changed), GALLERY / f"colors-{name}.webp")


def make_classes() -> None:
    """Make a picture of each class with the default settings, and a sheet of four: above with the first settings."""
    for name in CLASSES:
        save(inc.visualize(name), GALLERY / f"class-{name.replace(' ', '-')}.webp")
    names = CLASSES[:4]
    sheet = Image.new("RGB", (4 * 304 - 4, 2 * 304 - 4), "white")
    for column, name in enumerate(names):
        sheet.paste(square(inc.visualize(name, **FIRST_CLASS).image, 300), (column * 304, 0))
        with Image.open(GALLERY / f"class-{name.replace(' ', '-')}.webp") as image:
            sheet.paste(square(image, 300), (column * 304, 304))
    sheet.save(DOCS / "images" / "class-prior.jpg", quality=88)


def make_subjects() -> None:
    """Make one class at a wide format, with each choice of subjects."""
    for subjects in ("one", "several", "scene"):
        save(inc.visualize("volcano", size=(448, 896), subjects=subjects), GALLERY / f"subjects-{subjects}.webp")


def make_video() -> None:
    """Draw a sheet of three frames of a camera movement: above with the first settings, below with the default."""
    frames = [Image.fromarray(photo("chelsea")).crop((2 * x, 0, 2 * x + 400, 300)) for x in range(25)]
    sheet = Image.new("RGB", (3 * 404 - 4, 2 * 304 - 4), "white")
    with TemporaryDirectory() as folder:
        for number, frame in enumerate(frames):
            frame.save(Path(folder) / f"{number:02}.png")
        for row, settings in enumerate((FIRST_VIDEO, {})):
            shown = [frame.image for frame in inc.video(folder, **settings) if frame.number % 12 == 0]
            for column, image in enumerate(shown):
                sheet.paste(image, (column * 404, row * 304))
    sheet.save(DOCS / "images" / "video-prior.jpg", quality=88)


def make_rocket() -> None:
    """Dream the photograph of the first page."""
    save(inc.dream(DOCS / "images" / "rocket.jpg"), DOCS / "images" / "rocket-dream.jpg")


def make_seamless() -> None:
    """Draw four copies each of a dream with edges, of the same dream without edges, and of a unit without edges."""
    images = [inc.dream(photo("chelsea"), size=440, tileable=tileable).image for tileable in (None, "both")]
    images.append(inc.visualize("blocks.10:24", size=292, tileable=True).image)
    tiles = [image.resize((image.width // 2, image.height // 2), Image.Resampling.LANCZOS) for image in images]
    sheet = Image.new("RGB", (sum(2 * tile.width + 6 for tile in tiles) - 6, 292), "white")
    left = 0
    for tile in tiles:
        for copy in range(4):
            sheet.paste(tile, (left + copy % 2 * tile.width, copy // 2 * tile.height))
        left += 2 * tile.width + 6
    sheet.save(DOCS / "images" / "seamless.jpg", quality=90)


def make_zoom() -> None:
    """Draw a sheet of nine moments of a zoom of ten seconds."""
    sheet = Image.new("RGB", (3 * 384, 3 * 216))
    run = inc.zoom(photo("coffee"), size=(216, 384))
    for frame in run:
        if frame.number % 29 == 0:  # 9 of 240 frames
            index = frame.number // 29
            sheet.paste(frame.image, (index % 3 * 384, index // 3 * 216))
    sheet.save(DOCS / "images" / "zoom.jpg", quality=88)


def square(image: Image.Image, side: int) -> Image.Image:
    """Return the largest centered square of an image, at a side in pixels."""
    edge = min(image.size)
    left, top = (image.width - edge) // 2, (image.height - edge) // 2
    return image.crop((left, top, left + edge, top + edge)).resize((side, side), Image.Resampling.LANCZOS)


def save(result: inc.Result, path: Path) -> None:
    """Save a result as a small file, with its recipe."""
    result.save(path)
    sys.stdout.write(f"{path}\n")
    sys.stdout.flush()


PARTS: dict[str, Callable[[], None]] = {
    "rocket": make_rocket,
    "defaults": make_defaults,
    "before-after": make_before_after,
    "looks": make_looks,
    "colors": make_colors,
    "classes": make_classes,
    "subjects": make_subjects,
    "seamless": make_seamless,
    "video": make_video,
    "zoom": make_zoom,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
