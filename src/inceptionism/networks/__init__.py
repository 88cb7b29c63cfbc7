"""Trained networks: their layers by name, pictures as input, activations as output.

Use `load_network` to get a `Network` by name, path or module. `__init__.pyi` lists the names that other packages may
import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
