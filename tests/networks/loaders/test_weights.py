from __future__ import annotations

import argparse
import pickle
import random
import sys
import time
import warnings
import zipfile
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from inceptionism.errors import InvalidSetting
from inceptionism.networks.loaders.weights import load_weights, read_state_dict
from tests.support.tiny_networks import tiny_module


@pytest.fixture(scope="module")
def state() -> dict[str, torch.Tensor]:
    return tiny_module().state_dict()


def check_same(loaded: dict, state: dict) -> None:
    assert loaded.keys() == state.keys()
    for name, value in state.items():
        torch.testing.assert_close(loaded[name], value, rtol=0, atol=0)


def refused(path: Path) -> str:
    with pytest.raises(InvalidSetting) as caught:
        read_state_dict(path)
    assert "\n" not in str(caught.value)
    assert str(path) in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("zipped", [True, False])
def test_files_of_torch_save_are_read(state, tmp_path, zipped: bool) -> None:
    torch.save(state, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    check_same(read_state_dict(tmp_path / "a.pth"), state)


def test_safetensors_keep_their_dtype(state, tmp_path) -> None:
    halves = {name: value.half() if value.is_floating_point() else value for name, value in state.items()}
    save_file(halves, tmp_path / "a.safetensors")
    check_same(read_state_dict(tmp_path / "a.safetensors"), halves)


@pytest.mark.parametrize("container", ["state_dict", "model", "model_state_dict", "state_dict_ema", "model_ema"])
@pytest.mark.parametrize("wrapper", ["", "module.", "_orig_mod.", "module._orig_mod."])
def test_weights_are_found_in_checkpoints(state, tmp_path, container: str, wrapper: str) -> None:
    inner = {wrapper + name: value for name, value in state.items()}
    torch.save({"epoch": 3, container: inner, "optimizer": {"lr": 0.1}}, tmp_path / "a.ckpt")
    check_same(read_state_dict(tmp_path / "a.ckpt"), state)


def test_averaged_weights_are_used_only_if_there_are_no_other_weights(state, tmp_path) -> None:
    averages = {name: torch.zeros_like(value) for name, value in state.items()}
    torch.save({"model_ema": averages, "model": state}, tmp_path / "a.pth")
    check_same(read_state_dict(tmp_path / "a.pth"), state)


def test_pickled_modules_are_refused(tmp_path) -> None:
    torch.save(nn.Sequential(nn.Linear(3, 4)), tmp_path / "a.pth")
    message = refused(tmp_path / "a.pth")
    assert "it contains torch.nn.modules.container.Sequential, which only code in the file can create" in message
    assert "save its module.state_dict()" in message
    assert "inceptionism.Network" in message
    torch.save({"model": {}, "args": argparse.Namespace(a=1)}, tmp_path / "b.pth")
    assert "argparse.Namespace" in refused(tmp_path / "b.pth")


def test_torchscript_is_refused(tmp_path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(nn.Sequential(nn.Linear(3, 4))).save(tmp_path / "a.pt")
    assert "it contains a TorchScript program" in refused(tmp_path / "a.pt")


def test_code_in_a_file_is_not_executed(tmp_path) -> None:
    witness = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> tuple:
            return Path.touch, (witness,)

    for protocol in range(pickle.HIGHEST_PROTOCOL + 1):
        (tmp_path / "a.pkl").write_bytes(pickle.dumps({"model": Evil()}, protocol))
        refused(tmp_path / "a.pkl")
    torch.save({"model": Evil()}, tmp_path / "a.pth")
    refused(tmp_path / "a.pth")
    assert not witness.exists()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ([1, 2], "contains no weights with names, but a list"),
        (torch.zeros(3), "contains no weights with names, but a Tensor"),
        ({}, "contains no weights with names, but a dict"),
        (
            {"epoch": 1, "lr": 0.5, "a": 1, "b": 2},
            r"but 'epoch' \(int\), 'lr' \(float\), 'a' \(int\) and 1 more; save its",
        ),
        ({"model": {"model": {"model": {"model": {}}}}}, r"but 'model' \(dict\)"),
    ],
)
def test_files_without_weights_are_refused(tmp_path, content: object, reason: str) -> None:
    torch.save(content, tmp_path / "a.pth")
    with pytest.raises(InvalidSetting, match=reason):
        read_state_dict(tmp_path / "a.pth")


def test_a_missing_file_an_empty_file_and_a_folder_are_refused(tmp_path) -> None:
    assert "there is no file" in refused(tmp_path / "a.pth")
    assert "is a folder, not a file" in refused(tmp_path)
    for name in ("a.pth", "a.safetensors"):
        (tmp_path / name).touch()
        assert "is empty: the file has no content" in refused(tmp_path / name)


@pytest.mark.parametrize("name", ["a.pth", "old.pth", "a.safetensors"])
def test_damaged_files_are_refused(state, tmp_path, name: str) -> None:
    path = tmp_path / name
    if name == "a.safetensors":
        save_file(state, path)
    else:
        torch.save(state, path, _use_new_zipfile_serialization=name == "a.pth")
    whole = path.read_bytes()
    chance = random.Random(0)
    for length in [1, 7, 8, 9, *(chance.randrange(len(whole)) for _ in range(20)), len(whole) - 1]:
        path.write_bytes(whole[:length])
        refused(path)
    for _ in range(40):
        changed = bytearray(whole)
        for _ in range(5):
            changed[chance.randrange(len(whole))] = chance.randrange(256)
        path.write_bytes(changed)
        with suppress(InvalidSetting):  # a changed number may be a valid number
            read_state_dict(path)
    path.write_text("this is not a network but a text of some length")
    assert "is damaged, or it is not a" in refused(path)


