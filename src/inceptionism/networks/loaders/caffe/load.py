"""Loading of Caffe networks. The result is a torch module from two files that has run once as a test."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, first_line
from inceptionism.networks.loaders.caffe.description import read_description
from inceptionism.networks.loaders.caffe.graph import CaffeNetwork
from inceptionism.networks.loaders.caffe.weights import read_mean, read_weights

__all__ = ["read", "read_mean"]

MAX_VALUES = 2**26
"""Largest number of values that a layer may compute for a picture of the described size. VGG needs 3 million."""


def read(prototxt: Path, caffemodel: Path) -> tuple[CaffeNetwork, tuple[int, int]]:
    """Return the network in two files, and the height and width in pixels of the pictures that it is described for.

    The layers have the names of Caffe's blobs (see `CaffeNetwork`). The network takes N×3×H×W with the channels in the
    order of its training, which is usually BGR. If the files declare no size, it is 224×224.

    Raises:
        InvalidSetting: If a file cannot be read, if the files do not belong together, or if a type of layer is not
            supported.
    """
    description = read_description(prototxt)
    try:
        network = CaffeNetwork(description, read_weights(caffemodel)).eval()
    except InvalidSetting as error:
        raise InvalidSetting(f"{prototxt} with {caffemodel.name}: {error}") from error
    size = description.size or (224, 224)
    try:
        check_runs(network, size)
    except RuntimeError as error:
        raise InvalidSetting(
            f"{prototxt} describes a network whose layers do not fit together: {first_line(error)}"
        ) from error
    return network, size


def check_runs(network: CaffeNetwork, size: tuple[int, int]) -> None:
    """Run a network once on a picture of a height and width, but stop before a layer that needs too much memory.

    Raises:
        RuntimeError: If the layers do not fit together.
        InvalidSetting: If a layer computes more than `MAX_VALUES` values.
    """

    def check_count(name: str, count: float) -> None:
        if count > MAX_VALUES:
            raise InvalidSetting(f"layer {name} of the network computes {count:.0e} values, which are too many")

    def check_convolution(name: str, conv: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        # A padded or transposed convolution can make a huge map from a small map, so the check comes before its run.
        assert isinstance(conv, (nn.Conv2d, nn.ConvTranspose2d))
        factors = conv.stride if isinstance(conv, nn.ConvTranspose2d) else (1, 1)
        sides = (
            side * factor + dilation * kernel + 2 * padding
            for side, factor, dilation, kernel, padding in zip(
                inputs[0].shape[-2:], factors, conv.dilation, conv.kernel_size, map(int, conv.padding), strict=True
            )
        )
        check_count(name, math.prod(sides) * conv.out_channels)

    with ExitStack() as hooks:
        for name, module in network.named_modules():
            if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
                before = module.register_forward_pre_hook(
                    lambda conv, inputs, name=name: check_convolution(name, conv, inputs)
                )
                hooks.callback(before.remove)
            after = module.register_forward_hook(
                lambda _module, _inputs, output, name=name: check_count(name, output.numel())
            )
            hooks.callback(after.remove)
        with torch.no_grad():
            network(torch.zeros(1, 3, *size))
