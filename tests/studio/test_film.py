"""The tab "Film" in a real browser."""

from __future__ import annotations

import signal

import numpy as np
import pytest
from skimage.data import coffee

from inceptionism.errors import InvalidSetting
from inceptionism.io import load_recipe
from inceptionism.recipes import Keyframe
from inceptionism.studio.keyframe_table import keyframes_in
from tests.support.films import pan, save_sound, saved_frames, write
from tests.support.studio import Page, running


@pytest.mark.long
def test_a_killed_film_is_continued_and_can_be_changed(browser, cup, tmp_path) -> None:
    output = tmp_path / "pictures"
    with running(output) as studio:
        page = Page(browser, studio)
        page.open_tab("Film")
        page.page.set_input_files("#film-start input[type=file]", str(cup))
        page.page.wait_for_selector("#film-start img")
        page.fill("seconds", "6", tab="zoom")
        page.open_advanced()
        page.fill("size", "96", tab="zoom")
        page.fill("layer", "blocks.3", tab="zoom")
        page.page.keyboard.press("Enter")
        page.page.click("#make-film")
        page.wait_for_state(" of 144", tab="film")
        page.page.wait_for_selector("#film-result img")
        studio.end(signal.SIGKILL)
    assert not list(output.glob("*.mp4"))
    with running(output) as studio:
        page = Page(browser, studio)
        page.open_tab("Film")
        page.page.set_input_files("#film-start input[type=file]", str(cup))
        page.page.wait_for_selector("#film-start img")
        page.fill("seconds", "0.5", tab="zoom")
        page.page.click("#make-film")
        page.wait_for_state("finished: 12 frames", tab="film")
        assert [film.name for film in output.glob("*.mp4")] == ["cup-zoom-2.mp4"]  # the first name is not free
        (output / "cup-zoom-2.mp4").unlink()
        page.page.locator("#resume").click()
        page.wait_for_state("finished: 144 frames", tab="film")
        page.page.wait_for_selector("#film-film video")
        (film,) = output.glob("*.mp4")
        frames = saved_frames(film)
        assert len(frames) == 144
        assert np.abs(frames[-1].astype(int) - frames[0]).mean() > 5
        page.open_tab("Gallery")
        page.page.locator("#gallery .thumbnail-item").first.click()
        page.page.locator("#recipe").get_by_text("zoom").first.wait_for()
        page.page.click("#change")
        page.page.locator("#film-note").get_by_text("The form has the settings of this picture.").wait_for()
        assert page.page.locator("#zoom-seconds").locator("input, textarea").first.input_value() == "6"
    assert list((output / "unfinished").iterdir()) == []
    assert b"/gradio/" not in film.read_bytes()


@pytest.mark.long
def test_a_stopped_film_can_be_continued_or_deleted(browser, tmp_path) -> None:
    output = tmp_path / "pictures"
    with running(output) as studio:
        page = Page(browser, studio)
        page.open_tab("Film")
        page.fill("seconds", "12", tab="zoom")
        page.open_advanced()
        page.fill("size", "64", tab="zoom")
        page.page.click("#make-film")
        page.wait_for_state(" of 288", tab="film")
        page.page.click("#film-stop")
        page.wait_for_state("stopped after ", tab="film")
        assert 1 <= len(saved_frames(output / "noise-zoom.mp4")) < 288
        page.page.locator("#resume").click()
        page.wait_for_state("finished: 288 frames", tab="film")
        assert len(saved_frames(output / "noise-zoom.mp4")) == 288
        page.page.locator("#resume").wait_for(state="hidden")
        page.page.click("#make-film")
        page.wait_for_state(" of 288", tab="film")
        page.page.click("#film-stop")
        page.wait_for_state("stopped after ", tab="film")
        page.page.locator("#forget").click()
        page.page.locator("#forget").wait_for(state="hidden")
        assert {path.name for path in output.iterdir()} == {"noise-zoom.mp4", "noise-zoom-2.mp4", "unfinished"}
        assert list((output / "unfinished").iterdir()) == []


