"""Pictures from web addresses, fetched from a real server on this machine, and from standard input."""

from __future__ import annotations

import io
import shutil
import ssl
import subprocess
import sys
import threading
import time
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnreadablePicture
from inceptionism.io import load_mask, load_photo, load_recipe, sources, without_folders
from tests.support.films import pan, write
from tests.support.pictures import gradient
from tests.support.tiny_networks import tiny_network
from tests.support.web_server import Web, send, send_whole

SMALL = {"octaves": 2, "steps": 1, "jitter": 4, "device": "cpu"}


def png(pixels: np.ndarray) -> bytes:
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "PNG")
    return file.getvalue()


def picture(pixels: np.ndarray) -> partial[None]:
    """Return the answer of a server that sends a PNG."""
    return partial(send_whole, content=png(pixels), Content_Type="image/png")


def test_a_photograph_at_an_address_is_that_of_the_file(web: Web, photo) -> None:
    address = web.serve("a/cup.png", picture(photo))
    found = load_photo(address + "#top")
    np.testing.assert_array_equal(found.pixels, photo)
    assert (found.name, found.address) == ("cup.png", address)
    # A `Path` of an address has one slash too few.
    np.testing.assert_array_equal(load_photo(Path(address)).pixels, photo)


def test_redirects_and_names_that_need_encoding_are_followed(web: Web, photo) -> None:
    web.serve("tasse%20caf%C3%A9.png?v=2", picture(photo))
    start = web.serve("start", partial(send, status=302, body=b"", Location="/tasse%20caf%C3%A9.png?v=2"))
    np.testing.assert_array_equal(load_photo(start).pixels, photo)
    found = load_photo(start.replace("start", "tasse café.png?v=2"))
    np.testing.assert_array_equal(found.pixels, photo)
    assert found.name == "tasse café.png"


def test_a_redirect_to_a_local_file_is_not_followed(web: Web) -> None:
    address = web.serve("x", partial(send, status=302, body=b"", Location="file:///etc/passwd"))
    with pytest.raises(UnreadablePicture, match="HTTP 302 to 'file:///etc/passwd', which is not followed"):
        load_photo(address)


def test_an_address_without_a_picture_is_refused_in_one_sentence(web: Web, photo, monkeypatch) -> None:
    monkeypatch.setattr(sources, "MAX_SENT_BYTES", 20_000)
    cases = {
        web.serve("gone", partial(send, status=404, body=b"")): "cannot be fetched: HTTP 404$",
        web.serve("page", partial(send_whole, content=b"<html>", Content_Type="text/html")): "it sends a web page",
        web.serve("none", partial(send_whole, content=b"")): "is empty: the file has no content",
        web.serve("text", partial(send_whole, content=b"hello")): "text is not a picture in a known format",
        web.serve("huge", partial(send_whole, content=bytes(20_001))): "has 20001 bytes, more than the limit of 20000",
        web.serve("long", partial(send, status=200, body=bytes(99_000))): "sends more than the limit of 20000 bytes",
        web.serve("cut", partial(send, status=200, body=b"\x89PNG", Content_Length=9)): "closed after 4 bytes",
        web.serve("half.png", partial(send_whole, content=png(photo)[:9000])): "half.png is damaged or incomplete",
        "http://127.0.0.1:1/a.png": r"a\.png cannot be fetched: Connection refused",
        "http://me:secret@127.0.0.1/a.png": "address of a.png contains a user name or a password",
        "https://[::/a.png": "is not a web address: Invalid IPv6 URL",
    }
    for address, reason in cases.items():
        with pytest.raises(UnreadablePicture, match=reason) as raised:
            load_photo(address)
        assert "secret" not in str(raised.value)
        assert "\n" not in str(raised.value)


def test_a_server_that_takes_too_long_is_given_up(web: Web, monkeypatch) -> None:
    monkeypatch.setattr(sources, "MAX_SECONDS", 0.5)

    def drip(handler) -> None:
        send(handler, 200, b"")
        while True:
            handler.wfile.write(b"x")
            time.sleep(0.05)

    begin = time.monotonic()
    with pytest.raises(UnreadablePicture, match=r"it sent only \d+ bytes in 0.5 seconds"):
        load_photo(web.serve("slow", drip))
    assert time.monotonic() - begin < 5


