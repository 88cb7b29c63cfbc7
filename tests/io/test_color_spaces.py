"""Color spaces from ICC profiles, beside Pillow's ImageCms (Little CMS)."""

from __future__ import annotations

import io
import struct

import numpy as np
import pytest
from PIL import Image, ImageCms

from inceptionism.io.color_spaces import ColorSpace, ToneCurve, read_curve
from tests.support.pictures import DISPLAY_P3, linear_profile

SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB"))


@pytest.mark.parametrize("profile", [DISPLAY_P3, linear_profile(), SRGB.tobytes()], ids=["P3", "linear", "sRGB"])
def test_colors_are_those_of_little_cms(profile) -> None:
    colors = np.random.default_rng(0).integers(60, 200, (20, 31, 3)).astype(np.uint8)
    space = ColorSpace.of(profile)
    opened = ImageCms.ImageCmsProfile(io.BytesIO(profile))
    for ours, source, target in ((space.to_srgb, opened, SRGB), (space.from_srgb, SRGB, opened)):
        theirs = np.asarray(ImageCms.profileToProfile(Image.fromarray(colors), source, target)).astype(float)
        result = np.clip(255 * ours(colors / 255), 0, 255)
        assert np.abs(result - theirs).max() < 1.1
    np.testing.assert_allclose(space.from_srgb(space.to_srgb(colors / 255)), colors / 255, atol=1e-5)


def test_wide_and_linear_profiles_are_known() -> None:
    wide, linear, srgb = map(ColorSpace.of, (DISPLAY_P3, linear_profile(), SRGB.tobytes()))
    assert [(one.is_wide, one.is_linear, one.is_srgb) for one in (wide, linear, srgb)] == [
        (True, False, False),
        (False, True, False),
        (False, False, True),
    ]
    # The red of Display P3 in sRGB (CSS Color 4): 1.093, -0.227, -0.150.
    np.testing.assert_allclose(wide.to_srgb(np.array([[[1.0, 0, 0]]]))[0, 0], [1.093, -0.227, -0.150], atol=2e-3)


def test_profiles_of_other_kinds_and_damaged_ones_are_not_used() -> None:
    lab = ImageCms.ImageCmsProfile(ImageCms.createProfile("LAB")).tobytes()
    for profile in (None, b"", lab, DISPLAY_P3[:200], b"\0" * 500, DISPLAY_P3.replace(b"rTRC", b"xTRC")):
        assert ColorSpace.of(profile) is None


@pytest.mark.parametrize("kind", range(5))
def test_every_parametric_curve_is_read_and_inverted(kind: int) -> None:
    numbers = [2.4, 0.9, 0.1, 0.05, 0.04, 0.02, 0.01][: (1, 3, 4, 5, 7)[kind]]
    content = struct.pack(f">4s4xHH{len(numbers)}i", b"para", kind, 0, *(round(one * 65536) for one in numbers))
    curve = read_curve(content)
    x = np.linspace(0.2, 1.3, 9)
    g, a, b, c, _, e, _ = [*numbers, *[0] * (7 - len(numbers))]
    formulas = [x**g, (a * x + b) ** g, (a * x + b) ** g + c, (a * x + b) ** g, (a * x + b) ** g + e]
    np.testing.assert_allclose(curve.decode(x), formulas[kind], rtol=1e-4)
    np.testing.assert_allclose(curve.encode(curve.decode(x)), x, rtol=1e-6)
    np.testing.assert_allclose(curve.decode(-x), -curve.decode(x))


def test_tables_are_read_and_curves_that_fall_are_not() -> None:
    table = struct.pack(">4s4xI5H", b"curv", 5, 0, 4000, 16000, 36000, 65535)
    curve = read_curve(table)
    np.testing.assert_allclose(curve.decode(np.array([0.25, 0.5])), [4000 / 65535, 16000 / 65535])
    np.testing.assert_allclose(curve.encode(curve.decode(np.array([0.3, 0.9]))), [0.3, 0.9])
    assert read_curve(struct.pack(">4s4xIH", b"curv", 1, 563)).g == pytest.approx(563 / 256)
    with pytest.raises(ValueError, match="falls"):
        read_curve(struct.pack(">4s4xI3H", b"curv", 3, 9, 5, 1))
    assert ToneCurve().decode(np.array(0.3)) == pytest.approx(0.3)
