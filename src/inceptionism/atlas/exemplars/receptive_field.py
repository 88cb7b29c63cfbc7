"""The receptive field of a layer: the part of the picture that one of its neurons sees."""

from __future__ import annotations

import math
from typing import NamedTuple

import torch

from inceptionism.networks import Network
from inceptionism.runs import TrainingView

PICTURES = 8
"""Number of pictures of noise in which the gradient is measured. In one picture, a ReLU may block a part of it.

With three pictures, the fields of 2 of 30 small networks with random weights were too small.
"""


class ReceptiveField(NamedTuple):
    """The receptive fields of all neurons of a layer. All of them have one size.

    Attributes:
        size: Height and width in pixels.
        first: First row and first column of the receptive field of the neuron in row 0, column 0. They are negative if
            the layer sees the zeros around the picture.
        stride: Vertical and horizontal distance in pixels between the receptive fields of neighboring neurons.
    """

    size: tuple[int, int]
    first: tuple[int, int]
    stride: tuple[int, int]


def receptive_field(network: Network, layer: str) -> ReceptiveField | None:
    """Return the receptive field of the neurons of a layer. None if it is the whole picture, or if it is not known.

    It is the extent of the pixels with a gradient of a neuron in the middle of a picture, which is twice as large as
    those of the training. This is the theoretical receptive field (Luo et al., 2016), because even a tiny gradient
    counts. The stride is the distance from the receptive field of a neighbor.

    Raises:
        UnknownName: If the network has no such layer.
    """
    size = network.fitting_size((2 * network.size[0], 2 * network.size[1]))
    generator = torch.Generator().manual_seed(0)
    own, neighbor = (torch.zeros(size, dtype=torch.bool) for _ in range(2))
    position = 0, 0
    for _ in range(PICTURES):
        picture = (
            torch.rand(1, network.input_channels.count, *size, generator=generator).to(network.device).requires_grad_()
        )
        activations = network.activations(picture, [layer])[layer]
        # Logits belong to the whole picture. Without a neighbor, the stride is not known.
        if activations.ndim != 4 or min(activations.shape[-2:]) < 2 or not activations.requires_grad:
            return None
        position = activations.shape[-2] // 2, activations.shape[-1] // 2
        for seen, (row, column) in ((own, position), (neighbor, (position[0] - 1, position[1] - 1))):
            score = activations[0, :, row, column].sum()
            seen |= torch.autograd.grad(score, picture, retain_graph=True)[0][0].ne(0).any(0).cpu()
    extents, firsts, strides = [], [], []
    for axis in (0, 1):
        ranges = [seen.any(1 - axis).nonzero().flatten().tolist() for seen in (own, neighbor)]
        if not all(ranges) or ranges[0][0] == 0 or ranges[0][-1] == size[axis] - 1:
            return None
        stride = ranges[0][0] - ranges[1][0]
        if stride < 1:
            return None
        extents.append(ranges[0][-1] - ranges[0][0] + 1)
        firsts.append(ranges[0][0] - stride * position[axis])
        strides.append(stride)
    return ReceptiveField((extents[0], extents[1]), (firsts[0], firsts[1]), (strides[0], strides[1]))


def receptive_box(field: ReceptiveField | None, view: TrainingView, row: int, column: int) -> tuple[int, int, int, int]:
    """Return the part of a photograph that a neuron sees: left, upper, right and lower edge, in pixels.

    The part is moved to lie inside the view of the photograph.

    Args:
        field: Receptive field of the layer. None stands for the whole view.
        view: The part of the photograph that the network sees.
        row: Row of the neuron in the feature map.
        column: Column of the neuron in the feature map.
    """
    edges = []
    for axis, (position, begin, extent) in enumerate(((row, view.top, view.height), (column, view.left, view.width))):
        first, length, side = 0, view.size[axis], view.size[axis]
        if field is not None:
            length = min(field.size[axis], side)
            first = min(max(0, field.first[axis] + position * field.stride[axis]), side - length)
        low, high = math.floor(first * extent / side), math.ceil((first + length) * extent / side)
        edges.append((begin + low, begin + high))
    (upper, lower), (left, right) = edges
    return left, upper, right, lower
