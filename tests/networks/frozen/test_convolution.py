"""Frozen convolutions compared with torch's convolutions: outputs and gradients with respect to the input."""

from __future__ import annotations

import copy
import math
from itertools import product

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from inceptionism.networks.frozen import kernels
from inceptionism.networks.frozen.convolution import Conv2dSame, FrozenConv2d, padding_rule
from inceptionism.networks.frozen.kernels import Clamp, has_onednn_kernels

RELU, RELU6 = Clamp(0, math.inf), Clamp(0, 6)
CLAMPS = [None, RELU, RELU6]
SIZES = [(23, 34), (20, 17), (7, 30)]

KERNELS = [1, 2, 3, 5, (3, 2), (7, 1)]
STRIDES = [1, 2, 3, (1, 2), 4]


def convolutions(kinds: tuple[type[nn.Conv2d], ...] = (nn.Conv2d, Conv2dSame)) -> list[nn.Conv2d]:
    """Return convolutions with every combination of settings that torch accepts."""
    convs = []
    torch.manual_seed(0)
    for kind, kernel, stride, padding, dilation, groups in product(
        kinds, KERNELS, STRIDES, (0, 1, 2, "same"), (1, 2), (1, 2, 4)
    ):
        if (kind is Conv2dSame and padding != 0) or (padding == "same" and stride != 1):
            continue
        conv = kind(4, 8, kernel, stride, padding, dilation, groups, bias=groups != 2).requires_grad_(False)
        if padding_rule(conv) is not None:
            convs.append(conv)
    return convs


def fits(conv: nn.Conv2d, size: tuple[int, int]) -> bool:
    """Return whether the kernel of `conv` is not larger than a padded map of this size."""
    return isinstance(conv, Conv2dSame) or all(
        side + 2 * (0 if isinstance(conv.padding, str) else pad) > d * (k - 1)
        for side, k, d, pad in zip(size, conv.kernel_size, conv.dilation, conv.padding * 2, strict=False)
    )


@pytest.mark.filterwarnings("ignore:Using padding='same'")
@pytest.mark.parametrize("size", SIZES)
def test_outputs_and_gradients_are_those_of_torch(size: tuple[int, int]) -> None:
    checked = 0
    for index, conv in enumerate(convolutions()):
        if not fits(conv, size):
            continue
        clamp = CLAMPS[(index + SIZES.index(size)) % 3]  # over the three sizes, each convolution has each clamp
        x = (8 * torch.randn(2, 4, *size)).requires_grad_()  # large enough that many outputs exceed 6
        expected = conv(x) if clamp is None else conv(x).clamp(*clamp)
        upstream = torch.randn_like(expected)
        (expected_gradient,) = torch.autograd.grad(expected, x, upstream)
        output = FrozenConv2d(conv, clamp)(x)
        torch.testing.assert_close(output, expected, rtol=1e-5, atol=3e-5)
        (gradient,) = torch.autograd.grad(output, x, upstream)
        torch.testing.assert_close(
            gradient, expected_gradient, rtol=1e-5, atol=1e-5, msg=lambda text, conv=conv: f"{conv}: {text}"
        )
        checked += 1
    assert checked > 200


@pytest.mark.filterwarnings("ignore:Using padding='same'")
def test_results_in_half_precision_are_nearly_the_same() -> None:
    for conv in convolutions():
        if not fits(conv, (23, 34)):
            continue
        x = torch.randn(2, 4, 23, 34, requires_grad=True)
        expected = conv(x)
        upstream = torch.randn_like(expected)
        (expected_gradient,) = torch.autograd.grad(expected, x, upstream)
        half = x.detach().bfloat16().requires_grad_()
        output = FrozenConv2d(copy.deepcopy(conv).bfloat16())(half)
        (gradient,) = torch.autograd.grad(output, half, upstream.bfloat16())
        assert gradient.dtype == torch.bfloat16
        for one, other in ((output, expected), (gradient, expected_gradient)):
            assert F.cosine_similarity(one.float().flatten(), other.flatten(), 0) > 0.9995, conv


@pytest.mark.parametrize(
    "conv", [Conv2dSame(3, 4, 3, 2), nn.Conv2d(3, 6, 5, 2, 2, groups=3), nn.Conv2d(3, 4, 3)], ids=str
)
def test_gradients_are_those_of_finite_differences(conv: nn.Conv2d) -> None:
    frozen = FrozenConv2d(conv.double().requires_grad_(False), RELU6)
    generator = torch.Generator().manual_seed(1)
    x = (9 * torch.randn(1, 3, 9, 8, dtype=torch.float64, generator=generator)).requires_grad_()
    assert torch.autograd.gradcheck(frozen, x)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_results_are_the_same_without_the_onednn_kernels(monkeypatch, dtype: torch.dtype) -> None:
    conv = nn.Conv2d(4, 8, 3, 2, 1, groups=4).to(dtype).requires_grad_(False)
    x = torch.randn(1, 4, 21, 30, generator=torch.Generator().manual_seed(0)).to(dtype).requires_grad_()
    results = []
    for allowed in (True, False):
        monkeypatch.setattr(
            kernels, "has_onednn_kernels", lambda dtype, allowed=allowed: allowed and has_onednn_kernels(dtype)
        )
        y = FrozenConv2d(conv, RELU6)(x)
        results.append((y, *torch.autograd.grad(y.float().square().sum(), x)))
    for one, other in zip(*results, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-2, atol=1e-2)


def test_packed_weights_are_made_again_after_a_change_of_the_number_type() -> None:
    frozen = FrozenConv2d(nn.Conv2d(3, 4, 3, 2, 1).requires_grad_(False))
    x = torch.rand(1, 3, 9, 14, requires_grad=True)
    before = torch.autograd.grad(frozen(x).sum(), x)[0]
    converted = copy.deepcopy(frozen).double()
    wide = x.detach().double().requires_grad_()
    torch.testing.assert_close(torch.autograd.grad(converted(wide).sum(), wide)[0].float(), before)


def test_convolutions_with_unsupported_padding_are_left_to_torch() -> None:
    assert padding_rule(nn.Conv2d(3, 4, 3, padding=1, padding_mode="circular")) is None
    assert padding_rule(nn.Conv2d(3, 4, 2, padding="same", dilation=3)) is None
    assert padding_rule(nn.Conv2d(3, 4, 3, padding="valid"))(5, 6) == (0, 0, 0, 0)
