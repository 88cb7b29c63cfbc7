"""Input and output of pictures and recipes: photographs, masks, results, metadata, copies to share, contact sheets.

Use `load_photo` and `load_mask` to read pictures, `save_picture` to write one, and `load_recipe` to read the recipe
inside a file. `__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
