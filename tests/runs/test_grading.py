"""Strength, colors, contrast and saturation of a result."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from skimage.color import rgb2xyz
from skimage.data import coffee

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnreadablePicture
from inceptionism.io.public_names import without_folders
from inceptionism.runs.grading import Grading, Palette, contrasted, transfer_matrix
from inceptionism.runs.oklab import from_oklab, to_oklab
from tests.support.pictures import small_photo

QUICK = {"layer": "second", "octaves": 2, "steps": 4, "device": "cpu", "precision": "fp32"}


def tensor(pixels: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255


def oklab(image: Image.Image | np.ndarray) -> np.ndarray:
    """Return the Oklab values of an image, H×W×3, through XYZ of scikit-image and the matrices from XYZ of the source.

    See https://bottosson.github.io/posts/oklab.
    """
    xyz = rgb2xyz(np.asarray(image))
    lms = (
        xyz
        @ np.array(
            [
                [0.8189330101, 0.3618667424, -0.1288597137],
                [0.0329845436, 0.9293118715, 0.0361456387],
                [0.0482003018, 0.2643662691, 0.6338517070],
            ]
        ).T
    )
    return (
        np.cbrt(lms)
        @ np.array(
            [
                [0.2104542553, 0.7936177850, -0.0040720468],
                [1.9779984951, -2.4285922050, 0.4505937099],
                [0.0259040371, 0.7827717662, -0.8086757660],
            ]
        ).T
    )


def test_oklab_agrees_with_xyz_of_another_library() -> None:
    photo = coffee()[::7, ::5]
    values = to_oklab(tensor(photo))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(values, oklab(photo), atol=2e-3)


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_oklab_can_be_converted_back(color: list[float]) -> None:
    picture = torch.tensor(color).reshape(1, 3, 1, 1)
    torch.testing.assert_close(from_oklab(to_oklab(picture)), picture, atol=2e-3, rtol=0)


def test_a_color_outside_of_srgb_keeps_its_hue_and_about_its_lightness() -> None:
    values = torch.tensor([0.7, 0.3, 0.1]).reshape(1, 3, 1, 1)
    inside = from_oklab(values)
    assert inside.min() >= 0
    assert inside.max() <= 1
    lightness, a, b = to_oklab(inside).flatten().tolist()
    assert lightness == pytest.approx(0.7, abs=0.06)
    assert np.arctan2(b, a) == pytest.approx(np.arctan2(0.1, 0.3), abs=0.15)
    clipped = (torch.tensor([1.22, 0.05, 0.55]) ** (1 / 2.4)).clamp(0, 1)
    assert clipped.max() == 1  # a plain clip would also reach the border


def test_strength_is_the_share_of_the_dream(tiny) -> None:
    photo = small_photo()
    full = np.asarray(inc.dream(photo, network=tiny, **QUICK).image).astype(float)
    half = np.asarray(inc.dream(photo, network=tiny, strength=0.5, **QUICK).image)
    none = np.asarray(inc.dream(photo, network=tiny, strength=0, **QUICK).image)
    assert np.abs(full - photo).mean() > 1
    np.testing.assert_allclose(half, (full + photo) / 2, atol=1)
    np.testing.assert_array_equal(none, photo)


def test_kept_colors_are_those_of_the_photograph(tiny) -> None:
    photo = small_photo()
    dreamed, kept = (
        inc.dream(photo, network=tiny, prior="none", colors=colors, **QUICK).image for colors in ("dream", "keep")
    )
    before, dream, result = map(oklab, (photo, dreamed, kept))
    inside = np.asarray(kept).min(2) > 0  # at the border of sRGB, colors are mixed with gray
    inside &= np.asarray(kept).max(2) < 255
    assert inside.mean() > 0.25
    np.testing.assert_allclose(result[inside][:, 1:], before[inside][:, 1:], atol=0.01)
    np.testing.assert_allclose(result[inside][:, 0], dream[inside][:, 0], atol=0.01)
    assert np.abs(dream - before)[inside][:, 1:].mean() > 0.005  # the dream itself changes the colors


def test_a_gray_photograph_with_kept_colors_stays_gray(tiny) -> None:
    gray = np.repeat(small_photo()[..., :1], 3, axis=2)
    result = np.asarray(inc.dream(gray, network=tiny, colors="keep", **QUICK).image).astype(int)
    assert np.ptp(result, axis=2).max() <= 1
    assert np.abs(result - gray).mean() > 1


def test_the_transfer_gives_the_mean_and_the_covariance_of_the_other_picture() -> None:
    generator = np.random.default_rng(3)
    own, wanted = (Palette.of(tensor(generator.integers(60, 190, (31, 22, 3), np.uint8))) for _ in range(2))
    wanted = replace(wanted, covariance=torch.diag(torch.tensor([0.02, 0.001, 0.004], dtype=torch.float64)))
    matrix = transfer_matrix(own, wanted)
    torch.testing.assert_close(matrix @ own.covariance @ matrix.T, wanted.covariance)
    torch.testing.assert_close(matrix, matrix.T)  # only a symmetric map moves the colors least
    assert (torch.linalg.eigvalsh(matrix) > 0).all()


def test_a_picture_gets_the_colors_of_another_picture() -> None:
    photo, other = coffee()[100:300, 100:401], np.full((40, 61, 3), (40, 60, 90), np.uint8)
    other[::2] = (70, 90, 140)
    toned = Grading(palette=Palette.of(tensor(other))).tone(tensor(photo))
    np.testing.assert_allclose(to_oklab(toned).mean((0, 2, 3)), oklab(other).mean((0, 1)), atol=0.01)
    np.testing.assert_allclose(to_oklab(toned).std((0, 2, 3)), oklab(other).std((0, 1)), atol=0.01)


def test_a_palette_is_the_mean_and_the_covariance_of_all_bands(monkeypatch) -> None:
    monkeypatch.setattr("inceptionism.runs.grading.BAND_PIXELS", 100)
    photo = coffee()[:37, :53]
    values = oklab(photo).reshape(-1, 3)
    palette = Palette.of(tensor(photo))
    np.testing.assert_allclose(palette.mean, values.mean(0), atol=2e-3)
    np.testing.assert_allclose(palette.covariance, np.cov(values.T, bias=True), atol=1e-3)


def test_saturation_and_contrast_scale_the_distances_from_gray_and_from_the_mean() -> None:
    photo = (coffee()[::9, ::7] / 3 + 80).astype(np.uint8)  # far from the border of sRGB
    before = oklab(photo)
    toned = to_oklab(Grading(saturation=1.5, contrast=0.5).tone(tensor(photo)))[0].permute(1, 2, 0).numpy()
    np.testing.assert_allclose(toned[..., 1:], 1.5 * before[..., 1:], atol=5e-3)
    middle = before[..., 0].mean()
    np.testing.assert_allclose(toned[..., 0] - middle, 0.5 * (before[..., 0] - middle), atol=5e-3)
    gray = Grading(saturation=0).tone(tensor(photo))[0]
    assert (gray.amax(0) - gray.amin(0)).max() < 0.01


@given(st.floats(0.05, 0.95), st.floats(1.01, 10))
def test_a_higher_contrast_is_monotone_and_stays_in_range(middle: float, contrast: float) -> None:
    lightness = torch.linspace(0, 1, 101, dtype=torch.float64)
    curve = contrasted(lightness, middle, contrast)
    assert (curve.diff() >= -1e-12).all()
    assert curve[0] == pytest.approx(0, abs=1e-9)
    assert curve[-1] == pytest.approx(1, abs=1e-9)
    step = 1e-6
    near = contrasted(torch.tensor([middle - step, middle, middle + step], dtype=torch.float64), middle, contrast)
    assert near[1] == pytest.approx(middle, abs=1e-9)
    assert (near.diff() / step).tolist() == pytest.approx([contrast, contrast], rel=1e-3)


def test_colors_may_be_a_path_an_image_or_an_array_and_the_recipe_names_them(tiny, tmp_path) -> None:
    other = coffee()[40:140, 200:333]
    path = tmp_path / "cup.png"
    Image.fromarray(other).save(path)
    results = [inc.dream(small_photo(), network=tiny, colors=one, **QUICK) for one in (path, Image.open(path), other)]
    for result in results[1:]:
        np.testing.assert_array_equal(np.asarray(result.image), np.asarray(results[0].image))
    recipe = results[0].recipe
    assert recipe.colors == str(path)
    assert list(recipe.made_with.pictures) == [str(path)]
    results[0].save(tmp_path / "out.png")
    saved = inc.load_recipe(tmp_path / "out.png")
    assert without_folders(saved).colors == "cup.png"
    assert list(without_folders(saved).made_with.pictures) == ["cup.png"]
    with pytest.raises(InvalidSetting, match=r"add --picture cup\.png"):
        inc.replay(saved, small_photo(), network=tiny)
    again = inc.replay(saved, small_photo(), network=tiny, pictures=[path])
    np.testing.assert_array_equal(np.asarray(again.image), np.asarray(results[0].image))
    assert not [note for note in again.notes if "cup.png" in note]


def test_a_class_can_have_the_colors_of_a_picture(tiny) -> None:
    other = coffee()[40:140, 200:333]
    settings = {"network": tiny, "size": (41, 53), "steps": 3, "prior": "fourier"}
    result = inc.visualize("layer(second)", colors=other, **settings).image
    np.testing.assert_allclose(oklab(result).mean((0, 1)), oklab(other).mean((0, 1)), atol=0.03)
    gray = np.asarray(inc.visualize("layer(second)", saturation=0, **settings).image).astype(int)
    assert np.ptp(gray, axis=2).max() <= 1


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"strength": 1.5}, "strength must be from 0 to 1, not 1.5"),
        ({"contrast": -1}, "contrast must be from 0 to 10, not -1"),
        ({"saturation": "much"}, "saturation must be a finite number, not 'much'"),
    ],
)
def test_a_wrong_setting_is_refused(tiny, settings, message) -> None:
    with pytest.raises(InvalidSetting, match=message):
        inc.dream(small_photo(), network=tiny, **QUICK, **settings)


def test_wrong_colors_are_refused(tiny) -> None:
    with pytest.raises(UnreadablePicture, match="kep"):
        inc.dream(small_photo(), network=tiny, colors="kep", **QUICK)
    with pytest.raises(InvalidSetting, match="colors must be dream or the name of a picture"):
        inc.visualize("layer(second)", network=tiny, colors="keep")
