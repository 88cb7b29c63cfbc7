"""The offer of GoogLeNet. A tiny network with its name comes from a server on this machine."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from inceptionism.networks.hub import Entry, known_entries, store
from inceptionism.studio.server import are_downloads_allowed
from inceptionism.studio.workshop import Workshop
from tests.support.caffe_files import write_caffe
from tests.support.studio import Page, running
from tests.support.web_server import Web, send, send_whole, serving

LAUNCH = """
import json, sys
from inceptionism.networks.hub import Entry, known_entries
entry = Entry.read(json.loads(sys.argv[1]), "the test")
known_entries()[entry.name] = entry
del sys.argv[1]
from inceptionism.__main__ import main
main()
"""


@pytest.fixture
def web(monkeypatch: pytest.MonkeyPatch) -> Iterator[Web]:
    with serving(monkeypatch) as started:
        yield started


@pytest.fixture
def entry(web: Web, tmp_path: Path) -> Entry:
    """The entry of a tiny network with the name of GoogLeNet. Its second file is not on the server at first."""
    paths = write_caffe(tmp_path)
    gone = partial(send, status=404, body=b"sorry", Content_Length=5)
    answers = [[], [gone]]
    files = [
        replace(
            store.local_file(path), urls=(web.serve(path.name, *first, partial(send_whole, content=path.read_bytes())),)
        )
        for path, first in zip(paths, answers, strict=True)
    ]
    changes = {"recommended": None, "default_layer": None, "labels": None, "size": 32, "package": None}
    return replace(known_entries()["googlenet"], files=tuple(files), **changes)


def command(entry: Entry) -> list[str]:
    return [sys.executable, "-c", LAUNCH, entry.to_json()]


@pytest.mark.long
def test_googlenet_is_downloaded_on_request_and_chosen(browser, tmp_path, monkeypatch, web, entry) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = store.folder_of("googlenet")
    with running(tmp_path / "pictures", command=command(entry)) as studio:
        page = Page(browser, studio, size=(390, 844)).page
        assert "12 more looks come with GoogLeNet" in page.inner_text("#offer-hint")
        assert web.requests == []
        looks = page.locator("#looks .thumbnail-item").count()
        page.get_by_role("button", name="Advanced").locator("visible=true").click()
        assert "License: unrestricted use." in page.inner_text("#offer-text")
        page.click("#get-network")
        problem = page.locator("#offer-problem .problem")
        problem.first.wait_for()
        assert f"put it into {folder}, and try again" in problem.first.inner_text()
        assert "HTTP 404" in problem.nth(1).inner_text()
        assert store.stored_names() == []
        page.click("#get-network")
        page.locator("#offer-state").get_by_text("GoogLeNet is ready").wait_for()
        assert problem.count() == 0
        assert page.locator("#offer").is_hidden()
        assert page.locator("#offer-hint").is_hidden()
        assert page.input_value("#photograph-network input") == "googlenet"
        assert page.locator("#looks .thumbnail-item").count() == looks + 12
        assert store.stored_names() == ["googlenet"]
        page.locator("#looks .thumbnail-item").filter(has_text="arches").click()
        page.wait_for_function("document.querySelector('#look input').value === 'arches'")
        other = Page(browser, studio, query="?look=web").page  # the page was built before the download
        other.wait_for_function("document.querySelector('#look input').value === 'web'")
        assert other.locator("#offer-hint").is_hidden()
        other.get_by_role("button", name="Advanced").locator("visible=true").click()
        assert other.input_value("#photograph-network input") == "googlenet"


OFFERED = """
import sys
from inceptionism.studio.page import draw_page
from inceptionism.studio.workshop import Workshop
for downloads in (False, True):
    components = draw_page(Workshop(sys.argv[1], downloads=downloads)).get_config_file()["components"]
    named = {one["props"].get("elem_id"): one["props"] for one in components}
    print([named[name]["visible"] for name in ("offer-hint", "offer")])
"""


def test_a_page_has_the_offer_only_if_downloads_are_allowed(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    command = [sys.executable, "-c", OFFERED, str(tmp_path / "pictures")]  # gradio leaves event loops open
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["[False, False]", "[True, True]"]
    assert not Workshop(tmp_path / "pictures").downloads


def test_only_visitors_on_the_same_machine_may_download_networks() -> None:
    assert are_downloads_allowed("127.0.0.1", None)
    assert not are_downloads_allowed("127.0.0.1", "ada:secret")  # a proxy lets others in
    assert not are_downloads_allowed("0.0.0.0", None)
