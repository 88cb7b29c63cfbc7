from .convolution import Conv2dSame
from .copies import FusedCopies
from .freeze import freeze, hash_weights
from .fusion import CLAMPS, Chain

__all__ = [
    "CLAMPS",
    "Chain",
    "Conv2dSame",
    "FusedCopies",
    "freeze",
    "hash_weights",
]
