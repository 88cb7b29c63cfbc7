"""Trained networks: layers by name, pictures in, activations out.

Use `load_network` to get a `Network` by name, path or module. The full list of names for other packages is in
`__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
