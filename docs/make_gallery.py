"""Makes the pictures of the gallery and the thumbnails of the looks, from photographs of scikit-image.

`python -m docs.make_gallery` makes all of them, and `python -m docs.make_gallery looks` makes one part. Every picture
contains its recipe. The photographs are in the public domain (CC0 or NASA): see the documentation of `skimage.data`.
The looks of GoogLeNet need that network: `dream networks get googlenet`.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import skimage.data
from PIL import Image, ImageDraw

import inceptionism as inc
from docs.gallery_pictures import CLASSES, DOCS, GALLERY, PHOTOS, GalleryPicture, classes, colors, looks, photographs
from inceptionism.recipes.recipe import EARLIER_DEFAULTS

SETTINGS_2015 = {**EARLIER_DEFAULTS[1]["photo"], "layer": "blocks.10"}
"""Settings of the algorithm of 2015, with the layer that was the default until version 2 of the recipe format."""

FIRST_CLASS = {"prior": "fourier + views + 16*statistics", "size": 224}
"""Settings that were the defaults of a class until version 2 of the recipe format."""

WITHOUT_DEPTH = "fourier(contrast=1) + crops(noise=0.06, count=2) + skip + 16*statistics"
"""Prior of the preset `fast` before the argument `depth` of the prior `statistics` existed."""

WITH_DEPTH = WITHOUT_DEPTH + "(depth=0.4)"
"""Prior of the preset `fast` when it got the argument `depth`."""

WITHOUT_TV = "fourier(contrast=0.75) + crops + skip + 16*statistics(depth=0.4)"
"""Prior of the preset `fine` before total variation was a part of it."""

WITH_TV = "fourier(contrast=1) + crops + skip + 16*statistics(depth=0.4) + 0.2*tv"
"""Prior of the preset `fine` when it got total variation, and before `leak` was a part of it."""

FIRST_VIDEO = {**EARLIER_DEFAULTS[1]["video"], "layer": "blocks.10"}
"""Settings that were the defaults of a video until version 2 of the recipe format."""


def photo(name: str) -> np.ndarray:
    """Return a photograph of scikit-image as H×W×3 uint8 pixels."""
    pixels = getattr(skimage.data, name)()
    return np.ascontiguousarray(np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels)


def make(one: GalleryPicture) -> None:
    """Make a picture of the gallery."""
    if one.target:
        save(inc.visualize(one.target, **one.settings), one.path)
        return
    settings = dict(one.settings)
    if settings.get("colors") == "rocket.jpg":
        settings["colors"] = photo("rocket")
    save(inc.dream(photo(one.photo), **settings), one.path)


def make_originals() -> None:
    """Save the photographs as they are, at the size of the gallery."""
    (GALLERY / "originals").mkdir(exist_ok=True)
    for name in PHOTOS:
        image = Image.fromarray(photo(name))
        image.thumbnail((512, 512), Image.Resampling.LANCZOS)
        image.save(GALLERY / "originals" / f"{name}.webp", quality=85)


def make_defaults() -> None:
    """Make a picture of each photograph with the default settings."""
    for one in photographs():
        make(one)


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
    for one in looks():
        make(one)
        thumbnails.append((one.title, one.path))
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
    for one in colors():
        make(one)


def make_comparisons() -> None:
    """Make one dream with other layers, and with other sizes and numbers of steps."""
    for layer in ("blocks.0", "blocks.2", "blocks.4", "blocks.7", "blocks.10", "blocks.14"):
        save(inc.dream(photo("coffee"), layer=layer, size=320), GALLERY / f"layer-{layer}.webp")
    for step_size in (0.5, 1, 2, 4):
        save(inc.dream(photo("chelsea"), step_size=step_size, size=320), GALLERY / f"step-size-{step_size}.webp")
    for steps in (2, 5, 20):
        save(inc.dream(photo("chelsea"), steps=steps, size=320), GALLERY / f"steps-{steps}.webp")


def make_unit() -> None:
    """Draw the sheet of the unit of the researcher's tutorial, with photographs that excite it."""
    with TemporaryDirectory() as folder:
        photographs = Path(folder) / "photographs"
        photographs.mkdir()
        for name in (*PHOTOS, "brick"):
            Image.fromarray(photo(name)).save(photographs / f"{name}.png")
        command = [sys.executable, "-m", "inceptionism", "unit", "blocks.4", "18", "--preset", "fast"]
        subprocess.run([*command, "--photos", str(photographs)], cwd=folder, check=True)
        with Image.open(Path(folder) / "blocks.4-18-exemplars.png") as image:
            image.convert("RGB").save(DOCS / "images" / "unit.jpg", quality=88)


