"""Inputs of a batch: folders, patterns, lists of jobs and sweeps."""

from __future__ import annotations

import json
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from inceptionism.errors import InvalidSetting, UnreadableFile
from inceptionism.jobs.inputs import find_entries
from inceptionism.jobs.sweeps import combinations, parse_sweep, parse_sweeps
from inceptionism.jobs.tables import read_rows


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    folder = tmp_path / "photos"
    for name in ("b.png", "a.JPG", "deep/c.webp", ".hidden.png", "deep/.x/d.png"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (5, 4)).save(path, "PNG")
    (folder / "notes.txt").write_text("no picture")
    return folder


def found(*inputs: object, output: Path = Path("elsewhere"), recursive: bool = False) -> list[str]:
    return [entry.path for entry in find_entries(map(str, inputs), recursive=recursive, output=output)]


def test_a_folder_gives_its_pictures_sorted_by_name(photos) -> None:
    assert found(photos) == ["a.JPG", "b.png"]
    assert found(photos, recursive=True) == ["a.JPG", "b.png", "deep/c.webp"]
    assert found(photos, recursive=True, output=photos / "deep") == ["a.JPG", "b.png"]
    assert found(photos / "b.png", photos / "deep") == ["b.png", "c.webp"]


def test_a_pattern_gives_the_files_with_such_names(photos) -> None:
    assert found(photos / "*.png") == ["b.png"]
    assert found(photos / "**" / "*.webp") == ["c.webp"]
    with pytest.raises(UnreadableFile, match="no file has a name like"):
        found(photos / "*.gif")
    with pytest.raises(UnreadableFile, match=r"there is no file or folder .*missing\.png"):
        found(photos / "missing.png")
    (photos / "odd[1].png").write_bytes((photos / "b.png").read_bytes())
    assert found(photos / "odd[1].png") == ["odd[1].png"]


def test_a_folder_without_pictures_is_refused(photos) -> None:
    (photos / "empty" / "deep").mkdir(parents=True)
    with pytest.raises(UnreadableFile, match="has no pictures; --recursive also takes"):
        found(photos / "empty")


ROWS = [
    {"photo": "b.png", "layer": "blocks.4", "seed": "1", "strength": "0.5"},
    {"class": "king of beasts, lion", "seed": "2"},
]


def test_lists_of_all_formats_have_the_same_rows(tmp_path) -> None:
    (tmp_path / "jobs.csv").write_text(
        'photo,layer,seed,strength,class\nb.png,blocks.4, 1,0.5,\n,,2,,"king of beasts, lion"\n', encoding="utf-8-sig"
    )
    (tmp_path / "jobs.tsv").write_text(
        "photo\tlayer\tseed\tstrength\tclass\nb.png\tblocks.4\t1\t0.5\t\n\t\t2\t\tking of beasts, lion\n"
    )
    (tmp_path / "semicolons.csv").write_text(
        "photo;layer;seed;strength;class\r\nb.png;blocks.4;1;0.5;\r\n;;2;;king of beasts, lion\r\n"
    )
    (tmp_path / "jobs.jsonl").write_text("\n".join(map(json.dumps, ROWS)) + "\n\n")
    lists = [tmp_path / name for name in ("jobs.csv", "jobs.tsv", "semicolons.csv", "jobs.jsonl")]
    if find_spec("pyarrow"):
        import pyarrow
        from pyarrow import parquet

        columns = ("photo", "layer", "seed", "strength", "class")
        whole = [{name: row.get(name) for name in columns} for row in ROWS]
        parquet.write_table(pyarrow.Table.from_pylist(whole), tmp_path / "jobs.parquet")
        lists.append(tmp_path / "jobs.parquet")
    for path in lists:
        rows = [{name: value for name, value in row.items() if value} for _, row in read_rows(path)]
        assert rows == ROWS, path
        entries = list(find_entries([str(path)], recursive=False, output=tmp_path))
        assert [entry.path for entry in entries] == ["b.png", ""]
        assert entries[0].settings["photo"] == str(tmp_path / "b.png")
        assert entries[1].place == f"row 2 of {path}"


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.csv", b"photo,seed\nx.png,1,2\n", "line 2: more values than there are columns"),
        ("a.csv", b"photo\n\xff\n", "is not text in UTF-8"),
        ("a.jsonl", b'{"seed": 1}\n[1]\n', "line 2: this is not a JSON object"),
        ("a.jsonl", b'{"seed": ' + b"[" * 10_000 + b"\n", "line 1: this is not a JSON object"),
        ("a.csv", b"", "is empty"),
    ],
)
def test_a_damaged_list_gets_a_sentence(tmp_path, name, content, reason) -> None:
    (tmp_path / name).write_bytes(content)
    with pytest.raises(UnreadableFile, match=reason):
        list(read_rows(tmp_path / name))


def test_a_file_that_is_no_parquet_gets_a_sentence(tmp_path) -> None:
    (tmp_path / "a.parquet").write_text("no table")
    with pytest.raises(UnreadableFile, match=r"is not a Parquet file|needs the package pyarrow"):
        list(read_rows(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("seed=0..4", ["0", "1", "2", "3", "4"]),
        ("seed=7", ["7"]),
        ("seed=1,5..6", ["1", "5", "6"]),
        ("strength=0..1..0.25", ["0", "0.25", "0.5", "0.75", "1"]),
        ("strength=0.1..0.3..0.1", ["0.1", "0.2", "0.3"]),
        ("seed=3..1..-1", ["3", "2", "1"]),
        ("layer=blocks.4, blocks.10", ["blocks.4", "blocks.10"]),
        ('class="king of beasts, lion",banana', ["king of beasts, lion", "banana"]),
    ],
)
def test_a_sweep_has_values(text, values) -> None:
    assert parse_sweep(text) == (text.partition("=")[0], values)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("seed", "a sweep is written as NAME=VALUE,VALUE"),
        ("=1", "a sweep is written as"),
        ("seed=", "a sweep is written as"),
        ("seed=1,,2", "has an empty value"),
        ("seed=1,1", "has a value twice"),
        ("seed=4..0", "must have from 1 to 1,000,000 values"),
        ("seed=0..1..0", "must have from 1 to 1,000,000 values"),
        ("seed=0..9999999999", "must have from 1 to 1,000,000 values"),
    ],
)
def test_a_wrong_sweep_gets_a_sentence(text, reason) -> None:
    with pytest.raises(InvalidSetting, match=reason):
        parse_sweep(text)


def test_sweeps_multiply() -> None:
    sweeps = parse_sweeps(["layer=a,b", "seed=0..1"])
    assert list(combinations(sweeps)) == [{"layer": one, "seed": seed} for one in "ab" for seed in "01"]
    assert list(combinations({})) == [{}]
    with pytest.raises(InvalidSetting, match="there are two sweeps of seed"):
        parse_sweeps(["seed=1", "seed=2"])