@pytest.mark.long
def test_a_video_is_dreamed_and_a_film_is_needed(browser, studio, tmp_path) -> None:
    write(tmp_path / "pan.mp4", pan(coffee()[::4, ::4], 4, 64, 96))
    page = Page(browser, studio)
    page.open_tab("Film")
    page.page.get_by_label("a video").click()
    page.page.click("#make-film")
    page.page.get_by_text("Choose a film first.").wait_for()
    page.page.set_input_files("#film-source input[type=file]", str(tmp_path / "pan.mp4"))
    page.page.locator("#film-source").get_by_text("pan").first.wait_for()
    page.page.set_input_files("#film-sound input[type=file]", str(tmp_path / "pan.mp4"))
    page.page.locator("#film-sound").get_by_text("pan.mp4 has no sound").wait_for()
    page.page.locator("#film-sound").get_by_label("Clear").first.click()  # the sentence
    page.page.locator("#film-sound").get_by_text("has no sound").wait_for(state="hidden")
    page.page.locator("#film-sound").get_by_label("Clear").click()  # the file
    page.page.locator("#film-sound").get_by_text("Drop File Here").wait_for()
    page.page.click("#make-film")
    page.wait_for_state("finished: 4 frames", tab="film")
    recipe = load_recipe(studio.output / "pan-dream.mp4")
    assert recipe.kind == "video"


@pytest.mark.long
def test_a_film_has_the_keyframes_of_the_table_and_follows_music(browser, studio, tmp_path) -> None:
    save_sound(tmp_path / "song.wav", 0.5 * np.sin(2 * np.pi * 80 * np.arange(44_100) / 44_100))
    page = Page(browser, studio)
    page.open_tab("Film")
    page.page.set_input_files("#film-sound input[type=file]", str(tmp_path / "song.wav"))
    page.fill("seconds", "0.5", tab="zoom")
    page.open_advanced()
    page.fill("size", "64", tab="zoom")
    page.page.get_by_role("button", name="Keyframes").click()
    page.page.locator("#zoom-keyframes [data-row='0'][data-col='1']").dblclick()
    page.page.keyboard.type("blocks.3")
    page.page.keyboard.press("Enter")
    page.page.get_by_role("button", name="Keyframes").click()
    page.page.locator("#zoom-keyframes").wait_for(state="hidden")
    page.page.click("#make-film")  # this opens the box with the table again
    page.page.locator("#zoom-keyframes").get_by_text(
        "row 1 of the keyframes: give the time in the column at"
    ).wait_for()
    for row, column, text in ((0, 0, "0"), (1, 1, "blocks.99"), (1, 0, "0.25"), (1, 4, "1.2")):
        page.page.locator(f"#zoom-keyframes [data-row='{row}'][data-col='{column}']").dblclick()
        page.page.keyboard.type(text)
        page.page.keyboard.press("Enter")
    page.page.click("#make-film")
    page.page.locator("#zoom-keyframes").get_by_text("has no layer 'blocks.99'").wait_for()
    page.page.locator("#zoom-keyframes [data-row='1'][data-col='1']").click()
    page.page.keyboard.press("Delete")
    page.page.click("#make-film")
    page.wait_for_state("finished: 12 frames", tab="film")
    recipe = load_recipe(studio.output / "noise-zoom.mp4")
    assert recipe.keyframes == (Keyframe(at=0.0, layer=["blocks.3"]), Keyframe(at=0.25, zoom=1.2))
    assert recipe.audio == "song.wav"
    page.page.wait_for_function("location.search.includes('keyframe')")
    linked = Page(browser, studio, query=page.page.evaluate("location.search"))
    linked.page.get_by_role("button", name="Keyframes").click()
    linked.page.locator("#zoom-keyframes [data-row='1'][data-col='4']").get_by_text("1.2").wait_for()
    filled = Page(browser, studio)
    filled.drop(studio.output / "noise-zoom.mp4")
    filled.page.locator("#film-note").get_by_text("Upload its other files again: audio (song.wav).").wait_for()
    filled.page.get_by_role("button", name="Keyframes").click()
    filled.page.locator("#zoom-keyframes [data-row='0'][data-col='1']").get_by_text("blocks.3").wait_for()
    filled.page.locator("#zoom-keyframes [data-row='1'][data-col='4']").get_by_text("1.2").wait_for()


def test_the_rows_of_the_table_are_keyframes() -> None:
    names = ["at", "layer", "zoom", "toward"]
    rows = [["0", "blocks.4, blocks.3=2", "1.5", ""], ["", "", "", ""], [3, "", None, "0.2, 0.8"]]
    assert keyframes_in(names, rows) == (
        Keyframe(at=0.0, layer=["blocks.4", "blocks.3=2"], zoom=1.5),
        Keyframe(at=3.0, toward=(0.2, 0.8)),
    )
    for row, reason in (
        (["", "blocks.4", "", ""], "row 1 of the keyframes: give the time"),
        (["soon", "", "", ""], "row 1 of the keyframes: at must be a finite number, not 'soon'"),
        (
            ["1", "", "", "0.2"],
            "row 1 of the keyframes: toward must be two numbers, down and across, such as 0.5,0.25, not '0.2'",
        ),
    ):
        with pytest.raises(InvalidSetting, match=reason):
            keyframes_in(names, [row])
