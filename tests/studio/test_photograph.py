"""The tab "Photograph" in a real browser."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from inceptionism.io import load_photo, load_recipe
from tests.support.command import dream
from tests.support.studio import Page


def test_a_photograph_becomes_a_dream_that_the_command_line_makes_again(browser, studio, cup, tmp_path) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.upload(cup)
    page.page.locator("#look input").fill("carving")
    page.page.keyboard.press("Enter")
    page.page.click("#dream")
    page.wait_for_state(" steps in ")
    with page.page.expect_download() as started:
        page.page.click("#photograph-download")
    downloaded = tmp_path / started.value.suggested_filename
    started.value.save_as(downloaded)
    assert len(studio.pictures()) == before + 1
    assert downloaded.name == studio.pictures()[-1].name
    assert downloaded.name.startswith("cup-dream")
    recipe = load_recipe(downloaded)
    assert str(recipe.layer[0]).startswith("blocks.")
    assert np.abs(load_photo(downloaded).pixels.astype(int) - load_photo(cup).pixels).mean() > 3
    done = dream("replay", downloaded, cup, "-o", "again.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(load_photo(tmp_path / "again.png").pixels, load_photo(downloaded).pixels)
    page.page.wait_for_selector("#photograph-comparison img >> nth=1")
    assert not page.errors


@pytest.mark.long
def test_the_picture_changes_while_it_is_made_and_a_stop_keeps_it(browser, studio, cup) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.dream_for_long(cup)
    shown = set()
    for _ in range(100):
        image = page.page.query_selector("#photograph-result img")
        shown |= {image.get_attribute("src")} if image else set()
        if len(shown) > 2:
            break
        page.page.wait_for_timeout(200)
    assert len(shown) > 2
    page.page.click("#photograph-stop")
    page.wait_for_state("stopped after ")
    (kept,) = studio.pictures()[before:]
    recipe = load_recipe(kept)
    assert recipe.steps == 9000
    assert recipe.made_with is not None
    assert recipe.made_with.taken is not None
    assert np.abs(load_photo(kept).pixels.astype(int) - load_photo(cup).pixels).mean() > 1


@pytest.mark.long
def test_a_photograph_is_taken_with_the_camera(browser, studio) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.page.locator("#photograph").get_by_label("Capture from camera").click()
    page.page.locator("#photograph").get_by_text("Click to Access Webcam").click()
    page.page.locator("#photograph").get_by_label("capture photo").click()
    page.page.wait_for_selector("#photograph img")
    page.open_advanced()
    page.fill("size", "96")
    page.page.click("#dream")
    (made,) = page.wait_for_pictures(before + 1)[before:]
    red, green, blue = load_photo(made).pixels.reshape(-1, 3).mean(0)
    assert green > red + 60  # the test picture of the browser is green
    assert green > blue + 60


@pytest.mark.long
def test_another_seed_and_the_result_as_photograph(browser, studio, cup) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.upload(cup)
    page.open_advanced()
    page.fill("steps", "1")
    page.page.click("#dream")
    (first,) = page.wait_for_pictures(before + 1)[before:]
    page.wait_for_state(" steps in ")
    page.page.click("#again")
    second = page.wait_for_pictures(before + 2)[-1]
    assert load_recipe(first).seed == 0 != load_recipe(second).seed
    page.wait_for_state(" steps in ")
    source = page.page.get_attribute("#photograph img", "src")
    page.page.click("#use")
    page.page.wait_for_function("before => document.querySelector('#photograph img').src != before", arg=source)
    page.page.click("#dream")
    third = page.wait_for_pictures(before + 3)[-1]
    made_with = load_recipe(third).made_with
    assert made_with is not None
    assert made_with.photo is not None
    assert made_with.photo["sha256"] == load_photo(second).sha256


@pytest.mark.long
def test_a_guide_a_mask_and_colors_are_uploaded(browser, studio, cup, tmp_path) -> None:
    from skimage.data import astronaut

    Image.fromarray(astronaut()[:200:4, 100:350:4]).save(tmp_path / "guide.png")
    Image.fromarray(np.tile(np.linspace(255, 0, 160) > 127, (120, 1))).save(tmp_path / "mask.png")
    page, before = Page(browser, studio), len(studio.pictures())
    page.upload(cup)
    page.open_advanced()
    page.fill("steps", "2")
    Image.new("RGB", (9, 9), (20, 60, 200)).save(tmp_path / "colors_picture.png")
    for name in ("guide", "mask", "colors_picture"):
        page.page.set_input_files(f"#photograph-{name} input[type=file]", str(tmp_path / f"{name}.png"))
        page.page.wait_for_selector(f"#photograph-{name} img")
    page.page.click("#dream")
    made = page.wait_for_pictures(before + 1)[-1]
    recipe = load_recipe(made)
    assert (recipe.guide, recipe.mask, recipe.colors) == ("guide.png", "mask.png", "colors_picture.png")
    assert b"gradio" not in made.read_bytes()
    assert load_photo(made).pixels[..., 2].mean() > 2 * load_photo(made).pixels[..., 0].mean()
    page.wait_for_state(" steps in ")
    again = page.make_newest_again("colors_picture.png", before + 2)
    np.testing.assert_array_equal(load_photo(again).pixels, load_photo(made).pixels)


def test_errors_are_sentences_beside_their_control(browser, studio, cup, tmp_path) -> None:
    wrong = tmp_path / "wrong.png"
    wrong.write_text("no picture")
    page = Page(browser, studio)
    page.page.click("#dream")
    page.page.locator("#photograph").get_by_text("Choose a photograph first.").wait_for()
    page.upload(cup)
    page.open_advanced()
    page.fill("octaves", "many")
    page.fill("steps", "0")
    page.page.click("#dream")
    page.page.locator("#photograph-octaves").get_by_text("octaves must be a whole number, not 'many'").wait_for()
    page.page.locator("#photograph-steps").get_by_text("steps must be from 1 to 100000, not 0").wait_for()
    page.fill("octaves", "2")
    page.fill("steps", "1")
    page.fill("objective", "layer(blocks.99)")
    page.page.click("#dream")
    page.page.locator("#photograph-objective").get_by_text("has no layer 'blocks.99'").wait_for()
    page.fill("objective", "")
    page.fill("layer", "blocks.4:9999")
    page.page.keyboard.press("Enter")
    page.page.set_input_files("#photograph-guide input[type=file]", str(wrong))
    page.page.get_by_role("button", name="Advanced").locator("visible=true").click()
    page.page.locator("#photograph-steps").wait_for(state="hidden")
    page.page.click("#dream")  # this opens the box with the controls again
    page.page.locator("#photograph-guide").get_by_text("wrong.png is not a picture").wait_for()
    page.page.locator("#photograph-layer").get_by_text("layer blocks.4 has no channel 9999").wait_for()


@pytest.mark.long
def test_a_file_that_is_no_picture_gets_a_sentence(browser, studio, tmp_path) -> None:
    wrong = tmp_path / "wrong.png"
    wrong.write_text("no picture")
    page = Page(browser, studio)
    page.page.set_input_files("#photograph input[type=file]", str(wrong))
    page.page.wait_for_timeout(1500)
    page.page.click("#dream")
    page.page.get_by_text("is not a picture", exact=False).first.wait_for()


@pytest.mark.long
def test_a_picture_can_be_dropped_anywhere(browser, studio, cup, tmp_path) -> None:
    done = dream("class", "castle", "--size", "40", "--steps", "3", "-o", "made.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = Page(browser, studio)
    page.open_tab("Gallery")
    page.drop(cup)
    page.page.locator("#photograph img").wait_for()
    page.page.locator("#dream").wait_for()
    page.drop(tmp_path / "made.png")
    page.page.locator("#noise-note").get_by_text("The form has the settings of this picture.").wait_for()
    page.page.locator("#make").wait_for()
    assert page.page.locator("#target input").input_value().startswith("castle")
    (tmp_path / "note.png").write_text("no picture")
    page.drop(tmp_path / "note.png")
    page.page.locator("#photograph-note").get_by_text("note.png is not a picture").wait_for()


@pytest.mark.long
def test_the_pictures_of_layers_choose_layers(browser, studio) -> None:
    page = Page(browser, studio)
    page.open_advanced()
    page.page.get_by_role("button", name="Dreams of the layers").click()
    pictures = page.page.locator("#layers .thumbnail-item")
    page.page.wait_for_function("document.querySelectorAll('#layers .thumbnail-item').length == 18")
    chosen = page.page.locator("#photograph-layer")
    pictures.nth(4).click()
    chosen.get_by_text("blocks.3 · patterns").wait_for()
    pictures.nth(9).click()
    chosen.get_by_text("blocks.8 · parts").wait_for()
    pictures.nth(4).click()
    chosen.get_by_text("blocks.3 · patterns").wait_for(state="detached")


@pytest.mark.long
def test_a_dream_that_is_dropped_fills_the_form(browser, studio, cup, tmp_path) -> None:
    done = dream("photo", cup, "--layer", "blocks.3", "--steps", "2", "--octaves", "2", "-o", "made.png", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    page = Page(browser, studio)
    page.upload(tmp_path / "made.png")
    page.page.locator("#photograph-note").get_by_text("The form has the settings of this picture.").wait_for()
    page.open_advanced()
    assert page.page.locator("#photograph-steps input").input_value() == "2"
    assert page.page.locator("#photograph-octaves").locator("input, textarea").first.input_value() == "2"
    page.page.locator("#photograph-layer").get_by_text("blocks.3").first.wait_for()


def test_the_page_requests_only_its_own_address(browser, studio, cup) -> None:
    page = Page(browser, studio)
    page.upload(cup)
    page.open_tab("From noise")
    page.open_tab("Gallery")
    page.page.wait_for_timeout(1000)
    outside = [url for url in page.requests if not url.startswith((studio.address, "data:", "blob:"))]
    assert outside == []
    assert len(page.requests) > 20


@pytest.mark.long
def test_the_main_job_works_on_a_phone(browser, studio, cup) -> None:
    page, before = Page(browser, studio, size=(390, 844)), len(studio.pictures())
    page.upload(cup)
    width = page.page.evaluate("document.documentElement.scrollWidth")
    assert width <= 390
    page.page.click("#dream")
    page.wait_for_pictures(before + 1)
    page.wait_for_state(" steps in ")
    page.page.wait_for_selector("#photograph-result img")
    with Image.open(studio.pictures()[-1]) as image:
        assert image.size == (160, 120)


@pytest.mark.long
def test_the_address_holds_the_settings(browser, studio) -> None:
    page = Page(browser, studio)
    page.page.locator("#look input").fill("carving")
    page.page.keyboard.press("Enter")
    page.page.wait_for_url("**/?look=carving")
    page.open_advanced()
    page.fill("steps", "7")
    page.fill("octaves", "3")
    page.page.wait_for_url("**octaves=3**")
    page.page.wait_for_url("**steps=7**")
    linked = Page(browser, studio, query=page.page.url.removeprefix(studio.address))
    linked.page.wait_for_timeout(1500)
    assert linked.page.locator("#look input").input_value() == "carving"
    linked.open_advanced()
    assert linked.page.locator("#photograph-steps input").input_value() == "7"
    assert linked.page.locator("#photograph-octaves").locator("input, textarea").first.input_value() == "3"
    page.open_tab("Film")
    page.page.get_by_label("a video").click()
    page.fill("blend", "0.5", tab="video")
    page.page.wait_for_url("**tab=film**blend=0.5**")
    film = Page(browser, studio, query=page.page.url.removeprefix(studio.address))
    film.page.locator("#film-source").wait_for()
    assert film.page.locator("#video-blend input[type=number]").input_value() == "0.5"
    broken = Page(browser, studio, query="/?look=../../etc&steps=many&octaves=-1&network=/etc/passwd&nothing=1")
    broken.page.wait_for_timeout(1500)
    assert broken.page.locator("#look input").input_value() == "none"
    broken.open_advanced()
    assert broken.page.locator("#photograph-steps input").input_value() == "10"
    assert broken.page.locator("#photograph-octaves").locator("input, textarea").first.input_value() == ""


@pytest.mark.long
def test_a_photograph_is_pasted(browser, studio, cup, tmp_path) -> None:
    with Image.open(cup) as image:
        image.save(tmp_path / "copied.png")
    page, before = Page(browser, studio), len(studio.pictures())
    page.copy(tmp_path / "copied.png")
    page.page.locator("#photograph [aria-label*='clipboard' i]").first.click()
    page.page.wait_for_selector("#photograph img")
    page.open_advanced()
    page.fill("steps", "1")
    page.page.click("#dream")
    (made,) = page.wait_for_pictures(before + 1)[before:]
    with Image.open(cup) as photograph, Image.open(made) as dreamed:
        assert dreamed.size == photograph.size
