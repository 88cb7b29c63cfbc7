"""Networks in the files of Caffe (Jia et al., 2014), without Caffe."""

from __future__ import annotations

import math
from contextlib import ExitStack
from pathlib import Path

import torch
from torch import Tensor, nn

from inceptionism.errors import InvalidSetting, first_line
from inceptionism.networks.loaders.caffe.files import read_description, read_mean, read_weights
from inceptionism.networks.loaders.caffe.graph import CaffeNetwork

__all__ = ["read", "read_mean"]

LARGEST_MAP = 2**26
"""How many numbers a layer may give for a picture of the described size: the widest of VGG gives 3 million."""


def read(prototxt: Path, caffemodel: Path) -> tuple[CaffeNetwork, tuple[int, int]]:
    """Return the network that two files hold, and the height and width in pixels that it is described for.

    Its parts are called as its blobs (see `CaffeNetwork`). It takes N×3×H×W with the channels in the order it was
    trained with, most often BGR.

    Raises:
        InvalidSetting: a file cannot be read, the two do not belong together, or a type of layer is not supported.
    """
    description = read_description(prototxt)
    try:
        network = CaffeNetwork(description, read_weights(caffemodel)).eval()
    except InvalidSetting as error:
        raise InvalidSetting(f"{prototxt} with {caffemodel.name}: {error}") from error
    size = description.size or (224, 224)
    try:
        check(network, size)
    except RuntimeError as error:
        raise InvalidSetting(
            f"{prototxt} describes a network whose layers do not fit each other: {first_line(error)}"
        ) from error
    return network, size


def check(network: CaffeNetwork, size: tuple[int, int]) -> None:
    """Run a network on a picture of a height and width, and nothing that would need absurd memory.

    Raises:
        RuntimeError: its layers do not fit each other.
        InvalidSetting: a layer gives more than a layer can.
    """

    def refuse_more(name: str, count: float) -> None:
        if count > LARGEST_MAP:
            raise InvalidSetting(f"the network's layer {name} gives {count:.0e} numbers, which is absurd")

    def before(name: str, conv: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        # Before, for one of these can make a small map as large as it likes.
        assert isinstance(conv, (nn.Conv2d, nn.ConvTranspose2d))
        grows = conv.stride if isinstance(conv, nn.ConvTranspose2d) else (1, 1)
        sides = (
            side * times + dilation * kernel + 2 * zeros
            for side, times, dilation, kernel, zeros in zip(
                inputs[0].shape[-2:], grows, conv.dilation, conv.kernel_size, map(int, conv.padding), strict=True
            )
        )
        refuse_more(name, math.prod(sides) * conv.out_channels)

    with ExitStack() as hooks:
        for name, part in network.named_modules():
            if isinstance(part, (nn.Conv2d, nn.ConvTranspose2d)):
                first = part.register_forward_pre_hook(lambda conv, inputs, name=name: before(name, conv, inputs))
                hooks.callback(first.remove)
            then = part.register_forward_hook(lambda _part, _in, out, name=name: refuse_more(name, out.numel()))
            hooks.callback(then.remove)
        with torch.no_grad():
            network(torch.zeros(1, 3, *size))
