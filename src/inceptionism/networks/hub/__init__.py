"""From a name to a network: the registry, the user's store of networks, and downloads.

Use `load_network` for a name, a path or a module. The full list of names for other packages is in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
