"""What the activations of a layer mean, as pictures: a grid of a photograph's places, and an atlas of many photographs.

Use `ActivationGrid` or `ActivationAtlas`. `__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