def make_octaves() -> None:
    """Save the picture of the first page after each of its octaves."""
    pictures: dict[int, Image.Image] = {}
    inc.dream(DOCS / "images" / "rocket.jpg", size=320, on_step=lambda step: pictures.update({step.octave: step.image}))
    for octave, image in pictures.items():
        image.save(DOCS / "images" / f"octave-{octave}.webp", quality=85)


def make_classes() -> None:
    """Make a picture of each class with the default settings, and a sheet of four: above with the first settings."""
    for one in classes():
        make(one)
    names = list(CLASSES)[:4]
    sheet = Image.new("RGB", (4 * 304 - 4, 2 * 304 - 4), "white")
    for column, name in enumerate(names):
        sheet.paste(square(inc.visualize(name, **FIRST_CLASS).image, 300), (column * 304, 0))
        with Image.open(GALLERY / f"class-{name.replace(' ', '-')}.webp") as image:
            sheet.paste(square(image, 300), (column * 304, 304))
    sheet.save(DOCS / "images" / "class-prior.jpg", quality=88)


def make_depth() -> None:
    """Draw six classes with the preset `fast`: above without `depth`, below with it."""
    names = ("banana", "sports car", "rifle", "volleyball", "pill bottle", "accordion")
    before, now = ({"preset": "fast", "prior": prior} for prior in (WITHOUT_DEPTH, WITH_DEPTH))
    draw_before_and_now(names, before, now, "statistics-depth.jpg")


def make_tv() -> None:
    """Draw six classes: above with the preset `fine` before total variation was a part of it, below with it."""
    names = ("banana", "sports car", "castle", "daisy", "church", "goldfinch")
    draw_before_and_now(names, {"prior": WITHOUT_TV, "steps": 400}, {"prior": WITH_TV}, "tv.jpg")


def make_leak() -> None:
    """Draw six classes with the default settings: above before `leak` was a part of them, below now."""
    names = ("weevil", "tailed frog", "marmot", "swab", "table lamp", "mushroom")
    draw_before_and_now(names, {"prior": WITH_TV}, {}, "leak.jpg")


def draw_before_and_now(names: tuple[str, ...], before: dict[str, Any], now: dict[str, Any], file: str) -> None:
    """Draw a sheet of classes in docs/images, with two settings: `before` in the upper row, `now` in the lower row."""
    sheet = Image.new("RGB", (len(names) * 304 - 4, 2 * 304 - 4), "white")
    for row, settings in enumerate((before, now)):
        for column, name in enumerate(names):
            sheet.paste(square(inc.visualize(name, **settings).image, 300), (column * 304, row * 304))
    sheet.save(DOCS / "images" / file, quality=88)


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
    "originals": make_originals,
    "rocket": make_rocket,
    "defaults": make_defaults,
    "before-after": make_before_after,
    "looks": make_looks,
    "colors": make_colors,
    "comparisons": make_comparisons,
    "octaves": make_octaves,
    "unit": make_unit,
    "classes": make_classes,
    "depth": make_depth,
    "tv": make_tv,
    "leak": make_leak,
    "subjects": make_subjects,
    "seamless": make_seamless,
    "video": make_video,
    "zoom": make_zoom,
}

if __name__ == "__main__":
    for part in sys.argv[1:] or PARTS:
        PARTS[part]()
