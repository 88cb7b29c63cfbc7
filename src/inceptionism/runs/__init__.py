"""Runs: the steps from a recipe to a picture, and the result.

Use `PhotoRun` and `ClassRun`; iterate over a run for its steps. The full list of names for other packages is in
`__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
