"""The receptive field of a layer: the part of the picture that one of its neurons sees."""

from __future__ import annotations

from typing import NamedTuple

import torch

from inceptionism.networks import Network

PICTURES = 3
"""Number of pictures of noise in which the gradient is measured. In one picture, a ReLU may block a part of it."""


class ReceptiveField(NamedTuple):
    """The receptive fields of all neurons of a layer. All of them have one size.

    Attributes:
        size: Height and width in pixels.
        first: First row and first column of the receptive field of the neuron in row 0, column 0. They are negative if
            the layer sees the zeros around the picture.
        stride: Distance in pixels between the receptive fields of neighboring neurons.
    """

    size: tuple[int, int]
    first: tuple[int, int]
    stride: int


def receptive_field(network: Network, layer: str) -> ReceptiveField | None:
    """Return the receptive field of the neurons of a layer. None if it is the whole picture.

    It is the extent of the pixels with a gradient of the neuron in the middle of a picture, twice as large as those of
    the training. This is the theoretical receptive field (Luo et al., 2016), because even a tiny gradient counts.

    Raises:
        UnknownName: If the network has no such layer.
    """
    size = network.fitting_size((2 * network.size[0], 2 * network.size[1]))
    generator = torch.Generator().manual_seed(0)
    seen = torch.zeros(size, dtype=torch.bool)
    for _ in range(PICTURES):
        picture = torch.rand(1, 3, *size, generator=generator).to(network.device).requires_grad_()
        activations = network.activations(picture, [layer])[layer]
        if activations.ndim != 4:  # logits belong to the whole picture
            return None
        row, column = (side // 2 for side in activations.shape[-2:])
        score = activations[0, :, row, column].sum()
        if score.requires_grad:
            seen |= torch.autograd.grad(score, picture)[0][0].ne(0).any(0).cpu()
    stride = network.stride(layer)
    extents, firsts = [], []
    for axis, position in ((1, row), (0, column)):
        pixels = seen.any(axis).nonzero()
        if not len(pixels) or (pixels[0] == 0 and pixels[-1] == seen.shape[1 - axis] - 1):
            return None
        extents.append(int(pixels[-1] - pixels[0]) + 1)
        firsts.append(int(pixels[0]) - stride * position)
    return ReceptiveField((extents[0], extents[1]), (firsts[0], firsts[1]), stride)
