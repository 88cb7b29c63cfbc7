"""The input that a file declares for its network."""

from __future__ import annotations

from typing import Any, NamedTuple

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

    def shape(self, usual_size: tuple[int, int]) -> tuple[int, int, int, int]:
        """Return the shape of an input: N×C×H×W. Parts that are not declared are those of one color picture."""
        return (self.batch or 1, self.channels or len(COLORS), *(self.size or usual_size))

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
