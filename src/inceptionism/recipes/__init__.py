"""Recipes, as plain data: every setting of a picture or a film, with its default and its limits. Knows no torch.

Use `PhotoRecipe`, `ClassRecipe`, `ZoomRecipe` and `VideoRecipe`; a recipe turns into JSON and TOML and back. The full
list of names for other packages is in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
