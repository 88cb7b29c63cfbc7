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
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from inceptionism.errors import CannotDownload, CannotWrite, InvalidSetting
from inceptionism.networks.hub import download as module
from inceptionism.networks.hub.download import RemoteFile, download, verify

CONTENT = random.Random(0).randbytes(3_000_000)
HALF = len(CONTENT) // 2
OTHER = random.Random(1).randbytes(len(CONTENT))

Answer = Callable[[BaseHTTPRequestHandler], None]


class Web:
    """A server on this machine: what it answers, by path, in turn, and what it was asked for."""

    def __init__(self, server: ThreadingHTTPServer) -> None:
        self.server = server
        self.answers: dict[str, list[Answer]] = {}
        self.asked: list[tuple[str, str | None]] = []

    def serve(self, name: str, *answers: Answer) -> str:
        """Answer requests for `name` with each of `answers` in turn, and the last from then on; return the URL."""
        self.answers[f"/{name}"] = list(answers)
        return f"http://127.0.0.1:{self.server.server_port}/{name}"


@pytest.fixture
def web(monkeypatch) -> Iterator[Web]:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("no_proxy", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            web.asked.append((self.path, self.headers["Range"]))
            answers = web.answers[self.path]
            with suppress(OSError):  # whoever asked may have gone
                (answers.pop(0) if len(answers) > 1 else answers[0])(self)

        def log_message(self, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        web = Web(server)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield web
        server.shutdown()
        thread.join()


def send(handler: BaseHTTPRequestHandler, status: int, body: bytes, **headers: str | int) -> None:
    handler.send_response(status)
    for name, value in headers.items():
        handler.send_header(name.replace("_", "-"), str(value))
    handler.end_headers()
    handler.wfile.write(body)


def whole(handler: BaseHTTPRequestHandler, content: bytes = CONTENT, **headers: str) -> None:
    """Ignore what range was asked for."""
    send(handler, 200, content, Content_Length=len(content), **headers)


def ranged(handler: BaseHTTPRequestHandler, content: bytes = CONTENT, upto: int | None = None) -> None:
    """Answer as servers should, but break off before the byte `upto`."""
    size = len(content)
    if not (asked := re.fullmatch(r"bytes=(\d+)-", handler.headers["Range"] or "")):
        send(handler, 200, content[:upto], Content_Length=size)
    elif (start := int(asked[1])) < size:
        where = f"bytes {start}-{size - 1}/{size}"
        send(handler, 206, content[start:upto], Content_Range=where, Content_Length=size - start)
    else:
        send(handler, 416, b"", Content_Range=f"bytes */{size}", Content_Length=0)


def unmeasured(handler: BaseHTTPRequestHandler, content: bytes = CONTENT, **headers: str) -> None:
    """Say no length, as HTTP/1.0 did."""
    send(handler, 200, content, **headers)


def status(code: int, **headers: str) -> Answer:
    return partial(send, status=code, body=b"sorry", Content_Length=5, **headers)


def known_entries(*urls: str, size: int | None = len(CONTENT), content: bytes = CONTENT) -> RemoteFile:
    return RemoteFile("net.bin", urls, size, f"sha256:{hashlib.sha256(content).hexdigest()}")


def started(folder: Path, content: bytes = CONTENT[:HALF]) -> None:
    """Leave behind what an interrupted download does."""
    (folder / "net.bin.part").write_bytes(content)


def gets(file: RemoteFile, folder: Path) -> list[str]:
    """Assert that `download` gives the right file and leaves nothing else; return what it said."""
    said: list[str] = []

    def watch(done: int, total: int | None) -> None:
        assert not (folder / "net.bin").exists()

    assert download(file, folder, progress=watch, say=said.append) == folder / "net.bin"
    assert (folder / "net.bin").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["net.bin"]
    return said


def fails(file: RemoteFile, folder: Path) -> str:
    """Assert that no place gives the file and that none appears, and that all is said; return the error's sentence."""
    said: list[str] = []
    with pytest.raises(CannotDownload) as caught:
        download(file, folder, say=said.append)
    assert not (folder / "net.bin").exists()
    for url in file.urls:
        assert any(sentence.startswith(f"{url}: ") and sentence[len(url) :] for sentence in said)
        assert f"{url}: " in str(caught.value)
    assert said[-1].endswith("; no other place is left")
    assert "`dream networks add NAME FILE…`" in str(caught.value)
    return str(caught.value)


def test_a_file_is_downloaded_once_with_its_progress(web: Web, tmp_path) -> None:
    file, folder, seen = known_entries(web.serve("x", whole)), tmp_path / "new" / "folder", []
    path = download(file, folder, progress=lambda *of: seen.append(of))
    assert path == folder / "net.bin"
    assert path.read_bytes() == CONTENT
    done = [one for one, _ in seen]
    assert (done[0], done[-1]) == (0, len(CONTENT))
    assert done == sorted(done)
    assert {total for _, total in seen} == {len(CONTENT)}
    assert download(file, folder) == path
    assert web.asked == [("/x", None)]


def test_a_file_that_is_there_but_wrong_is_replaced(web: Web, tmp_path) -> None:
    (tmp_path / "net.bin").write_bytes(OTHER)
    download(known_entries(web.serve("x", whole)), tmp_path)
    assert (tmp_path / "net.bin").read_bytes() == CONTENT


@pytest.mark.parametrize("size", [len(CONTENT), None])
@pytest.mark.parametrize("answer", [ranged, whole, unmeasured])
def test_an_interrupted_download_goes_on(web: Web, tmp_path, size: int | None, answer: Answer) -> None:
    def interrupt(done: int, total: int | None) -> None:
        if done >= HALF:
            raise KeyboardInterrupt

    file = known_entries(web.serve("x", whole, answer), size=size)
    with pytest.raises(KeyboardInterrupt):
        download(file, tmp_path, progress=interrupt)
    assert [path.name for path in tmp_path.iterdir()] == ["net.bin.part"]
    kept = (tmp_path / "net.bin.part").stat().st_size
    assert kept >= HALF
    seen: list[int] = []
    download(file, tmp_path, progress=lambda done, total: seen.append(done))
    assert (tmp_path / "net.bin").read_bytes() == CONTENT
    assert web.asked == [("/x", None), ("/x", f"bytes={kept}-")]
    assert seen[0] == (kept if answer is ranged else 0)
    assert seen[-1] == len(CONTENT)


def test_a_killed_download_goes_on(web: Web, tmp_path) -> None:
    killed = threading.Event()

    def half(handler: BaseHTTPRequestHandler) -> None:
        ranged(handler, upto=HALF)
        killed.wait(20)

    file = known_entries(web.serve("x", half, ranged))
    names = "from inceptionism.networks.hub.download import *; from pathlib import Path; import sys"
    script = f"{names}; download({file!r}, Path(sys.argv[1])); assert 'torch' not in sys.modules"
    part = tmp_path / "net.bin.part"
    with subprocess.Popen([sys.executable, "-c", script, str(tmp_path)]) as process:
        wait_until(lambda: part.exists() and part.stat().st_size > HALF - 10_000)
        process.send_signal(signal.SIGKILL)
    killed.set()
    assert not (tmp_path / "net.bin").exists()
    kept = part.stat().st_size
    assert gets(file, tmp_path) == []
    assert web.asked[1:] == [("/x", f"bytes={kept}-")]
    web.asked.clear()
    (tmp_path / "net.bin").unlink()
    subprocess.run([sys.executable, "-c", script, str(tmp_path)], check=True)
    assert web.asked == [("/x", None)]


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_part_that_is_whole_is_taken_as_it_is(web: Web, tmp_path, size: int | None) -> None:
    started(tmp_path, CONTENT)
    assert gets(known_entries(web.serve("x", ranged), size=size), tmp_path) == []
    assert web.asked == ([] if size else [("/x", f"bytes={len(CONTENT)}-")])


@pytest.mark.parametrize("size", [len(CONTENT), None])
@pytest.mark.parametrize("part", [OTHER[:HALF], OTHER, CONTENT + b"more"])
def test_a_part_of_something_else_is_begun_anew(web: Web, tmp_path, size: int | None, part: bytes) -> None:
    started(tmp_path, part)
    assert gets(known_entries(web.serve("x", ranged), size=size), tmp_path) == []
    assert web.asked[-1] == ("/x", None)
    assert len(web.asked) <= 2


def test_a_place_whose_file_is_another_is_begun_anew_once(web: Web, tmp_path) -> None:
    started(tmp_path)
    url = web.serve("x", partial(ranged, content=OTHER))
    assert f"{url}: what it sends has the wrong checksum" in fails(known_entries(url), tmp_path)
    assert web.asked == [("/x", f"bytes={HALF}-"), ("/x", None)]
    assert not list(tmp_path.iterdir())


def test_each_failure_leads_to_the_next_place(web: Web, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "STALL", 0.2)
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
        web.serve("page", partial(whole, content=page, Content_Type="text/html")): f"it has {len(page)} bytes there",
        web.serve("stream", partial(unmeasured, content=page, Content_Type="text/html")): "it sends a web page",
        web.serve("short", partial(whole, content=CONTENT[:-1])): f"it has {len(CONTENT) - 1} bytes there, not",
        web.serve("long", partial(whole, content=CONTENT + b"!")): f"it has {len(CONTENT) + 1} bytes there, not",
        web.serve("wrong", partial(whole, content=OTHER)): "what it sends has the wrong checksum",
        web.serve("empty", partial(unmeasured, content=b"")): "it broke off after 0 bytes",
        web.serve("created", status(201)): "HTTP 201, which does not give the bytes from 0 on",
        web.serve("elsewhere", status(206, Content_Range="bytes 7-11/12")): "HTTP 206, which does not give the bytes",
        web.serve("garbage", garbage): r"\x1b[2Jwhat?",
        web.serve("loop", status(302, Location="/loop")): "HTTP 302, to '/loop', which is not followed",
        web.serve("lost", status(302)): "HTTP 302, to None, which is not followed",
        web.serve("local", status(302, Location=tmp_path.as_uri())): f"HTTP 302, to '{tmp_path.as_uri()}', which is",
        web.serve("inline", status(302, Location="data:,hello")): "HTTP 302, to 'data:,hello', which is not followed",
        web.serve("old", status(302, Location="ftp://127.0.0.1/x")): "unknown url type: ftp",
        web.serve("bad", status(302, Location="http://[bad/x")): "Invalid IPv6 URL",
        web.serve("number", status(302, Location="http://127.0.0.1:x/")): "nonnumeric port: 'x'",
        tmp_path.as_uri(): "only http and https are downloaded from",
        "ftp://127.0.0.1/x": "only http and https are downloaded from",
        "net.bin": "only http and https are downloaded from",
    }
    said = gets(known_entries(*cases, web.serve("good", ranged)), tmp_path)
    given_up.set()
    assert len(said) == len(cases)
    for sentence, (url, reason) in zip(said, cases.items(), strict=True):
        assert sentence.startswith(f"{url}: {reason}")
        assert sentence.endswith("; trying the next place")
        assert sentence.isprintable()


def test_when_all_places_fail_each_is_named(web: Web, tmp_path) -> None:
    gone, wrong = web.serve("gone", status(404)), web.serve("wrong", partial(whole, content=OTHER))
    sentence = fails(known_entries(gone, wrong), tmp_path)
    assert sentence == (
        f"net.bin cannot be downloaded ({gone}: HTTP 404; {wrong}: what it sends has the wrong checksum); "
        "fetch it by other means and give it to `dream networks add NAME FILE…`"
    )
    with pytest.raises(CannotDownload, match="no place is known that has it"):
        download(known_entries(), tmp_path)
    assert not list(tmp_path.iterdir())


def test_a_part_outlives_places_that_have_something_else(web: Web, tmp_path) -> None:
    started(tmp_path)
    page = partial(whole, content=b"<html>", Content_Type="text/html")
    fails(known_entries(web.serve("page", page), web.serve("gone", status(404))), tmp_path)
    assert (tmp_path / "net.bin.part").read_bytes() == CONTENT[:HALF]


def test_no_more_is_read_than_the_file_has(web: Web, tmp_path) -> None:
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
    assert f"{url}: it sends more than the {len(CONTENT)} bytes" in fails(known_entries(url), tmp_path)
    assert stopped.wait(20)
    assert sent < 30 * len(CONTENT)  # what the system holds on the way
    assert not list(tmp_path.iterdir())


def test_a_connection_that_drops_is_taken_up_again(web: Web, tmp_path) -> None:
    cuts = [500_000, 1_000_000, 2_000_000]
    url = web.serve("x", *(partial(ranged, upto=cut) for cut in cuts), ranged)
    assert gets(known_entries(url), tmp_path) == [
        f"{url}: it broke off after {cut} bytes; trying again" for cut in cuts
    ]
    assert web.asked == [("/x", None), *(("/x", f"bytes={cut}-") for cut in cuts)]


def test_a_connection_that_drops_goes_on_at_the_next_place(web: Web, tmp_path) -> None:
    first, second = web.serve("first", partial(ranged, upto=HALF), ranged), web.serve("second", status(503))
    said = gets(known_entries(first, second), tmp_path)
    assert said == [
        f"{first}: it broke off after {HALF} bytes; trying the next place",
        f"{second}: HTTP 503; trying the next place",
    ]
    assert web.asked == [("/first", None), ("/second", f"bytes={HALF}-"), ("/first", f"bytes={HALF}-")]


def test_a_connection_that_always_drops_is_given_up(web: Web, tmp_path) -> None:
    url = web.serve("x", partial(ranged, upto=HALF))
    assert f"{url}: it broke off after {HALF} bytes" in fails(known_entries(url), tmp_path)
    assert len(web.asked) == 2  # the second time, nothing arrived
    assert (tmp_path / "net.bin.part").read_bytes() == CONTENT[:HALF]
    web.asked.clear()
    (tmp_path / "net.bin.part").unlink()
    url = web.serve("x", *(partial(ranged, upto=1000 * cut) for cut in range(1, 100)))
    fails(known_entries(url), tmp_path)
    assert len(web.asked) == 1 + module.RETRIES


def test_a_place_that_stalls_midway_is_asked_for_the_rest(web: Web, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "STALL", 0.2)
    given_up = threading.Event()

    def stall(handler: BaseHTTPRequestHandler) -> None:
        ranged(handler, upto=HALF)
        given_up.wait(20)

    url = web.serve("x", stall, ranged)
    assert gets(known_entries(url), tmp_path) == [
        f"{url}: it sent nothing for 0.2 seconds after {HALF} bytes; trying again"
    ]
    given_up.set()
    assert web.asked == [("/x", None), ("/x", f"bytes={HALF}-")]


def test_two_at_once_download_a_file_once(web: Web, tmp_path) -> None:
    waiting = threading.Event()

    def patient(handler: BaseHTTPRequestHandler) -> None:
        waiting.wait(20)
        ranged(handler)

    file, said, paths = known_entries(web.serve("x", patient)), [], []

    def say(sentence: str) -> None:
        said.append(sentence)
        waiting.set()

    threads = [threading.Thread(target=lambda: paths.append(download(file, tmp_path, say=say))) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert paths == [tmp_path / "net.bin"] * 3
    assert gets(file, tmp_path) == []
    assert set(said) == {"another program is downloading net.bin; waiting for it"}
    assert web.asked == [("/x", None)]


def test_who_waits_goes_on_where_the_other_was_interrupted(web: Web, tmp_path) -> None:
    waiting = threading.Event()

    def interrupt(done: int, total: int | None) -> None:
        if done >= HALF:
            waiting.wait(20)
            raise KeyboardInterrupt

    file = known_entries(web.serve("x", ranged))
    other = threading.Thread(target=download, args=(file, tmp_path), kwargs={"say": lambda sentence: waiting.set()})

    def begin(done: int, total: int | None) -> None:
        if not other.ident:
            other.start()
        interrupt(done, total)

    with pytest.raises(KeyboardInterrupt):
        download(file, tmp_path, progress=begin)
    other.join()
    assert gets(file, tmp_path) == []
    assert re.fullmatch(r"bytes=\d{7}-", web.asked[1][1] or "")


def test_who_comes_after_a_failure_waits_too(web: Web, tmp_path) -> None:
    waiting, waiting_too = threading.Event(), threading.Event()

    def fail(handler: BaseHTTPRequestHandler) -> None:
        second.start()
        waiting.wait(20)
        status(404)(handler)

    def patient(handler: BaseHTTPRequestHandler) -> None:
        third.start()
        waiting_too.wait(20)
        ranged(handler)

    file = known_entries(web.serve("x", fail, patient, ranged))
    second, third = (
        threading.Thread(target=download, args=(file, tmp_path), kwargs={"say": lambda sentence, then=then: then.set()})
        for then in (waiting, waiting_too)
    )
    with pytest.raises(CannotDownload):  # and removes the empty part, which the second has open by then
        download(file, tmp_path)
    second.join()
    third.join()
    assert gets(file, tmp_path) == []
    assert len(web.asked) == 2


def test_a_connection_that_stays_open_is_not_waited_for(web: Web, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(module, "STALL", 0.5)
    done = threading.Event()

    def linger(handler: BaseHTTPRequestHandler) -> None:
        whole(handler)
        done.wait(20)

    assert gets(known_entries(web.serve("x", linger)), tmp_path) == []
    done.set()


def test_what_cannot_be_written_is_said(web: Web, tmp_path) -> None:
    file = known_entries(web.serve("x", ranged))
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
    assert not web.asked


@pytest.mark.skipif(os.geteuid() == 0, reason="permissions do not bind the superuser")
def test_a_folder_that_is_not_writable_is_said(web: Web, tmp_path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(CannotWrite, match="cannot be written: Permission denied"):
        download(known_entries(web.serve("x", ranged)), tmp_path)


def test_a_full_disk_is_said_and_what_fitted_is_kept(web: Web, tmp_path) -> None:
    file = known_entries(web.serve("x", ranged))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (HALF, before[1]))
    try:
        with pytest.raises(CannotWrite, match=f"{tmp_path / 'net.bin'} cannot be written: File too large"):
            download(file, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert [path.name for path in tmp_path.iterdir()] == ["net.bin.part"]
    assert gets(file, tmp_path) == []
    assert web.asked == [("/x", None), ("/x", f"bytes={HALF}-")]


def test_redirects_and_proxies_are_followed_but_for_the_web_alone(web: Web, tmp_path, monkeypatch) -> None:
    proxy = web.serve("", whole).rstrip("/")
    for name in ("http_proxy", "ftp_proxy"):
        monkeypatch.setenv(name, proxy)
    web.answers["http://nowhere.invalid/x"] = [status(302, Location="ftp://nowhere.invalid/y")]
    web.answers["http://nowhere.invalid/y"] = [status(302, Location="http://nowhere.invalid/z")]
    web.answers["http://nowhere.invalid/z"] = [ranged]
    started(tmp_path)
    said = gets(known_entries("http://nowhere.invalid/x", "http://nowhere.invalid/y"), tmp_path)
    assert said == ["http://nowhere.invalid/x: unknown url type: ftp; trying the next place"]
    assert web.asked == [(f"http://nowhere.invalid/{name}", f"bytes={HALF}-") for name in "xyz"]


def test_a_file_of_2014_has_a_sha_1(web: Web, tmp_path) -> None:
    file = RemoteFile(
        "net.bin", (web.serve("x", ranged),), None, checksum := f"sha1:{hashlib.sha1(CONTENT).hexdigest()}"
    )
    assert gets(file, tmp_path) == []
    assert verify(tmp_path / "net.bin", checksum)
    (tmp_path / "net.bin").write_bytes(OTHER)
    assert not verify(tmp_path / "net.bin", checksum)


def test_descriptions_that_cannot_be_are_refused() -> None:
    right = f"sha256:{'0' * 64}"
    for name in ("", ".", "..", "../x", "a/b", "a\\b", "C:x", ".hidden", "a\n", "a\0"):
        with pytest.raises(InvalidSetting, match="name must be of letters, digits and"):
            RemoteFile(name, (), None, right)
    for checksum in ("", "0" * 64, "md5:" + "0" * 32, "sha1:" + "0" * 64, right.upper(), right + "\n"):
        with pytest.raises(InvalidSetting, match="checksum must be sha256: and 64 or sha1: and 40 digits, not"):
            RemoteFile("a-1.0_b+c.bin", (), None, checksum)
