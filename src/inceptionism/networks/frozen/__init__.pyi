from .convolution import Conv2dSame
from .freeze import forget_derived, freeze, fuse_frozen, join_convolutions
from .fusion import CLAMPS, Chain, Fusion, find_fusions

__all__ = [
    "CLAMPS",
    "Chain",
    "Conv2dSame",
    "Fusion",
    "find_fusions",
    "forget_derived",
    "freeze",
    "fuse_frozen",
    "join_convolutions",
]
