"""The server of the studio: its start and its end, its queue, and attacks on it over the network."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import urllib.error
import urllib.request
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from gradio.data_classes import ImageData
from gradio.utils import get_upload_folder
from PIL import Image

from inceptionism.errors import InvalidSetting
from inceptionism.io import load_photo
from inceptionism.studio.gallery import newest, thumbnail
from inceptionism.studio.server import checked_auth, checked_port
from inceptionism.studio.upload import file_control, upload_control
from inceptionism.studio.workshop import Workshop
from tests.support.command import dream, refused
from tests.support.studio import Page, Studio, running

DIRECT = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opener that ignores the proxies in the environment, with which other tests block the internet."""


def request(studio: Studio, path: str, body: Any = None, **headers: str) -> tuple[int, str]:
    """Send a request to a studio, and return the status and the text of the answer."""
    content = None if body is None else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    sent = urllib.request.Request(studio.address + path, content, {"Content-Type": "application/json", **named})
    try:
        with DIRECT.open(sent, timeout=30) as answer:
            return answer.status, answer.read().decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        return error.code, error.read().decode("utf-8", "replace")


def test_the_studio_prints_its_address_opens_the_browser_and_asks_for_the_password(tmp_path) -> None:
    opener = tmp_path / "browser"
    opener.write_text(f'#!/bin/sh\necho "$1" >> {tmp_path / "opened"}\n')
    opener.chmod(0o755)
    with running(tmp_path / "pictures", "--auth", "ada:secret", browser=opener) as studio:
        assert studio.address.startswith("http://127.0.0.1:")
        assert request(studio, "/config")[0] == 401
        assert request(studio, "/gradio_api/call/run", {"data": []})[0] == 401
        assert studio.end(signal.SIGTERM) == (143, "")  # the address is the only line of the output
        assert (tmp_path / "opened").read_text() == f"{studio.address}\n"


@pytest.mark.long
def test_ctrl_c_keeps_the_picture_so_far(browser, cup, tmp_path) -> None:
    with running(tmp_path / "pictures") as studio:
        page = Page(browser, studio)
        page.dream_for_long(cup)
        assert studio.end(signal.SIGINT)[0] == 130
        (kept,) = studio.pictures()
        assert np.abs(load_photo(kept).pixels.astype(int) - load_photo(cup).pixels).mean() > 1
    with running(tmp_path / "pictures") as studio:
        page = Page(browser, studio)
        page.open_tab("Gallery")
        page.page.locator("#gallery .thumbnail-item").first.click()
        page.page.locator("#recipe").get_by_text("9000").wait_for()


@pytest.mark.long
def test_a_visitor_waits_for_another_one_and_a_closed_page_frees_the_worker(browser, studio, cup) -> None:
    first, second = Page(browser, studio), Page(browser, studio)
    before = len(studio.pictures())
    first.dream_for_long(cup)
    second.upload(cup)
    second.open_advanced()
    second.fill("steps", "1")
    second.page.click("#dream")
    second.page.locator("#photograph-result, #photograph-state").get_by_text("queue: 1/1").first.wait_for()
    second.page.wait_for_timeout(1000)
    assert len(studio.pictures()) == before
    first.page.close()
    second.wait_for_state(" steps in ")
    assert len(studio.pictures()) == before + 2  # the picture so far of the first visitor is kept, too


@pytest.mark.long
def test_stop_also_ends_work_that_waits(browser, studio, cup) -> None:
    first, second = Page(browser, studio), Page(browser, studio)
    before = len(studio.pictures())
    first.dream_for_long(cup)
    second.upload(cup)
    second.page.click("#dream")
    second.page.locator("#photograph-result, #photograph-state").get_by_text("queue: 1/1").first.wait_for()
    second.page.click("#photograph-stop")
    second.page.wait_for_timeout(500)
    first.page.click("#photograph-stop")
    first.wait_for_pictures(before + 1)
    second.wait_for_state("ready")
    second.page.wait_for_timeout(2000)
    assert len(studio.pictures()) == before + 1
    second.open_advanced()
    second.fill("steps", "1")
    second.page.click("#dream")
    second.wait_for_pictures(before + 2)


