"""Files are read in every usual encoding, up to a limit, and only if they are regular files."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from inceptionism import load_recipe
from inceptionism.errors import InceptionismError, UnreadableFile, UnreadablePicture
from inceptionism.files import check_file, read_limited, read_text
from inceptionism.film import FilmSource
from inceptionism.io import load_mask, load_photo, read_recipe
from inceptionism.objectives.directions import read_direction
from inceptionism.recipes import read_keyframes

WESTERN = "café, zèbre\nâne"
CHINESE = "老虎\n斑马\n香蕉"


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("tiger\nzebra", "ascii"),
        *((text, encoding) for text in (WESTERN, CHINESE) for encoding in ("utf-8", "utf-8-sig", "utf-16", "utf-32")),
        (WESTERN, "latin-1"),
        ("“café” – 5 €", "cp1252"),
        (CHINESE, "gbk"),
        ("# 这是注释\nname: '网络'", "gb18030"),
    ],
)
@pytest.mark.parametrize("line_end", ["\n", "\r\n", "\r"])
def test_text_is_read_in_every_usual_encoding(tmp_path, text, encoding, line_end) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(text.replace("\n", line_end).encode(encoding))
    assert read_text(path) == text


@pytest.mark.parametrize("order", ["le", "be"])
@pytest.mark.parametrize("bits", [16, 32])
def test_a_byte_order_mark_gives_the_order_of_the_bytes(tmp_path, order, bits) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(f"\ufeff{CHINESE}".encode(f"utf-{bits}-{order}"))
    assert read_text(path) == CHINESE


@pytest.mark.parametrize("content", [b"\xff\xfea\0\x00\xd8", b"\xef\xbb\xbf\xff", b"MZ\0\0\1\2"])
def test_a_file_that_is_not_text_is_refused(tmp_path, content) -> None:
    path = tmp_path / "labels.txt"
    path.write_bytes(content)
    with pytest.raises(UnreadableFile, match="text"):
        read_text(path)


def test_a_file_is_read_up_to_the_limit_and_no_larger_one(tmp_path) -> None:
    path = tmp_path / "five"
    path.write_bytes(b"x" * 5000)
    assert read_limited(path, 5000) == b"x" * 5000
    with pytest.raises(UnreadableFile, match="five is larger than 4 KiB"):
        read_limited(path, 4999)


def test_only_a_regular_file_with_content_is_opened(tmp_path) -> None:
    (tmp_path / "empty").touch()
    os.mkfifo(tmp_path / "pipe")
    for path, reason in (
        (tmp_path / "missing", "there is no file"),
        (tmp_path / "empty" / "below", "there is no file"),
        (tmp_path, "is a folder"),
        (tmp_path / "empty", "is empty"),
        (tmp_path / "pipe", "is a pipe or a device"),
        (Path("/dev/zero"), "is a pipe or a device"),
        (Path("a\0b"), "null character"),
    ):
        for read in (check_file, read_text):
            with pytest.raises(UnreadableFile, match=reason):
                read(path)
        with pytest.raises(UnreadablePicture, match=reason):
            check_file(path, UnreadablePicture)


def test_a_message_cuts_a_long_name_and_escapes_control_characters() -> None:
    with pytest.raises(UnreadableFile) as caught:
        check_file(Path("a\n\x1b[31m" + "b" * 5000))
    assert len(str(caught.value)) < 400
    assert str(caught.value).isprintable()


def test_every_reader_refuses_pipes_and_devices(tmp_path) -> None:
    """A reader that opens a pipe waits for ever, and one that opens /dev/zero fills the memory."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "zero").symlink_to("/dev/zero")
    readers = [
        load_photo,
        load_mask,
        load_recipe,
        read_recipe,
        read_keyframes,
        read_direction,
        FilmSource,
        lambda path: load_recipe(path.with_suffix(".toml")),
    ]
    for name in ("pipe", "zero"):
        (tmp_path / f"{name}.toml").symlink_to(tmp_path / name)
        for read in readers:
            with pytest.raises(InceptionismError, match="is a pipe or a device, not a file"):
                read(tmp_path / name)


@pytest.mark.parametrize("name", ["ftp://example.org/a.jpg", "s3://bucket/a.jpg", "file:///etc/a.jpg"])
def test_an_address_of_another_protocol_is_named_as_such(name: str) -> None:
    with pytest.raises(InceptionismError, match="is an address, not a file; download the file first"):
        load_photo(name)


def test_films_and_directions_are_not_read_from_addresses_or_standard_input() -> None:
    for read in (FilmSource, read_direction):
        with pytest.raises(InceptionismError, match="is an address, not a file; download the file first"):
            read(Path("https://example.org/a"))
        with pytest.raises(InceptionismError, match="standard input is not read; save it in a file, and give the file"):
            read(Path("-"))
