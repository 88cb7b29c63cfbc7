"""Loading of networks by name: the registry, the user's store of networks, and downloads.

Use `load_network` to load a network by its name or path, or to wrap a module. `__init__.pyi` lists the names that other
packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