@pytest.mark.long
def test_a_page_that_is_loaded_again_during_work_can_be_used(browser, studio, cup) -> None:
    page, before = Page(browser, studio), len(studio.pictures())
    page.dream_for_long(cup)
    page.page.reload()
    page.page.wait_for_selector("#dream")
    page.wait_for_pictures(before + 1)  # the picture so far of the page before
    page.upload(cup)
    page.open_advanced()
    assert page.page.locator("#photograph-octaves").locator("input, textarea").first.input_value() == "1"
    page.fill("steps", "1")
    page.page.click("#dream")
    page.wait_for_state(" steps in ")
    page.wait_for_pictures(before + 2)
    assert not page.errors


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--host", "0.0.0.0"], "other machines can use the studio; add --auth USER:PASSWORD, or --no-auth"),
        (["--auth", "ada"], "--auth must be USER:PASSWORD"),
        (["--auth", "a:b", "--no-auth"], "exclude each other"),
        (["--port", "70000"], "--port must be from 0 to 65535, not 70000"),
        (["--host", "no.such.host.invalid", "--no-auth"], "there is no host 'no.such.host.invalid'"),
        (["--max-pixels", "0"], "must be at least 1, not 0"),
    ],
)
def test_a_wrong_option_gets_a_sentence(options, reason, tmp_path) -> None:
    refused(dream("studio", "--no-browser", *options, cwd=tmp_path), reason, 2)


def test_a_taken_port_gets_a_sentence(tmp_path) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        port = listener.getsockname()[1]
        done = dream("studio", "--no-browser", "--port", port, cwd=tmp_path)
    refused(done, f"port {port} is taken by another program; choose another one, or --port 0", 2)


def test_without_gradio_a_sentence_says_how_to_install_it() -> None:
    start = "import sys; sys.modules['gradio'] = None; from inceptionism.cli import main; main(['studio'])"
    done = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, check=False)
    refused(done, r'gradio is not installed; install it with: pip install "inceptionism\[studio\]"', 2)


def test_a_free_port_and_a_password() -> None:
    assert checked_port("127.0.0.1", 0) > 0
    assert checked_auth("127.0.0.1", None, no_auth=False) is None
    assert checked_auth("0.0.0.0", "ada:secret:word", no_auth=False) == ("ada", "secret:word")
    assert checked_auth("0.0.0.0", None, no_auth=True) is None
    with pytest.raises(InvalidSetting, match="other machines"):
        checked_auth("192.168.1.5", None, no_auth=False)


def test_a_visitor_gets_a_sentence_without_folders(tmp_path, caplog) -> None:
    workshop = Workshop(tmp_path / "my pictures")
    kept = workshop.output / "photographs" / "3f2a.mp4"
    assert workshop.sentence(InvalidSetting(f"{kept} is not a film")) == "3f2a.mp4 is not a film"
    assert workshop.sentence(InvalidSetting(f"{get_upload_folder()}/12ab/a.png is small")) == "a.png is small"
    assert workshop.sentence(MemoryError()) == "There is not enough memory for this; choose a smaller size."
    assert not caplog.records
    assert workshop.sentence(OSError("disk")) == "Something went wrong; the log of the server says more."
    assert "OSError: disk" in caplog.text
    workshop.worker.close()


def test_uploads_of_work_that_cannot_begin_are_not_kept(cup, tmp_path) -> None:
    workshop = Workshop(tmp_path / "pictures")
    copied = tmp_path / "other.png"
    copied.write_bytes(Path(cup).read_bytes() + b"x")
    with workshop.kept_uploads([str(cup)]) as kept:
        assert kept[str(cup)].read_bytes() == Path(cup).read_bytes()
    with suppress(InvalidSetting), workshop.kept_uploads([str(cup), str(copied)]) as both:
        assert both[str(copied)].exists()
        raise InvalidSetting("wrong")
    assert list((workshop.output / "photographs").iterdir()) == [kept[str(cup)]]
    workshop.worker.close()


