from .load import read
from .weights import read_mean

__all__ = [
    "read",
    "read_mean",
]
