"""Files of a network in a folder: which ones belong to it, and its labels."""

from __future__ import annotations

import os

import pytest

import inceptionism as inc
from inceptionism.errors import InvalidSetting, UnreadableFile
from inceptionism.networks.hub import store
from inceptionism.networks.hub.entries import Entry
from inceptionism.networks.hub.open import open_entry
from tests.support.caffe_files import write_caffe

MEAN = [104, 117, 123]


@pytest.mark.parametrize("labels", ["", "abels.txt", "missing.txt"])
def test_only_the_file_of_labels_that_an_entry_names_is_read(tmp_path, labels: str) -> None:
    paths = [*write_caffe(tmp_path), tmp_path / "labels.txt"]
    paths[-1].write_text("ash\nelm\nfir\noak\n")
    entry = Entry("net", "caffe", mean=MEAN, labels="labels.txt")
    assert list(open_entry(entry, paths).labels) == ["ash", "elm", "fir", "oak"]
    with pytest.raises(InvalidSetting, match=f"network net has no file {labels!r} with its labels"):
        open_entry(Entry("net", "caffe", mean=MEAN, labels=labels), paths)


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="needs a user other than root")
def test_files_and_folders_without_permission_are_named(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    folder = tmp_path / "net"
    folder.mkdir()
    paths = write_caffe(folder)
    paths[1].chmod(0)
    with pytest.raises(UnreadableFile, match=r"net\.caffemodel cannot be read: Permission denied"):
        store.add(Entry("net", "caffe", mean=MEAN), paths, lambda _: None)
    folder.chmod(0o300)
    with pytest.raises(UnreadableFile, match="net cannot be read: Permission denied"):
        inc.load_network(str(folder))
    folder.chmod(0o700)