def test_damaged_files_in_the_gallery_are_gray(cup, tmp_path) -> None:
    (tmp_path / "a.png").write_bytes(Path(cup).read_bytes())
    (tmp_path / "b.png").write_bytes(b"")
    (tmp_path / "c.mp4").write_bytes(b"no film")
    (tmp_path / "d.png").mkdir()
    (tmp_path / "e.png").symlink_to(tmp_path / "nowhere")
    (tmp_path / "f.png").write_bytes(bomb(30_000, 20_000))
    shown = {path.name: thumbnail(path, changed) for changed, path in newest(tmp_path)}
    assert set(shown) == {"a.png", "b.png", "c.mp4", "f.png"}
    colors = {name: image.getextrema() for name, image in shown.items()}
    gray = ((128, 128),) * 3
    assert [name for name, found in sorted(colors.items()) if found == gray] == ["b.png", "c.mp4", "f.png"]


def test_the_number_of_pixels_is_limited(cup, tmp_path) -> None:
    workshop = Workshop(tmp_path / "pictures", max_pixels=160 * 120)
    assert workshop.load_upload(str(cup)).pixels.shape == (120, 160, 3)
    workshop.max_pixels -= 1
    with pytest.raises(InvalidSetting, match="the photograph has 120×160 pixels, which is more than the 19,199"):
        workshop.load_upload(str(cup))
    workshop.worker.close()


def test_a_server_for_other_machines_has_addresses_and_its_own_names(tmp_path) -> None:
    with running(tmp_path / "pictures", "--host", "0.0.0.0", "--no-auth", "--name", "Studio.example.org") as studio:
        port = studio.address.rpartition(":")[2]
        for host in ("192.168.1.5", "[2001:db8::1]", "127.0.0.1", socket.gethostname(), "studio.example.org"):
            assert request(studio, "/config", Host=f"{host}:{port}")[0] == 200, host
        for host in ("rebind.attacker.example", "192.168.1.5.attacker.example", "studio.example.org.attacker.example"):
            assert request(studio, "/config", Host=f"{host}:{port}")[0] == 403, host


