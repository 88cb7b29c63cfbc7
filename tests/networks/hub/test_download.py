from __future__ import annotations

import hashlib
import os
import random
import re
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest

from inceptionism import web as internet
from inceptionism.errors import CannotDownload, CannotWrite, InvalidSetting
from inceptionism.networks.hub import download as module
from inceptionism.networks.hub.download import download, verify
from inceptionism.networks.hub.remote_file import RemoteFile
from tests.support.waiting import wait_until
from tests.support.web_server import Answer, Web, send, send_whole

CONTENT = random.Random(0).randbytes(3_000_000)
HALF = len(CONTENT) // 2
OTHER = random.Random(1).randbytes(len(CONTENT))

whole = partial(send_whole, content=CONTENT)
"""Answer with the complete content, whatever range is requested."""


def ranged(handler: BaseHTTPRequestHandler, content: bytes = CONTENT, upto: int | None = None) -> None:
    """Send the requested range, but close the connection before the byte `upto`."""
    size = len(content)
    if not (requested := re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")):
        send(handler, 200, content[:upto], Content_Length=size)
    elif (start := int(requested[1])) < size:
        where = f"bytes {start}-{size - 1}/{size}"
        send(handler, 206, content[start:upto], Content_Range=where, Content_Length=size - start)
    else:
        send(handler, 416, b"", Content_Range=f"bytes */{size}", Content_Length=0)


def unmeasured(handler: BaseHTTPRequestHandler, content: bytes = CONTENT, **headers: str) -> None:
    """Send the content without its length, as in HTTP/1.0."""
    send(handler, 200, content, **headers)


def status(code: int, **headers: str) -> Answer:
    return partial(send, status=code, body=b"sorry", Content_Length=5, **headers)


def remote_file(*urls: str, size: int | None = len(CONTENT), content: bytes = CONTENT) -> RemoteFile:
    return RemoteFile("net.bin", urls, size, f"sha256:{hashlib.sha256(content).hexdigest()}")


def write_part(folder: Path, content: bytes = CONTENT[:HALF]) -> None:
    """Write the file that an interrupted download leaves."""
    (folder / "net.bin.part").write_bytes(content)


def check_success(file: RemoteFile, folder: Path, before: bytes | None = None) -> list[str]:
    """Check that `download` writes the right file and nothing else; return the reported messages.

    Until the file is complete, the folder has no file of this name, or the one with the content `before`.
    """
    messages: list[str] = []

    def watch(done: int, total: int | None) -> None:
        assert (folder / "net.bin").read_bytes() == before if before else not (folder / "net.bin").exists()

    assert download(file, folder, progress=watch, report=messages.append) == folder / "net.bin"
    assert (folder / "net.bin").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["net.bin"]
    return messages


def check_failure(file: RemoteFile, folder: Path) -> str:
    """Check that all sources fail and are reported, and that no file is written; return the error's message."""
    messages: list[str] = []
    with pytest.raises(CannotDownload) as caught:
        download(file, folder, report=messages.append)
    assert not (folder / "net.bin").exists()
    for url in file.urls:
        assert any(message.startswith(f"{url}: ") and message[len(url) :] for message in messages)
        assert f"{url}: " in str(caught.value)
    assert messages[-1].endswith("; there is no other source")
    return str(caught.value)


def test_a_file_is_downloaded_once_with_its_progress(web: Web, tmp_path) -> None:
    file, folder, calls = remote_file(web.serve("x", whole)), tmp_path / "new" / "folder", []
    path = download(file, folder, progress=lambda *counts: calls.append(counts))
    assert path == folder / "net.bin"
    assert path.read_bytes() == CONTENT
    done = [received for received, _ in calls]
    assert (done[0], done[-1]) == (0, len(CONTENT))
    assert done == sorted(done)
    assert {total for _, total in calls} == {len(CONTENT)}
    assert download(file, folder) == path
    assert web.requests == [("/x", None)]


def test_an_existing_file_with_a_wrong_checksum_is_reported_and_replaced(web: Web, tmp_path) -> None:
    (tmp_path / "net.bin").write_bytes(OTHER)
    digits = hashlib.sha256(CONTENT).hexdigest()
    assert check_success(remote_file(web.serve("x", whole)), tmp_path, before=OTHER) == [
        f"{tmp_path / 'net.bin'} has a wrong checksum, so it is not net.bin (3000000 bytes, SHA-256 {digits}); "
        "it is downloaded again"
    ]


@pytest.mark.parametrize("size", [len(CONTENT), None])
@pytest.mark.parametrize("answer", [ranged, whole, unmeasured])
def test_an_interrupted_download_is_resumed(web: Web, tmp_path, size: int | None, answer: Answer) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done >= HALF:
            raise KeyboardInterrupt

    file = remote_file(web.serve("x", whole, answer), size=size)
    with pytest.raises(KeyboardInterrupt):
        download(file, tmp_path, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["net.bin.part"]
    kept = (tmp_path / "net.bin.part").stat().st_size
    assert kept >= HALF
    counts: list[int] = []
    download(file, tmp_path, progress=lambda done, total: counts.append(done))
    assert (tmp_path / "net.bin").read_bytes() == CONTENT
    assert web.requests == [("/x", None), ("/x", f"bytes={kept}-")]
    assert counts[0] == (kept if answer is ranged else 0)
    assert counts[-1] == len(CONTENT)


def test_a_killed_download_is_resumed(web: Web, tmp_path) -> None:
    killed = threading.Event()

    def half(handler: BaseHTTPRequestHandler) -> None:
        ranged(handler, upto=HALF)
        killed.wait(20)

    file = remote_file(web.serve("x", half, ranged))
    imports = "from inceptionism.networks.hub.download import *; from pathlib import Path; import sys"
    script = f"{imports}; download({file!r}, Path(sys.argv[1])); assert 'torch' not in sys.modules"
    part = tmp_path / "net.bin.part"
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) as process:
        wait_until(lambda: part.exists() and part.stat().st_size > HALF - 10_000)
        process.send_signal(signal.SIGKILL)
    killed.set()
    assert not (tmp_path / "net.bin").exists()
    kept = part.stat().st_size
    assert check_success(file, tmp_path) == []
    assert web.requests[1:] == [("/x", f"bytes={kept}-")]
    web.requests.clear()
    (tmp_path / "net.bin").unlink()
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert web.requests == [("/x", None)]


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_complete_part_is_kept(web: Web, tmp_path, size: int | None) -> None:
    write_part(tmp_path, CONTENT)
    assert check_success(remote_file(web.serve("x", ranged), size=size), tmp_path) == []
    assert web.requests == ([] if size else [("/x", f"bytes={len(CONTENT)}-")])


@pytest.mark.parametrize("size", [len(CONTENT), None])
@pytest.mark.parametrize("part", [OTHER[:HALF], OTHER, CONTENT + b"more"])
def test_a_part_of_another_file_is_downloaded_again(web: Web, tmp_path, size: int | None, part: bytes) -> None:
    write_part(tmp_path, part)
    assert check_success(remote_file(web.serve("x", ranged), size=size), tmp_path) == []
    assert web.requests[-1] == ("/x", None)
    assert len(web.requests) <= 2


def test_a_source_with_another_file_is_tried_from_the_beginning_once(web: Web, tmp_path) -> None:
    write_part(tmp_path)
    url = web.serve("x", partial(ranged, content=OTHER))
    assert f"{url}: it sends a file with the wrong checksum" in check_failure(remote_file(url), tmp_path)
    assert web.requests == [("/x", f"bytes={HALF}-"), ("/x", None)]
    assert not list(tmp_path.iterdir())


def test_a_file_of_zero_bytes_is_refused_if_the_source_sends_more(web: Web, tmp_path) -> None:
    url = web.serve("x", ranged)
    message = check_failure(remote_file(url, size=0), tmp_path)
    assert f"{url}: its file has {len(CONTENT)} bytes, not 0" in message


def test_the_next_source_is_tried_after_each_failure(web: Web, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(internet, "STALL", 0.2)
    given_up = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        given_up.wait(20)

    def garbage(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(b"\x1b[2Jwhat?\r\n\r\n")

    with socket.create_server(("127.0.0.1", 0)) as unused:
        dead = f"http://127.0.0.1:{unused.getsockname()[1]}/dead"
    page = b"<html>Please log in</html>"
    cases = {
        dead: "Connection refused",
        web.serve("gone", status(404)): "HTTP 404",
        web.serve("busy", status(503)): "HTTP 503",
        web.serve("stall", stall): "it sent nothing for 0.2 seconds",
        web.serve("page", partial(whole, content=page, Content_Type="text/html")): f"its file has {len(page)} bytes",
        web.serve("stream", partial(unmeasured, content=page, Content_Type="text/html")): "it sends a web page",
        web.serve("short", partial(whole, content=CONTENT[:-1])): f"its file has {len(CONTENT) - 1} bytes, not",
        web.serve("long", partial(whole, content=CONTENT + b"!")): f"its file has {len(CONTENT) + 1} bytes, not",
        web.serve("wrong", partial(whole, content=OTHER)): "it sends a file with the wrong checksum",
        web.serve("empty", partial(unmeasured, content=b"")): "the connection closed after 0 bytes",
        web.serve("created", status(201)): "HTTP 201, without the requested bytes from 0 on",
        web.serve("elsewhere", status(206, Content_Range="bytes 7-11/12")): "HTTP 206, without the requested bytes",
        web.serve("garbage", garbage): r"\x1b[2Jwhat?",
        web.serve("loop", status(302, Location="/loop")): "HTTP 302 to '/loop', which is not followed",
        web.serve("lost", status(302)): "HTTP 302 to None, which is not followed",
        web.serve("local", status(302, Location=tmp_path.as_uri())): f"HTTP 302 to '{tmp_path.as_uri()}', which is",
        web.serve("inline", status(302, Location="data:,hello")): "HTTP 302 to 'data:,hello', which is not followed",
        web.serve("old", status(302, Location="ftp://127.0.0.1/x")): "unknown url type: ftp",
        web.serve("bad", status(302, Location="http://[bad/x")): "Invalid IPv6 URL",
        web.serve("number", status(302, Location="http://127.0.0.1:x/")): "nonnumeric port: 'x'",
        tmp_path.as_uri(): "only http and https are supported",
        "ftp://127.0.0.1/x": "only http and https are supported",
        "net.bin": "only http and https are supported",
    }
    messages = check_success(remote_file(*cases, web.serve("good", ranged)), tmp_path)
    given_up.set()
    assert len(messages) == len(cases)
    for message, (url, reason) in zip(messages, cases.items(), strict=True):
        assert message.startswith(f"{url}: {reason}")
        assert message.endswith("; trying the next source")
        assert message.isprintable()


def test_the_error_names_all_sources(web: Web, tmp_path) -> None:
    gone, wrong = web.serve("gone", status(404)), web.serve("wrong", partial(whole, content=OTHER))
    message = check_failure(remote_file(gone, wrong), tmp_path)
    assert message == (
        f"net.bin cannot be downloaded ({gone}: HTTP 404; {wrong}: it sends a file with the wrong checksum)"
    )
    with pytest.raises(CannotDownload, match="no source is known"):
        download(remote_file(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_part_is_kept_when_sources_have_another_file(web: Web, tmp_path) -> None:
    write_part(tmp_path)
    page = partial(whole, content=b"<html>", Content_Type="text/html")
    check_failure(remote_file(web.serve("page", page), web.serve("gone", status(404))), tmp_path)
    assert (tmp_path / "net.bin.part").read_bytes() == CONTENT[:HALF]


def test_an_endless_response_is_cut_off(web: Web, tmp_path) -> None:
    stopped = threading.Event()
    sent = 0

    def endless(handler: BaseHTTPRequestHandler) -> None:
        nonlocal sent
        handler.send_response(200)
        handler.end_headers()
        try:
            while sent < 10**9:
                sent += handler.wfile.write(CONTENT)
        finally:
            stopped.set()

    url = web.serve("x", endless)
    assert f"{url}: it sends more than the expected {len(CONTENT)} bytes" in check_failure(remote_file(url), tmp_path)
    assert stopped.wait(20)
    assert sent < 30 * len(CONTENT)  # the system buffers some of it
    assert not list(tmp_path.iterdir())


def drip(handler: BaseHTTPRequestHandler) -> None:
    """Send one byte of the content every 50 ms."""
    handler.send_response(200)
    handler.end_headers()
    for byte in CONTENT:
        handler.wfile.write(bytes([byte]))
        time.sleep(0.05)


@pytest.mark.parametrize("beginning", [b"HTTP/1.1 200 OK\r\n", b""])
def test_a_source_that_sends_its_headers_byte_by_byte_is_given_up(web: Web, tmp_path, monkeypatch, beginning) -> None:
    monkeypatch.setattr(internet, "HEADER_SECONDS", 0.5)
    ended = threading.Event()

    def drip_headers(handler: BaseHTTPRequestHandler) -> None:
        handler.wfile.write(beginning)
        with suppress(OSError):
            while True:
                handler.wfile.write(b"x")
                time.sleep(0.05)
        ended.set()

    slow, fast = web.serve("slow", drip_headers), web.serve("fast", whole)
    reports: list[str] = []
    assert download(remote_file(slow, fast), tmp_path, report=reports.append).read_bytes() == CONTENT
    reason = "it did not send the beginning of its answer within 0.5 seconds"
    assert reports == [f"{slow}: {reason}; trying the next source"]
    wait_until(ended.is_set)
    assert not [thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)]


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_source_that_sends_a_few_bytes_a_second_is_given_up(
    web: Web, tmp_path, monkeypatch, size: int | None
) -> None:
    monkeypatch.setattr(internet, "WINDOW", 0.5)
    monkeypatch.setattr(internet, "MIN_WINDOW_BYTES", 1000)
    slow, fast = web.serve("slow", drip), web.serve("fast", whole)
    reports: list[str] = []
    file = remote_file(slow, fast, size=size)
    assert download(file, tmp_path, report=reports.append).read_bytes() == CONTENT
    assert re.fullmatch(rf"{slow}: it sent only [0-9]+ bytes in 0.5 seconds; trying the next source", reports[0])


@pytest.mark.parametrize("headers", [{}, {"Content_Length": len(CONTENT)}])
def test_a_file_of_unknown_size_has_a_limit(web: Web, tmp_path, monkeypatch, headers: dict[str, int]) -> None:
    monkeypatch.setattr(module, "MAX_BYTES", 2_000_000)
    url = web.serve("net", lambda handler: send(handler, 200, CONTENT, **headers))
    reason = (
        "its file has 3000000 bytes, more than the limit of 2000000" if headers else "more than the limit of 2000000"
    )
    with pytest.raises(CannotDownload, match=reason):
        download(remote_file(url, size=None), tmp_path)
    assert sum(path.stat().st_size for path in tmp_path.iterdir()) <= 2_000_000


def test_a_closed_connection_is_resumed(web: Web, tmp_path) -> None:
    cuts = [500_000, 1_000_000, 2_000_000]
    url = web.serve("x", *(partial(ranged, upto=cut) for cut in cuts), ranged)
    assert check_success(remote_file(url), tmp_path) == [
        f"{url}: the connection closed after {cut} bytes; trying again" for cut in cuts
    ]
    assert web.requests == [("/x", None), *(("/x", f"bytes={cut}-") for cut in cuts)]


def test_a_closed_connection_is_resumed_at_the_next_source(web: Web, tmp_path) -> None:
    first, second = web.serve("first", partial(ranged, upto=HALF), ranged), web.serve("second", status(503))
    messages = check_success(remote_file(first, second), tmp_path)
    assert messages == [
        f"{first}: the connection closed after {HALF} bytes; trying the next source",
        f"{second}: HTTP 503; trying the next source",
    ]
    assert web.requests == [("/first", None), ("/second", f"bytes={HALF}-"), ("/first", f"bytes={HALF}-")]


def test_a_connection_that_always_closes_is_given_up(web: Web, tmp_path) -> None:
    url = web.serve("x", partial(ranged, upto=HALF))
    assert f"{url}: the connection closed after {HALF} bytes" in check_failure(remote_file(url), tmp_path)
    assert len(web.requests) == 2  # the second time, no bytes arrived
    assert (tmp_path / "net.bin.part").read_bytes() == CONTENT[:HALF]
    web.requests.clear()
    (tmp_path / "net.bin.part").unlink()
    url = web.serve("x", *(partial(ranged, upto=1000 * cut) for cut in range(1, 100)))
    check_failure(remote_file(url), tmp_path)
    assert len(web.requests) == 1 + module.MAX_RETRIES


def test_a_source_that_stalls_in_the_middle_is_resumed(web: Web, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(internet, "STALL", 0.2)
    given_up = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        ranged(handler, upto=HALF)
        given_up.wait(20)

    url = web.serve("x", stall, ranged)
    assert check_success(remote_file(url), tmp_path) == [
        f"{url}: it sent nothing for 0.2 seconds after {HALF} bytes; trying again"
    ]
    given_up.set()
    assert web.requests == [("/x", None), ("/x", f"bytes={HALF}-")]


def test_simultaneous_downloads_fetch_a_file_once(web: Web, tmp_path) -> None:
    waiting = threading.Event()

    def patient(handler: BaseHTTPRequestHandler) -> None:
        waiting.wait(20)
        ranged(handler)

    file, messages, paths = remote_file(web.serve("x", patient)), [], []

    def report(message: str) -> None:
        messages.append(message)
        waiting.set()

    threads = [threading.Thread(target=lambda: paths.append(download(file, tmp_path, report=report))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paths == [tmp_path / "net.bin"] * 3
    assert check_success(file, tmp_path) == []
    assert set(messages) == {"another program is downloading net.bin; waiting for it"}
    assert web.requests == [("/x", None)]


def test_a_waiting_download_resumes_an_interrupted_one(web: Web, tmp_path) -> None:
    waiting = threading.Event()

    def interrupt(done: int, total: int | None) -> None:
        if done >= HALF:
            waiting.wait(20)
            raise KeyboardInterrupt

    file = remote_file(web.serve("x", ranged))
    other = threading.Thread(target=download, args=(file, tmp_path), kwargs={"report": lambda message: waiting.set()})

    def begin(done: int, total: int | None) -> None:
        if not other.ident:
            other.start()
        interrupt(done, total)

    with pytest.raises(KeyboardInterrupt):
        download(file, tmp_path, progress=begin)
    other.join()
    assert check_success(file, tmp_path) == []
    assert re.fullmatch(r"bytes=\d{7}-", web.requests[1][1] or "")


def test_a_download_that_starts_after_a_failure_waits_too(web: Web, tmp_path) -> None:
    waiting, waiting_too = threading.Event(), threading.Event()

    def fail(handler: BaseHTTPRequestHandler) -> None:
        second.start()
        waiting.wait(20)
        status(404)(handler)

    def patient(handler: BaseHTTPRequestHandler) -> None:
        third.start()
        waiting_too.wait(20)
        ranged(handler)

    file = remote_file(web.serve("x", fail, patient, ranged))
    second, third = (
        threading.Thread(target=download, args=(file, tmp_path), kwargs={"report": lambda _, event=event: event.set()})
        for event in (waiting, waiting_too)
    )
    with pytest.raises(CannotDownload):  # the first removes the empty part, which the second has already opened
        download(file, tmp_path)
    second.join()
    third.join()
    assert check_success(file, tmp_path) == []
    assert len(web.requests) == 2


def test_a_download_ends_although_the_connection_stays_open(web: Web, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(internet, "STALL", 0.5)
    done = threading.Event()

    def linger(handler: BaseHTTPRequestHandler) -> None:
        whole(handler)
        done.wait(20)

    assert check_success(remote_file(web.serve("x", linger)), tmp_path) == []
    done.set()


def test_a_path_that_cannot_be_written_is_reported(web: Web, tmp_path) -> None:
    file = remote_file(web.serve("x", ranged))
    (tmp_path / "file").touch()
    (tmp_path / "taken" / "net.bin").mkdir(parents=True)
    (tmp_path / "part" / "net.bin.part").mkdir(parents=True)
    for path, reason in {
        "file": "File exists",
        "taken/net.bin": "Is a directory",
        "part/net.bin.part": "Is a directory",
    }.items():
        with pytest.raises(CannotWrite) as caught:
            download(file, tmp_path / path.partition("/")[0])
        assert str(caught.value) == f"{tmp_path / path} cannot be written: {reason}"
    assert not web.requests


@pytest.mark.skipif(os.geteuid() == 0, reason="needs a user other than root, because root can write to every folder")
def test_a_folder_that_is_not_writable_is_reported(web: Web, tmp_path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CannotWrite, match="cannot be written: Permission denied"):
        download(remote_file(web.serve("x", ranged)), tmp_path)


def test_a_full_disk_is_reported_and_the_part_is_kept(web: Web, tmp_path) -> None:
    file = remote_file(web.serve("x", ranged))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, before[1]))
    try:
        with pytest.raises(CannotWrite, match=f"{tmp_path / 'net.bin'} cannot be written: File too large"):
            download(file, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["net.bin.part"]
    assert check_success(file, tmp_path) == []
    assert web.requests == [("/x", None), ("/x", f"bytes={HALF}-")]


def test_redirects_and_proxies_are_followed_for_http_only(web: Web, tmp_path, monkeypatch) -> None:
    proxy = web.serve("", whole).rstrip("/")
    for name in ("http_proxy", "ftp_proxy"):
        monkeypatch.setenv(name, proxy)
    web.answers["http://nowhere.invalid/x"] = [status(302, Location="ftp://nowhere.invalid/y")]
    web.answers["http://nowhere.invalid/y"] = [status(302, Location="http://nowhere.invalid/z")]
    web.answers["http://nowhere.invalid/z"] = [ranged]
    write_part(tmp_path)
    messages = check_success(remote_file("http://nowhere.invalid/x", "http://nowhere.invalid/y"), tmp_path)
    assert messages == ["http://nowhere.invalid/x: unknown url type: ftp; trying the next source"]
    assert web.requests == [(f"http://nowhere.invalid/{name}", f"bytes={HALF}-") for name in "xyz"]


@pytest.mark.parametrize("algorithm", ["sha1", "sha384"])
def test_another_published_checksum_is_accepted(web: Web, tmp_path, algorithm: str) -> None:
    checksum = f"{algorithm}:{hashlib.new(algorithm, CONTENT).hexdigest()}"
    file = RemoteFile("net.bin", (web.serve("x", ranged),), None, checksum)
    assert check_success(file, tmp_path) == []
    assert verify(tmp_path / "net.bin", checksum)
    (tmp_path / "net.bin").write_bytes(OTHER)
    assert not verify(tmp_path / "net.bin", checksum)


def test_a_file_without_a_published_checksum_is_never_resumed(web: Web, tmp_path) -> None:
    write_part(tmp_path, OTHER[:HALF])
    file = RemoteFile("net.bin", (web.serve("x", ranged),), None, None)
    assert str(file) == "net.bin (no published checksum)"
    assert check_success(file, tmp_path) == []
    assert web.requests == [("/x", None)]
    (tmp_path / "net.bin").write_bytes(OTHER)  # a file that the user has put there is kept
    assert download(file, tmp_path).read_bytes() == OTHER


def test_a_file_without_a_checksum_comes_only_from_a_source_that_shows_its_end(web: Web, tmp_path) -> None:
    page = partial(whole, content=b"<html>", Content_Type="text/html")
    short = partial(send, status=200, body=CONTENT[:-1], Content_Length=len(CONTENT))
    urls = [web.serve("page", page), web.serve("stream", unmeasured), web.serve("short", short)]
    message = check_failure(RemoteFile("net.bin", tuple(urls), None, None), tmp_path)
    assert f"{urls[0]}: it sends a web page instead of the file" in message
    assert f"{urls[1]}: it does not say how long the file is" in message
    assert f"{urls[2]}: the connection closed after {len(CONTENT) - 1} bytes" in message


def test_invalid_descriptions_are_refused() -> None:
    valid = f"sha256:{'0' * 64}"
    for name in ("", ".", "..", "../x", "a/b", "a\\b", "C:x", ".hidden", "a\n", "a\0", "ä" * 128):
        with pytest.raises(InvalidSetting, match="name must consist of letters, digits and"):
            RemoteFile(name, (), None, valid)
    for checksum in ("", "0" * 64, "md5:" + "0" * 32, "sha1:" + "0" * 64, valid.upper(), valid + "\n"):
        with pytest.raises(
            InvalidSetting, match="checksum must be sha256: and 64 digits, sha384: and 96 digits or sha1:"
        ):
            RemoteFile("a-1.0_b+c.bin", (), None, checksum)
