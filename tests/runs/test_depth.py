"""Results with more than 8 bits per channel and in the photograph's color space, read back by other libraries."""

from __future__ import annotations

import io
from pathlib import Path

import cv2
import numpy as np
import pytest
import tifffile
from PIL import Image, ImageCms

import inceptionism as inc
from inceptionism.errors import CannotWrite, InvalidSetting, UnreadablePicture
from inceptionism.io import load_photo, load_recipe
from tests.support.command import dream, refused
from tests.support.exiftool import needs_exiftool, tags
from tests.support.pictures import DISPLAY_P3, linear_profile
from tests.support.tiny_networks import tiny_network

PLAIN = {"layer": "second", "octaves": 1, "steps": 2, "jitter": 0, "prior": "none", "device": "cpu"}


@pytest.fixture
def deep(photo) -> np.ndarray:
    """A photograph with 16 bits: 93×71×3, uint16. Its low bytes are random."""
    return photo.astype(np.uint16) * 257 + np.random.default_rng(0).integers(0, 99, photo.shape).astype(np.uint16)


@pytest.fixture
def left() -> np.ndarray:
    """A mask of the left half."""
    mask = np.zeros((93, 71), np.uint8)
    mask[:, :35] = 255
    return mask


def dreamed(source: object, mask: np.ndarray, **settings) -> inc.Result:
    return inc.dream(source, network=tiny_network(), mask=mask, **{**PLAIN, **settings})


def read(path: Path) -> np.ndarray:
    """Return the RGB or RGBA pixels of a PNG as OpenCV reads them, or those of a TIFF as tifffile reads them."""
    if path.suffix == ".tif":
        return tifffile.imread(path)
    array = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
    return array[..., [2, 1, 0, 3][: array.shape[2]]]


@pytest.mark.parametrize("source", ["in.png", "in.tif"])
@pytest.mark.parametrize("target", ["out.png", "out.tif"])
def test_sixteen_bits_come_out_as_they_went_in(deep, left, tmp_path, source, target) -> None:
    if source == "in.png":
        cv2.imwrite(str(tmp_path / source), deep[..., ::-1].copy())
    else:
        tifffile.imwrite(tmp_path / source, deep, photometric="rgb", compression="zlib", predictor=True)
    result = dreamed(tmp_path / source, left)
    result.save(tmp_path / target)
    made = read(tmp_path / target)
    assert made.dtype == np.uint16
    np.testing.assert_array_equal(made[:, 35:], deep[:, 35:])
    assert (made[:, :35] != deep[:, :35]).mean() > 0.9
    assert np.abs(np.asarray(result.image).astype(float) - made / 257).max() <= 0.51
    assert load_recipe(tmp_path / target) == result.recipe
    # The dream itself has more than 8 bits.
    assert len(np.unique(made[:, :35] % 257)) > 100


def test_a_replay_gives_the_same_sixteen_bits_and_says_so(deep, tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), deep[..., ::-1].copy())
    settings = ["--layer", "blocks.1", "--octaves", "1", "--steps", "1", "--device", "cpu"]
    assert dream("photo", "in.png", *settings, "-o", "a.png", cwd=tmp_path).returncode == 0
    done = dream("replay", "a.png", "in.png", "-o", "b.tif", cwd=tmp_path)
    assert "note: the pixels are the same as in a.png" in done.stderr
    np.testing.assert_array_equal(read(tmp_path / "a.png"), read(tmp_path / "b.tif"))


def test_turned_transparent_and_gray_pictures_keep_their_bits(deep, left, tmp_path) -> None:
    alpha = np.full((93, 71, 1), 40000, np.uint16)
    alpha[0] = 12345
    orientation = [(274, "H", 1, 6, True)]
    path = tmp_path / "turned.tif"
    rgba = np.concatenate([deep, alpha], 2)
    tifffile.imwrite(path, rgba, photometric="rgb", extrasamples=["unassalpha"], extratags=orientation)
    result = dreamed(path, np.rot90(left, -1))
    result.save(tmp_path / "out.png")
    upright = np.rot90(rgba, -1)
    np.testing.assert_array_equal(read(tmp_path / "out.png")[35:], upright[35:])
    for kind in ("minisblack", "miniswhite"):
        tifffile.imwrite(tmp_path / "gray.tif", deep[..., 1], photometric=kind)
        dreamed(tmp_path / "gray.tif", left).save(tmp_path / "gray-out.tif")
        gray = deep[..., 1] if kind == "minisblack" else 65535 - deep[..., 1]
        np.testing.assert_array_equal(read(tmp_path / "gray-out.tif")[:, 35:, 1], gray[:, 35:])


def test_floats_keep_values_above_white(deep, left, tmp_path) -> None:
    floats = (deep / 65535 * 1.4 - 0.02).astype(np.float32)
    assert floats.max() > 1.2
    tifffile.imwrite(tmp_path / "in.tif", floats, photometric="rgb")
    result = dreamed(tmp_path / "in.tif", left)
    result.save(tmp_path / "out.tif")
    made = read(tmp_path / "out.tif")
    assert made.dtype == np.float32
    np.testing.assert_allclose(made[:, 35:], floats[:, 35:], atol=1e-6)
    assert load_recipe(tmp_path / "out.tif") == result.recipe
    inside = (floats > 0) & (floats < 1)
    again = load_photo(tmp_path / "out.tif").pixels.astype(int)
    assert np.abs(again - np.asarray(result.image))[inside].max() <= 1
    result.save(tmp_path / "out.png")
    np.testing.assert_array_equal(read(tmp_path / "out.png"), np.round(made.clip(0, 1).astype(float) * 65535))