def test_odd_hosts_and_other_websites_are_refused(studio) -> None:
    assert request(studio, "/", Host="attacker.example")[0] == 403
    assert request(studio, "/config", Host="127.0.0.1.attacker.example")[0] == 403
    port = studio.address.rpartition(":")[2]
    assert request(studio, "/config", Host=f"localhost:{port}")[0] == 200
    body = {"data": [], "fn_index": 0, "session_hash": "x"}
    assert request(studio, "/gradio_api/queue/join", body, Origin="http://attacker.example")[0] == 403
    assert request(studio, "/gradio_api/queue/join", body, Origin="null")[0] == 403
    assert request(studio, "/gradio_api/queue/join", body, Origin="http://[")[0] == 403
    assert request(studio, "/gradio_api/upload", body, Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors")[0] == 403


def upload(studio: Studio, name: str, content: bytes) -> str:
    """Upload a file as the page does, and return its path on the server."""
    boundary = "----boundary"
    head = f'--{boundary}\r\nContent-Disposition: form-data; name="files"; filename="{name}"\r\n'
    body = f"{head}Content-Type: image/png\r\n\r\n".encode() + content + f"\r\n--{boundary}--\r\n".encode()
    sent = urllib.request.Request(
        f"{studio.address}/gradio_api/upload", body, {"Content-Type": f"multipart/form-data; boundary={boundary}"}
    )
    with DIRECT.open(sent, timeout=30) as answer:
        return str(json.loads(answer.read())[0])


def bomb(width: int, height: int) -> bytes:
    """Return a small PNG that says that it has very many white pixels, and has their compressed data, too."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    row = b"\0" + b"\xff" * ((width + 7) // 8)
    packer = zlib.compressobj(9)
    data = b"".join(packer.compress(row) for _ in range(height)) + packer.flush()
    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", data) + chunk(b"IEND", b"")


@pytest.mark.parametrize(
    ("size", "reason"), [((30_000, 20_000), "more than 89 megapixels"), ((8000, 6000), "more than the 40,000,000")]
)
def test_a_decompression_bomb_is_refused_before_it_is_decoded(size, reason, studio) -> None:
    content = bomb(*size)
    assert len(content) < 1_000_000
    path = upload(studio, "bomb.png", content)
    picture = {"path": path, "meta": {"_type": "gradio.FileData"}}
    before = memory_peak(studio)
    assert reason in call(studio, "on_upload", [picture])
    assert memory_peak(studio) - before < 60 * 2**20
    assert request(studio, "/config")[0] == 200


def memory_peak(studio: Studio) -> int:
    """Return the largest memory that the server has used so far, in bytes."""
    status = Path(f"/proc/{studio.process.pid}/status").read_text("ascii")
    (line,) = [line for line in status.splitlines() if line.startswith("VmHWM")]
    return int(line.split()[1]) * 1024


def test_no_request_skips_the_queue(studio) -> None:
    """Decoding and dreaming wait in queues, so that the number of jobs at the same time is bounded."""
    config = json.loads(request(studio, "/config")[1])
    for name in ("on_upload", "on_drop", "run", "dream_frame"):
        (index,) = [one["id"] for one in config["dependencies"] if one["api_name"] == name]
        status, _ = request(studio, f"/gradio_api/run/{name}", {"data": [None]})
        assert status == 404
        status, _ = request(studio, "/gradio_api/run/predict", {"data": [None], "fn_index": index, "session_hash": "x"})
        assert status == 404


def test_long_requests_are_refused(studio) -> None:
    host, _, port = studio.address.removeprefix("http://").partition(":")
    for path, header, value, reason in [
        ("queue/join", "Content-Length", "5000000", "This request is longer than 4,194,304 bytes"),
        ("queue/join", "Transfer-Encoding", "chunked", "This request does not say how long it is"),
        ("upload", "Content-Length", "230000000", "This request is longer than 220,200,960 bytes"),
    ]:
        connection = http.client.HTTPConnection(host, int(port), timeout=30)
        connection.putrequest("POST", f"/gradio_api/{path}")
        connection.putheader(header, value)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == 413
        assert reason in answer.read().decode()
        connection.close()


@pytest.mark.parametrize(
    "path",
    [
        "component_server",
        "component_server/",  # would keep any number of bytes
        "api/on_upload",
        "process_recording",
        "vibe-edit/",
        "file=https://example.org/x.png",  # would fetch another website
        "file=HTTPS://example.org/x.png",
        "proxy=https://example.org/x.png",
    ],
)
def test_addresses_that_the_page_does_not_use_are_refused(path, studio) -> None:
    body = None if "=" in path else {"fn_name": "accept_blobs", "data": []}
    assert request(studio, f"/gradio_api/{path}", body) == (403, "This page does not use this address.")


def test_only_files_of_the_folder_are_served(studio, tmp_path) -> None:
    secret = tmp_path / "secret.png"
    Image.new("RGB", (9, 9), "red").save(secret)
    studio.output.mkdir(exist_ok=True)
    Image.new("RGB", (9, 9), "red").save(studio.output / "shown.png")
    for path in ("/etc/passwd", str(secret), f"{studio.output}/../secret.png", os.path.relpath(secret)):
        status, text = request(studio, f"/gradio_api/file={path}")
        assert status in (403, 404), path
        assert "root:" not in text
    assert request(studio, f"/gradio_api/file={studio.output / 'shown.png'}")[0] == 200
    (studio.output / "shown.png").unlink()
    (studio.output / "photographs").mkdir(exist_ok=True)
    private = studio.output / "photographs" / "private.png"
    Image.new("RGB", (9, 9), "red").save(private)
    assert request(studio, f"/gradio_api/file={private}")[0] == 403


def call(studio: Studio, name: str, data: list[Any]) -> str:
    """Call a function of the page with any data, as an attacker would, and return the events that it answers."""
    _, text = request(studio, f"/gradio_api/call/{name}", {"data": data})
    event = json.loads(text).get("event_id") if text.startswith("{") else None
    return text if event is None else request(studio, f"/gradio_api/call/{name}/{event}")[1]


def test_no_path_in_a_request_reaches_the_file_system(studio, cup, tmp_path) -> None:
    outside = tmp_path / "outside.png"
    outside.write_bytes(Path(cup).read_bytes())
    before = len(studio.pictures())
    meta = {"meta": {"_type": "gradio.FileData"}}
    for picture in (
        {"path": str(outside), **meta},
        {"path": str(outside)},
        {"path": str(outside), "meta": {"_type": "other"}},
        {"path": f"{studio.address}/x.png", **meta, "is_stream": True},
        {"path": f"{studio.address}/x.png", **meta},
        {"path": f"/tmp/gradio/../../{outside}", **meta},
        {"path": "\0", **meta},
        {"path": ["x"], **meta},
    ):
        body = {"data": [picture], "fn_index": 0, "session_hash": "x"}
        for kind in ("text/plain", "", "Application/JSON"):
            assert request(studio, "/gradio_api/queue/join", body, Content_Type=kind)[0] == 403
        for name in ("on_upload", "on_drop", "run"):
            assert (
                call(studio, name, [picture]) == "This request names a file that was not uploaded, so it was refused."
            )
        assert call(studio, "run", [{"deep": [[{"painting": picture}]]}]).startswith("This request names a file")
    assert len(studio.pictures()) == before


@pytest.mark.parametrize("control", [upload_control(), file_control()])
def test_controls_return_only_paths_of_uploads(control, cup, tmp_path, monkeypatch) -> None:
    """A page that is mounted in another application has no guard."""
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path / "uploads"))
    uploaded = tmp_path / "uploads" / "a" / "cup.png"
    uploaded.parent.mkdir(parents=True)
    uploaded.write_bytes(Path(cup).read_bytes())
    again = type(control)(**control.constructor_args)  # gradio does this at each update
    for one in (control, again):
        assert one.preprocess(ImageData(path=str(uploaded))) == str(uploaded)
        for path in (str(cup), f"{uploaded.parent}/../../uploads.png", "http://127.0.0.1/x.png", "\0", None):
            assert one.preprocess(ImageData(path=path)) is None
    (tmp_path / "uploads" / "link.png").symlink_to(cup)
    assert control.preprocess(ImageData(path=str(tmp_path / "uploads" / "link.png"))) is None


def test_the_page_in_another_application_hides_the_photographs(cup, tmp_path) -> None:
    """The example in docs/studio.md works as it is written."""
    text = (Path(__file__).parents[2] / "docs" / "studio.md").read_text("utf-8")
    (example,) = [block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "mount_gradio_app" in block]
    asked = """
from fastapi.testclient import TestClient
with TestClient(app) as client:
    for path in ("", "gradio_api/file=pictures/shown.png", "gradio_api/file=pictures/photographs/private.png"):
        print(client.get(f"/dream/{path}").status_code)
"""
    (tmp_path / "pictures" / "photographs").mkdir(parents=True)
    for name in ("shown.png", "photographs/private.png"):
        (tmp_path / "pictures" / name).write_bytes(Path(cup).read_bytes())
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", example + asked],
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
    )
    assert done.stdout.split() == ["200", "200", "403"]
