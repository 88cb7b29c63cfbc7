from . import efficientnet_lite
from .optional import import_library

__all__ = [
    "efficientnet_lite",
    "import_library",
]