@pytest.mark.skipif(shutil.which("openssl") is None, reason="needs openssl to make a certificate")
def test_https_needs_a_certificate_that_this_machine_trusts(tmp_path, photo, monkeypatch) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subject = ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    made = [
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        *subject,
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run(["openssl", *made], check=True, capture_output=True)
    (tmp_path / "cup.png").write_bytes(png(photo))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    monkeypatch.setenv("no_proxy", "localhost")
    handler = partial(SimpleHTTPRequestHandler, directory=tmp_path)
    with ThreadingHTTPServer(("localhost", 0), handler) as server:
        server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        address = f"https://localhost:{server.server_port}/cup.png"
        try:
            with pytest.raises(UnreadablePicture, match=r"cannot be fetched: .*CERTIFICATE_VERIFY_FAILED"):
                load_photo(address)
            monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
            np.testing.assert_array_equal(load_photo(address).pixels, photo)
        finally:
            server.shutdown()
            thread.join()


def test_the_recipe_has_the_address_and_a_replay_takes_it_again_or_a_file(web: Web, photo, tmp_path) -> None:
    address = web.serve("cup.png?size=2", picture(photo))
    network = tiny_network()
    result = inc.dream(address, network=network, layer="second", **SMALL)
    facts = result.recipe.made_with.photo
    assert (facts["name"], facts["address"]) == ("cup.png", address)
    result.save(tmp_path / "dream.png")
    (tmp_path / "copy.png").write_bytes(png(photo))
    for source in (address, tmp_path / "copy.png"):
        again = inc.replay(tmp_path / "dream.png", source, network=network)
        np.testing.assert_array_equal(np.asarray(again.image), np.asarray(result.image))
        assert not [note for note in again.notes if "photograph" in note]
    with pytest.raises(InvalidSetting, match=f"'cup.png' of 93×71 pixels from {address.replace('?', '.')}; pass a"):
        inc.replay(tmp_path / "dream.png", network=network)
    assert "address" not in without_folders(result.recipe).made_with.photo


def test_guides_and_masks_may_be_at_an_address(web: Web, photo, tmp_path) -> None:
    guide, mask = web.serve("g/guide.png?a=b", picture(photo[::-1])), web.serve("mask.png", picture(gradient(31, 40)))
    np.testing.assert_array_equal(load_mask(mask).amount, load_mask(gradient(31, 40)).amount)
    network = tiny_network()
    named = inc.dream(photo, network=network, layer="second", guide=guide, mask=mask, **SMALL)
    given = inc.dream(photo, network=network, layer="second", guide=photo[::-1], mask=gradient(31, 40), **SMALL)
    np.testing.assert_array_equal(np.asarray(named.image), np.asarray(given.image))
    assert (named.recipe.guide, named.recipe.mask) == (guide, mask)
    named.save(tmp_path / "dream.png")
    with pytest.raises(InvalidSetting, match="opens only files that you pass: add --picture guide"):
        inc.replay(tmp_path / "dream.png", photo, network=network)
    again = inc.replay(tmp_path / "dream.png", photo, network=network, pictures=[guide, mask])
    np.testing.assert_array_equal(np.asarray(again.image), np.asarray(named.image))
    written = inc.dream(photo, network=network, objective=f'guide(second, "{guide}", where={mask})', **SMALL)
    np.testing.assert_array_equal(np.asarray(written.image), np.asarray(named.image))
    public = without_folders(named.recipe)
    assert (public.guide, public.mask) == ("guide.png", "mask.png")


@pytest.mark.parametrize("ending", [".png", ".gif", ".mp4", ".webm"])
def test_the_recipe_in_a_file_at_an_address_is_read(web: Web, photo, tmp_path, ending) -> None:
    path = tmp_path / f"dream{ending}"
    if ending in (".mp4", ".webm"):
        write(tmp_path / "film.mp4", pan(np.tile(photo, (2, 2, 1)), 2, 40, 54))
        inc.video(tmp_path / "film.mp4", network=tiny_network(), layer="second", octaves=1, steps=1).save(path)
    else:
        inc.dream(photo, network=tiny_network(), layer="second", **SMALL).save(path)
    address = web.serve(path.name, partial(send_whole, content=path.read_bytes()))
    assert load_recipe(address) == load_recipe(path)


def test_standard_input_is_read_once_and_may_be_used_twice(photo, monkeypatch) -> None:
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(png(photo))))
    for _ in range(2):
        found = load_photo("-")
        np.testing.assert_array_equal(found.pixels, photo)
        assert (found.name, found.address) == (None, None)


def test_standard_input_without_a_picture_is_refused(monkeypatch) -> None:
    monkeypatch.setattr(sources, "MAX_SENT_BYTES", 20)
    for content, reason in {
        b"": "it sends no picture",
        b"x" * 21: "more than 20 bytes",
        b"x": "standard input is not a",
    }.items():
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        with pytest.raises(UnreadablePicture, match=reason):
            load_photo("-")
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    with pytest.raises(UnreadablePicture, match="no standard input"):
        load_photo("-")
