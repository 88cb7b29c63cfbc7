"""Copies to post, as other programs see them."""

from __future__ import annotations

import json

import numpy as np
import pytest
from PIL import Image, ImageSequence

from inceptionism.io.sharing import fading, fitted, pair, without_folders
from inceptionism.recipes.film import ZoomRecipe
from inceptionism.recipes.provenance import MadeWith
from inceptionism.recipes.recipe import ClassRecipe
from tests.support.command import dream, refused
from tests.support.exiftool import needs_exiftool, tags


@pytest.fixture
def dreamed(folder):
    Image.open(folder / "cup.jpg").resize((284, 372)).save(folder / "cup.jpg", quality=95)
    assert (
        dream("photo", "cup.jpg", "--octaves", 2, "--steps", 9, "-l", "blocks.4", "-o", "a.png", cwd=folder).returncode
        == 0
    )
    return folder


def opened(path) -> np.ndarray:
    with Image.open(path) as image:
        return np.asarray(image.convert("RGB")).astype(int)


def test_a_copy_fits_and_says_what_it_is(dreamed) -> None:
    done = dream("share", "a.png", "--limit", "20KB", "--side", 300, cwd=dreamed)
    path, alternative, caption = done.stdout.splitlines()
    assert (path, done.returncode, done.stderr) == ("a-share.jpg", 0, "")
    assert alternative.startswith('The photograph "cup" as a neural network dreams it')
    assert caption == "cup.jpg · blocks.4 · efficientnet-lite0 · octaves 2, steps 9 · inceptionism #deepdream"
    assert (dreamed / path).stat().st_size <= 20_000
    shown = opened(dreamed / path)
    assert max(shown.shape) <= 300
    with Image.open(dreamed / "a.png") as image:
        small = np.asarray(image.resize(shown.shape[1::-1], Image.Resampling.LANCZOS)).astype(int)
    assert np.abs(small - shown).mean() < 6
    assert json.loads(dream("show", path, "--json", cwd=dreamed).stdout)["octaves"] == 2
    assert dream("share", "a.png", "--no-metadata", "-o", "b.webp", cwd=dreamed).returncode == 0
    refused(dream("show", "b.webp", cwd=dreamed), "carries no recipe", 2)


def test_before_and_after_stand_beside_each_other(dreamed) -> None:
    done = dream("share", "a.png", "--before", "cup.jpg", "-o", "both.png", cwd=dreamed)
    assert done.stdout.splitlines()[1].startswith("A photograph, and what became of it. The photograph")
    both = opened(dreamed / "both.png")
    assert both.shape == (372, 2 * 284 + 12, 3)
    np.testing.assert_array_equal(both[:, :284], opened(dreamed / "cup.jpg"))
    np.testing.assert_array_equal(both[:, 296:], opened(dreamed / "a.png"))
    # Wide ones stand above each other.
    assert pair(Image.new("RGB", (30, 20)), Image.new("RGB", (30, 20))).size == (30, 52)


@pytest.mark.parametrize("ending", ["webp", "gif"])
def test_a_loop_fades_and_comes_back(dreamed, ending: str) -> None:
    done = dream("share", "a.png", "--before", "cup.jpg", "--loop", "--side", 99, "-o", f"l.{ending}", cwd=dreamed)
    assert done.returncode == 0, done.stderr
    with Image.open(dreamed / f"l.{ending}") as image:
        assert (image.size, image.info["loop"]) == ((76, 99), 0)
        frames = [
            (np.asarray(one.convert("RGB")).astype(int), one.info["duration"]) for one in ImageSequence.Iterator(image)
        ]
    before, after = (
        np.asarray(Image.open(dreamed / name).convert("RGB").resize((76, 99), Image.Resampling.LANCZOS)).astype(int)
        for name in ("cup.jpg", "a.png")
    )
    # WebP shows what hardly changes as one.
    assert len(frames) <= 24
    assert sum(duration for _, duration in frames) == 2 * 1000 + 22 * 60
    held = [frame for frame, duration in frames if duration >= 1000]
    assert np.abs(held[0] - before).mean() < np.abs(held[0] - after).mean()
    assert np.abs(held[1] - after).mean() < np.abs(held[1] - before).mean()
    assert json.loads(dream("show", f"l.{ending}", "--json", cwd=dreamed).stdout)["octaves"] == 2


