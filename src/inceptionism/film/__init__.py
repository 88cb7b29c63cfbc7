"""Films: zooms and dreamed videos, made frame by frame, and the files that they are read from and written to.

Use `ZoomRun` and `VideoRun`; iterate over a run for its frames, or save it. `__init__.pyi` lists the names that other
packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
