"""Jobs: many pictures, or the scenes of a film, by several workers of this machine or of a Ray cluster.

Use `open_batch` with the jobs that `make_jobs` returns, and run it with a pool of workers. `__init__.pyi` lists the
names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
