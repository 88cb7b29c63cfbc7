"""The margin of a tileable picture: the pixels beyond its edges that the network sees."""

from __future__ import annotations

from inceptionism.errors import InvalidSetting
from inceptionism.networks import Network
from inceptionism.objectives import Objective, layer_stride
from inceptionism.tensors import NO_WRAP, Wrap

WRAPS = {
    None: NO_WRAP,
    "both": Wrap(vertical=True, horizontal=True),
    "horizontal": Wrap(horizontal=True),
    "vertical": Wrap(vertical=True),
}
"""The directions in which a picture continues at its opposite edge, by the setting `tileable`."""

MARGIN_NEURONS = 4
"""Number of neurons by which a picture that wraps around continues in the view of the network, at each end.

In `blocks.10` of the default network, the gradient at the edge then differs by 12% from that of an endless pattern.
Without a margin, it differs by 101%.
"""

MIN_MARGIN, MAX_MARGIN = 32, 128
"""Limits of this margin in pixels. It is a multiple of the strides, so neurons stay at the same positions."""


def seen_margin(objective: Objective, network: Network, wrap: Wrap) -> int:
    """Return the number of pixels by which a picture continues in the view of a network, at each end that wraps around.

    Raises:
        InvalidSetting: If the network accepts only pictures of one size.
    """
    margin = min(
        max(MARGIN_NEURONS * max(layer_stride(key, network) for key in objective.layers), MIN_MARGIN), MAX_MARGIN
    )
    enlarged = wrap.enlarged(network.size, margin)
    if network.fitting_size(enlarged) != enlarged:
        height, width = network.size
        raise InvalidSetting(
            f"network {network.name} accepts only pictures of {height}×{width} pixels, so it cannot see beyond the "
            "edges of a tileable picture; add views to the prior, or choose another network"
        )
    return margin
