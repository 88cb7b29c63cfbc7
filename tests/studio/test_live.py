"""The tab "Live": frames of a camera, in a real browser with a camera that shows a test picture."""

from __future__ import annotations

import base64
import io
import time

import numpy as np
import pytest
from PIL import Image

from inceptionism.errors import InvalidSetting, UnreadablePicture
from inceptionism.recipes import VideoRecipe
from inceptionism.studio.frames import JPEG_START, decode_frame, frame_display
from inceptionism.studio.live import FAST, MAX_CAMERAS, Camera, Cameras
from tests.support.studio import POLLING, Page


def text_of(size: tuple[int, int], format: str = "JPEG") -> str:
    file = io.BytesIO()
    Image.new("RGB", size, "red").save(file, format)
    return JPEG_START + base64.b64encode(file.getvalue()).decode()


def test_a_frame_is_read_and_written() -> None:
    pixels = decode_frame(text_of((33, 20)))
    assert pixels.shape == (20, 33, 3)
    assert pixels.dtype == np.uint8
    sent = frame_display().postprocess(Image.fromarray(pixels))
    assert sent.path is None
    again = decode_frame(str(sent.url))
    assert np.abs(again.astype(int) - pixels).max() <= 3
    assert frame_display().postprocess(None) is None
    again = type(frame_display())(**frame_display().constructor_args)  # gradio does this at each update
    assert again.postprocess(Image.fromarray(pixels)).path is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (text_of((2000, 1000)), "the camera sends 1000×2000 pixels, and 1,228,800 is the most"),
        (text_of((9, 9), "PNG"), "something that is not a picture"),
        ("/etc/passwd", "something that is not a picture"),
        ("http://127.0.0.1/", "something that is not a picture"),
        (JPEG_START + "%%%", "something that is not a picture"),
        (JPEG_START + "AAAA", "something that is not a picture"),
    ],
)
def test_a_wrong_frame_gets_a_sentence(text, reason) -> None:
    with pytest.raises(UnreadablePicture, match=reason):
        decode_frame(text)


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"size": 2000}, "a frame has 1333×2000 pixels, and 307,200 is the most; use a smaller size"),
        ({"steps": 20}, "a frame has 40 steps in all octaves, and 24 is the most; use fewer steps or octaves"),
        ({"octaves": None, "steps": 5}, "a frame has 30 steps in all octaves"),
    ],
)
def test_a_frame_that_takes_long_is_refused(settings, reason) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        Camera().dream(text_of((33, 22)), VideoRecipe(**{**FAST, **settings}))


def test_only_the_newest_cameras_are_kept(monkeypatch) -> None:
    cameras = Cameras()
    first = cameras.of("0")
    assert cameras.of("0") is first
    others = [cameras.of(str(index)) for index in range(1, MAX_CAMERAS)]
    assert cameras.of("0") is first
    cameras.of("one more")
    assert cameras.of("2") is others[1]
    assert cameras.of("1") is not others[0]
    monkeypatch.setattr("inceptionism.studio.live.IDLE_SECONDS", 0)
    assert cameras.of("new") is not None
    assert cameras.of("0") is not first


@pytest.mark.long
def test_the_camera_is_dreamed_and_the_newest_frame_is_shown(browser, studio) -> None:
    page = Page(browser, studio)
    page.start_camera()
    shown = set()
    deadline = time.monotonic() + 60
    while len(shown) < 4 and time.monotonic() < deadline:
        source = page.page.get_attribute("#live-result img", "src")
        assert source is not None
        shown.add(source)
        page.page.wait_for_timeout(100)
    assert len(shown) == 4
    pictures = [decode_frame(source) for source in shown]
    assert {picture.shape for picture in pictures} == {(180, 320, 3)}
    # The test picture is plain green; a dream has detail in other colors.
    assert max(picture[..., 0].astype(float).std() for picture in pictures) > 1
    page.page.locator("#live-look input").fill("carving")
    page.page.keyboard.press("Enter")
    page.open_advanced()
    # A look keeps the settings that make Live fast.
    assert page.page.locator("#live-octaves").locator("input, textarea").first.input_value() == "2"
    page.page.locator("#live-layer .token, #live-layer [class*=token]").first.wait_for()
    page.page.locator("#camera .button-wrap button").first.click()
    page.page.wait_for_timeout(3000)
    source = page.page.get_attribute("#live-result img", "src")
    page.page.wait_for_timeout(1500)
    assert page.page.get_attribute("#live-result img", "src") == source
    assert not page.errors


@pytest.mark.long
def test_the_cameras_of_two_visitors_are_dreamed_in_turns(browser, studio) -> None:
    first, second = Page(browser, studio), Page(browser, studio)
    for page in (first, second):
        page.start_camera()
    before = [page.page.get_attribute("#live-result img", "src") for page in (first, second)]
    for page, source in zip((first, second), before, strict=True):
        page.page.wait_for_function(
            "source => document.querySelector('#live-result img').src !== source", arg=source, polling=POLLING
        )
    second.page.close()
    source = first.page.get_attribute("#live-result img", "src")
    first.page.wait_for_function(
        "source => document.querySelector('#live-result img').src !== source", arg=source, polling=POLLING
    )
    assert not first.errors
