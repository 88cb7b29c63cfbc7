"""A Ray cluster: its machines make the pictures of jobs, and dream the scenes of films.

`__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
