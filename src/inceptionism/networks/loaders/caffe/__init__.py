"""Networks in Caffe's files (Jia et al., 2014). Caffe itself is not needed.

Use `read` to load a network and `read_mean` to load a mean picture. `__init__.pyi` lists the names that other packages
may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
