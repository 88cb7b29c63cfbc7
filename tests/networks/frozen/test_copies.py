"""The fused copies of a frozen module, and the choice of the copy that computes the requested layers."""

from __future__ import annotations

import copy

import pytest
import torch

from inceptionism.networks.frozen import FusedCopies, freeze
from tests.support.tiny_networks import tiny_module


@pytest.fixture
def copies() -> FusedCopies:
    return FusedCopies(freeze(tiny_module()), (1, 3, 32, 32))


def output(copies: FusedCopies, dtype: torch.dtype = torch.float32) -> torch.Tensor:
    module, dtype = copies.module_for(["second"], dtype)
    return module(torch.rand(1, 3, 21, 34, generator=torch.Generator().manual_seed(0)).to(dtype))


def test_each_copy_is_made_once(copies) -> None:
    module, dtype = copies.module_for(["second"], torch.bfloat16)
    assert dtype == torch.bfloat16
    assert copies.module_for(["second"], torch.bfloat16)[0] is module
    assert copies.module_for(["first", "second"], torch.bfloat16)[0] is not module
    assert copies.module_for(["second"], torch.float32)[0] is not module


def test_the_frozen_module_runs_in_float32_if_a_layer_is_hidden_in_the_copies() -> None:
    frozen = freeze(tiny_module())
    module, dtype = FusedCopies(frozen, (1, 3, 32, 32)).module_for(["second.0", "second"], torch.bfloat16)
    assert module is frozen
    assert dtype == torch.float32


def test_the_first_number_type_is_float32_until_a_copy_is_made(copies) -> None:
    assert copies.first_dtype == torch.float32
    copies.module_for(["second"], torch.bfloat16)
    copies.module_for(["second"], torch.float32)
    assert copies.first_dtype == torch.bfloat16


def test_a_deep_copy_has_the_same_results(copies) -> None:
    expected = output(copies)
    twin = copy.deepcopy(copies)
    assert torch.equal(output(twin), expected)
    assert torch.equal(output(copies), expected)
