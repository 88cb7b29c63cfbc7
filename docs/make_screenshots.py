"""Makes the pictures of the studio in docs/images: `python -m docs.make_screenshots`. It needs Chromium and ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path
from tempfile import TemporaryDirectory

import skimage.data
from PIL import Image

from tests.support.studio import Page, chromium, running

IMAGES = Path(__file__).parent / "images"

SIZE = (1280, 860)
"""Width and height of the window, in pixels."""


def save(page: Page, name: str, height: int = SIZE[1]) -> None:
    """Save the upper part of the window, with a height in pixels."""
    page.page.evaluate("scrollTo(0, 0)")
    page.page.mouse.move(0, 0)
    page.page.wait_for_timeout(1500)
    path = IMAGES / f"{name}.png"
    page.page.screenshot(path=path, clip={"x": 0, "y": 0, "width": SIZE[0], "height": height}, full_page=True)
    with Image.open(path) as image:
        image.convert("RGB").save(path.with_suffix(".jpg"), quality=85)
    path.unlink()


def choose_look(page: Page, name: str, control: str = "look") -> None:
    """Choose a look from a list."""
    page.page.locator(f"#{control} input").fill(name)
    page.page.keyboard.press("Enter")


def dream(page: Page) -> None:
    """Press the button "Dream", and wait for the result."""
    before = len(page.studio.pictures())
    page.page.click("#dream")
    page.wait_for_pictures(before + 1)
    page.wait_for_state(" steps in ")


def main() -> None:
    """Make all pictures."""
    with TemporaryDirectory() as name, running(Path(name) / "pictures") as studio:
        folder = Path(name)
        Image.fromarray(skimage.data.chelsea()).save(folder / "cat.png")
        Image.fromarray(skimage.data.coffee()).save(folder / "coffee.png")
        person = skimage.data.astronaut()[40:400:2, 0:640]
        Image.fromarray(person).resize((320, 180)).save(folder / "person.png")
        camera = folder / "camera.mjpeg"
        moving = "zoompan=z=1.2:x=iw/12+3*sin(on/60):y=ih/12:d=240:s=320x180:fps=12"
        command = [
            "ffmpeg",
            "-v",
            "error",
            "-i",
            folder / "person.png",
            "-vf",
            moving,
            "-pix_fmt",
            "yuvj420p",
            "-q:v",
            "2",
            camera,
        ]
        subprocess.run(command, check=True)
        with chromium(f"--use-file-for-fake-video-capture={camera}") as browser:
            page = Page(browser, studio, SIZE)
            page.upload(folder / "cat.png")
            choose_look(page, "feathers")
            dream(page)
            save(page, "studio-photograph")
            page = Page(browser, studio, SIZE)
            page.upload(folder / "coffee.png")
            for height in (0.3, 0.5, 0.7):
                page.paint("violet", [(0.15, 0.4)], height=height)
                page.paint("orange", [(0.75, 0.9)], height=height)
            dream(page)
            save(page, "studio-painting", 1560)
            page = Page(browser, studio, SIZE)
            page.start_camera()
            choose_look(page, "feathers", "live-look")
            page.page.wait_for_timeout(20_000)
            save(page, "studio-live", 720)


if __name__ == "__main__":
    main()
