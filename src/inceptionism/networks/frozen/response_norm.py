"""Local response normalization (Krizhevsky et al., 2012), which networks of 2012 to 2015 use.

Torch averages over channels with a three-dimensional pooling. In such a network the pooling takes longer than all
convolutions, and torch does not have it in half precision. Here shifted maps are added instead, with the same result.
A map is processed in bands, because the processor's caches cannot hold a map and all intermediate values.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import reduce
from typing import Any

import torch
from torch import Tensor, nn

BAND_VALUES = 2**19
"""Number of values of a map that are processed at once on a CPU."""


class FrozenResponseNorm(nn.Module):
    """Fast `nn.LocalResponseNorm`: x / (k + alpha / size × the sum of x² over `size` channels)^beta.

    Args:
        norm: The module to replace. Its settings are used.
    """

    def __init__(self, norm: nn.LocalResponseNorm) -> None:
        super().__init__()
        self.before, self.after = norm.size // 2, (norm.size - 1) // 2
        self.scale, self.beta, self.k = norm.alpha / norm.size, norm.beta, norm.k

    def forward(self, x: Tensor) -> Tensor:
        output: Tensor = _Normalize.apply(x, self)  # type: ignore[no-untyped-call]
        return output

    def factor(self, root: Tensor, out: Tensor, scratch: Tensor) -> Tensor:
        """Write the divisor to the power of -beta into `out`, and return `out`.

        Args:
            root: One divided by the square root of the divisor.
            out: Tensor for the result.
            scratch: Tensor that is overwritten.
        """
        if self.beta == 0.75:  # as in all published networks; a general power takes many times as long
            return torch.mul(root, torch.sqrt(root, out=scratch), out=out)
        return torch.pow(root, 2 * self.beta, out=out)


class _Normalize(torch.autograd.Function):
    """The forward and backward pass of `FrozenResponseNorm`."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, norm: FrozenResponseNorm) -> Tensor:
        x = x.contiguous(memory_format=torch.channels_last)
        output, roots = torch.empty_like(x), torch.empty_like(x)
        window, k = _Window(x, norm.before, norm.after), x.new_full((), norm.k)
        for pixels, result, root in bands(x, output, roots):
            squares = window.middle(len(pixels))
            torch.mul(pixels, pixels, out=squares)
            torch.add(k, window.sum(len(pixels)), alpha=norm.scale, out=root).rsqrt_()
            norm.factor(root, result, squares).mul_(pixels)
        ctx.norm = norm
        ctx.save_for_backward(x, roots)
        return output

    @staticmethod
    @torch.autograd.function.once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        x, roots = ctx.saved_tensors
        norm: FrozenResponseNorm = ctx.norm
        gradient = gradient.contiguous(memory_format=torch.channels_last)
        output = torch.empty_like(x)
        # A channel belongs to the windows of other channels. These other channels are its own window, mirrored.
        window = _Window(x, norm.after, norm.before)
        scratch = x.new_empty(window.rows, x.shape[1])
        for pixels, result, root, upstream in bands(x, output, roots, gradient):
            others = scratch[: len(pixels)]
            norm.factor(root, result, others).mul_(upstream)
            torch.mul(result, pixels, out=window.middle(len(pixels))).mul_(root).mul_(root)
            result.addcmul_(pixels, window.sum(len(pixels)), value=-2 * norm.beta * norm.scale)
        return output, None


def bands(*maps: Tensor) -> Iterator[tuple[Tensor, ...]]:
    """Yield the pixels of maps of one shape in bands. Each band is a view of pixels × channels.

    Args:
        maps: Maps, N×C×H×W in channels-last memory.
    """
    rows = band_rows(maps[0])
    pixels = [one.permute(0, 2, 3, 1).flatten(0, 2) for one in maps]
    yield from zip(*(torch.split(one, rows) for one in pixels), strict=True)


def band_rows(x: Tensor) -> int:
    """Return the number of pixels in a band of a map, N×C×H×W. On a GPU, the whole map is one band."""
    pixels = x.numel() // x.shape[1]
    return max(1, min(pixels, BAND_VALUES // x.shape[1]) if x.device.type == "cpu" else pixels)


class _Window:
    """A band with zeros before its first channel and after its last channel.

    Args:
        x: The map that is processed, N×C×H×W.
        before: Number of channels before each channel that belong to its window.
        after: Number of channels after each channel that belong to its window.
    """

    def __init__(self, x: Tensor, before: int, after: int) -> None:
        self.rows, self._channels, self._before, self._size = band_rows(x), x.shape[1], before, before + 1 + after
        self._padded = x.new_zeros(self.rows, before + x.shape[1] + after)

    def middle(self, rows: int) -> Tensor:
        """Return the part without the zeros, for the values of a band of `rows` pixels."""
        return self._padded[:rows, self._before : self._before + self._channels]

    def sum(self, rows: int) -> Tensor:
        """Return the sum over the window of each channel for a band of `rows` pixels, pixels × channels.

        Sums of 2 channels are added to sums of 4, and so on. The sum of 5 is a sum of 4 channels and 1 channel.
        """
        sums, start = self._padded[:rows], 0
        parts: list[Tensor] = []
        for bit in range(self._size.bit_length()):
            width = 2**bit
            if bit:
                sums = sums[:, : -width // 2] + sums[:, width // 2 :]
            if self._size & width:
                parts.append(sums[:, start : start + self._channels])
                start += width
        return reduce(torch.add, parts)
