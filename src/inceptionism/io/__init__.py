"""Pictures and recipes in and out of files: photographs, results, metadata, copies to share, contact sheets.

Use `load_photo` and `load_mask` to read, `save_picture` to write, and `load_recipe` for the recipe inside a file. The
full list of names for other packages is in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
