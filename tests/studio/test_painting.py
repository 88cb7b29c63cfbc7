"""A part of the photograph is painted with the mouse, and only this part is dreamed."""

from __future__ import annotations

import io

import numpy as np
import pytest
from gradio.components.image_editor import EditorData
from gradio.data_classes import FileData
from PIL import Image

from inceptionism.errors import InceptionismError
from inceptionism.io import load_photo, load_recipe
from inceptionism.networks import load_network
from inceptionism.recipes import PhotoRecipe
from inceptionism.studio.painting import MAX_BYTES, MAX_LAYERS, painted_parts, read_painting, sent_painting
from tests.support.command import dream
from tests.support.studio import Page

VIOLET, ORANGE = (124, 58, 237), (234, 88, 12)


def layer(*strokes: tuple[tuple[int, int, int], slice], height: int = 30, width: int = 41) -> bytes:
    """Return a transparent PNG with opaque columns of some colors."""
    pixels = np.zeros((height, width, 4), np.uint8)
    for color, columns in strokes:
        pixels[:, columns] = (*color, 255)
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def test_each_brush_has_its_own_mask() -> None:
    violet, orange = read_painting([layer((VIOLET, slice(0, 10)), (ORANGE, slice(5, 20)))])
    assert violet.shape == (30, 41)
    assert (violet[:, :5] == 255).all()
    assert not violet[:, 5:].any()
    assert (orange[:, 5:20] == 255).all()
    assert not orange[:, 20:].any()
    assert read_painting([]) == []


@pytest.mark.parametrize(
    ("painting", "reason"),
    [
        ([b"no picture"], "the painting cannot be read"),
        ([layer(height=5), layer(height=6)], "layers of the painting have different sizes"),
        ([layer(width=5000, height=2)], "can have sides of 1280 pixels, not 5000"),
    ],
)
def test_a_wrong_painting_gets_a_sentence(painting, reason) -> None:
    with pytest.raises(InceptionismError, match=reason):
        read_painting(painting)


def test_a_painting_becomes_settings_of_the_recipe(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("inceptionism.studio.painting.get_upload_folder", lambda: str(tmp_path))
    lite0 = load_network("efficientnet-lite0")
    both = [layer((VIOLET, slice(0, 10)), (ORANGE, slice(20, 30)))]
    recipe = PhotoRecipe(layer=["blocks.7:3=0.5", "blocks.9"])
    assert painted_parts([], recipe, lite0, "blocks.2") == painted_parts([layer()], recipe, lite0, "blocks.2")
    assert painted_parts([layer()], recipe, lite0, "blocks.2").settings == {}
    first = painted_parts([layer((VIOLET, slice(0, 10)))], recipe, lite0, "blocks.2")
    assert list(first.settings) == ["mask"]
    second = painted_parts([layer((ORANGE, slice(20, 30)))], recipe, lite0, "blocks.2")
    assert [str(choice) for choice in second.settings["layer"]] == ["blocks.2"]
    parts = painted_parts(both, recipe, lite0, "blocks.2")
    violet, orange = parts.files
    assert parts.settings["objective"] == (
        f'0.5*channel("blocks.7":3, where={violet}) + layer(blocks.9, where={violet}) + layer(blocks.2, where={orange})'
    )
    np.testing.assert_array_equal(load_photo(parts.files[violet]).pixels[0, :, 0] > 127, np.arange(41) < 10)
    for wrong, reason in [
        (PhotoRecipe(mask="mask.png"), "a painted part and a mask"),
        (PhotoRecipe(guide="guide.png"), "cannot be used with an objective or a guide"),
        (PhotoRecipe(objective="class(banana)"), "cannot be used with an objective or a guide"),
    ]:
        with pytest.raises(InceptionismError, match=reason):
            painted_parts(both, wrong, lite0, "blocks.2")
    with pytest.raises(InceptionismError, match="has no layer 'nothing'"):
        painted_parts(both, recipe, lite0, "nothing")


def test_only_a_small_painting_is_read(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    small, large = tmp_path / "small.png", tmp_path / "large.png"
    small.write_bytes(layer())
    large.write_bytes(b"x" * (MAX_BYTES + 1))
    sent = EditorData(layers=[FileData(path=str(path)) for path in (large, *[small] * 10)])
    assert sent_painting(sent) == [layer()] * (MAX_LAYERS - 1)
    assert sent_painting(None) == []
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    assert sent_painting(sent) == []  # these files were not uploaded


@pytest.mark.long
def test_the_painted_part_is_dreamed(browser, studio, cup, tmp_path) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.upload(cup)
    page.open_advanced()
    page.fill("steps", "3")
    page.paint("violet", [(0.1, 0.3)])
    page.page.click("#dream")
    made = page.wait_for_pictures(before + 1)[-1]
    page.wait_for_state(" steps in ")
    with page.page.expect_download() as started:
        page.page.locator("#photograph-masks a").first.click()
    mask = tmp_path / started.value.suggested_filename
    started.value.save_as(mask)
    recipe = load_recipe(made)
    assert recipe.mask == mask.name
    painted = np.array(Image.fromarray(load_photo(mask).pixels).resize((160, 120)))[..., 0]
    change = np.abs(load_photo(made).pixels.astype(int) - load_photo(cup).pixels).mean(-1)
    assert change[painted == 0].mean() < 0.1 < 1 < change[painted == 255].mean()
    assert 0.02 < (painted > 127).mean() < 0.5
    done = dream("replay", made, cup, "--picture", mask, "-o", "again.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(load_photo(tmp_path / "again.png").pixels, load_photo(made).pixels)


@pytest.mark.long
def test_two_brushes_dream_two_layers_and_the_gallery_makes_them_again(browser, studio, cup) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.upload(cup)
    page.open_advanced()
    page.fill("steps", "3")
    page.paint("violet", [(0.1, 0.3)])
    page.paint("orange", [(0.7, 0.9)])
    page.page.click("#dream")
    made = page.wait_for_pictures(before + 1)[-1]
    page.wait_for_state(" steps in ")
    objective = str(load_recipe(made).objective)
    assert objective.count("layer(") == 2
    assert "blocks.11" in objective
    assert "blocks.4" in objective
    change = np.abs(load_photo(made).pixels.astype(int) - load_photo(cup).pixels).mean(-1)
    assert change[:, 70:90].mean() < 0.5 < 1 < min(change[40:80, 20:44].mean(), change[40:80, 116:140].mean())
    again = page.make_newest_again("blocks.11", before + 2)
    np.testing.assert_array_equal(load_photo(again).pixels, load_photo(made).pixels)
