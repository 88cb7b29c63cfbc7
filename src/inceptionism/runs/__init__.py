"""Runs: the steps from a recipe to a picture, and the result.

Use `PhotoRun` and `ClassRun`; iterate over a run for its steps. `verify_result` asks independent networks what they see
in a result. `__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
