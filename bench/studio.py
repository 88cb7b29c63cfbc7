"""Benchmark of the studio in a real browser: its start, a photograph beside the command line, Live, and its memory.

The browser runs on the same machine, so it takes a share of the processor: the frames of Live are those of this machine
with a browser that draws without a GPU. Run it as `python -m bench.studio PHOTO`.
"""

from __future__ import annotations

import argparse
import subprocess
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import psutil
from PIL import Image
from rich.console import Console

import inceptionism as inc
from tests.support.command import DREAM
from tests.support.studio import POLLING, Page, Studio, chromium

ROUNDS = 3
"""Number of times that the photograph is dreamed in the studio and by the command line, in turns."""

LIVE_SECONDS = 20
"""Time after which the rate of Live is read."""

EARLY = 20
"""Number of jobs after which the memory is measured for the first time."""

console = Console()


def measure_start(output: Path, browser: Any) -> tuple[Studio, Page]:
    """Start a studio, open its page, and print the times. Return both."""
    start = time.perf_counter()
    studio = Studio(output)
    address = time.perf_counter() - start
    page = Page(browser, studio)
    page.page.locator("#dream").click(trial=True)
    console.print(
        f"from the command to the address {address:.1f} s, to the usable page {time.perf_counter() - start:.1f} s"
    )
    return studio, page


def measure_photograph(page: Page, photo: Path) -> None:
    """Dream a photograph with the default settings in the studio, by the command line and in this program.

    Print the times. The command line also loads its libraries each time, and this program has loaded them before.
    """
    page.upload(photo)
    inc.dream(photo)
    ratios = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        command = [*DREAM, "photo", photo, "-o", page.studio.output / "line.png", "--overwrite"]
        subprocess.run(command, check=True, capture_output=True)
        line = time.perf_counter() - start
        start = time.perf_counter()
        page.page.click("#dream")
        page.page.wait_for_function(
            "() => !document.getElementById('photograph-state').innerText.includes('steps in')", polling=POLLING
        )
        page.wait_for_state(" steps in ")
        studio = time.perf_counter() - start
        start = time.perf_counter()
        inc.dream(photo)
        library = time.perf_counter() - start
        ratios.append((studio / line, studio / library))
        console.print(f"photograph: studio {studio:.1f} s, command line {line:.1f} s, library {library:.1f} s")
    beside_line, beside_library = np.median(ratios, 0)
    console.print(f"studio: {beside_line:.2f} times the command line, {beside_library:.2f} times the library")


def measure_live(page: Page) -> None:
    """Dream the camera for a while, and print the rate."""
    page.start_camera()
    page.page.wait_for_timeout(LIVE_SECONDS * 1000)
    console.print(f"Live at 320×180: {page.state('live').split(' a second')[0].strip()} a second")
    page.page.locator("#camera .button-wrap button").first.click()
    page.page.wait_for_timeout(2000)


def measure_memory(page: Page, photo: Path, jobs: int) -> None:
    """Do jobs of different sizes, and print the memory of the server after the first ones and at the end."""
    process = psutil.Process(page.studio.process.pid)
    page.open_tab("Photograph")
    page.upload(photo)
    page.open_advanced()
    page.fill("steps", "1")
    for job in range(1, jobs + 1):
        page.fill("size", str(120 + 8 * (job % 10)))
        before = len(page.studio.pictures())
        page.page.click("#dream")
        page.wait_for_pictures(before + 1)
        page.wait_for_state(" steps in ")
        if job in (EARLY, jobs):
            console.print(f"memory after {job} jobs: {process.memory_info().rss / 2**20:.0f} MiB")


def main() -> None:
    """Measure everything, and print it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("photo", type=Path)
    parser.add_argument("--jobs", type=int, default=200, help="number of jobs for the memory; 0 leaves it out")
    arguments = parser.parse_args()
    with TemporaryDirectory() as folder, chromium() as browser:
        small = Path(folder) / "small.png"
        with Image.open(arguments.photo) as image:
            image.convert("RGB").resize((160, 120)).save(small)
        studio, page = measure_start(Path(folder) / "pictures", browser)
        try:
            measure_photograph(page, arguments.photo)
            measure_live(page)
            page.page.close()
            if arguments.jobs:
                measure_memory(Page(browser, studio), small, arguments.jobs)
        finally:
            studio.process.kill()
            studio.process.communicate()


if __name__ == "__main__":
    main()
