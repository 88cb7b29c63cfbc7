"""GoogLeNet from Caffe's model zoo as a torch module, for the benchmarks. OpenCV reads the weights from the files."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor, nn

INCEPTION_BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
POOLED_BLOCKS = ("3b", "4e")
"""The blocks that are followed by a max-pooling."""


class Inception(nn.Module):
    """Inception block: four parallel branches, whose output channels are concatenated in the order of Caffe's file."""

    def __init__(self, branches: list[nn.Module]) -> None:
        super().__init__()
        self.branches = nn.ModuleList(branches)

    def forward(self, x: Tensor) -> Tensor:
        return torch.cat([branch(x) for branch in self.branches], 1)


def googlenet(folder: Path) -> nn.Sequential:
    """Return the network up to its logits, in evaluation mode. The 2015 pictures used the layer `inception_4c`.

    Args:
        folder: Folder with deploy.prototxt and bvlc_googlenet.caffemodel.
    """
    import cv2

    net = cv2.dnn.readNetFromCaffe(str(folder / "deploy.prototxt"), str(folder / "bvlc_googlenet.caffemodel"))

    def conv(name: str, stride: int = 1, padding: int = 0) -> list[nn.Module]:
        weight, bias = (torch.from_numpy(net.getParam(name, index)).float() for index in (0, 1))
        module = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[-1], stride, padding)
        module.weight = nn.Parameter(weight)
        module.bias = nn.Parameter(bias.flatten())
        return [module, nn.ReLU()]

    def inception(name: str) -> Inception:
        prefix = f"inception_{name}/"
        return Inception(
            [
                nn.Sequential(*conv(prefix + "1x1")),
                nn.Sequential(*conv(prefix + "3x3_reduce"), *conv(prefix + "3x3", padding=1)),
                nn.Sequential(*conv(prefix + "5x5_reduce"), *conv(prefix + "5x5", padding=2)),
                nn.Sequential(nn.MaxPool2d(3, 1, 1), *conv(prefix + "pool_proj")),
            ]
        )

    module = nn.Sequential()
    module.add_module("conv1", nn.Sequential(*conv("conv1/7x7_s2", 2, 3)))
    module.add_module("pool1", nn.MaxPool2d(3, 2, ceil_mode=True))
    module.add_module("norm1", nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0))
    module.add_module("conv2", nn.Sequential(*conv("conv2/3x3_reduce"), *conv("conv2/3x3", padding=1)))
    module.add_module("norm2", nn.LocalResponseNorm(5, 1e-4, 0.75, 1.0))
    module.add_module("pool2", nn.MaxPool2d(3, 2, ceil_mode=True))
    for name in INCEPTION_BLOCKS:
        module.add_module(f"inception_{name}", inception(name))
        if name in POOLED_BLOCKS:
            module.add_module(f"pool{name[0]}", nn.MaxPool2d(3, 2, ceil_mode=True))
    module.add_module("mean", nn.AdaptiveAvgPool2d(1))
    module.add_module("flat", nn.Flatten())
    classifier = nn.Linear(1024, 1000)
    weight, bias = (torch.from_numpy(net.getParam("loss3/classifier", index)).float() for index in (0, 1))
    classifier.weight, classifier.bias = nn.Parameter(weight), nn.Parameter(bias.flatten())
    module.add_module("classifier", classifier)
    return module.eval()
