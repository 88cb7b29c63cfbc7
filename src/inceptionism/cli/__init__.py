"""The command line, `dream`. The library can do everything that the commands do.

Use `main`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
