"""The command line, `dream`. Everything it does, the library does.

Use `main`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
