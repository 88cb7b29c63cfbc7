"""Exemplars: the parts of real photographs that excite a unit of a network most, and least.

Use `exemplars` for an index of all channels of a layer, and `exemplar_sheet` for a sheet of one channel.
`__init__.pyi` lists the names that other packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