def test_floats_that_are_no_picture_are_refused(deep, tmp_path) -> None:
    for factor, reason in {
        1.0: "pixels from .* to .*, but black must be 0",
        np.nan: "infinite or not a number",
    }.items():
        tifffile.imwrite(tmp_path / "in.tif", (deep * factor).astype(np.float32), photometric="rgb")
        with pytest.raises(UnreadablePicture, match=reason):
            load_photo(tmp_path / "in.tif")


def test_a_depth_is_chosen_or_refused(deep, photo, left, tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), deep[..., ::-1].copy())
    old = dreamed(tmp_path / "in.png", left, depth=8)
    assert old.full is None
    array = dreamed(load_photo(tmp_path / "in.png").pixels, left)
    np.testing.assert_array_equal(np.asarray(old.image), np.asarray(array.image))
    dreamed(photo, left, depth=16).save(tmp_path / "out.png")
    assert read(tmp_path / "out.png").dtype == np.uint16
    noise = inc.visualize("channel(second:2)", network=tiny_network(), size=64, steps=9, prior="fourier", depth=32)
    noise.save(tmp_path / "noise.tif")
    np.testing.assert_array_equal(np.round(255 * read(tmp_path / "noise.tif").astype(float)), np.asarray(noise.image))
    with pytest.raises(CannotWrite, match=r"JPEG holds at most 8 bits per channel, not 32; write a \.tif file"):
        noise.save(tmp_path / "noise.jpg")
    with pytest.raises(InvalidSetting, match="depth must be 8, 16 or 32, not 12"):
        dreamed(photo, left, depth=12)
    done = dream("photo", "in.png", "--depth", "16", "-o", "a.jpg", "--octaves", "1", "--steps", "1", cwd=tmp_path)
    refused(done, r"JPEG holds at most 8 bits per channel, not 16; write a \.png or \.tif file", 1)
    with pytest.raises(InvalidSetting, match="depth is for pictures, not for films"):
        inc.recipes.ZoomRecipe(depth=16)


@needs_exiftool
@pytest.mark.parametrize("target", ["out.png", "out.jpg", "out.tif", "out.webp"])
def test_colors_of_display_p3_survive(photo, left, tmp_path, target) -> None:
    photo = photo.copy()
    photo[:, 50:60] = 255, 0, 0  # a red that sRGB does not have
    Image.fromarray(photo).save(tmp_path / "in.png", icc_profile=DISPLAY_P3)
    result = dreamed(tmp_path / "in.png", left)
    result.save(tmp_path / target)
    before, after = (tags(tmp_path / name)["ICC_Profile:ProfileDescription"] for name in ("in.png", target))
    assert before == after
    with Image.open(tmp_path / target) as image:
        made, profile = np.asarray(image), image.info["icc_profile"]
        in_srgb = ImageCms.profileToProfile(
            image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB")
        )
    assert profile == DISPLAY_P3
    if target in ("out.png", "out.tif"):
        np.testing.assert_array_equal(made[:, 35:], photo[:, 35:])
        # Where the dream is, both color spaces show the same colors.
        inside = (np.asarray(result.image)[:, :35] > 0).all(2) & (np.asarray(result.image)[:, :35] < 255).all(2)
        distance = np.abs(np.asarray(in_srgb)[:, :35].astype(int) - np.asarray(result.image)[:, :35])[inside]
        assert distance.mean() < 1
    assert np.abs(made[:, 52:58].astype(int) - photo[:, 52:58]).max() < 12
    # `image` and `tensor` stay sRGB.
    assert "icc_profile" in result.image.info
    assert result.image.info["icc_profile"] != DISPLAY_P3


def test_the_color_space_is_srgb_if_that_is_chosen_and_the_dream_is_the_same(photo, left, tmp_path) -> None:
    Image.fromarray(photo).save(tmp_path / "in.png", icc_profile=DISPLAY_P3)
    own, srgb = dreamed(tmp_path / "in.png", left), dreamed(tmp_path / "in.png", left, color_space="srgb")
    assert srgb.full is None
    np.testing.assert_array_equal(np.asarray(own.image), np.asarray(srgb.image))
    Image.fromarray(photo).save(tmp_path / "linear.png", icc_profile=linear_profile())
    assert dreamed(tmp_path / "linear.png", left).full is None  # 8 bits of linear light are too few


def test_sixteen_bits_of_a_wide_color_space_survive(deep, left, tmp_path) -> None:
    deep[:, 50:60] = 65535, 0, 0
    tifffile.imwrite(tmp_path / "in.tif", deep, photometric="rgb", iccprofile=DISPLAY_P3)
    dreamed(tmp_path / "in.tif", left).save(tmp_path / "out.png")
    made = read(tmp_path / "out.png")
    np.testing.assert_array_equal(made[:, 35:], deep[:, 35:])
    with Image.open(tmp_path / "out.png") as image:
        assert image.info["icc_profile"] == DISPLAY_P3


def test_an_old_recipe_gives_its_old_pixels(deep, tmp_path) -> None:
    cv2.imwrite(str(tmp_path / "in.png"), deep[..., ::-1].copy())
    text = '{"schema": 1, "kind": "photo", "network": "efficientnet-lite0", "layer": ["blocks.1"], "steps": 1}'
    recipe = inc.recipes.Recipe.from_json(text)
    assert (recipe.depth, recipe.color_space) == (8, "srgb")
