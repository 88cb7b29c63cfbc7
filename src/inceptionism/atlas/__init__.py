"""Contact sheets: what the layers of a network dream, and what the channels of a layer respond to.

Use `layer_runs` and `layer_sheet`, or `ChannelAtlas`. The full list of names for other packages is in `__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
