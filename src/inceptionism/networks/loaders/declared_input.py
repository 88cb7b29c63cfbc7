"""The input that a file declares for its network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

from torch import Tensor, nn

from inceptionism.errors import InvalidSetting
from inceptionism.networks.input_channels import COLORS, GRAY, read_channels


class DeclaredInput(NamedTuple):
    """The shape of the pictures that a file declares. None stands for a part that is not declared, or not fixed.

    Attributes:
        size: Height and width in pixels.
        channels: Number of channels.
        batch: Number of pictures that the network takes at once, if there are several.
    """

    size: tuple[int, int] | None = None
    channels: int | None = None
    batch: int | None = None

    @property
    def channel_count(self) -> int:
        """The number of channels. It is that of a color picture if it is not declared."""
        return self.channels or len(COLORS)

    @property
    def has_colors(self) -> bool:
        """Whether the number of channels is that of a color picture."""
        return self.channel_count == len(COLORS)

    def shape(self, usual_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the shape of an input: N×C×H×W. Parts that are not declared are those of one color picture."""
        return (self.batch or 1, self.channel_count, *(self.size or usual_size))

    def settings(self, given: dict[str, Any]) -> dict[str, Any]:
        """Return the arguments of `Network` that the file declares.

        One channel is gray, and three are colors. Other channels must have been named.

        Args:
            given: Arguments of `Network` that the user or an entry gave.

        Raises:
            InvalidSetting: If the channels have not been named, or if there are not as many names as channels.
        """
        declared: dict[str, Any] = {name: getattr(self, name) for name in ("size", "batch") if getattr(self, name)}
        if self.channels is None:
            return declared
        if "channels" in given:
            named = read_channels(given["channels"])[0].names
            if len(named) != self.channels:
                raise InvalidSetting(
                    f"the network takes pictures with {self.channels} channels, but {len(named)} are named: "
                    f"{', '.join(named)}"
                )
        elif self.channels == 1:
            declared["channels"] = (GRAY,)
        elif self.channels != len(COLORS):
            raise InvalidSetting(
                f"the network takes pictures with {self.channels} channels; name them in their order, for example "
                "--channels red,green,blue,nir"
            )
        return declared

    def normalization(self, given: dict[str, Any], mean: Sequence[float], std: Sequence[float]) -> dict[str, Any]:
        """Return the mean and the standard deviation of a library, which are for red, green and blue.

        Args:
            given: Arguments of `Network` that the user or an entry gave.
            mean: Mean of each color.
            std: Standard deviation of each color.

        Raises:
            InvalidSetting: If the network takes other pictures, and `given` lacks their mean or standard deviation.
        """
        if self.has_colors:
            return {"mean": mean, "std": std}
        if missing := [name for name in ("mean", "std") if name not in given]:
            zeros, ones = (",".join([number] * self.channel_count) for number in "01")
            raise InvalidSetting(
                f"the weights are for pictures with {self.channels} channel{'s'[: self.channels != 1]}, whose "
                f"{' and '.join(missing)} are not known; give --mean and --std "
                f"(--mean {zeros} --std {ones} changes nothing)"
            )
        return {}


def declared_by(kernel: Tensor | None, convolution: nn.Module) -> DeclaredInput:
    """Return the input that the kernel of the first convolution in a file of weights declares: its channels.

    Args:
        kernel: The kernel in the file. If it is missing, or does not fit in another way, it declares nothing.
        convolution: The first convolution of the same network for color pictures. Some networks rearrange the pixels
            before it, so it may have a multiple of three input channels.
    """
    usual = getattr(convolution, "weight", None)
    if kernel is None or usual is None or kernel.ndim != 4 or usual.ndim != 4:
        return DeclaredInput()
    outputs, inputs, *sides = usual.shape
    count, rest = divmod(kernel.shape[1] * len(COLORS), inputs)
    fits = (kernel.shape[0], *kernel.shape[2:]) == (outputs, *sides) and count > 0 and not rest
    return DeclaredInput(channels=count if fits else None)
