"""Each private part of torch that the package uses still exists and works as the package expects.

If a test fails here after an update of torch, adapt `inceptionism/networks/torch_internals.py`.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from inceptionism.networks import torch_internals
from tests.support.torch_modes import RecordedFunctions

needs_onednn = pytest.mark.skipif(not torch.backends.mkldnn.is_available(), reason="needs a torch with oneDNN")


def gone(name: str) -> str:
    return f"torch {torch.__version__} has no {name} any more, or has changed it; adapt networks/torch_internals.py"


@pytest.mark.parametrize(
    "name",
    [
        "_apply",
        "_modules",
        "_parameters",
        "_buffers",
        "_forward_hooks",
        "_forward_pre_hooks",
    ],
)
def test_modules_have_their_private_attributes(name: str) -> None:
    assert hasattr(nn.Module(), name), gone(f"nn.Module.{name}")


def test_a_module_is_notified_before_it_moves() -> None:
    notified = []

    class Moving(torch_internals.MoveAware):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(2))

        def before_move(self) -> None:
            notified.append(self.weight.dtype)

    module = nn.Sequential(Moving())
    assert module.double() is module
    assert notified == [torch.float32], gone("nn.Module._apply, which nn.Module.to calls")
    assert module[0].weight.dtype == torch.float64
    module.to("cpu")
    assert notified == [torch.float32, torch.float64], gone("nn.Module._apply, which nn.Module.to calls")


def test_child_modules_can_be_replaced_under_every_name() -> None:
    shared = nn.ReLU()
    module = nn.Sequential(shared, nn.Identity(), shared)
    children = torch_internals.child_modules(module)
    assert list(children) == ["0", "1", "2"], gone("nn.Module._modules")
    children["2"] = nn.ReLU6()
    assert isinstance(module[2], nn.ReLU6), gone("nn.Module._modules")
    assert module[0] is shared


def test_parameters_and_buffers_can_be_replaced() -> None:
    module = nn.BatchNorm2d(3)
    parameters, buffers = torch_internals.own_parameters(module), torch_internals.own_buffers(module)
    assert list(parameters) == ["weight", "bias"], gone("nn.Module._parameters")
    assert list(buffers) == ["running_mean", "running_var", "num_batches_tracked"], gone("nn.Module._buffers")
    parameters["weight"] = nn.Parameter(torch.full((3,), 5.0))
    buffers["running_mean"] = torch.full((3,), 7.0)
    assert module.weight.tolist() == [5, 5, 5], gone("nn.Module._parameters")
    assert module.running_mean.tolist() == [7, 7, 7], gone("nn.Module._buffers")


@pytest.mark.parametrize("register", ["register_forward_hook", "register_forward_pre_hook"])
def test_forward_hooks_are_detected(register: str) -> None:
    module = nn.Sequential(nn.ReLU())
    handle = getattr(module[0], register)(lambda *_: None)
    assert torch_internals.has_forward_hooks(module[0]), gone("nn.Module._forward_hooks or _forward_pre_hooks")
    assert not torch_internals.has_forward_hooks(module)
    handle.remove()
    assert not torch_internals.has_forward_hooks(module[0])


def test_the_version_of_a_tensor_grows_when_it_is_changed_in_place() -> None:
    x = torch.zeros(3)
    before = torch_internals.version(x)
    _ = x + 1
    assert torch_internals.version(x) == before, gone("Tensor._version")
    x.add_(1)
    assert torch_internals.version(x) > before, gone("Tensor._version")


def test_tensors_are_found_in_nested_containers() -> None:
    x, y, z = torch.zeros(1), torch.ones(2), torch.ones(3)
    found = torch_internals.tensors_in(([x, 3, None], {"a": (y, "text"), "b": {"c": z}}))
    assert [id(tensor) for tensor in found] == [id(x), id(y), id(z)], gone("torch.utils._pytree.tree_leaves")


def test_the_pickle_in_a_file_is_read_as_torch_reads_it(tmp_path) -> None:
    torch.save({"text": torch.ones(3)}, tmp_path / "a.pth")
    with zipfile.ZipFile(tmp_path / "a.pth") as archive:
        expected = archive.read("a/data.pkl")
    assert torch_internals.read_archived_pickle(tmp_path / "a.pth") == expected, gone("torch._C.PyTorchFileReader")


@needs_onednn
@pytest.mark.parametrize("name", ["_convolution_pointwise", "_reorder_convolution_weight"])
def test_torch_has_the_onednn_operators(name: str) -> None:
    assert hasattr(torch.ops.mkldnn, name), gone(f"torch.ops.mkldnn.{name}")


@needs_onednn
def test_the_onednn_convolution_includes_the_activation() -> None:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(1, 4, 7, 9, generator=generator).contiguous(memory_format=torch.channels_last)
    weight, bias = torch.randn(6, 4, 3, 3, generator=generator), torch.randn(6, generator=generator)
    packed = torch_internals.reorder_convolution_weight(weight, (1, 1), (2, 2), (1, 1), 1, x.shape)
    assert packed.is_mkldnn, gone("torch.ops.mkldnn._reorder_convolution_weight")
    output = torch_internals.onednn_convolution()(x, packed, bias, (1, 1), (2, 2), (1, 1), 1, "relu", [], "")
    expected = F.conv2d(x, weight, bias, 2, 1).relu()
    torch.testing.assert_close(output, expected, msg=lambda text: gone("oneDNN convolution: ") + text)


def test_torch_function_modes_can_be_left_out() -> None:
    x = torch.ones(3)
    with RecordedFunctions() as recorded:
        with torch_internals.without_function_modes():
            x.add(x.shape[0])
        x.mul(2)
    assert recorded.names == ["mul"], gone("torch._C.DisableTorchFunction")


@pytest.mark.parametrize("name", torch_internals.CPU_BFLOAT16_CHECKS)
def test_torch_can_tell_whether_the_processor_multiplies_bfloat16(name: str) -> None:
    assert hasattr(torch.cpu, name), gone(f"torch.cpu.{name}")
    assert isinstance(getattr(torch.cpu, name)(), bool), gone(f"torch.cpu.{name}")


def test_one_check_is_enough_for_fast_bfloat16(monkeypatch) -> None:
    first, second = torch_internals.CPU_BFLOAT16_CHECKS
    monkeypatch.setattr(torch_internals, "onednn_supports_bfloat16", lambda: True)
    monkeypatch.setattr(torch.cpu, first, lambda: False)
    for answer in (True, False):
        monkeypatch.setattr(torch.cpu, second, lambda answer=answer: answer)
        assert torch_internals.cpu_multiplies_bfloat16() is answer
    monkeypatch.delattr(torch.cpu, second)
    assert torch_internals.cpu_multiplies_bfloat16() is False


def test_bfloat16_is_not_chosen_where_onednn_may_not_use_it() -> None:
    assert hasattr(torch.ops.mkldnn, "_is_mkldnn_bf16_supported"), gone("torch.ops.mkldnn._is_mkldnn_bf16_supported")
    code = "from inceptionism.networks import torch_internals; print(torch_internals.cpu_multiplies_bfloat16())"
    limited = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2"}
    done = subprocess.run([sys.executable, "-c", code], env=limited, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="needs the description of the processor by Linux")
def test_the_instruction_sets_are_those_that_the_system_finds() -> None:
    flags = re.search(r"^flags\s*:\s*(.+)$", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    if flags is None:
        pytest.skip("needs a processor of the x86 family")
    for name, flag in {"avx2": "avx2", "avx512": "avx512f", "avx512_bf16": "avx512_bf16"}.items():
        assert (name in torch_internals.cpu_features()) == (flag in flags[1].split()), name
