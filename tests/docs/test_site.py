"""`make docs` builds the site without warnings and without the internet. Its links work, and phones show its pages."""

from __future__ import annotations

import inspect
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

import pytest
from filelock import FileLock

import inceptionism as inc
from tests.support.places import ROOT
from tests.support.studio import chromium

OFFLINE = """
import socket, sys
def refuse(*_): raise AssertionError("the build opens a connection")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from sphinx.cmd.build import main
sys.exit(main(sys.argv[1:]))
"""

PHONE = {"width": 390, "height": 844}
"""Width and height of a phone's window, in pixels."""

BEYOND = """() => [...document.querySelectorAll("article *")].filter(one =>
  !one.closest("pre, .table-wrapper") && one.getBoundingClientRect().right > innerWidth + 1
).map(one => one.outerHTML)"""
"""Script that finds the elements that a phone does not show as a whole. Code and tables scroll by themselves."""

ON_A_PHONE = (
    "index",
    "install",
    "tutorials/researcher",
    "how-to",
    "strength",
    "motion",
    "gallery",
    "gallery/looks",
    "commands",
    "settings",
    "objectives",
    "python",
    "how-it-works",
    "priors",
    "performance",
    "faq",
    "glossary",
    "contributing",
    "genindex",
)
"""Pages of every kind: with many pictures, wide tables, long commands and signatures."""


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the built site. The options are those of `make docs`."""
    for library in ("sphinx", "myst_parser", "furo"):
        pytest.importorskip(library, reason="needs inceptionism[docs]")
    found = re.search(r"sphinx-build (-M html docs) build/docs (.+)", (ROOT / "Makefile").read_text("utf-8"))
    assert found
    # The processes of pytest-xdist share one site, in the folder above their own.
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "site"
    command = [sys.executable, "-c", OFFLINE, *found[1].split(), str(folder), *found[2].split()]
    with FileLock(f"{folder}.lock"):
        if not folder.exists():
            done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stderr) == (0, "")
    return folder / "html"


class Page(HTMLParser):
    """A page of the site.

    Attributes:
        names: Names to which a link can lead.
        links: Addresses of links.
        files: Addresses of the files that the page needs: pictures, styles and programs.
        alts: Descriptions of the pictures.
    """

    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: set[str] = set()
        self.links: list[str] = []
        self.files: list[str] = []
        self.alts: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.names |= {values[name] for name in ("id", "name") if name in values}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        self.files += [values[name] for name in ("src", "href") if name in values and tag in ("img", "script", "link")]
        if tag == "img":
            self.alts.append(values.get("alt", ""))


@pytest.fixture(scope="module")
def pages(site: Path) -> dict[Path, Page]:
    return {path: Page(path.read_text("utf-8")) for path in site.rglob("*.html")}


def local(addresses: list[str]) -> Iterator[tuple[str, str]]:
    """Yield the path and the anchor of each address that is no web address."""
    for address in addresses:
        if not re.match(r"(https?|mailto|data):", address):
            path, anchor = urldefrag(address)
            yield unquote(path.partition("?")[0]), unquote(anchor)


def test_every_link_inside_the_site_leads_somewhere(site, pages) -> None:
    assert len(pages) > 30
    for path, page in pages.items():
        for target, anchor in local(page.links):
            file = (path.parent / target).resolve() if target else path
            assert file.is_file(), f"{path.name}: {target}"
            if anchor and file in pages:
                assert anchor in pages[file].names, f"{path.name}: {target}#{anchor}"


def test_every_picture_exists_and_is_described_and_nothing_comes_from_the_internet(pages) -> None:
    for path, page in pages.items():
        assert not [address for address in page.files if re.match(r"(https?:)?//", address)], path
        for target, _ in local(page.files):
            assert (path.parent / target).exists() or target.endswith("opensearch.xml"), f"{path.name}: {target}"
        assert all(page.alts), path


def test_every_public_name_and_every_keyword_is_in_the_reference(pages) -> None:
    names = set().union(*(page.names for page in pages.values()))
    missing = [name for name in inc.__all__ if name not in ("networks", "objectives", "__version__")]
    assert not [name for name in missing if f"inceptionism.{name}" not in names]
    reference = next(path for path in pages if path.name == "python.html").read_text("utf-8")
    for function in (inc.dream, inc.visualize, inc.zoom, inc.video):
        for name in inspect.signature(function).parameters:
            assert f"<strong>{name}</strong>" in reference, name


def test_a_phone_shows_the_pages_without_scrolling_to_the_side(site) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport=PHONE)
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        for name in ON_A_PHONE:
            page.goto((site / f"{name}.html").as_uri())
            assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"], name
            assert page.evaluate(BEYOND) == [], name
        assert not errors


def test_a_thumbnail_leads_to_its_command_and_its_original(site) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport=PHONE)
        page.goto((site / "gallery.html").as_uri())
        page.click(".thumbnails a >> nth=2")
        section = page.locator("section:target, section:has(> :target)").last
        assert "dream photo coffee.png --size 512" in section.inner_text()
        assert section.locator("img").evaluate_all("all => all.map(one => one.complete && one.naturalWidth > 0)") == [
            True,
            True,
        ]
        assert not section.locator("details").get_by_text("octave_scale").is_visible()
        section.locator("summary").click()
        assert section.locator("details").get_by_text("octave_scale").is_visible()


def test_the_search_finds_a_setting(site) -> None:
    with chromium() as browser:
        page = browser.new_page(viewport=PHONE)
        page.goto((site / "search.html").as_uri() + "?q=step+size")
        page.wait_for_selector("#search-results li a")
        assert "strength.html" in " ".join(
            page.locator("#search-results li a").evaluate_all("all => all.map(one => one.href)")
        )
