"""Optimization of a picture: parameterizations, transforms, priors, gradients, and the ascent.

`ascend` is the loop over the steps. `__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
