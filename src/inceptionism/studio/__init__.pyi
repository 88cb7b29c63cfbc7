from .defaults import HOST, MAX_PIXELS, PORT
from .page import build
from .server import launch

__all__ = [
    "HOST",
    "MAX_PIXELS",
    "PORT",
    "build",
    "launch",
]