@needs_exiftool
@pytest.mark.parametrize("ending", ["jpg", "webp", "gif"])
def test_exiftool_reads_what_is_shared_and_nothing_of_the_camera(dreamed, ending: str) -> None:
    with Image.open(dreamed / "cup.jpg") as image:
        exif = Image.Exif()
        exif[0x010F] = "Acme"
        image.save(dreamed / "camera.jpg", exif=exif)
    dream("photo", "camera.jpg", "--octaves", 1, "--steps", 1, "-o", "c.png", cwd=dreamed)
    assert tags(dreamed / "c.png")["EXIF:Make"] == "Acme"
    dream("share", "c.png", "-o", f"c.{ending}", cwd=dreamed)
    found = tags(dreamed / f"c.{ending}")
    assert (found["XMP:Subject"], found["XMP:Title"]) == ("deepdream", "camera.jpg · blocks.10")
    assert "EXIF:Make" not in found


def test_what_cannot_be_shared_is_refused(dreamed) -> None:
    Image.new("RGB", (40, 20)).save(dreamed / "wide.png")
    before = {path.name for path in dreamed.iterdir()}
    for arguments, reason, status in [
        (["cup.jpg"], "cup.jpg carries no recipe", 2),
        (["gone.png"], "there is no file gone.png", 1),
        (["a.png", "--loop"], "a loop fades from the photograph to the picture: give it, --before PHOTO", 2),
        (
            ["a.png", "--before", "cup.jpg", "--loop", "-o", "l.jpg"],
            "a loop is written as .webp or .gif, not as JPEG",
            1,
        ),
        (["a.png", "--limit", "9"], "no copy of this picture is smaller than 9 bytes; allow more by --limit", 2),
        (["a.png", "--limit", "lots"], "limit must be an amount such as 2GB or 700MiB, not 'lots'", 2),
        (["a.png", "--side", "0"], "side must be from 1", 2),
        (["a.png", "-o", "a.png"], "a.png exists", 1),
    ]:
        refused(dream("share", *arguments, cwd=dreamed), reason, status)
    done = dream("share", "a.png", "--before", "wide.png", cwd=dreamed)
    assert "20×40 pixels and the picture 372×284: that is another shape" in done.stderr
    assert "note: wide.png is not the photograph that a.png was made from" in done.stderr
    assert {path.name for path in dreamed.iterdir()} == before


def test_where_pictures_are_is_not_shared(dreamed) -> None:
    (dreamed / "private").mkdir()
    (dreamed / "private" / "mask.png").write_bytes((dreamed / "a.png").read_bytes())
    inside = "guide(blocks.2, private/mask.png) + 0.5*layer(stem, where=private/mask.png) - layer(blocks.1)"
    for name, flags in {
        "o.png": ["--objective", inside],
        "g.png": ["-l", "blocks.2", "--guide", dreamed / "private" / "mask.png", "--mask", "private/mask.png"],
    }.items():
        small = ["--octaves", 1, "--steps", 1, "--size", 60, "-o", name]
        assert dream("photo", "cup.jpg", *flags, *small, cwd=dreamed).returncode == 0
        assert b"private" in (dreamed / name).read_bytes()
        shared = f"{name}.jpg"
        assert "private" not in dream("share", name, "-o", shared, cwd=dreamed).stdout
        assert b"private" not in (dreamed / shared).read_bytes()
        again = ["replay", shared, "cup.jpg", "--picture", "private/mask.png", "-o", f"again-{name}"]
        assert dream(*again, cwd=dreamed).returncode == 0
        np.testing.assert_array_equal(opened(dreamed / f"again-{name}"), opened(dreamed / name))
    key = {"at": 1, "objective": "layer(stem, where=a/b.png)"}
    made_with = MadeWith("1", "2", "cpu", "0", pictures={"a/b.png": "0"})
    assert "a/" not in without_folders(ZoomRecipe(keyframes=[key], made_with=made_with)).to_json()
    assert without_folders(ClassRecipe(target=1, prior="phase(a/b.png) + views", network="/x/y.onnx")) == ClassRecipe(
        target=1, prior="phase(b.png) + views", network="y.onnx"
    )


def test_as_large_and_as_good_as_fits() -> None:
    tried = []

    def encoded(small: Image.Image, quality: int) -> bytes:
        tried.append((small.size, quality))
        return bytes(small.width * small.height * quality // 100)

    content = fitted(Image.new("RGB", (1000, 500)), 800, 100_000, "JPEG", encoded)
    assert len(content) <= 100_000
    assert tried[0] == ((800, 400), 92)
    assert len(content) > 50_000


def test_a_fade_is_as_even_there_as_back() -> None:
    frames = [np.asarray(one).mean() for one in fading(Image.new("RGB", (2, 2)), Image.new("RGB", (2, 2), "white"))]
    assert (frames[0], frames[12]) == (0, 255)
    assert frames[1:12] == frames[:12:-1]
