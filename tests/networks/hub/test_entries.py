"""Descriptions of networks: a wrong value is refused with its name, and one bad description hides no other network."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inceptionism.errors import InvalidSetting
from inceptionism.networks.hub import Entry
from tests.support.command import dream, refused

GOOD = {
    "name": "mine",
    "architecture": "onnx",
    "mean": [1, 2.5, 3],
    "size": [60, 70],
    "recommended": ["a", "b"],
    "files": [{"name": "net.onnx", "size": 3, "checksum": "sha256:" + "0" * 64, "urls": ["https://example.org/net"]}],
}


def test_an_entry_is_hashable_and_survives_json() -> None:
    entry = Entry.read(GOOD, "here")
    assert (entry.mean, entry.size, entry.recommended) == ((1, 2.5, 3), (60, 70), ("a", "b"))
    assert {entry, Entry.read(json.loads(entry.to_json()), "there")} == {entry}
    assert hash(Entry("x", "onnx", mean=[1, 2, 3])) == hash(Entry("x", "onnx", mean=(1, 2, 3)))


BAD = [
    ({"license": 5}, "license must be a text, not 5"),
    ({"labels": True}, "labels must be a text, not True"),
    ({"about": ["x"]}, "about must be a text"),
    ({"default_layer": {}}, "default_layer must be a text"),
    ({"mean": [[1], [2], [3]]}, r"each value of mean must be a finite number, not \[1\]"),
    ({"mean": "123"}, "mean must be a list that is not empty, not '123'"),
    ({"mean": [10**400, 0, 0]}, "each value of mean must be a finite number"),
    ({"mean": [float("nan"), 0, 0]}, "each value of mean must be a finite number, not nan"),
    ({"std": 5}, "std must be a list that is not empty, not 5"),
    ({"mean": []}, r"mean must be a list that is not empty, not \[\]"),
    ({"range": "255"}, "range must be a finite number"),
    ({"range": 0}, "range must be more than 0"),
    ({"channels": "BRG"}, "channels must be 'RGB', 'BGR' or a list of names .*, not 'BRG'"),
    ({"channels": ["RGB"]}, r"channels must be 'RGB', 'BGR' or a list of names .*, not \['RGB'\]"),
    ({"size": 10**30}, "size must be from 1 to 65535"),
    ({"size": [1, [2]]}, "size must be a whole number"),
    ({"size": True}, "size must be a whole number"),
    ({"weights_size": 0}, "weights_size must be from 1"),
    ({"recommended": "stem"}, "recommended must be a list .*, not 'stem'"),
    ({"recommended": [1]}, "each value of recommended must be a text, not 1"),
    ({"architecture": 7}, "architecture must be a text, not 7"),
    ({"architecture": []}, "architecture must be a text"),
    ({"name": None}, "a network's name must have"),
    ({"files": 5}, "files must be a list of mappings, not 5"),
    ({"files": ["net.onnx"]}, "files must be a list of mappings"),
    ({"files": [{"name": "a", "checksum": 1}]}, "the checksum of a file must be a text, not 1"),
    ({"files": [{"name": "a"}]}, "a file has no checksum; give null if no checksum was published"),
    ({"files": [{"checksum": "sha256:" + "0" * 64}]}, "the name of a file must be a text"),
    ({"files": [{**GOOD["files"][0], "size": -1}]}, "the size of 'net.onnx' must be from 0"),
    ({"files": [{**GOOD["files"][0], "size": 10**5000}]}, "the size of 'net.onnx' must be from 0"),
    ({"files": [{**GOOD["files"][0], "urls": "https://x"}]}, "urls must be a list of addresses"),
    ({"files": [{**GOOD["files"][0], "hash": "x"}]}, "a file has an unknown key 'hash'"),
]


@pytest.mark.parametrize(("change", "reason"), BAD)
def test_a_wrong_value_is_refused_with_its_name(change: dict, reason: str) -> None:
    with pytest.raises(InvalidSetting, match=f"^here: {reason}") as caught:
        Entry.read({**GOOD, **change}, "here")
    assert "\n" not in str(caught.value)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["name", "urls", "size"]), inner),
    max_leaves=5,
)


@example({"labels": "", "about": "", "size": None})
@given(st.dictionaries(st.sampled_from([*GOOD, "std", "range", "channels", "labels", "license"]), VALUES))
@example({"license": ""})
def test_any_description_is_an_entry_or_is_refused(changes: dict) -> None:
    try:
        entry = Entry.read({**GOOD, **changes}, "here")
    except InvalidSetting:
        return
    hash(entry)
    assert Entry.read(json.loads(entry.to_json()), "here") == entry


@pytest.mark.skipif(sys.platform != "linux", reason="the user's cache is set by XDG_CACHE_HOME only on Linux")
def test_a_bad_description_is_named_and_all_other_networks_are_listed(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    store = tmp_path / "cache" / "inceptionism" / "networks"
    good = {**GOOD, "files": [], "license": "mine\x1b[31m"}
    contents = {name: json.dumps({**good, "name": name}) for name in ("aaa", "zzz")}
    contents |= {f"bad{number}": json.dumps({**GOOD, **change}) for number, (change, _) in enumerate(BAD[:10])}
    contents |= {"text": "{", "long": "[" * 100_000, "big": '{"name": ' + "9" * 5000 + "}", "empty": "", "other": "{}"}
    contents |= {"large": " " * (2**20 + 1), "moved": contents["aaa"]}
    for name, content in contents.items():
        (store / name).mkdir(parents=True)
        (store / name / "network.json").write_text(content)
    done = dream("networks", cwd=tmp_path)
    assert done.returncode == 1
    listed = [line.split()[0] for line in done.stdout.splitlines() if line.strip()]
    assert {"efficientnet-lite0", "googlenet", "aaa", "zzz"} <= {*listed}
    assert "\x1b" not in done.stdout
    errors = done.stderr.splitlines()
    for name in contents.keys() - {"aaa", "zzz"}:
        (line,) = [line for line in errors if f"{store / name / 'network.json'}" in line]
        assert line.startswith("dream: ")
    assert len(errors) == len(contents) - 2
    assert dream("layers", cwd=tmp_path).returncode == 0
    refused(dream("layers", "bad0", cwd=tmp_path), "license must be a text, not 5", 2)


@pytest.mark.skipif(sys.platform != "linux", reason="the user's cache is set by XDG_CACHE_HOME only on Linux")
def test_the_architecture_of_the_packages_is_refused_for_other_networks(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    (tmp_path / "weights.pth").write_bytes(b"1")
    done = dream("networks", "add", "mine", "weights.pth", "-a", "efficientnet-lite", cwd=tmp_path)
    refused(done, "no variant 'mine' of EfficientNet-Lite; the variants are efficientnet-lite0", 2)


def test_the_home_folder_of_an_unknown_user_is_no_error_of_the_program(tmp_path: Path) -> None:
    done = dream("layers", "~nobody-of-this-name/x.onnx", cwd=tmp_path)
    refused(done, "there is no file .*~nobody-of-this-name/x.onnx", 2)