@pytest.mark.parametrize("header", [2**63, 2**40, 90 * 10**6])
def test_headers_that_declare_more_than_the_file_contains_are_refused(state, tmp_path, header: int) -> None:
    path = tmp_path / "a.safetensors"
    save_file(state, path)
    path.write_bytes(header.to_bytes(8, "little") + path.read_bytes()[8:])
    assert "is damaged, or it is not a safetensors file" in refused(path)


def test_a_missing_library_is_reported_with_the_command_to_install_it(state, tmp_path, monkeypatch) -> None:
    save_file(state, tmp_path / "a.safetensors")
    monkeypatch.setitem(sys.modules, "safetensors.torch", None)
    with pytest.raises(
        InvalidSetting, match=r"^safetensors.* is not installed; install it with: pip install safetensors"
    ):
        read_state_dict(tmp_path / "a.safetensors")


def test_the_error_names_the_weights_that_do_not_fit(state) -> None:
    other = {**state, "new": torch.zeros(2), "first.0.bias": torch.tensor(1.0), "classifier.weight": torch.zeros(9, 7)}
    del other["second.0.weight"]
    with pytest.raises(InvalidSetting) as caught:
        load_weights(tiny_module(), other, "a.pth", "Tiny")
    assert str(caught.value) == (
        "a.pth does not fit Tiny: missing: second.0.weight; unknown: new; "
        "of another shape: first.0.bias (a single number, not 5), classifier.weight (9×7, not 4×7)"
    )
    many = {f"x{index}": torch.zeros(1) for index in range(9)}
    with pytest.raises(InvalidSetting, match="unknown: x0, x1, x2 and 6 more"):
        load_weights(tiny_module(), {**state, **many}, "a.pth", "Tiny")


def nested_tuples(levels: int, width: int = 2) -> bytes:
    """Return the pickle of a dictionary with one key: a tuple that contains the same tuple `width` times, and so on."""
    tuples = b"".join(b"(" + (b"h" + bytes([level])) * width + b"tq" + bytes([level + 1]) for level in range(levels))
    return b"\x80\x02}" + b"K\x01q\x00" + tuples + b"K\x01s."


def as_file(pickled: bytes, path: Path, how: str) -> Path:
    """Write a pickle as a file of weights: alone, after the header of an old file, or in an archive."""
    if how == "alone":
        path.write_bytes(pickled)
    elif how == "old":
        torch.save({}, path, _use_new_zipfile_serialization=False)
        empty = pickle.dumps({}, 2)
        path.write_bytes(path.read_bytes().replace(empty, pickled, 1))
    else:
        torch.save({}, path)
        with zipfile.ZipFile(path) as archive:
            parts = {info.filename: archive.read(info) for info in archive.infolist()}
        packing = zipfile.ZIP_DEFLATED if how == "compressed" else zipfile.ZIP_STORED
        with zipfile.ZipFile(path, "w", packing) as archive:
            for name, content in parts.items():
                archive.writestr(name, pickled if name.endswith("data.pkl") else content)
    return path


@pytest.mark.parametrize("how", ["alone", "old", "archive"])
@pytest.mark.parametrize(("levels", "width"), [(60, 2), (12, 20), (3, 200)])
def test_weights_with_nested_tuples_are_refused_at_once(tmp_path, how: str, levels: int, width: int) -> None:
    path = as_file(nested_tuples(levels, width), tmp_path / "a.pth", how)
    begin = time.process_time()
    assert "cannot be read safely: it has a tuple with more than 1000 items" in refused(path)
    assert time.process_time() - begin < 5


@pytest.mark.parametrize("how", ["alone", "archive"])
def test_weights_with_a_very_long_name_are_refused_at_once(tmp_path, how: str) -> None:
    path = as_file(b"\x80\x02cos\n" + b"[" * 50_000 + b"\n.", tmp_path / "a.pth", how)
    begin = time.process_time()
    assert "it has the name of an object with more than 1000 characters" in refused(path)
    assert time.process_time() - begin < 5


def test_a_name_that_only_torch_can_read_is_refused_at_once(tmp_path) -> None:
    """The names of objects are ASCII in a pickle, but torch also reads others."""
    for content in ("é".encode() + b"c" * 50_000 + b"\n" + b"c" * 50_000 + b"\n.", b"x\xff\ny\n0c" + b"c\x7f" * 30_000):
        path = as_file(b"\x80\x02c" + content, tmp_path / "a.pth", "alone")
        begin = time.process_time()
        assert "is damaged, or it is not a file of weights" in refused(path)
        assert time.process_time() - begin < 5


def test_a_pickle_of_millions_of_steps_is_refused(tmp_path) -> None:
    path = as_file(b"\x80\x02" + b"N0" * 1_000_001 + b"}.", tmp_path / "a.pth", "archive")
    assert "it has more than 2000000 steps" in refused(path)


def test_a_compressed_archive_is_refused(tmp_path) -> None:
    path = as_file(b"\x80\x02]" + b"N" * 10**7 + b".", tmp_path / "a.pth", "compressed")
    assert "its content is compressed; save it again with torch.save" in refused(path)


@pytest.mark.parametrize("zipped", [True, False])
def test_large_checkpoints_of_training_programs_are_read(tmp_path, zipped: bool) -> None:
    module = nn.ModuleList([nn.Linear(2, 2) for _ in range(300)])
    optimizer = torch.optim.Adam(module.parameters())
    sum(parameter.sum() for parameter in module.parameters()).backward()
    optimizer.step()
    content = {"model": module.state_dict(), "optimizer": optimizer.state_dict(), "betas": tuple(range(900))}
    torch.save(content, tmp_path / "a.pth", _use_new_zipfile_serialization=zipped)
    check_same(read_state_dict(tmp_path / "a.pth"), module.state_dict())
