from .files import read_mean
from .load import read

__all__ = [
    "read",
    "read_mean",
]
