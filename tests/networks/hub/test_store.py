"""The store of the user's networks: at every moment, it has either the old network or the new one."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from inceptionism.errors import InvalidSetting, quote_path
from inceptionism.networks.hub import store
from inceptionism.networks.hub.entries import Entry

ADD = """
import os, sys, time
from pathlib import Path
from inceptionism.networks.hub import store
from inceptionism.networks.hub.entries import Entry

def watch(event, arguments):
    if event in ("os.rename", "os.mkdir", "shutil.rmtree", "shutil.copyfile"):
        count[0] += 1
        if count[0] == moment:
            os._exit(9)

count, moment, wait = [0], int(sys.argv[3]), float(sys.argv[4])
sys.addaudithook(watch)
overwrite = sys.argv[2] == "overwrite"
store.add(Entry("mine", "onnx"), [Path(sys.argv[1])], lambda folder: time.sleep(wait), overwrite=overwrite)
"""


@pytest.fixture
def cache(tmp_path: Path, monkeypatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache" / "inceptionism" / "networks"


def add(path: Path, how: str = "new", moment: int = 0, wait: float = 0) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", ADD, str(path), how, str(moment), str(wait)]
    return subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)


def content(name: str) -> str:
    """Return the content of the only file of a network in the store."""
    entry = store.stored_entry(name)
    assert entry is not None
    return (store.folder_of(name) / entry.files[0].name).read_text()


@pytest.mark.skipif(sys.platform != "linux", reason="the user's cache is set by XDG_CACHE_HOME only on Linux")
def test_a_program_that_is_killed_loses_neither_the_old_nor_the_new_network(tmp_path, cache) -> None:
    """The program ends just before each of its changes of the store, one after the other."""
    (tmp_path / "old.onnx").write_text("old")
    (tmp_path / "new.onnx").write_text("the new one")
    store.add(Entry("mine", "onnx"), [tmp_path / "old.onnx"], lambda folder: None)
    seen = []
    for moment in range(1, 20):
        process = add(tmp_path / "new.onnx", "overwrite", moment)
        process.communicate()
        assert store.stored_names() == ["mine"]
        seen.append(content("mine"))
        assert {path.name for path in cache.iterdir()} <= {"mine", ".lock"}
        if process.returncode == 0:
            break
        assert process.returncode == 9
        store.add(Entry("mine", "onnx"), [tmp_path / "old.onnx"], lambda folder: None, overwrite=True)
    assert process.returncode == 0
    assert len(seen) >= 4
    assert seen == sorted(seen)
    assert {seen[0], seen[-1]} == {"old", "the new one"}


@pytest.mark.skipif(sys.platform != "linux", reason="the user's cache is set by XDG_CACHE_HOME only on Linux")
def test_only_one_of_two_programs_adds_a_network(tmp_path, cache) -> None:
    for number in (1, 2):
        (tmp_path / f"{number}.onnx").write_text(f"network {number}")
    processes = [add(tmp_path / f"{number}.onnx", wait=1) for number in (1, 2)]
    messages = [process.communicate()[1] for process in processes]
    winners = [number for number, process in enumerate(processes, 1) if process.returncode == 0]
    assert len(winners) == 1
    assert "there already is a network mine" in messages[2 - winners[0]]
    assert content("mine") == f"network {winners[0]}"


def test_a_network_that_fails_its_check_does_not_replace_the_old_one(tmp_path, monkeypatch) -> None:
    def refuse(folder: Path) -> None:
        raise InvalidSetting("the files are wrong")

    monkeypatch.setattr(store, "cache_folder", lambda kind: tmp_path / "cache" / kind)
    for name in ("old", "new"):
        (tmp_path / f"{name}.onnx").write_text(name)
    store.add(Entry("mine", "onnx"), [tmp_path / "old.onnx"], lambda folder: None)
    with pytest.raises(InvalidSetting, match="the files are wrong"):
        store.add(Entry("mine", "onnx"), [tmp_path / "new.onnx"], refuse, overwrite=True)
    assert content("mine") == "old"
    assert {path.name for path in store.folder_of("mine").parent.iterdir()} == {"mine", ".lock"}


@pytest.mark.skipif(sys.platform != "linux", reason="the user's cache is set by XDG_CACHE_HOME only on Linux")
def test_a_network_that_is_being_added_is_not_listed_yet(tmp_path, cache) -> None:
    for name in ("first", "second"):
        (tmp_path / f"{name}.onnx").write_text(name)
    store.add(Entry("first", "onnx"), [tmp_path / "first.onnx"], lambda folder: None)
    listed: list[str] = []
    store.add(Entry("second", "onnx"), [tmp_path / "second.onnx"], lambda folder: listed.extend(store.stored_names()))
    assert listed == ["first"]
    assert store.stored_names() == ["first", "second"]


def test_an_error_names_the_file_of_the_user_and_not_its_copy(tmp_path, cache) -> None:
    path = tmp_path / "mine.onnx"
    path.write_bytes(b"new")

    def refuse(folder: Path) -> None:
        raise InvalidSetting(f"{quote_path(folder / path.name)} is damaged")

    with pytest.raises(InvalidSetting) as caught:
        store.add(Entry("mine", "onnx"), [path], refuse)
    assert str(caught.value) == f"{path} is damaged"
