"""Networks in the files of Caffe (Jia et al., 2014), without Caffe.

Use `read` for a network and `read_mean` for a mean picture. The full list of names for other packages is in
`__init__.pyi`.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
