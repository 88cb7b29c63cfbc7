"""Max-pooling as a step of a sequence."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from inceptionism.networks.frozen.kernels import Clamp


class FrozenMaxPool2d(nn.Module):
    """Max-pooling that can be a step of a sequence.

    Args:
        pool: The module to replace. Its settings are used.
    """

    clamp: Clamp | None = None
    moves_clamp = True

    def __init__(self, pool: nn.MaxPool2d) -> None:
        super().__init__()
        sizes = (pair(size) for size in (pool.kernel_size, pool.stride, pool.padding, pool.dilation))
        self._settings = *sizes, pool.ceil_mode

    def run(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return the output for N×C×H×W in channels-last memory, without autograd, and the indices of the maxima."""
        output: Tensor
        output, indices = torch.ops.aten.max_pool2d_with_indices(x, *self._settings)
        return output, indices

    def input_gradient(self, gradient: Tensor, shape: torch.Size, kept: Tensor) -> Tensor:
        """Return the gradient with respect to the input.

        Args:
            gradient: Gradient with respect to the output.
            shape: Shape of the input, N×C×H×W.
            kept: The indices of the maxima.
        """
        # Torch reads only the shape and the memory order of this input.
        unread = torch.empty(shape, dtype=gradient.dtype, device=gradient.device, memory_format=torch.channels_last)
        result: Tensor = torch.ops.aten.max_pool2d_with_indices_backward(gradient, unread, *self._settings, kept)
        return result


def pair(size: int | tuple[int, ...]) -> tuple[int, ...]:
    """Return the vertical and the horizontal value of a setting. One number stands for both."""
    return (size, size) if isinstance(size, int) else size
