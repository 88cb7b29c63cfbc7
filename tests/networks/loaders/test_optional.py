"""Libraries that are not installed: the message names the package to install, not the module."""

from __future__ import annotations

import sys

import pytest

import inceptionism as inc
from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders import import_library


def test_the_message_names_the_package_and_the_command_to_install_it(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "onnx2torch", None)
    with pytest.raises(
        InvalidSetting, match=r'^onnx2torch is not installed; .* pip install "inceptionism\[networks\]"$'
    ):
        import_library("onnx2torch", "networks")


def test_a_library_that_cannot_be_imported_is_named_with_the_reason(tmp_path, monkeypatch) -> None:
    (tmp_path / "broken_library.py").write_text("from math import no_such_name")
    monkeypatch.syspath_prepend(tmp_path)
    reason = (
        r"^math is installed, but it cannot be imported: cannot import name 'no_such_name'.*inceptionism\[networks\]"
    )
    with pytest.raises(InvalidSetting, match=reason):
        import_library("broken_library", "networks")


@pytest.mark.parametrize("missing", ["google", "google.protobuf"])
def test_a_caffe_network_without_protobuf_names_the_package_to_install(tmp_path, monkeypatch, missing) -> None:
    for name in ("deploy.prototxt", "net.caffemodel"):
        (tmp_path / name).touch()
    for name in [name for name in sys.modules if name.partition(".")[0] == "google" or ".caffe." in name]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, missing, None)
    with pytest.raises(InvalidSetting, match=r"^protobuf is not installed; install it with: pip install protobuf$"):
        inc.load_network(tmp_path / "deploy.prototxt")
