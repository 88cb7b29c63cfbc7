"""Results in notebooks and in files."""

from __future__ import annotations

import io
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting, NameTaken
from inceptionism.io.score_plot import ScorePlot


@pytest.fixture
def result(photo) -> inc.Result:
    return inc.dream(photo, octaves=2, steps=3, layer="blocks.2")


def test_a_notebook_shows_the_picture(result) -> None:
    with Image.open(io.BytesIO(result._repr_png_())) as image:
        np.testing.assert_array_equal(np.asarray(image), np.asarray(result.image))


def test_a_notebook_shows_several_results_in_a_row(result, photo) -> None:
    wide = inc.dream(np.repeat(photo, 5, 1), octaves=1, steps=1, layer="stem")
    batch = inc.Results([result, wide, result])
    with Image.open(io.BytesIO(batch._repr_png_())) as image:
        sheet = np.asarray(image).astype(int)
    small = wide.image.copy()
    small.thumbnail((256, 256), Image.Resampling.LANCZOS)
    assert small.width == 256
    # The pictures are unchanged in a row. Below each picture is its title, black on white.
    step = small.width + 12
    for index, picture in enumerate([result.image, small, result.image]):
        left = 12 + index * step
        np.testing.assert_array_equal(sheet[12 : 12 + picture.height, left : left + picture.width], np.asarray(picture))
        assert (sheet[12 + 93 :, left : left + 60] < 100).any()
    assert inc.Results()._repr_png_() is None
    with pytest.raises(InvalidSetting, match="no results to show"):
        inc.Results().sheet()


def test_a_transparent_picture_is_white_on_a_sheet(result) -> None:
    from dataclasses import replace

    clear = result.image.copy()
    clear.putalpha(0)
    sheet = np.asarray(inc.Results([replace(result, image=clear)]).sheet())
    assert (sheet[12:100, 12:80] == 255).all()


def test_the_plot_shows_the_scores(result) -> None:
    plot = result.plot()
    assert str(plot).startswith(("▁", "█"))
    assert f"to {result.scores[-1]:.4g} in 6 steps" in repr(plot)
    root = ElementTree.fromstring(plot._repr_svg_())
    line = root.find("{http://www.w3.org/2000/svg}polyline").get("points").split()
    heights = -np.array([float(point.split(",")[1]) for point in line])
    expected = np.array(result.scores)
    relative = [(values - values.min()) / np.ptp(values) for values in (heights, expected)]
    np.testing.assert_allclose(*relative, atol=0.01)


@pytest.mark.parametrize("scores", [(), (3.0,), (2.0, 2.0), tuple(range(1000)), (-1e-30, 1e30)])
def test_any_scores_can_be_plotted(scores: tuple) -> None:
    plot = ScorePlot(scores)
    ElementTree.fromstring(plot._repr_svg_())
    assert len(str(plot)) < 110


def test_a_result_can_be_saved_without_metadata(result, tmp_path) -> None:
    result.save(tmp_path / "a.png", metadata=False)
    with pytest.raises(InvalidSetting, match="carries no recipe"):
        inc.load_recipe(tmp_path / "a.png")


def test_an_existing_file_is_replaced_unless_the_caller_forbids_it(result, tmp_path) -> None:
    path = tmp_path / "a.png"
    path.write_bytes(b"another file")
    with pytest.raises(NameTaken, match=r"a\.png exists; .* --overwrite .* \(in Python, overwrite=True\)"):
        result.save(path, overwrite=False)
    assert path.read_bytes() == b"another file"
    result.save(path)
    assert np.array_equal(np.asarray(Image.open(path)), np.asarray(result.image))
    result.save(tmp_path / "b.png", overwrite=False)
    assert (tmp_path / "b.png").read_bytes() == path.read_bytes()
