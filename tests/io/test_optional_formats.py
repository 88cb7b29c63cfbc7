"""HEIC and AVIF: real files in and out, and the sentences where a package is missing."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms, features

import inceptionism as inc
from inceptionism.errors import CannotWrite, UnreadablePicture
from inceptionism.io import load_photo, load_recipe, save_picture
from inceptionism.io.outputs import check_output
from inceptionism.recipes import PhotoRecipe
from tests.support.exiftool import needs_exiftool, tags
from tests.support.tiny_networks import tiny_network

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


@pytest.fixture(params=["heic", "avif"])
def path(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Path of a picture in a format that this machine can write."""
    if request.param == "heic":
        pytest.importorskip("pillow_heif", reason="needs the package pillow-heif")
    elif not features.check("avif"):
        pytest.skip("needs a Pillow with libavif")
    return tmp_path / f"cup.{request.param}"


@needs_exiftool
def test_a_picture_keeps_its_recipe_exif_profile_and_transparency(path, photo) -> None:
    image = Image.fromarray(photo)
    image.putalpha(Image.fromarray(np.tile(np.linspace(0, 255, 71).astype(np.uint8), (93, 1))))
    exif = Image.Exif()
    exif[0x110] = "A camera"
    image.info.update(exif=exif.tobytes(), icc_profile=SRGB)
    save_picture(image, path, PhotoRecipe(layer="blocks.2"))
    assert load_recipe(path) == PhotoRecipe(layer="blocks.2")
    found = tags(path)
    assert found["File:FileType"] == {".heic": "HEIF", ".avif": "AVIF"}[path.suffix]
    assert found["EXIF:Model"] == "A camera"
    assert found["XMP:Subject"] == "deepdream"
    assert found["ICC_Profile:ProfileDescription"] == "sRGB built-in"
    read = load_photo(path)
    visible = np.asarray(image)[..., 3] > 128
    assert np.abs(read.pixels[visible].astype(int) - photo[visible]).mean() < 3
    assert np.abs(read.alpha.astype(int) - np.asarray(image)[..., 3]).mean() < 3
    plain = path.with_stem("plain")
    save_picture(image, plain, PhotoRecipe(), metadata=False)
    assert not {"EXIF:Model", "XMP:Subject"} & tags(plain).keys()


def test_a_photograph_is_turned_upright_once(path, photo) -> None:
    exif = Image.Exif()
    exif[0x112] = 6  # turn by 90° to the right
    save_picture(Image.fromarray(photo), path)  # loads the plugin
    Image.fromarray(photo).save(path, quality=95, exif=exif.tobytes())
    upright = np.rot90(photo, -1)
    assert load_photo(path).pixels.shape == upright.shape
    assert np.abs(load_photo(path).pixels.astype(int) - upright).mean() < 4


def test_a_dream_goes_from_one_file_to_another(path, photo) -> None:
    save_picture(Image.fromarray(photo), path)
    result = inc.dream(path, network=tiny_network(), layer="second", octaves=2, steps=1)
    result.save(path.with_stem("dream"))
    assert load_recipe(path.with_stem("dream")).made_with.photo["name"] == path.name
    damaged = path.with_stem("damaged")
    damaged.write_bytes(path.read_bytes()[:400])
    with pytest.raises(UnreadablePicture, match="damaged"):
        load_photo(damaged)


def test_a_heic_needs_a_package_that_the_message_names(tmp_path, monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    (tmp_path / "a.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    with pytest.raises(UnreadablePicture, match=r"HEIC picture, which needs .*pip install pillow-heif; or c"):
        load_photo(tmp_path / "a.heic")
    with pytest.raises(CannotWrite, match=r"needs the package pillow-heif, .*; or write a \.png, \.jpg or \.webp file"):
        check_output(tmp_path / "b.heic", overwrite=False)


def test_an_avif_needs_a_library_that_the_message_names(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(features, "check", lambda name: False)
    with pytest.raises(CannotWrite, match="AVIF needs a Pillow with libavif"):
        check_output(tmp_path / "b.avif", overwrite=False)
