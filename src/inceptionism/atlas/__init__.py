"""Contact sheets: dreams of all layers of a network, and pictures of all channels of a layer.

Use `layer_runs` and `layer_sheet` for layers, or `ChannelAtlas` for channels. `__init__.pyi` lists the names that other
packages may import.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
