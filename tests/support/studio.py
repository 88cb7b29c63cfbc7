"""A studio in a process of its own, and a browser that drives its page."""

from __future__ import annotations

import base64
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import DREAM

CHROMIUM = Path("/usr/bin/chromium")

SCREENSHOTS = Path(__file__).parents[2] / "screenshots"
"""Folder of the pictures of the page at the end of each test. It is not committed."""

PAGES: list[Any] = []
"""The pages that the current test has opened."""

WAIT = 90_000
"""Longest wait for a change of the page, in milliseconds."""

POLLING = 100
"""Time between two looks at the page, in milliseconds. With a look at each frame, the browser would draw all the time.
"""


class Studio:
    """A running studio.

    Attributes:
        process: The process of the server.
        address: Address of the page.
        output: Folder of the pictures.

    Args:
        output: Folder of the pictures.
        *options: Further options of the command.
        browser: Program that opens the page, with the address as its argument. None opens no browser.
        command: The command `dream` as a list.
    """

    def __init__(
        self, output: Path, *options: str, browser: Path | None = None, command: Sequence[str] = DREAM
    ) -> None:
        self.output = output
        opening = ["--no-browser"] if browser is None else []
        self.process = subprocess.Popen(
            [*command, "studio", "--port", "0", *opening, "--output", str(output), *options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "BROWSER": str(browser)},
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()
        assert self.address.startswith("http"), self.process.communicate()

    def pictures(self) -> list[Path]:
        """Return the pictures in the folder, the oldest first."""
        return sorted(self.output.glob("*.png"), key=lambda path: path.stat().st_mtime_ns)

    def end(self, number: int = signal.SIGINT) -> tuple[int, str]:
        """Send a signal, and return the exit status and the rest of standard output."""
        self.process.send_signal(number)
        out, _ = self.process.communicate(timeout=60)
        return self.process.returncode, out


@contextmanager
def running(
    output: Path, *options: str, browser: Path | None = None, command: Sequence[str] = DREAM
) -> Iterator[Studio]:
    """Start a studio as `Studio` does, and end it after the block."""
    studio = Studio(output, *options, browser=browser, command=command)
    try:
        yield studio
    finally:
        studio.process.kill()
        studio.process.communicate()


CAMERA = ["--use-fake-device-for-media-stream", "--use-fake-ui-for-media-stream"]
"""Options of Chromium for a camera that shows a moving test picture, and that needs no permission."""

DROP = """([name, data, place]) => {
  const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0));
  const dataTransfer = new DataTransfer();
  dataTransfer.items.add(new File([bytes], name));
  for (const kind of ["dragover", "drop"]) {
    const event = new DragEvent(kind, { dataTransfer, bubbles: true, cancelable: true });
    document.querySelector(place).dispatchEvent(event);
  }
}"""
"""Script that drops a file on an element, as a mouse does."""


COPY = """async data => {
  const bytes = Uint8Array.from(atob(data), character => character.charCodeAt(0));
  await navigator.clipboard.write([new ClipboardItem({"image/png": new Blob([bytes], {type: "image/png"})})]);
}"""
"""Script that puts a picture into the clipboard."""


@contextmanager
def chromium(*options: str) -> Iterator[Any]:
    """Start Chromium with further options. Without playwright or Chromium, the test is skipped."""
    playwright = pytest.importorskip("playwright.sync_api", reason="needs playwright")
    if not CHROMIUM.exists():
        pytest.skip("needs Chromium: apt-get install chromium")
    with playwright.sync_playwright() as started:
        browser = started.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", *CAMERA, *options])
        try:
            yield browser
        finally:
            browser.close()


def take_screenshots(name: str) -> None:
    """Write a picture of each open page of the current test, and forget the pages.

    Args:
        name: Name of the test.
    """
    SCREENSHOTS.mkdir(exist_ok=True)
    for number, page in enumerate(PAGES, 1):
        if not page.is_closed():
            page.screenshot(path=SCREENSHOTS / f"{name}-{number}.png", full_page=True)
            page.close()
    PAGES.clear()


class Page:
    """The page of a studio in a browser, and the actions of a person.

    Args:
        browser: The browser.
        studio: The studio.
        size: Width and height of the window in pixels.

    Attributes:
        page: The page of playwright.
        requests: Addresses that the page has requested.
        errors: Errors in the browser's console.
    """

    def __init__(self, browser: Any, studio: Studio, size: tuple[int, int] = (1280, 900), query: str = "") -> None:
        self.studio = studio
        self.page = browser.new_page(viewport={"width": size[0], "height": size[1]}, accept_downloads=True)
        self.page.set_default_timeout(WAIT)
        self.requests: list[str] = []
        self.errors: list[str] = []
        self.page.on("request", lambda request: self.requests.append(request.url))
        self.page.on("pageerror", lambda error: self.errors.append(str(error)))
        self.page.goto(studio.address + query)
        self.page.wait_for_selector("#dream")
        PAGES.append(self.page)

    def upload(self, photo: Path) -> None:
        """Choose a photograph, and wait until the page shows it."""
        self.page.set_input_files("#photograph input[type=file]", str(photo))
        self.page.wait_for_selector("#photograph img")

    def open_tab(self, name: str) -> None:
        self.page.get_by_role("tab", name=name, exact=True).click()

    def open_advanced(self) -> None:
        self.page.get_by_role("button", name="Advanced").locator("visible=true").click()

    def fill(self, name: str, value: str, tab: str = "photograph") -> None:
        """Type a value into the field of a setting."""
        self.page.locator(f"#{tab}-{name}").locator("input:not([type=range]), textarea").first.fill(value)
        self.page.keyboard.press("Tab")

    def paint(self, brush: str, strokes: list[tuple[float, float]], *, height: float = 0.5) -> None:
        """Paint strokes on the photograph with the mouse. The photograph must have been uploaded.

        Args:
            brush: Name of the brush, `violet` or `orange`.
            strokes: Beginning and end of each stroke, as shares of the editor's width.
            height: Height of the strokes, as a share of the editor's height.
        """
        canvas = self.page.locator("#painting canvas").first
        if not canvas.is_visible():
            self.page.get_by_role("button", name="Paint the part to dream").click()
            self.page.wait_for_timeout(2000)  # the editor draws the photograph
        self.page.locator("#painting button[title=Color]").click()
        self.page.locator("#painting button.color").nth(["violet", "orange"].index(brush)).click()
        self.page.locator("#painting button[title=Brush]").click()  # closes the list of colors
        canvas.scroll_into_view_if_needed()
        box = canvas.bounding_box()
        assert box is not None
        for begin, end in strokes:
            self.page.mouse.move(box["x"] + box["width"] * begin, box["y"] + box["height"] * height)
            self.page.mouse.down()
            self.page.mouse.move(box["x"] + box["width"] * end, box["y"] + box["height"] * height, steps=10)
            self.page.mouse.up()
        self.page.wait_for_timeout(1000)

    def start_camera(self) -> None:
        """Start the camera in the tab "Live", and wait until its frames are dreamed."""
        self.open_tab("Live")
        self.page.locator("#camera [title='grant webcam access']").click()
        self.page.locator("#camera .button-wrap button").first.click()
        self.wait_for_state("frames a second", "live")

    def copy(self, picture: Path) -> None:
        """Put a PNG into the clipboard of the browser."""
        self.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
        self.page.evaluate(COPY, base64.b64encode(picture.read_bytes()).decode())

    def drop(self, file: Path, place: str = "body") -> None:
        """Drop a file on a place of the page."""
        data = base64.b64encode(file.read_bytes()).decode()
        self.page.evaluate(DROP, [file.name, data, place])

    def make_newest_again(self, text: str, count: int) -> Path:
        """Make the newest picture of the gallery again. Its recipe must contain a text.

        Args:
            text: The text.
            count: Number of pictures in the folder afterwards.
        """
        self.open_tab("Gallery")
        self.page.locator("#gallery .thumbnail-item").first.click()
        self.page.locator("#recipe").get_by_text(text).first.wait_for()
        self.page.click("#make-again")
        return self.wait_for_pictures(count)[-1]

    def dream_for_long(self, photo: Path) -> None:
        """Dream a photograph with so many steps that it does not end during a test, and wait for the first ones."""
        self.upload(photo)
        self.open_advanced()
        self.fill("octaves", "1")
        self.fill("steps", "9000")
        self.page.click("#dream")
        self.wait_for_state(" of 9000")

    def state(self, tab: str = "photograph") -> str:
        return str(self.page.inner_text(f"#{tab}-state"))

    def wait_for_state(self, text: str, tab: str = "photograph") -> str:
        """Wait until the state contains a text, and return the state."""
        self.page.wait_for_function(
            "([id, text]) => document.getElementById(id).innerText.includes(text)",
            arg=[f"{tab}-state", text],
            polling=POLLING,
        )
        return self.state(tab)

    def wait_for_pictures(self, count: int) -> list[Path]:
        """Wait until the folder has a number of pictures, and return them, the oldest first."""
        deadline = time.monotonic() + WAIT / 1000
        while len(self.studio.pictures()) < count and time.monotonic() < deadline:
            self.page.wait_for_timeout(100)
        assert len(self.studio.pictures()) == count
        return self.studio.pictures()
