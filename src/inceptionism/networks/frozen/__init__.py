"""A trained network made fast for one purpose: gradients with respect to the picture.

`Network` uses this package and nothing else does. The full list of names for other packages is in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
