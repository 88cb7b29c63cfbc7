"""Pictures of activations: a grid for the places of a photograph, and an atlas for many photographs.

Use `ActivationGrid` or `ActivationAtlas`. `__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
