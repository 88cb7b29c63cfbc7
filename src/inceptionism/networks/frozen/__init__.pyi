from .convolution import Conv2dSame
from .copies import FusedCopies
from .freeze import freeze
from .fusion import CLAMPS, Chain

__all__ = [
    "CLAMPS",
    "Chain",
    "Conv2dSame",
    "FusedCopies",
    "freeze",
]
