"""Recipes, as plain data: every setting of a picture or a film, with its default and its limits.

Use `PhotoRecipe`, `ClassRecipe`, `ZoomRecipe` and `VideoRecipe`. A recipe can be converted to JSON or TOML and back.
`__init__.pyi` lists the names that other packages may import. This package does not import torch.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
